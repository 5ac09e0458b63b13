#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# su and sudo hand a PAM module the environment of whoever runs them. Here it
# names a server that says yes to everything (impostor.c), and an attacker's
# files in each variable that libpq, OpenSSL, Kerberos and libc know.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

evil=/srv/evil
login=oat-acme-env

# --- the attacker ------------------------------------------------------------

# A certificate for the database's own name, of an authority of his.
attacker_certificate()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj /CN=db.lab -addext subjectAltName=DNS:db.lab \
	    -keyout "$LAB/evil.key" -out "$LAB/evil.pem" 2>/dev/null ||
		lab_die "openssl: no certificate"
	lab_put evil "$evil/key.pem" <"$LAB/evil.key"
	lab_put evil "$evil/cert.pem" <"$LAB/evil.pem"
}

# impostor HOST WHERE...: for whom WHERE is a port and files, or a path.
impostor()
{
	local host=$1

	shift
	lab_put "$host" /tmp/contacts root:root 0666 </dev/null
	lab_exec "$host" "$lab_build/tests/host/impostor" /tmp/contacts acme \
	    env "$wrong_verifier" "$@" >"$LAB/impostor.log" 2>&1 &
}

contacts()
{
	cat "$(lab_root "$1")/tmp/contacts"
}

# Files by which each library would be led astray, readable by everybody.
attacker_files()
{
	local root

	root=$(lab_root web-1)
	mkdir -p "$root$evil/home/.postgresql" "$root$evil/lib"
	cp "$LAB/evil.pem" "$root$evil/ca.pem"
	cp "$LAB/evil.pem" "$root$evil/home/.postgresql/root.crt"
	cp "$lab_build/tests/host/preload/marker.so" "$root$evil/lib/"
	cp "$root$evil/lib/marker.so" "$root$evil/lib/libpq.so.5"
	echo "*:*:*:*:stolen" >"$root$evil/home/.pgpass"
	chmod 600 "$root$evil/home/.pgpass"
	printf '[evil]\nhost=evil.lab\nhostaddr=%s\n' "${lab_addresses[evil]}" |
		tee "$root$evil/pg_service.conf" \
		    >"$root$evil/home/.pg_service.conf"
	printf 'openssl_conf = all\n[all]\nengines = e\n[e]\ne1 = e2\n[e2]\n%s\n' \
	    "dynamic_path = $evil/lib/marker.so" >"$root$evil/openssl.cnf"
	printf 'evil.lab %s\n' "${lab_addresses[evil]}" >"$root$evil/hosts"
	lab_exec web-1 chown -R carol:carol "$evil"
	lab_exec web-1 chmod -R a+rX "$evil"
}

# Each option of libpq that has a variable, but for the service, whose file
# would end the naive client's attempt.
libpq_environment()
{
	echo "PGHOST=evil.lab PGHOSTADDR=${lab_addresses[evil]} PGPORT=5432
	    PGDATABASE=evil PGUSER=evil PGPASSWORD=evil
	    PGPASSFILE=$evil/home/.pgpass PGOPTIONS=-csearch_path=evil
	    PGAPPNAME=evil PGSSLMODE=prefer PGREQUIRESSL=0 PGSSLSNI=0
	    PGSSLCERT=$evil/cert.pem PGSSLKEY=$evil/key.pem
	    PGSSLROOTCERT=$evil/ca.pem PGSSLCRL=$evil/crl
	    PGSSLCRLDIR=$evil PGSSLCOMPRESSION=1 PGSSLCERTMODE=disable
	    PGSSLMINPROTOCOLVERSION=TLSv1 PGSSLMAXPROTOCOLVERSION=TLSv1.2
	    PGSSLNEGOTIATION=postgres PGREQUIREPEER=nobody
	    PGREQUIREAUTH=none PGCHANNELBINDING=disable PGGSSENCMODE=prefer
	    PGGSSDELEGATION=1 PGKRBSRVNAME=evil PGGSSLIB=gssapi
	    PGCONNECT_TIMEOUT=600 PGCLIENTENCODING=SQL_ASCII
	    PGTARGETSESSIONATTRS=any PGLOADBALANCEHOSTS=random
	    PGMINPROTOCOLVERSION=3.0 PGMAXPROTOCOLVERSION=latest
	    PGTZ=Pacific/Kiritimati PGDATESTYLE=German PGGEQO=off
	    PGLOCALEDIR=$evil PGSYSCONFDIR=$evil"
}

tls_and_kerberos_environment()
{
	echo "OPENSSL_CONF=$evil/openssl.cnf OPENSSL_ENGINES=$evil/lib
	    OPENSSL_MODULES=$evil/lib OPENSSL_CONF_INCLUDE=$evil
	    SSL_CERT_FILE=$evil/ca.pem SSL_CERT_DIR=$evil
	    SSLKEYLOGFILE=$evil/created-keys PGSSLKEYLOGFILE=$evil/created-keys
	    GNUTLS_SYSTEM_PRIORITY_FILE=$evil/gnutls
	    KRB5CCNAME=FILE:$evil/krb5cc KRB5_CONFIG=$evil/krb5.conf
	    KRB5_TRACE=$evil/created-trace KRB5_KTNAME=$evil/keytab
	    KRB5_CLIENT_KTNAME=$evil/keytab KRB5RCACHEDIR=$evil
	    GSS_MECH_CONFIG=$evil/mech LDAPCONF=$evil/ldap.conf
	    LDAPRC=$evil/ldaprc LDAPTLS_CACERT=$evil/ca.pem"
}

# Commands that sudo runs with these do write to LD_DEBUG_OUTPUT.
libc_environment()
{
	echo "LD_PRELOAD=$evil/lib/marker.so LD_LIBRARY_PATH=$evil/lib
	    LD_AUDIT=$evil/lib/marker.so LD_DEBUG=all
	    LD_DEBUG_OUTPUT=$evil/debug LD_BIND_NOT=1
	    MALLOC_CHECK_=3 MALLOC_PERTURB_=165 MALLOC_TOP_PAD_=1
	    MALLOC_TRACE=$evil/created-malloc
	    GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.perturb=165
	    GCONV_PATH=$evil/lib LOCPATH=$evil NLSPATH=$evil/%N
	    LANG=evil.UTF-8 LANGUAGE=evil LC_ALL=evil.UTF-8
	    TZ=:$evil/zone TZDIR=$evil HOSTALIASES=$evil/hosts
	    RES_OPTIONS=attempts:9 LOCALDOMAIN=evil RESOLV_HOST_CONF=$evil/hosts
	    GETCONF_DIR=$evil TMPDIR=$evil HOME=$evil/home
	    XDG_CONFIG_HOME=$evil/home XDG_RUNTIME_DIR=$evil XDG_DATA_DIRS=$evil
	    PATH=$evil:/usr/bin:/bin IFS=x ENV=$evil/rc BASH_ENV=$evil/rc
	    CDPATH=$evil NOTIFY_SOCKET=$evil/notify LISTEN_FDS=1
	    SYSTEMD_ACTIVATION_UNIT=evil.service"
}

# shellcheck disable=SC2046,SC2207
set_hostile_environment()
{
	hostile=($(libpq_environment) $(tls_and_kerberos_environment)
	    $(libc_environment))
}

# --- who asks -----------------------------------------------------------------

# with_su VARIABLE=VALUE...: carol becomes the identity, by the token.
with_su()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u carol -- \
	    env "$@" /bin/su "$login" -c '/usr/bin/id -un'
}

# with_sudo OPTION... -- VARIABLE=VALUE...: the identity becomes root.
with_sudo()
{
	local -a options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u "$login" -- \
	    env "$@" /usr/bin/sudo -S -p '' "${options[@]}" /usr/bin/id -un
}

# sudo_lines LINE...: what sudoers says of the identity.
sudo_lines()
{
	printf '%s\n' "$@" | lab_put web-1 /etc/sudoers.d/env root:root 0440
}

let_through_sudo_e()
{
	sudo_lines "$login ALL=(ALL) SETENV: ALL"
	with_sudo -E -- "$@"
}

let_through_by_no_reset()
{
	sudo_lines "Defaults:$login !env_reset" "$login ALL=(ALL) ALL"
	with_sudo -- "$@"
}

let_through_by_keep()
{
	sudo_lines "Defaults:$login env_keep += \"*\"" "$login ALL=(ALL) ALL"
	with_sudo -- "$@"
}

# Variables on sudo's own command line, for the command alone.
let_through_as_arguments()
{
	sudo_lines "$login ALL=(ALL) SETENV: ALL"
	with_sudo "$@" -- LC_ALL=C
}

ways="with_su let_through_sudo_e let_through_by_no_reset let_through_by_keep
    let_through_as_arguments"

# By each way: the right token is let in, a wrong one that the impostor's
# verifier is of is not, and nobody has been asked but the database.
unmoved_by()
{
	local way good=$token

	: >"$(lab_root evil)/tmp/contacts"
	for way in $ways; do
		"$way" "$@"
		[ "$status" = 0 ] || fail "$way: the right token was refused"
		expect_out "^(Password: )?(root|$login)\$"
		token=$wrong_token
		"$way" "$@"
		token=$good
		[ "$status" != 0 ] || fail "$way: a wrong token was let in"
		expect_no_out '^(root|oat-[a-z-]+)$'
	done
	expect_equal '' "$(contacts evil)"
	expect_equal '' "$(cd "$(lab_root web-1)$evil" && ls -d created-* \
	    2>/dev/null)"
}

# --- the attack works, where libpq is in the caller ---------------------------

naive_is_fooled()
{
	lab_exec web-1 sed -i "1i auth optional $evil/naive.so $1" \
	    "/etc/pam.d/$2"
	shift 2
	"$@" "${hostile[@]}"
}

test_case_1_the_same_environment_leads_libpq_in_a_module_to_the_impostor()
{
	local way service

	cp "$lab_build/tests/host/modules/naive.so" "$(lab_root web-1)$evil/"
	for way in with_su let_through_sudo_e let_through_by_no_reset \
	    let_through_by_keep; do
		service=sudo
		[ "$way" != with_su ] || service=su
		: >"$(lab_root evil)/tmp/contacts"
		lab_exec web-1 cp -p "/etc/pam.d/$service" /etc/pam.kept
		naive_is_fooled "$way" "$service" "$way"
		lab_exec web-1 mv /etc/pam.kept "/etc/pam.d/$service"
		expect_log web-1 "naive, in $way: fooled"
		[ -n "$(contacts evil)" ] ||
			fail "$way: the impostor was not contacted"
	done
}

# --- and is without effect ----------------------------------------------------

test_case_1_a_server_that_says_yes_is_never_contacted()
{
	unmoved_by PGHOSTADDR="${lab_addresses[evil]}" PGPORT=5432
}

test_case_2_every_variable_of_libpq_changes_nothing()
{
	# shellcheck disable=SC2046
	unmoved_by $(libpq_environment) PGSERVICE=evil
}

test_case_3_a_unix_socket_stays_the_one_that_is_configured()
{
	local good=$token

	run_with "$socket_token"$'\n' lab_exec db setsid -w runuser -u carol -- \
	    env "${hostile[@]}" /bin/su oat-acme-socket -c '/usr/bin/id -un'
	expect_status 0
	expect_out 'oat-acme-socket$'
	: >"$(lab_root db)/tmp/contacts"
	run_with "$wrong_token"$'\n' lab_exec db setsid -w runuser -u carol -- \
	    env "${hostile[@]}" PGHOST=/tmp /bin/su oat-acme-socket -c id
	expect_failure
	expect_equal '' "$(contacts evil)$(contacts db)"
}

test_case_4_a_service_file_that_is_a_fifo_delays_nobody()
{
	local began=$SECONDS

	lab_exec web-1 mkfifo -m 666 "$evil/fifo"
	with_su PGSERVICE=evil PGSERVICEFILE="$evil/fifo" \
	    PGPASSFILE="$evil/fifo" OPENSSL_CONF="$evil/fifo" \
	    TZ=":$evil/fifo" LOCPATH="$evil/fifo" KRB5_CONFIG="$evil/fifo"
	expect_status 0
	[ $((SECONDS - began)) -lt 10 ] || fail "$((SECONDS - began)) seconds"
}

# Every path that a program of ours or a child of it looked at.
trace_of_the_program()
{
	lab_exec web-1 awk '
		/execve\("\/usr\/sbin\/oat"/ { ours[$1] = 1 }
		ours[$1] && /(fork|clone3?)(\(| resumed>).* = [0-9]+$/ {
			ours[$NF] = 1
		}
		ours[$1]' /tmp/trace
}

traced_su()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w strace -f -qq \
	    -e trace=file,network,process -s 256 -o /tmp/trace -u carol \
	    env "$@" /bin/su "$login" -c '/usr/bin/id -un'
	expect_status 0
	trace_of_the_program >"$LAB/trace"
}

test_case_5_no_file_of_a_home_or_a_service_is_looked_for()
{
	# shellcheck disable=SC2046
	traced_su $(libpq_environment) PGSERVICE=evil HOME="$evil/home" \
	    XDG_CONFIG_HOME="$evil/home"
	run cat "$LAB/trace"
	expect_out '"/etc/oat/oat.conf"'
	expect_out '"/etc/oat/ca.pem"'
	expect_no_out "$evil"
	expect_no_out 'pgpass|\.postgresql|pg_service|/home'
}

test_case_6_no_file_for_tls_kerberos_or_ldap_is_opened_or_made()
{
	# shellcheck disable=SC2046
	traced_su $(tls_and_kerberos_environment)
	run cat "$LAB/trace"
	expect_out 'openssl.cnf'
	expect_no_out "$evil"
	# shellcheck disable=SC2046
	unmoved_by $(tls_and_kerberos_environment)
}

# Root's own environment is not stripped, and yet ends at our program.
test_case_7_nothing_is_loaded_into_the_program()
{
	# shellcheck disable=SC2046
	traced_su $(libc_environment)
	run cat "$LAB/trace"
	expect_no_out "$evil"
	# shellcheck disable=SC2046
	unmoved_by $(libc_environment)
	run lab_exec web-1 env LD_PRELOAD="$evil/lib/marker.so" \
	    MALLOC_PERTURB_=165 /bin/su "$login" -c /usr/bin/true
	expect_status 0
	run lab_exec web-1 ls /tmp/marker.su /tmp/marker.oat
	expect_out '^/tmp/marker.su$'
	expect_no_out '^/tmp/marker.oat$'
}

test_case_8_the_time_zone_of_the_caller_moves_no_expiry()
{
	local zone kept=$token

	for zone in Pacific/Kiritimati Etc/GMT+12; do
		lab_sql "update oat.tokens set expires_at = now()
		    + interval '1 hour' where login = '$login'"
		with_su TZ="$zone" PGTZ="$zone" PGDATESTYLE=SQL,DMY
		expect_status 0
		lab_sql "set session_replication_role = replica;
		    update oat.tokens set expires_at = now()
		    - interval '1 hour' where login = '$login'"
		with_su TZ="$zone" PGTZ="$zone" PGDATESTYLE=SQL,DMY
		expect_failure
		expect_out 'oat: acme/env expired'
	done
	token=$kept
	lab_sql "update oat.tokens set expires_at = null where login = '$login'"
	# One of the variables to come keeps look-ups from refreshing it.
	lab_exec web-1 oat sync
}

test_case_1_all_of_it_at_once_changes_nothing()
{
	unmoved_by "${hostile[@]}"
}

# --- the hosts ----------------------------------------------------------------

# The database's own host asks it over the unix socket.
enroll_by_socket()
{
	local password=secret-of-the-database-host

	echo 'local oat +oat_host scram-sha-256' | lab_exec db \
	    tee -a "$lab_database_directory/pg_hba.conf" >/dev/null
	lab_database_control reload
	lab_sql "select oat.enroll_host('db', '{}', '$password')" >/dev/null
	lab_install db
	echo "$password" | lab_put db /etc/oat/password root:_oat 0640
	lab_put db /etc/oat/oat.conf root:root 0600 <<-CONF
	database      = host=/run/postgresql dbname=oat user=oat_db
	password_file = /etc/oat/password
	CONF
	lab_wire db
	lab_local_user db carol carol-password
	lab_token db acme socket db su
	socket_token=$token
}

begin()
{
	lab_standard
	lab_host evil
	lab_local_user web-1 carol carol-password
	lab_mint web-1
	wrong_token=$token wrong_verifier=$verifier
	attacker_certificate
	attacker_files
	impostor evil 5432 "$evil/cert.pem" "$evil/key.pem"
	enroll_by_socket
	impostor db /tmp/.s.PGSQL.5432
	lab_token web-1 acme env 'web-*' su,sudo
	set_hostile_environment
	wait_for 5 lab_exec evil ss -Hltn 'sport = :5432' | grep -q . ||
		lab_die "no impostor: $(cat "$LAB/impostor.log")"
}

lab_enter "$@"
begin
run_tests "$@"
