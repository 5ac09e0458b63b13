#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat enroll on hosts, its statement in the database, and what follows: the
# lines of pg_hba.conf, connections that end, known_hosts.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

conninfo='host=db.lab dbname=oat sslmode=verify-full sslrootcert=/etc/oat/ca.pem'

# A machine as make install leaves it, with the authority's certificate.
new_machine()
{
	lab_host "$1"
	lab_install "$1"
	lab_put "$1" /etc/oat/ca.pem root:_oat 0640 <"$LAB/ca.pem"
	lab_exec "$1" sh -c 'rm -f /etc/ssh/ssh_host_*; ssh-keygen -A' \
	    >/dev/null
}

# enroll HOST [OPTION...]: the statement in $out, what was told in $told.
enroll()
{
	local host=$1

	shift
	last_command="oat enroll $*"
	out=$(lab_exec "$host" oat enroll "$@" 2>"$LAB/told")
	status=$?
	told=$(cat "$LAB/told")
}

expect_told()
{
	printf '%s\n' "$told" | grep -qE -e "$1" || fail "not told: $1: $told"
}

mode_of()
{
	lab_exec "$1" stat -c '%U:%G %a' "$2"
}

contents()
{
	lab_exec web-1 sh -c 'cd /etc/oat && stat -c "%n %a %U %G %i %Y" * &&
	    md5sum *'
}

can_ask()
{
	lab_exec "$1" oat sync
}

# --- by password --------------------------------------------------------------

test_enroll_makes_what_the_host_needs_and_says_what_the_database_needs()
{
	enroll web-1 --labels prod,eu --database "$conninfo"
	expect_status 0
	expect_told 'wrote /etc/oat/password$'
	expect_told 'wrote /etc/oat/oat.conf$'
	expect_equal 1 "$(printf '%s\n' "$out" | grep -c ';')"
	expect_out "^select oat.enroll_host\\('web-1',\$"
	expect_out "labels => '\\{prod,eu\\}'"
	expect_out "password => 'SCRAM-SHA-256[$]1:"
	expect_out 'ssh_host_keys => .*"ssh-ed25519 AAAA[^ ]*"'
	expect_equal 'root:_oat 640' "$(mode_of web-1 /etc/oat/password)"
	expect_equal 'root:root 600' "$(mode_of web-1 /etc/oat/oat.conf)"
	printf '%s\n' "$out" >"$LAB/statement"
}

test_enroll_prints_a_statement_that_lets_the_host_in()
{
	run can_ask web-1
	expect_failure
	run lab_sql "$(cat "$LAB/statement")"
	expect_equal oat_web-1 "$out"
	run can_ask web-1
	expect_status 0
	run lab_sql "select labels, cardinality(ssh_host_keys) from oat.hosts
	    where name = 'web-1'"
	expect_equal '{prod,eu}|3' "$out"
}

test_case_43_the_password_is_in_no_output_and_no_log_of_the_server()
{
	local password

	password=$(lab_exec web-1 cat /etc/oat/password)
	expect_equal 32 "${#password}"
	! grep -qF "$password" "$LAB/statement" "$LAB/told" ||
		fail "printed"
	grep -q SCRAM-SHA-256 "$(lab_root db)$lab_database_log" ||
		fail "the server does not log statements"
	! grep -qF "$password" "$(lab_root db)$lab_database_log" ||
		fail "in the server's log"
}

test_enroll_says_that_the_authoritys_certificate_is_missing()
{
	lab_exec web-1 mv /etc/oat/ca.pem /etc/oat/ca.gone
	enroll web-1
	lab_exec web-1 mv /etc/oat/ca.gone /etc/oat/ca.pem
	expect_status 0
	expect_out "^select oat.enroll_host\\('web-1',\$"
	expect_told 'root:_oat 0640, at /etc/oat/ca.pem$'
}

# As another one would hold it, or oat rotate-host-password.
test_enroll_is_one_at_a_time()
{
	local before holder

	before=$(contents)
	lab_exec web-1 flock /run/oat/password.lock sh -c 'echo held; sleep 60' \
	    >"$LAB/held" &
	holder=$!
	until [ -s "$LAB/held" ]; do sleep 0.02; done
	enroll web-1
	lab_exec web-1 pkill -f 'sleep 60'
	wait "$holder" || :
	expect_status 1
	expect_told '^oat enroll: /run/oat/password.lock: .*; run this again$'
	expect_equal '' "$out"
	expect_equal "$before" "$(contents)"
	enroll web-1
	expect_status 0
}

test_enroll_again_changes_nothing_and_is_as_good()
{
	local before

	before=$(contents)
	for options in "" "--database=$conninfo"; do
		enroll web-1 ${options:+"$options"}
		expect_status 0
		expect_equal "$before" "$(contents)"
		expect_equal '' "$told"
		lab_sql "$out" >/dev/null || fail "refused"
		run can_ask web-1
		expect_status 0
	done
}

test_enroll_never_rewrites_a_configuration_that_names_a_database()
{
	local before

	before=$(contents)
	enroll web-1 --database "${conninfo/db.lab/other.lab}"
	expect_status 1
	expect_told 'oat.conf: names a database already; edit it'
	enroll web-1 --name web-9
	expect_status 1
	expect_told 'user is oat_web-1, and host web-9 has the role oat_web-9'
	expect_equal '' "$out"
	expect_equal "$before" "$(contents)"
}

test_enroll_keeps_what_an_oat_conf_without_a_database_says()
{
	lab_exec app-1 sh -c 'echo "timeout = 3s" >>/etc/oat/oat.conf'
	enroll app-1 --database "$conninfo"
	expect_status 0
	run lab_exec app-1 cat /etc/oat/oat.conf
	expect_out '^timeout = 3s$'
	expect_out '^database = host=db.lab .* user=oat_app-1$'
	expect_out '^password_file = /etc/oat/password$'
	lab_exec app-1 rm /etc/oat/oat.conf /etc/oat/password
	enroll app-1 --database "$conninfo"
	expect_status 0
	lab_sql "$out" >/dev/null
	run can_ask app-1
	expect_status 0
}

test_enroll_writes_nothing_for_a_database_that_oat_would_refuse()
{
	local database

	lab_exec app-1 sh -c 'rm -f /etc/oat/oat.conf /etc/oat/password'
	for database in 'host=db.lab dbname=oat' 'postgresql://db.lab/oat' \
	    "$conninfo password=x" "$conninfo user=postgres" \
	    "$conninfo"$'\n'"timeout = 60s" "$conninfo # sslmode"; do
		enroll app-1 --database "$database"
		expect_status 1
		expect_equal '' "$out"
		expect_told 'database'
		run lab_exec app-1 ls /etc/oat
		expect_equal ca.pem "$out"
	done
	enroll app-1
	expect_status 1
	expect_told 'database: not set.*give it with --database'
	lab_exec app-1 ls -A /etc/oat | grep -v ca.pem && fail "left something"
	enroll app-1 --database "$conninfo"
	lab_sql "$out" >/dev/null
}

test_a_machine_that_was_rebuilt_replaces_the_one_before()
{
	lab_exec web-1 cat /etc/oat/password >"$LAB/old"
	as_host web-1 'select pg_sleep(60)' >"$LAB/asleep" 2>&1 &
	wait_for 10 is_connected oat_web-1 || fail "not connected"
	lab_exec web-1 sh -c 'rm -f /etc/oat/password /etc/oat/oat.conf
	    rm -f /etc/ssh/ssh_host_*; ssh-keygen -A' >/dev/null
	enroll web-1 --database "$conninfo"
	expect_status 0
	run lab_sql "$out"
	expect_status 0
	expect_out 'host web-1 has other ssh keys now'
	wait $!
	grep -q 'terminating connection' "$LAB/asleep" ||
		fail "$(cat "$LAB/asleep")"
	run can_ask web-1
	expect_status 0
	run lab_sql "select labels from oat.hosts where name = 'web-1'"
	expect_equal '{prod,eu}' "$out"
	run as_host web-1 'select 1' "$(cat "$LAB/old")"
	expect_failure
}

# --- by certificate --------------------------------------------------------------

# sign HOST NAME: the request of the host, or any common name for its key.
sign()
{
	local host=$1

	lab_exec "$host" cat "/etc/oat/$host.csr" |
		openssl x509 -req -days 2 -CA "$LAB/ca.pem" \
		    -CAkey "$LAB/ca.key" -CAcreateserial ${2:+-subj "/CN=$2"} \
		    2>/dev/null |
		lab_put "$host" "/etc/oat/$host.pem" root:_oat 0640
}

hba()
{
	lab_exec db sed -i "/+oat_host/d" "$lab_database_directory/pg_hba.conf"
	echo "$1" | lab_exec db tee -a "$lab_database_directory/pg_hba.conf" \
	    >/dev/null
	lab_database_control reload
}

scram_line='hostssl oat +oat_host all scram-sha-256'

test_enroll_makes_a_key_and_a_request_that_the_cert_line_lets_in()
{
	enroll vm-1 --certificate --database "$conninfo"
	expect_status 0
	expect_no_out password
	expect_told 'wrote /etc/oat/vm-1.key$'
	expect_told 'have that signed, for root:_oat 0640 at /etc/oat/vm-1.pem'
	expect_equal 'root:_oat 640' "$(mode_of vm-1 /etc/oat/vm-1.key)"
	expect_equal 'root:root 644' "$(mode_of vm-1 /etc/oat/vm-1.csr)"
	run lab_exec vm-1 openssl req -in /etc/oat/vm-1.csr -noout -subject \
	    -verify
	expect_out 'CN ?= ?oat_vm-1'
	enroll vm-1
	expect_status 0
	lab_sql "$out" >/dev/null
	sign vm-1
	run can_ask vm-1
	expect_failure
	trap 'hba "$scram_line"' EXIT
	hba 'hostssl oat +oat_host all cert'
	run can_ask vm-1
	expect_status 0
	run can_ask web-1
	expect_failure
}

# Common names that are the hosts', by a map of pg_ident.conf.
test_a_map_makes_the_role_of_a_certificates_common_name()
{
	trap 'hba "$scram_line"' EXIT
	printf '%s\n' 'oat /^([a-z0-9.-]+)$ oat_\1' | lab_exec db \
	    tee -a "$lab_database_directory/pg_ident.conf" >/dev/null
	hba 'hostssl oat +oat_host all cert map=oat'
	run can_ask vm-1
	expect_failure
	sign vm-1 vm-1
	run can_ask vm-1
	expect_status 0
	sign vm-1 web-1
	run can_ask vm-1
	expect_failure
}

# The first line that fits decides; the narrower one stands above.
test_hosts_with_certificates_stand_beside_hosts_with_passwords()
{
	trap 'hba "$scram_line"' EXIT
	sign vm-1
	hba "hostssl oat oat_vm-1 all cert"$'\n'"$scram_line"
	run can_ask vm-1
	expect_status 0
	run can_ask web-1
	expect_status 0
}

# --- suspended, removed ------------------------------------------------------

# as_host HOST SQL [PASSWORD]: as somebody with the host's password would.
as_host()
{
	lab_exec "$1" env PGPASSWORD="${3:-$(lab_exec "$1" \
	    cat /etc/oat/password)}" psql -XAtqc "$2" "$conninfo user=oat_$1"
}

is_connected()
{
	[ "$(lab_sql "select count(*) from pg_stat_activity
	    where usename = '$1'")" != 0 ]
}

test_a_host_that_is_suspended_loses_its_connection_at_once()
{
	trap 'lab_sql "update oat.hosts set suspended_at = null"' EXIT
	as_host web-1 'select pg_sleep(60)' >"$LAB/asleep" 2>&1 &
	wait_for 10 is_connected oat_web-1 || fail "not connected"
	lab_sql "update oat.hosts set suspended_at = now()
	    where name = 'web-1'"
	wait $!
	grep -q 'terminating connection' "$LAB/asleep" ||
		fail "$(cat "$LAB/asleep")"
}

test_a_host_that_is_removed_does_not_come_in_again()
{
	run as_host app-1 'select 1'
	expect_equal 1 "$out"
	lab_sql "delete from oat.hosts where name = 'app-1'"
	run as_host app-1 'select 1'
	expect_failure
	expect_out 'not permitted to log in'
	enroll app-1
	lab_sql "$out" >/dev/null
	run can_ask app-1
	expect_status 0
}

# --- known_hosts -------------------------------------------------------------

test_known_hosts_is_a_file_that_ssh_believes()
{
	lab_enroll_for_ssh
	lab_sql "select oat.known_hosts('acme', 'lab')" >"$LAB/known_hosts"
	run lab_ssh client "$token" oat-acme-ci@web-1.lab id -un
	expect_equal oat-acme-ci "$out"
	run lab_ssh client "$token" oat-acme-ci@web-1 id -un
	expect_equal oat-acme-ci "$out"
	sed -i 's/^web-1.lab/vm-1/' "$LAB/known_hosts"
	run lab_ssh client "$token" oat-acme-ci@web-1.lab id -un
	expect_failure
	expect_out 'Host key verification failed'
}

# The keys of this host are those that its sshd has.
lab_enroll_for_ssh()
{
	lab_wire web-1
	lab_sshd web-1
	enroll web-1
	lab_sql "$out" >/dev/null
	lab_token web-1 acme ci 'web-*' sshd
}

lab_enter "$@"
lab_host db
lab_host client
lab_database db
lab_schema
lab_exec db sh -c "cat >>$lab_database_directory/postgresql.conf" <<-CONF
log_statement = 'all'
ssl_ca_file = 'ca.pem'
CONF
lab_put db "$lab_database_directory/ca.pem" postgres:postgres <"$LAB/ca.pem"
lab_database_control restart
for host in web-1 app-1 vm-1; do
	new_machine "$host"
done
lab_organization acme
run_tests "$@"
