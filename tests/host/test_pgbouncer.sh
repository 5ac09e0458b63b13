#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# PgBouncer between the hosts and the database, in both ways of pooling that
# can work.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

folder=/etc/pgbouncer-lab
pool_size=2

# It shows the certificate of the database, and asks it with the secrets that
# hosts have proved to it (SCRAM), over the unix socket.
lab_pgbouncer()
{
	lab_exec db install -d -o postgres -g postgres -m 0700 "$folder"
	lab_exec db cp -a "$lab_database_directory/server.pem" \
	    "$lab_database_directory/server.key" "$folder"
	lab_sql "select format('\"%s\" \"%s\"', rolname, rolpassword)
	    from pg_authid where rolname = 'oat_web-1'" |
		lab_put db "$folder/users" postgres:postgres 0600
	lab_exec db sed -i '$ a local oat +oat_host scram-sha-256' \
	    "$lab_database_directory/pg_hba.conf"
	lab_database_control reload
	pool_by session
}

pool_by()
{
	lab_put db "$folder/ini" postgres:postgres 0600 <<-INI
	[databases]
	oat = host=/run/postgresql
	[pgbouncer]
	listen_addr = ${lab_addresses[db]}
	listen_port = 6432
	unix_socket_dir =
	pool_mode = $1
	auth_type = scram-sha-256
	auth_file = $folder/users
	client_tls_sslmode = require
	client_tls_cert_file = $folder/server.pem
	client_tls_key_file = $folder/server.key
	default_pool_size = $pool_size
	server_idle_timeout = 1
	server_login_retry = 1
	pidfile = $folder/pid
	logfile = $folder/log
	INI
	if lab_exec db pkill -x pgbouncer; then
		wait_for 5 is_gone || lab_die "pgbouncer does not end"
	fi
	lab_exec db runuser -u postgres -- pgbouncer -d -q "$folder/ini" ||
		lab_die "no pgbouncer"
	wait_for 5 proxy_listens || lab_die "pgbouncer: $(lab_exec db cat \
	    "$folder/log")"
}

is_gone()
{
	! lab_exec db pgrep -x pgbouncer >/dev/null
}

without_channel_binding()
{
	reconfigure 's/port=6432 user/port=6432 channel_binding=disable user/'
}

everything_works()
{
	forget_outage
	attempt
	expect_code "$PAM_SUCCESS"
	attempt "$login" account
	expect_code "$PAM_SUCCESS"
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	wait_for 10 all_is_sent || fail "events wait"
	run lab_exec web-1 oat sync
	expect_status 0
	expect_equal 0 "$(lab_sql "select count(*)
	    from pg_prepared_statements")"
}

all_is_sent()
{
	[ "$(lab_exec web-1 sh -c 'ls /var/lib/oat/spool' | wc -l)" = 0 ]
}

# It ends TLS itself, with a certificate that is good for the name: what would
# be an attack looks no different.
test_case_14_who_ends_tls_with_a_good_certificate_is_refused()
{
	log_mark
	attempt
	expect_code "$PAM_AUTHINFO_UNAVAIL"
	expect_line 'db\.lab:6432: .*channel binding'
}

test_through_session_pooling_everything_works()
{
	without_channel_binding
	everything_works
}

test_through_transaction_pooling_everything_works()
{
	without_channel_binding
	pool_by transaction
	everything_works
}

# More logins than connections: they queue there, within their deadlines.
test_many_logins_share_the_few_connections_of_their_role()
{
	local i most=0 now

	without_channel_binding
	for ((i = 0; i < 12; i++)); do
		printf '%s\n' "$token" | lab_exec web-1 \
		    "$lab_build/tests/host/attempt" auth attempt "$login" &
	done >"$LAB/many" 2>&1
	while [ -n "$(jobs -pr)" ]; do
		now=$(lab_sql "select count(*) from pg_stat_activity
		    where usename = 'oat_web-1'")
		[ "$now" -le "$most" ] || most=$now
	done
	out=$(cat "$LAB/many")
	expect_equal 12 "$(grep -c "^$PAM_SUCCESS " <<<"$out")"
	expect_between 1 "$most" "$pool_size"
}

start_and_be_noticed()
{
	lab_database_start
	sleep 1.2 # server_login_retry
}

test_a_database_that_is_stopped_behind_it_is_told()
{
	without_channel_binding
	with_fault lab_database_stop start_and_be_noticed \
	    'db\.lab:6432: .*(login has been failing|stopped answering|no answer)'
}

lab_enter "$@"
fault_lab 3
lab_pgbouncer
reconfigure 's/dbname=oat/dbname=oat port=6432/'
run_tests "$@"
