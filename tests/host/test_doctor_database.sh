#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat doctor names what is wrong between this host and its database, and why a
# login is refused.

# shellcheck source=tests/host/doctor.sh
. "$(dirname "$0")/doctor.sh"

# --- the database ---------------------------------------------------------------------

# database_with SCRIPT REGEX: sed(1) on oat.conf; what is said of the server.
database_with()
{
	on_web "sed -i '$1' $conf"
	names FAIL server "$2"
	undo
}

new_authority()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 90 -subj /CN=another -keyout /dev/null 2>/dev/null
}

test_an_authority_that_does_not_vouch_for_the_server_is_named()
{
	put_web /etc/oat/ca.pem root:_oat 0640 <<<"$(new_authority)"
	names FAIL server 'db.lab:5432: .*its certificate: .*issuer certificate'
	expect_out '; do: put the certificate of the server.s authority'
}

test_a_server_certificate_that_has_ended_is_named()
{
	lab_new_certificate '2 days ago' '1 day ago'
	run wait_for 5 says_expired
	lab_new_certificate
	expect_status 0
	wait_for 5 doctor --quiet >/dev/null
	is_well
}

says_expired()
{
	run doctor
	expect_status 2
	expect_out '^FAIL +server +db.lab:5432: .*its certificate: certificate has expired; do: renew the certificate of the server'
}

test_a_server_certificate_that_was_revoked_is_named()
{
	put_web /etc/oat/crl.pem root:_oat 0640 \
	    <<<"$(lab_revocations "$LAB/db.lab.pem")"
	database_with 's|^database.*|& sslcrl=/etc/oat/crl.pem|' \
	    'its certificate: .*revoked.*; do: renew the certificate'
}

test_a_list_of_revocations_that_cannot_be_read_is_named()
{
	database_with 's|^database.*|& sslcrl=/etc/oat/nowhere.pem|' \
	    'sslcrl: .*No such file.*; do: let _oat read the files of sslrootcert'
}

test_a_certificate_that_ends_soon_is_named()
{
	put_web /etc/oat/ca.pem root:_oat 0640 <<<"$(openssl x509 -days 3 \
	    -in "$LAB/ca.pem" -signkey "$LAB/ca.key" 2>/dev/null)"
	names warn tls.ca '/etc/oat/ca.pem: ends 20.*, in [23] days'
}

# A certificate of the host's role, for so many days, and its key.
client_certificate()
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=oat_web-1 -keyout "$LAB/role.key" 2>/dev/null |
		openssl x509 -req -CA "$LAB/ca.pem" -CAkey "$LAB/ca.key" \
		    -CAcreateserial -days "$1" -out "$LAB/role.pem" 2>/dev/null
	put_web /etc/oat/role.pem root:_oat 0640 <"$LAB/role.pem"
	put_web /etc/oat/role.key root:_oat 0640 <"$LAB/role.key"
}

# The server believes them, until the end of the test.
server_takes_certificates()
{
	local data=$lab_database_directory

	lab_put db "$data/ca.pem" postgres:postgres <"$LAB/ca.pem"
	in_database "alter system set ssl_ca_file = 'ca.pem'" \
	    'alter system reset ssl_ca_file'
	lab_exec db sed -i.kept '1i hostssl oat all all cert' \
	    "$data/pg_hba.conf"
	lab_database_control restart
}

test_a_host_with_a_client_certificate_is_looked_at()
{
	server_takes_certificates
	client_certificate 90
	on_web "sed -i 's,\$, sslcert=/etc/oat/role.pem sslkey=/etc/oat/role.key,
	    ;/^password/d' $conf"
	is_well
	run doctor
	expect_out '^ok +tls.certificate +/etc/oat/role.pem: ends 20'
	expect_out '^ok +sslkey +/etc/oat/role.key: '
	on_web 'chmod 0644 /etc/oat/role.key'
	names FAIL sslkey '/etc/oat/role.key: .*mode 0644: not everybody'
	mends sslkey
	on_web 'chown root:root /etc/oat/role.key'
	names FAIL sslkey '/etc/oat/role.key: .*_oat must be able to read it'
	expect_out '^FAIL +tls.key +/etc/oat/role.key: as _oat: Permission'
	mends sslkey
	client_certificate 3
	names warn tls.certificate '/etc/oat/role.pem: ends 20.*; do: have the'
	lab_exec db mv "$lab_database_directory/pg_hba.conf.kept" \
	    "$lab_database_directory/pg_hba.conf"
	lab_database_control reload
}

test_a_server_of_another_name_is_named()
{
	database_with 's/host=db.lab/host=db/' \
	    'does not match host name.*; do: name it in host='
	database_with 's/host=db.lab/host=nowhere.lab/' \
	    'could not translate host name.*; do: correct host='
}

test_a_port_that_is_closed_is_named()
{
	database_with 's/dbname/port=1 dbname/' \
	    'db.lab:1: .*refused.*; do: start PostgreSQL there'
}

test_a_wrong_database_or_role_is_named()
{
	database_with 's/dbname=oat/dbname=tao/' \
	    'pg_hba.conf.*; do: put the line'
	database_with 's/user=oat_web-1/user=postgres/' \
	    'pg_hba.conf.*; do: put the line'
	database_with 's/user=oat_web-1/user=oat_web-9/' '; do: '
}

test_a_wrong_password_is_named_and_not_shown()
{
	on_web 'echo sesame >/etc/oat/password'
	names FAIL server 'password authentication failed.*; do: run oat enroll'
	expect_no_out sesame
}

test_a_superuser_is_named()
{
	in_database 'alter role "oat_web-1" superuser' \
	    'alter role "oat_web-1" nosuperuser'
	names FAIL server 'the configured role is a superuser.*; do: user='
}

# Three that drop every packet, and one that is there: one timeout for all.
test_servers_that_drop_packets_cost_one_timeout_together()
{
	local began

	on_web "sed -i 's/host=db.lab/host=10.78.0.1,10.78.0.2,10.78.0.3,db.lab/' \
	    $conf && echo 'timeout = 3s' >>$conf"
	lab_exec web-1 sh -c 'ip route add 10.78.0.0/24 dev eth0 && for n in 1 2 3
	    do ip neighbour add 10.78.0.$n lladdr 02:00:00:00:00:0$n dev eth0
	    done'
	began=$SECONDS
	run doctor
	lab_exec web-1 ip route del 10.78.0.0/24
	expect_status 1
	expect_equal 3 "$(grep -c '^warn *server *10.78.0.*no answer in time' \
	    <<<"$out")"
	expect_out '^ok +server +db.lab:5432: primary'
	[ $((SECONDS - began)) -lt 8 ] || fail "took $((SECONDS - began)) s"
}

test_a_role_that_is_no_host_is_named()
{
	in_database "update oat.hosts set role = 'oat_other'" \
	    "update oat.hosts set role = 'oat_web-1'"
	names FAIL role 'oat_web-1 is no enrolled host; in psql: select oat.enroll'
}

test_a_role_that_may_not_use_the_schema_is_named()
{
	in_database 'revoke usage on schema oat from oat_host' \
	    'grant usage on schema oat to oat_host'
	names FAIL role 'oat_web-1 may not use the schema; in psql: grant'
	mends role
}

# The line of pg_hba.conf lets members of oat_host in.
test_a_role_that_lost_its_membership_is_named()
{
	in_database 'revoke oat_host from "oat_web-1"' \
	    'grant oat_host to "oat_web-1"'
	names FAIL server 'no pg_hba.conf entry .*; do: .*grant oat_host to'
}

# What it had is gone with the row; the role stays, and logs in no more.
test_a_host_that_was_removed_is_named()
{
	in_database 'delete from oat.hosts' "select oat.enroll_host('web-1')"
	names FAIL server 'not permitted to log in; do: run oat enroll here'
}

test_a_host_that_is_suspended_is_named()
{
	in_database "update oat.hosts set suspended_at = now()" ''
	names FAIL role 'host web-1 is suspended since 20'
	mends role
}

test_rights_beyond_a_hosts_are_named()
{
	in_database 'grant select on oat.tokens to "oat_web-1"' ''
	names FAIL role 'may do more than a host: rights on oat.tokens'
	mends role
	in_database 'grant oat_admin to "oat_web-1"' ''
	names FAIL role 'more than a host: member of oat_admin'
	mends role
}

test_a_schema_that_is_missing_is_named()
{
	in_database 'alter schema oat rename to other' \
	    'alter schema other rename to oat'
	names FAIL schema \
	    'there is no schema oat in this database; do: .*install.sql'
}

test_a_schema_that_is_older_is_named()
{
	in_database 'update oat.migrations set version = -version
	    where version = (select max(version) from oat.migrations)' \
	    'update oat.migrations set version = -version where version < 0'
	names FAIL schema 'version [0-9]+, this program needs [0-9]+; do: '
}

test_a_schema_without_the_function_for_this_is_named()
{
	in_database 'alter function oat.host_health() rename to gone' \
	    'alter function oat.gone() rename to host_health'
	names FAIL schema 'too old to say'
}

test_a_schema_that_is_newer_is_named()
{
	in_database "insert into oat.migrations values (999, 'the future')" \
	    'delete from oat.migrations where version = 999'
	names warn schema 'version 999, this program is made for [0-9]+; do: '
}

# The clock of the database, moved by so many seconds where it is read.
clock_moved_by()
{
	lab_sql "create or replace function oat.host_health()
	    returns table (host text, suspended_at text,
	        schema_version integer, generation bigint, clock bigint,
	        uid_range text, excess text, excess_fix text)
	    language sql stable security definer
	    set search_path = pg_catalog, pg_temp as \$\$
	    select host, suspended_at, schema_version, generation,
	        clock + 1000000 * ($1), uid_range, excess, excess_fix
	    from oat.host_truth() \$\$;
	    revoke execute on function oat.host_health() from public;
	    grant execute on function oat.host_health() to oat_host"
}

test_clocks_that_differ_are_named()
{
	in_database 'alter function oat.host_health() rename to host_truth' \
	    'drop function oat.host_health();
	    alter function oat.host_truth() rename to host_health'
	clock_moved_by 400
	names FAIL clock 'db.lab:5432: [56] min before this host.s'
	clock_moved_by -60
	names warn clock 'db.lab:5432: (59|60|61) s behind this host.s'
	clock_moved_by 20
	run doctor
	expect_status 0
}

test_a_range_of_numbers_that_differs_is_named()
{
	on_web "echo 'uid_range = 70000-80000' >>$conf"
	names warn uid_range 'gives out 70000-99999, this host takes 70000-80000'
	mends uid_range
}

test_a_database_that_is_stopped_is_named()
{
	lab_database_stop
	run doctor
	lab_database_start
	expect_status 2
	expect_out '^FAIL +server +db.lab:5432: .*refused'
	is_well
}

# --- one login ----------------------------------------------------------------------------

asks()
{
	run doctor --login "$@"
}

# rewrite SET UNDO: the token's row.
rewrite()
{
	in_database "update oat.tokens set $1 where login = '$login'" \
	    "update oat.tokens set $2 where login = '$login'"
}

test_a_login_that_is_let_in_is_explained()
{
	asks "$login" --service sshd --rhost 10.77.0.11
	expect_status 0
	expect_out "^ok +login +$login: known here, uid 7"
	expect_out "^ok +service_not_granted +$login: grants here: sshd, sudo"
	expect_out "^ok +allowed +$login: let in"
}

test_a_login_that_is_refused_is_explained_and_mended()
{
	rewrite 'deactivated_at = now()' 'deactivated_at = null'
	on_web 'oat sync'
	asks "$login" --service sudo
	expect_status 2
	expect_out "^warn +login +$login: known here as without access"
	expect_out "^FAIL +deactivated +$login: deactivated 20.*; in psql: update"
	expect_out "^FAIL +allowed +$login: refused: deactivated"
	lab_sql "$(member deactivated fix --login "$login")"
	on_web 'oat sync'
	asks "$login" --service sudo
	expect_status 0
	asks "$login" --service su
	expect_status 2
	expect_out '^FAIL +service_not_granted .*; in psql: insert into oat.grants'
}

test_an_address_that_is_not_allowed_is_explained()
{
	rewrite "allowed_from = '{192.0.2.0/24}'" 'allowed_from = null'
	asks "$login" --rhost 10.77.0.11
	expect_status 2
	expect_out '^FAIL +address_not_allowed .*from 10.77.0.11, allowed from 192'
	asks "$login" --rhost 192.0.2.7
	expect_status 0
}

test_a_login_that_is_none_or_local_is_explained()
{
	asks 'Oat-acme-ci'
	expect_status 2
	expect_out '^FAIL +login +Oat-acme-ci: no login of oat'
	asks oat-globex-ci
	expect_status 2
	expect_out '^FAIL +unknown_token .*; in psql: select . from oat.explain'
	on_web 'useradd oat-acme-local'
	asks oat-acme-local
	expect_status 2
	expect_out '^FAIL +login +oat-acme-local: a local account has this name'
}

test_case_44_a_login_of_control_bytes_is_one_escaped_line()
{
	asks $'oat-acme-ci\e[31m\nok    fake'
	expect_status 2
	expect_no_out '^ok +fake'
	expect_out 'x1b.31m'
}

doctor_begin "$@"
run_tests "$@"
