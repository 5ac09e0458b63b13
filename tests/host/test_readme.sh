#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README.md, from install.sql on a bare database to the last of the everyday
# rows, does what it says. README=FILE has another one read.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"
# shellcheck source=tests/host/documents.sh
. "$(dirname "$0")/documents.sh"

servers="web-1 web-2"

# --- who types ---------------------------------------------------------------

run_example_on()
{
	case $1$2 in
	*@*) lab_ssh client "$(cat "$LAB/token")" "${1%@*}@${1#*@}.lab" "$3" ;;
	*\#) lab_exec "$1" sh -c "cd /root && $3" ;;
	*) as_operator "$3" ;;
	esac
}

# Where psql reaches the database, beside a copy of what is needed there.
as_operator()
{
	lab_exec db runuser -u ops -- env -C /home/ops/oat PATH="$PATH" \
	    HOME=/home/ops sh -c "$1"
}

# On a terminal, where oat mint shows the token; a verifier that the example does
# not make is that of another one.
run_sql()
{
	local verifier=

	case $1 in
	*'\set verifier'*) ;;
	*":'verifier'"*) lab_mint db ;;
	esac
	lab_put db /home/ops/typed.sql ops:ops <<-SQL
	${verifier:+\set verifier '$verifier'}
	$1
	SQL
	as_operator "script -qec 'psql -XqP pager=off -P footer=off \
	    -v ON_ERROR_STOP=1 -f /home/ops/typed.sql oat' /dev/null" |
		tr -d '\r'
	return "${PIPESTATUS[0]}"
}

# --- what examples are for -----------------------------------------------------

# typed COMMAND...: it succeeds.
typed()
{
	run "$@"
	last_command=${*: -1}
	expect_status 0
}

# In place of the one that was there, by who is ops here.
new_database()
{
	lab_exec db psql -U postgres -d postgres -XAtqc "drop database oat"
	typed lab_exec db env USER=ops PATH="$PATH" sh -c "$1"
}

# The server goes on with it, and hosts are given it as ca.pem.
certificate()
{
	typed as_operator "$1"
	lab_exec db sh -euc 'cd "$1"
	    for file in server.crt server.key; do
		    install -o postgres -g postgres -m 0600 \
			"/home/ops/oat/$file" "$file"
	    done
	    mv server.crt server.pem' sh "$lab_database_directory"
	lab_database_control reload
	lab_exec db mv /home/ops/oat/server.crt /home/ops/oat/ca.pem
	for host in $servers; do
		lab_exec db cat /home/ops/oat/ca.pem |
			lab_put "$host" /root/ca.pem
	done
}

psql_of_operator()
{
	typed as_operator "$1"
	printf '%s\n' "$out" >"$LAB/printed"
}

# It is what install.sql printed last.
pg_hba_line()
{
	out=$(plain "$(cat "$LAB/printed")")
	grep -qxF -e "$1" <<<"$out" || fail "not printed: $1"
	lab_exec db tee -a "$lab_database_directory/pg_hba.conf" \
	    >/dev/null <<<"$1"
	lab_database_control reload
}

from_source()
{
	local host

	for host in db $servers; do
		typed lab_exec "$host" env -C "$lab_top" B="$lab_build" sh -c "$1"
	done
	for host in $servers; do
		lab_sshd_reload "$host"
	done
}

# oat enroll writes it, or the administrator.
configuration()
{
	if lab_exec web-1 grep -q '^database' /etc/oat/oat.conf; then
		run lab_exec web-1 grep -v '^#' /etc/oat/oat.conf
		expect_answer "$1"
	else
		lab_put web-1 /etc/oat/oat.conf root:root 0600 <<<"$1"
	fi
}

host_secrets()
{
	last_command=$1
	out=$(lab_exec web-1 sh -ec "cd /root && $1" <<<'a long random one' 2>&1)
	status=$?
	expect_status 0
}

name_service()
{
	local host

	for host in $servers; do
		put_name_service "$host" "$1"
	done
}

lab_wire_names()
{
	: # name_service did
}

pam_lines()
{
	local host

	run lab_exec web-1 cat /usr/share/oat/pam.d/oat
	expect_answer "$1"
	for host in $servers; do
		lab_wire "$host"
	done
}

# The installed snippet has more.
sshd_lines()
{
	run lab_exec web-1 cat /etc/ssh/sshd_config.d/oat.conf
	expect_answer "..."$'\n'"${1//$'\n'/$'\n...\n'}"$'\n...'
}

# oat mint has shown it, and it opens ssh and sudo.
a_token()
{
	run_whole "$1"
	grep -oE 'oat_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}' <<<"$out" \
	    >"$LAB/token" || fail "no token was shown"
	examples # know its selector now
	run lab_ssh client "$(cat "$LAB/token")" oat-acme-ci@web-1.lab \
	    "echo $(cat "$LAB/token") | sudo -S -p '' id -un"
	expect_equal root "$out"
}

# Nothing is booted here; the timer must be there, and cron does its work.
timer()
{
	local host

	[[ $1 == *'# or: cron, '* ]] || fail "not as known here: $1"
	for host in $servers; do
		typed lab_exec "$host" ls /usr/lib/systemd/system/oat-sync.timer
		lab_put "$host" /etc/cron.d/oat <<<"${1##*# or: cron, }"
		run_crontab "$host" /etc/cron.d/oat
	done
}

# The job has the token in a file, and a home of its own.
ci_job()
{
	lab_put db /run/secrets/token ops:ops 0600 <"$LAB/token"
	typed as_operator "cp -a ~/.ssh ~/.ssh.kept; $1"
	expect_out '^uid=[0-9]+\(oat-acme-ci\)'
	expect_out '^uid=0\(root\)'
}

examples()
{
	as_here="s/example\\.org/lab/g
	    s/1R3esiMS3sfE/$(cut -c 5-16 "$LAB/token" 2>/dev/null)/
	    s/ where …;/ where organization = 'acme' and name = 'ci';/
	    s/ now() …;/ now() where name = 'acme';/
	    s/(…, expires_at) values (…,/(organization, token, host, service, \
	        expires_at) values ('acme', 'ci', 'web-1', 'su',/"
	how=(
		"sudo -u postgres createuser*: new_database"
		"openssl req*: certificate"
		"psql -d oat -v*: psql_of_operator"
		"hostssl oat *: pg_hba_line"
		"make && make install*: from_source"
		"server=*: typed as_operator"
		"database *: configuration"
		"install -o root*: host_secrets"
		"passwd:*: name_service"
		"auth *: pam_lines"
		"\\\\set verifier*: a_token"
		"Match User oat-**: sshd_lines"
		"systemctl enable*: timer"
		"psql -At*: typed as_operator"
		"install -D*: ci_job"
		"[*] [*] [*] [*] [*] *psql*: run_own_crontab db postgres"
	)
	not_run=(
		"apt install*: tests/deb installs the packages on a bare Debian"
		"… = null …: the other half of the one before"
		"oat inspect: not SQL, and in oat-operations(7)"
		"oat.hosts: a word"
		"oat: token service unreachable*: test_faults_*.sh wait for it"
		"web-1# oat doctor*: the host is in order; test_doctor.sh breaks it"
		"acme=> select oat.revoke(*: revoked by now; test_sessions.sh"
		"web-1# oat sync: has nothing to end; test_sessions.sh does"
		"web-1# oat residue*: nothing was left; test_residue.sh leaves something"
		"web-1# kill *: of what was left"
		"acme=> select host, confirmed_at*: test_sessions.sh asks it"
	)
}

# --- what is there before ------------------------------------------------------

# The operator reaches the hosts as root.
operator()
{
	local host

	lab_exec db sh -c 'useradd -m ops && runuser -u ops -- sh -c "cd &&
	    mkdir -m 0700 .ssh && ssh-keygen -q -t ed25519 -N \"\" \
	    -f .ssh/id_ed25519"'
	lab_put db /home/ops/.ssh/known_hosts ops:ops <"$LAB/known_hosts"
	for host in $servers; do
		lab_exec db cat /home/ops/.ssh/id_ed25519.pub |
			lab_put "$host" /root/.ssh/authorized_keys root:root 0600
	done
	lab_exec db mkdir -p /home/ops/oat
	lab_exec db cp -a "$lab_top/sql" /home/ops/oat
	lab_put db "$lab_database_directory/pg_hba.conf" postgres:postgres 0600 <<-HBA
	local all postgres peer map=lab
	local oat ops peer
	HBA
	lab_database_control reload
	lab_exec db chown -R ops:ops /home/ops/oat
	lab_sql "create role alice login"
}

# --- the sections, in their order ----------------------------------------------

test_install_ends_with_a_login_and_everyday_rows_as_written()
{
	examples
	section Install
}

# What is nowhere else.
shown_by_others=": a picture
Try it: make demo prints it, and fails where it is something else
What it costs: make bench prints it"

test_all_other_sections_are_as_written()
{
	local title

	examples
	while IFS= read -r title <&6; do
		grep -q "^$title: " <<<"Install: here"$'\n'"$shown_by_others" ||
			section "$title"
	done 6< <(sections)
}

test_what_others_show_is_there()
{
	local title

	while IFS= read -r title <&6; do
		sections | grep -qxF -e "${title%%: *}" ||
			fail "not there: $title"
	done 6<<<"$shown_by_others"
}

# shellcheck disable=SC2034 # oat doctor warns two weeks before
lab_certificate_days=90
lab_enter "$@"
document "${README:-$lab_top/README.md}"
lab_host db
lab_host client
lab_host web-1
lab_host web-2
lab_database db
for server in $servers; do
	lab_sshd "$server"
done
operator
run_tests "$@"
