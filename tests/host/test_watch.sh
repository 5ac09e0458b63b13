#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat sync --watch: a change is there within a second, over one connection.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

watch_log=/var/log/watch.log

start_watch()
{
	lab_exec web-1 sh -c "oat sync --watch </dev/null >$watch_log 2>&1 &
	    echo \$! >/run/watch.pid"
	wait_for 10 watch_listens || fail "no watch: $(lab_exec web-1 cat $watch_log)"
}

stop_watch()
{
	lab_exec web-1 sh -c 'kill -TERM $(cat /run/watch.pid)' 2>/dev/null
	wait_for 10 watch_has_ended || fail "the watch does not end"
}

watch_runs()
{
	lab_exec web-1 sh -c 'kill -0 $(cat /run/watch.pid) 2>/dev/null'
}

watch_has_ended()
{
	! watch_runs
}

# Its connection rests, and what it last asked for was to be told.
watch_listens()
{
	lab_sql "select count(*) > 0 from pg_stat_activity
	    where usename = 'oat_web-1' and state = 'idle'" | grep -q t
}

connections()
{
	lab_sql "select count(*) from pg_stat_activity
	    where usename = 'oat_web-1'"
}

backend()
{
	lab_sql "select pid from pg_stat_activity
	    where usename = 'oat_web-1'"
}

host_knows_all()
{
	[ "$(lab_sql "select count(*) from oat.host_state
	    where known_generation = oat.generation()
	    and applied_generation = oat.generation()")" = 1 ]
}

# Milliseconds until the command succeeds; 9999 after five seconds.
measure()
{
	local began now

	began=$(date +%s%3N)
	until "$@"; do
		now=$(date +%s%3N)
		[ $((now - began)) -lt 5000 ] || { echo 9999; return; }
		sleep 0.01
	done
	now=$(date +%s%3N)
	echo $((now - began))
}

# A second is promised, on a machine that has nothing else to do: the best of
# several tries.
within_a_second()
{
	local try ms best=9999

	for try in 1 2 3 4 5; do
		ms=$("$@" "$try") || fail "$ms"
		[ "$ms" -lt "$best" ] && best=$ms
		[ "$best" -gt 1000 ] || return 0
	done
	fail "it took $best ms at best"
}

# --- a change is there within a second ----------------------------------------

# Somebody who is not root never asks for a refresh.
is_known()
{
	lab_exec web-1 runuser -u nobody -- getent passwd "$1" >/dev/null
}

mint_and_look()
{
	lab_new_token web-1 acme "new$1" 'web-*' sshd
	measure is_known "oat-acme-new$1"
}

test_a_new_token_is_known_within_a_second()
{
	start_watch
	within_a_second mint_and_look
	stop_watch
}

session_is_over()
{
	! kill -0 "$lab_session_pid" 2>/dev/null
}

# Beginning when the change is committed; processes and the connection.
revoke_and_look()
{
	local login=oat-acme-gone$1

	# shellcheck disable=SC2046
	trap 'kill $(jobs -p) 2>/dev/null' EXIT
	lab_token web-1 acme "gone$1" 'web-*' sshd
	lab_session_open client "$token" "$login@web-1.lab" ||
		{ echo "no session"; return 1; }
	lab_session "(trap '' TERM; sleep 1001 & wait; sleep 1002) \
	    >/dev/null 2>&1 </dev/null & sleep 0.2" >/dev/null
	lab_sql "select oat.revoke('acme/gone$1')" >/dev/null
	measure gone "$login"
}

gone()
{
	! lab_exec web-1 pgrep -u "$1" -r D,R,S,T >/dev/null &&
		! lab_exec client pgrep -f "^ssh .*$1@" >/dev/null
}

test_a_session_and_its_connection_end_within_a_second_of_revocation()
{
	start_watch
	within_a_second revoke_and_look
	wait_for 5 host_knows_all || fail "it was not confirmed"
	stop_watch
}

test_many_changes_at_once_are_all_there()
{
	start_watch
	lab_sql "do \$\$ begin for i in 1..50 loop
	    update oat.tokens set description = i::text;
	    end loop; end \$\$"
	for i in 1 2 3 4 5 6 7 8; do
		lab_sql "update oat.tokens set description = 'x$i'"
	done
	wait_for 10 host_knows_all || fail "it is behind"
	stop_watch
}

# --- one connection, and little else -------------------------------------------

slots_are_free()
{
	lab_exec web-1 sh -c 'for i in 0 1 2 3 4 5 6 7; do
	    [ ! -e /run/oat/slot.$i ] || flock -n /run/oat/slot.$i true ||
	    exit 1; done; flock -n /run/oat/round.lock true &&
	    flock -n /run/oat/sync.lock true'
}

test_the_watch_holds_one_connection_and_nothing_else()
{
	local first i

	start_watch
	first=$(backend)
	for i in 1 2 3; do
		lab_sql "update oat.tokens set description = 'y$i'"
		wait_for 5 host_knows_all || fail "it is behind"
	done
	expect_equal "$first" "$(backend)"
	wait_for 5 slots_are_free || fail "a lock or a slot is taken"
	# Others ask meanwhile, and it does not mind.
	lab_token web-1 acme beside 'web-*' sshd
	run lab_ssh client "$token" oat-acme-beside@web-1.lab id -un
	expect_equal oat-acme-beside "$out"
	stop_watch
}

memory()
{
	lab_exec web-1 sh -c 'for p in $(cat /run/watch.pid) \
	    $(pgrep -P $(cat /run/watch.pid)); do
	    sed -n "s/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p" /proc/$p/status
	    done' | awk '{ sum += $1 } END { print sum }'
}

test_the_memory_of_the_watch_stays()
{
	local before after i

	start_watch
	for i in 1 2 3 4 5; do
		lab_sql "update oat.tokens set description = 'm$i'"
		wait_for 5 host_knows_all
	done
	before=$(memory)
	for ((i = 0; i < 40; i++)); do
		lab_sql "update oat.tokens set description = 'n$i'"
		wait_for 5 host_knows_all || fail "it is behind"
	done
	after=$(memory)
	[ "$after" -le $((before + 512)) ] ||
		fail "from $before to $after KiB"
	stop_watch
}

test_the_watch_sends_the_spool()
{
	start_watch
	lab_exec web-1 sh -c 'echo "{\"event_id\":\"12345678-1234-4234-8234-123456789abc\",\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"session.closed\",\"login\":\"oat-acme-x\",\"outcome\":null,\"reason\":null}" \
	    >/var/lib/oat/spool/000000000001.000000000-x.event'
	lab_sql "update oat.tokens set description = 'spool'"
	wait_for 5 sh -c "! ls '$(lab_root web-1)'/var/lib/oat/spool/*.event \
	    >/dev/null 2>&1" || fail "the event stays in the spool"
	stop_watch
}

# --- whatever happens -------------------------------------------------------------

test_the_watch_survives_a_restart_of_the_database()
{
	start_watch
	lab_database_stop
	sleep 1
	watch_runs || fail "it has ended: $(lab_exec web-1 cat $watch_log)"
	lab_database_start
	wait_for 30 watch_listens || fail "it does not come back"
	lab_sql "update oat.tokens set description = 'restart'"
	wait_for 5 host_knows_all || fail "it is behind"
	stop_watch
	run lab_exec web-1 grep -q 'connection lost' $watch_log
	expect_status 0
	# It tried, and not all the time.
	run lab_exec web-1 grep -c . $watch_log
	[ "$out" -lt 20 ] || fail "$out lines"
}

# Half a second, a second, two, four: at least that lies between its tries.
test_the_watch_asks_a_dead_server_less_and_less()
{
	local began tries last

	start_watch
	lab_database_stop
	began=$(date +%s%3N)
	sleep 7
	tries=$(lab_exec web-1 grep -c 'no connection' $watch_log)
	last=$(($(date +%s%3N) - began))
	[ "$tries" -ge 2 ] || fail "it does not try: $tries"
	[ "$last" -gt 7500 ] || [ "$tries" -le 4 ] ||
		fail "$tries tries in $last ms"
	lab_database_start
	wait_for 60 watch_listens || fail "it does not come back"
	stop_watch
}

test_the_watch_survives_the_end_of_its_connection()
{
	local first

	start_watch
	first=$(backend)
	lab_sql "select pg_terminate_backend($first)" >/dev/null
	wait_for 10 watch_listens || fail "it does not come back"
	[ "$(backend)" != "$first" ] || fail "the connection is the old one"
	lab_sql "update oat.tokens set description = 'terminated'"
	wait_for 5 host_knows_all || fail "it is behind"
	stop_watch
}

# A server that nobody can be told by: a standby.
test_the_watch_asks_a_standby_now_and_then()
{
	start_watch
	lab_database_stop
	lab_exec db install -o postgres -g postgres -m 0600 /dev/null \
	    $lab_database_directory/standby.signal
	lab_database_start
	wait_for 30 has_asked || fail "it did not ask the standby"
	sleep 1
	watch_runs || fail "it has ended: $(lab_exec web-1 cat $watch_log)"
	expect_equal 0 "$(connections)"
	stop_watch
	lab_sql 'select pg_promote()' >/dev/null
	lab_exec web-1 oat sync || fail "no primary again"
}

has_asked()
{
	lab_exec db tail -n 20 $lab_database_log |
		grep -q 'cannot execute LISTEN during recovery'
}

test_the_watch_reads_its_configuration_again()
{
	local conf=/etc/oat/oat.conf

	start_watch
	lab_exec web-1 sh -c "echo 'nonsense = 1' >>$conf"
	stop_watch_by_hup
	wait_for 10 lab_exec web-1 grep -q 'nonsense: unknown key' $watch_log ||
		fail "it did not read it again"
	watch_runs || fail "it has ended"
	lab_exec web-1 sed -i /nonsense/d $conf
	wait_for 10 watch_listens || fail "it does not come back"
	# Without being told, too, at the next change.
	lab_exec web-1 sh -c "echo 'home_root = /srv/elsewhere' >>$conf"
	lab_sql "update oat.tokens set description = 'configuration'"
	wait_for 5 lab_exec web-1 sh -c 'getent passwd | grep -q /srv/elsewhere' ||
		fail "the old configuration is in force"
	lab_exec web-1 sed -i /home_root/d $conf
	stop_watch
}

stop_watch_by_hup()
{
	lab_exec web-1 sh -c 'kill -HUP $(cat /run/watch.pid)'
}

test_the_watch_stops_cleanly()
{
	local signal

	for signal in TERM INT; do
		lab_exec web-1 sh -c 'oat sync --watch; echo "status $?"' \
		    >"$LAB/stopped" 2>&1 &
		wait_for 10 watch_listens || fail "no watch"
		lab_exec web-1 pkill -$signal -f '^oat sync --watch'
		wait $!
		expect_equal 'status 0' "$(cat "$LAB/stopped")"
		wait_for 5 sh -c ":" # the server notices
		run lab_exec web-1 pgrep -f 'oat sync --watch'
		expect_status 1
	done
}

# An upgrade, in the middle of a rest: by the next round at the latest.
test_the_watch_ends_when_its_program_is_replaced()
{
	lab_exec web-1 sh -c 'oat sync --watch; echo "status $?"' \
	    >"$LAB/replaced" 2>&1 &
	wait_for 10 watch_listens || fail "no watch"
	lab_exec web-1 sh -c 'cp -p /usr/sbin/oat /usr/sbin/oat.new
	    mv /usr/sbin/oat.new /usr/sbin/oat'
	lab_sql "select oat.new_generation()" >/dev/null
	wait $!
	run cat "$LAB/replaced"
	expect_out 'oat was replaced: the watch ends'
	expect_out '^status 1$'
}

test_options_that_make_no_sense_are_refused_with_the_usage()
{
	local options

	for options in --what --courier --max-age '--max-age 0' '--after x' \
	    '--watch --after 1' '--max-age 1 --after 1' '--watch 1'; do
		# shellcheck disable=SC2086
		run lab_exec web-1 timeout 5 oat sync $options
		expect_status 2
		expect_out '^usage: oat sync '
	done
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'unlimited'"
run_tests "$@"
