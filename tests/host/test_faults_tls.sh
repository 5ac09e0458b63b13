#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The server cannot prove who it is, or wants to be told more than it should:
# nothing is believed, no password leaves the host, and the log says why.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

data=$lab_database_directory

# --- certificates ------------------------------------------------------------

trust_another()
{
	keep_configuration
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj /CN=another -keyout /dev/null 2>/dev/null |
		lab_put web-1 /etc/oat/ca.pem root:_oat 0640
}

test_case_12_a_certificate_of_another_authority_is_not_believed()
{
	with_fault trust_another restore_configuration \
	    'db\.lab:5432: .*certificate verify failed'
}

call_by_another_name()
{
	reconfigure 's/host=db\.lab/host=db/'
}

call_by_its_name()
{
	reconfigure 's/host=db /host=db.lab /'
}

test_case_12_a_certificate_for_another_name_is_not_believed()
{
	with_fault call_by_another_name call_by_its_name \
	    'db:5432: .*certificate for "db\.lab" does not match host name "db"'
}

serve_expired()
{
	lab_new_certificate '2 days ago' '1 day ago'
}

test_case_12_a_certificate_that_expired_is_not_believed()
{
	with_fault serve_expired lab_new_certificate \
	    'db\.lab:5432: .*certificate verify failed .*expired'
}

# A list of what the authority took back, and on it what the server shows.
revoke()
{
	keep_configuration
	lab_revocations "$LAB/db.lab.pem" |
		lab_put web-1 /etc/oat/crl.pem root:_oat 0640
	reconfigure 's|^database.*|& sslcrl=/etc/oat/crl.pem|'
}

test_case_12_a_certificate_that_was_revoked_is_not_believed()
{
	with_fault revoke restore_configuration \
	    'db\.lab:5432: .*certificate verify failed .*revoked'
}

test_case_12_a_list_without_the_certificate_lets_in()
{
	list_nothing()
	{
		keep_configuration
		lab_revocations | lab_put web-1 /etc/oat/crl.pem root:_oat 0640
		reconfigure 's|^database.*|& sslcrl=/etc/oat/crl.pem|'
	}
	meanwhile list_nothing restore_configuration expect_recovered
}

lose_authority()
{
	keep_configuration
	lab_exec web-1 rm /etc/oat/ca.pem
}

hide_authority()
{
	keep_configuration
	lab_exec web-1 chmod 0600 /etc/oat/ca.pem
}

garble_authority()
{
	keep_configuration
	echo garbage | lab_put web-1 /etc/oat/ca.pem root:_oat 0640
}

lose_list()
{
	keep_configuration
	reconfigure 's|^database.*|& sslcrl=/etc/oat/crl.pem|'
}

test_case_12_a_file_of_authorities_that_is_missing_is_named()
{
	with_fault lose_authority restore_configuration \
	    '/etc/oat/ca\.pem cannot be used: No such file or directory'
}

test_case_12_a_file_of_authorities_that_oat_cannot_read_is_named()
{
	with_fault hide_authority restore_configuration \
	    '/etc/oat/ca\.pem cannot be used: Permission denied'
}

test_case_12_a_file_of_authorities_that_is_garbage_is_named()
{
	with_fault garble_authority restore_configuration '/etc/oat/ca\.pem'
}

test_case_12_a_list_of_revocations_that_is_missing_is_told()
{
	with_fault lose_list restore_configuration 'database: sslcrl: .*No such file'
}

# --- the clock of the host ---------------------------------------------------

# Every process of web-1 believes that it is so many seconds later.
set_clock()
{
	echo "$1" | lab_put web-1 /etc/skew
	lab_preload web-1 skew
}

mend_clock()
{
	lab_exec web-1 rm -f /etc/ld.so.preload
}

ten_days_late()
{
	set_clock 864000
}

ten_days_early()
{
	set_clock -864000
}

test_a_clock_ten_days_ahead_finds_the_certificate_expired()
{
	with_fault ten_days_late mend_clock \
	    'db\.lab:5432: .*certificate verify failed .*expired'
}

test_a_clock_ten_days_behind_finds_the_certificate_of_the_future()
{
	with_fault ten_days_early mend_clock \
	    'db\.lab:5432: .*certificate verify failed .*clock of this host'
}

# What is decided, and when a login was, is by the database's clock alone.
test_a_clock_an_hour_off_changes_no_decision()
{
	expect_decided_by_the_database()
	{
		expect_recovered
		expect_equal "success|t" "$(lab_sql "select outcome,
		    at between now() - interval '1 minute' and now()
		    from oat.activity where actor = '$login'
		    order by id desc limit 1")"
	}
	lab_sql "update oat.tokens set expires_at = now() + interval '10 min'
	    where name = 'ci'"
	meanwhile an_hour_ahead mend_clock expect_decided_by_the_database
	meanwhile an_hour_behind mend_clock expect_decided_by_the_database
	lab_sql "update oat.tokens set expires_at = null where name = 'ci'"
}

an_hour_ahead()
{
	set_clock 3600
}

an_hour_behind()
{
	set_clock -3600
}

# --- what it asks for --------------------------------------------------------

turn_tls_off()
{
	lab_exec db sed -i 's/^ssl = on/ssl = off/' "$data/postgresql.conf"
	lab_database_control reload
}

turn_tls_on()
{
	lab_exec db sed -i 's/^ssl = off/ssl = on/' "$data/postgresql.conf"
	lab_database_control reload
}

test_case_13_a_server_without_tls_is_refused()
{
	with_fault turn_tls_off turn_tls_on \
	    'db\.lab:5432: .*server does not support SSL, but SSL was required'
}

# ask_for METHOD: of whoever comes by the network.
ask_for()
{
	lab_exec db sed -i "s/scram-sha-256/$1/" "$data/pg_hba.conf"
	lab_database_control reload
}

ask_as_always()
{
	lab_exec db sed -i -E "/oat_host/ s/(password|md5|trust)$/scram-sha-256/" \
	    "$data/pg_hba.conf"
	lab_database_control reload
}

ask_for_clear_text()
{
	ask_for password
}

ask_for_nothing()
{
	ask_for trust
}

test_case_13_a_server_that_asks_for_the_password_itself_is_refused()
{
	with_fault ask_for_clear_text ask_as_always \
	    'db\.lab:5432: .*(channel binding required|authentication method)'
}

test_case_13_a_server_that_asks_for_no_password_is_refused()
{
	with_fault ask_for_nothing ask_as_always \
	    'db\.lab:5432: .*channel binding required'
}

ask_for_md5()
{
	ask_for md5
	kept=$(lab_sql "select rolpassword from pg_authid
	    where rolname = 'oat_web-1'")
	lab_sql "set password_encryption = md5;
	    alter role \"oat_web-1\" password '$(cat \
		"$(lab_root web-1)/etc/oat/password")'" 2>/dev/null
}

ask_for_md5_no_more()
{
	ask_as_always
	lab_sql "alter role \"oat_web-1\" password '$kept'"
}

test_case_13_a_server_that_asks_for_md5_is_refused()
{
	with_fault ask_for_md5 ask_for_md5_no_more \
	    'db\.lab:5432: .*(channel binding required|authentication method)'
}

test_case_13_no_password_stands_in_any_log()
{
	local password

	password=$(cat "$(lab_root web-1)/etc/oat/password")
	expect_no_log web-1 "$password"
	expect_no_log db "$password"
	! grep -qF "$password" "$(lab_root db)$lab_database_log" ||
		fail "the password is in the database's log"
}

lab_enter "$@"
fault_lab 1
run_tests "$@"
