# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# oat on the hosts of lab.sh, installed as its manual says.
#
#   lab_schema               sql/install.sql into the database, and its
#                            pg_hba.conf line
#   lab_install HOST         make install, with $lab_variables
#   lab_wire HOST            nsswitch.conf and the PAM stacks, by hand
#   lab_wire_profile HOST    the same through pam-auth-update
#   lab_enroll HOST [LABELS] all that and the host's role, password and
#                            oat.conf; wired by $lab_wiring, or lab_wire
#   lab_token HOST ORGANIZATION NAME HOSTS SERVICES [EXPIRES]
#                            mint on HOST, insert; sets token and selector;
#                            then HOST knows the login
#   lab_new_token ...        the same, and HOST has yet to find out: names that
#                            are missing are fetched once a second at most
#   lab_mint HOST            sets token, selector and verifier
#   lab_wrong_secret SELECTOR  sets token
#   lab_mistyped TOKEN       the same with another last character
#   lab_is_idle HOST         does no oat run there, a sync for one?

# shellcheck source=tests/host/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
# shellcheck source=tests/host/services.sh
. "$(dirname "${BASH_SOURCE[0]}")/services.sh"

lab_schema()
{
	local line

	lab_exec "$lab_database_host" psql -XAtq -v ON_ERROR_STOP=1 \
	    -U postgres -d oat -f "$lab_top/sql/install.sql" \
	    >"$LAB/schema.log" 2>&1 ||
		lab_die "install.sql: $(cat "$LAB/schema.log")"
	line=$(grep -m 1 '^hostssl ' "$LAB/schema.log")
	[ -n "$line" ] || lab_die "install.sql printed no pg_hba.conf line"
	echo "$line" | lab_exec "$lab_database_host" \
	    tee -a "$lab_database_directory/pg_hba.conf" >/dev/null
	lab_database_control reload
}

lab_is_idle()
{
	! lab_exec "$1" pgrep -x oat >/dev/null
}

lab_install()
{
	lab_exec "$1" make -s -C "$lab_top" B="$lab_build" \
	    ${lab_variables[@]+"${lab_variables[@]}"} install \
	    >"$LAB/install.log" 2>&1 ||
		lab_die "$1: make install: $(cat "$LAB/install.log")"
}

lab_wire_names()
{
	lab_exec "$1" sed -i -E '/^(passwd|group):/ s/\<files\>/files oat/' \
	    /etc/nsswitch.conf || lab_die "$1: no nsswitch.conf"
}

# The lines stand above the distribution's; in su directly below pam_rootok.
lab_wire()
{
	lab_wire_names "$1"
	lab_exec "$1" sh -eu -c '
		lines=$1/oat/pam.d/oat
		for service in sshd sudo sudo-i login cron; do
			stack=/etc/pam.d/$service
			[ -e "$stack" ] || continue
			cat "$lines" "$stack" >"$stack.new"
			mv "$stack.new" "$stack"
		done
		sed -i "/^auth.*pam_rootok/ r $lines" /etc/pam.d/su
	' sh "${lab_data:-/usr/share}" || lab_die "$1: cannot wire"
}

lab_wire_profile()
{
	lab_wire_names "$1"
	lab_exec "$1" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --enable oat ||
		lab_die "$1: no profile"
}

lab_configure()
{
	local name=$1 password=$2

	lab_put "$name" /etc/oat/ca.pem root:_oat 0640 <"$LAB/ca.pem"
	echo "$password" | lab_put "$name" /etc/oat/password root:_oat 0640
	lab_put "$name" /etc/oat/oat.conf root:root 0600 <<-CONF
	database      = host=$lab_database_host.lab dbname=oat user=oat_$name sslmode=verify-full sslrootcert=/etc/oat/ca.pem
	password_file = /etc/oat/password
	CONF
}

lab_enroll()
{
	local name=$1 labels=${2-} password

	password=$(openssl rand -hex 16)
	lab_sql "select oat.enroll_host('$name', '{$labels}', '$password')" \
	    >/dev/null || lab_die "$name: cannot enroll"
	lab_install "$name"
	lab_configure "$name" "$password"
	"${lab_wiring:-lab_wire}" "$name"
}

# --- tokens -----------------------------------------------------------------

lab_mint()
{
	local minted

	minted=$(lab_exec "$1" oat mint --json) || lab_die "$1: oat mint failed"
	token=$(lab_json token "$minted")
	selector=$(lab_json selector "$minted")
	verifier=$(lab_json verifier "$minted")
}

lab_json()
{
	printf '%s\n' "$2" | sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p"
}

# A well-formed token of that selector with a secret nobody has.
lab_wrong_secret()
{
	token=$(lab_with_check "oat_$1_00000000000000000000000000000000")
}

lab_mistyped()
{
	case $1 in
	*x) echo "${1%?}y" ;;
	*) echo "${1%?}x" ;;
	esac
}

# The check is a CRC-32, which gzip knows; in base62, six digits.
lab_with_check()
{
	local crc digits=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz
	local check='' _

	crc=$(printf '%s' "$1" | gzip -c | tail -c 8 | od -An -N4 -tu4 \
	    --endian=little)
	for _ in 1 2 3 4 5 6; do
		check=${digits:crc % 62:1}$check
		crc=$((crc / 62))
	done
	echo "$1$check"
}

lab_organization()
{
	lab_sql "insert into oat.organizations (name) values ('$1')
	    on conflict do nothing"
}

# HOSTS and SERVICES are comma separated.
lab_new_token()
{
	local host=$1 organization=$2 name=$3 hosts=$4 services=$5
	local expires=${6:-null}

	lab_mint "$host"
	lab_sql "select oat.create_token('$organization', '$name',
	    '$verifier', '{$hosts}', '{$services}', $expires)" >/dev/null ||
		lab_die "cannot create $organization/$name"
}

lab_token()
{
	lab_new_token "$@"
	lab_exec "$1" oat sync || lab_die "$1: oat sync failed"
}

# One host of each kind: what most tests need.
lab_standard()
{
	lab_host db
	lab_host client
	lab_host web-1
	lab_database db
	lab_schema
	lab_enroll web-1
	lab_sshd web-1
	lab_organization acme
}

# What is standard, and app-1 beside web-1, wired through pam-auth-update.
lab_both_wirings()
{
	lab_standard
	lab_host app-1
	lab_wiring=lab_wire_profile lab_enroll app-1
	lab_sshd app-1
}
