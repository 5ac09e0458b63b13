#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What identities run ends with their access, and nobody else's does.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# A token with an open session: the login is in $login.
open_session()
{
	# A test that fails leaves a connection, which would hold its output.
	# shellcheck disable=SC2046
	trap 'kill $(jobs -p) 2>/dev/null' EXIT
	lab_token web-1 acme "$1" 'web-*' sshd,sudo,cron
	login=oat-acme-$1
	lab_session_open client "$token" "$login@web-1.lab" ||
		fail "no session for $login"
	await_syncs
}

# The events of a session are sent by a sync, a second later. What is changed
# before it has asked would be its to find.
await_syncs()
{
	wait_for 10 lab_is_idle web-1 || fail "a sync does not end"
}

# start_in_session COMMAND: in the background of the session, for good.
start_in_session()
{
	run lab_session "($1) >/dev/null 2>&1 </dev/null & sleep 1"
	await_syncs
}

# The test ends when nobody holds its output any more.
in_background()
{
	"$@" >/dev/null 2>&1 </dev/null &
}

as_root()
{
	echo "echo $token | sudo -S -p '' $1"
}

processes()
{
	lab_exec web-1 ps -o pid= -o args= -u "$1" | grep -v defunct
}

no_processes()
{
	! processes "$1" | grep -q .
}

expect_processes()
{
	processes "$1" | grep -q . || fail "$1 has no process any more"
}

expect_no_processes()
{
	no_processes "$1" || fail "$1 still runs: $(processes "$1")"
}

# The other end sees the connection close.
session_is_over()
{
	! lab_session true >/dev/null
}

sync_now()
{
	run lab_exec web-1 oat sync
	expect_status 0
}

# expect_confirmed TOKEN [HOW]: as the database sees this host.
expect_confirmed()
{
	expect_equal "${2-confirmed}" "$(lab_sql "
	    select coalesce(reason, 'confirmed')
	    from oat.revocation_status('acme', '$1') where host = 'web-1'")"
}

expect_terminated()
{
	expect_equal "$2" "$(lab_sql "select detail->>'reason'
	    from oat.activity where event = 'session.terminated'
	    and token = '$1'")"
}

deactivate()
{
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = '$1'"
}

# --- whose sessions end -------------------------------------------------------

test_a_session_ends_with_its_token_at_the_next_sync()
{
	open_session ended
	lab_sql "select oat.revoke('acme/ended')" >/dev/null
	expect_processes "$login"
	expect_confirmed ended not_told
	sync_now
	expect_out "sessions of $login ended: processes=.* reason=revoked"
	expect_no_processes "$login"
	session_is_over || fail "the connection is still open"
	expect_confirmed ended
	expect_terminated ended revoked
	expect_equal 0 "$(lab_sql "select left_over from (select
	    (detail->>'left')::int as left_over from oat.activity
	    where event = 'session.terminated' and token = 'ended') a")"
	# Once is enough.
	sync_now
	expect_no_out ended
	expect_terminated ended revoked
}

test_each_way_to_lose_access_ends_sessions()
{
	local take give

	while IFS='|' read -r take give; do
		open_session ways
		lab_sql "$take"
		sync_now
		expect_no_processes oat-acme-ways
		expect_confirmed ways
		lab_sql "$give"
		lab_sql "delete from oat.tokens where name = 'ways'"
	done <<-'WAYS'
	update oat.tokens set deactivated_at = now() where name = 'ways'|
	update oat.organizations set suspended_at = now()|update oat.organizations set suspended_at = null
	update oat.hosts set suspended_at = now()|update oat.hosts set suspended_at = null
	delete from oat.grants where token = 'ways'|
	update oat.grants set host = 'db' where token = 'ways'|
	delete from oat.tokens where name = 'ways'|
	WAYS
}

test_expired_sessions_end_by_configuration_alone()
{
	open_session expiring
	lab_sql "update oat.tokens set expires_at = now() + interval '1 s'
	    where name = 'expiring'"
	sleep 1.2
	sync_now
	expect_processes "$login"
	expect_confirmed expiring sessions_left
	lab_exec web-1 sh -c 'echo "terminate_sessions = expired" \
	    >>/etc/oat/oat.conf'
	sync_now
	lab_exec web-1 sed -i /terminate_sessions/d /etc/oat/oat.conf
	expect_no_processes "$login"
	expect_confirmed expiring
	expect_terminated expiring expired
}

test_terminate_sessions_no_ends_nothing_and_says_so()
{
	open_session spared
	lab_exec web-1 sh -c 'echo "terminate_sessions = no" \
	    >>/etc/oat/oat.conf'
	lab_sql "select oat.revoke('acme/spared')" >/dev/null
	sync_now
	expect_processes "$login"
	expect_confirmed spared sessions_left
	lab_exec web-1 sed -i /terminate_sessions/d /etc/oat/oat.conf
	sync_now
	expect_no_processes "$login"
	expect_confirmed spared
}

test_sessions_of_others_go_on()
{
	local other

	lab_local_user web-1 person 'a password'
	in_background lab_exec web-1 runuser -u person -- sleep 1000
	lab_token web-1 acme stays 'web-*' sshd
	in_background lab_ssh client "$token" oat-acme-stays@web-1.lab sleep 1000
	other=$!
	wait_for 10 lab_exec web-1 pgrep -u oat-acme-stays sleep >/dev/null ||
		fail "no session that could stay"
	open_session goes
	in_background lab_exec web-1 runuser -u "$login" -- sleep 1000
	deactivate goes
	sync_now
	expect_no_processes "$login"
	expect_processes person
	expect_processes oat-acme-stays
	kill -0 "$other" || fail "the other connection is closed"
	lab_exec web-1 pkill sleep
}

# --- what runs in them --------------------------------------------------------

test_processes_that_want_to_stay_end()
{
	open_session obstinate
	start_in_session 'setsid nohup sleep 1001'
	start_in_session 'trap "" TERM HUP INT; sleep 1002 & wait; sleep 1003'
	start_in_session 'sleep 1004 & sleep 0.1; kill -STOP $!; wait'
	# A terminal of its own, as of screen and tmux.
	start_in_session 'setsid script -qc "sleep 1005" /dev/null'
	expect_equal 5 "$(processes "$login" | grep -c 'sleep 100[1-5]$')"
	deactivate obstinate
	sync_now
	expect_no_processes "$login"
	expect_confirmed obstinate
}

test_a_multiplexed_connection_ends_with_all_that_uses_it()
{
	local socket=/run/mux master

	lab_token web-1 acme shared 'web-*' sshd
	login=oat-acme-shared
	in_background lab_ssh client "$token" -M -S $socket -N \
	    "$login@web-1.lab"
	master=$!
	wait_for 10 lab_exec client test -S $socket || fail "no master"
	run lab_ssh client '' -S $socket "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	deactivate shared
	sync_now
	wait_for 5 sh -c "! kill -0 $master 2>/dev/null" ||
		fail "the master's connection is still open"
	run lab_ssh client '' -S $socket "$login@web-1.lab" id -un
	expect_status 255
	expect_no_processes "$login"
}

test_a_cron_job_ends()
{
	lab_token web-1 acme nightly 'web-*' cron
	login=oat-acme-nightly
	# Run when cron starts, since its minutes are long.
	echo '@reboot exec sleep 1000' |
		lab_exec web-1 crontab -u "$login" -
	lab_exec web-1 rm -f /run/crond.reboot
	in_background lab_exec web-1 cron
	wait_for 10 lab_exec web-1 pgrep -u "$login" sleep >/dev/null ||
		fail "the job did not start: $(lab_log web-1 | tail -n 5)"
	deactivate nightly
	sync_now
	expect_no_processes "$login"
	expect_confirmed nightly
	lab_exec web-1 pgrep -x cron >/dev/null || fail "cron has ended"
	lab_exec web-1 pkill -x cron
}

# --- root ---------------------------------------------------------------------

needs_login_uids()
{
	local login

	login=$(lab_session "cat /proc/self/loginuid" 2>/dev/null)
	case $login in
	'' | 0 | 4294967295 | *[!0-9]*)
		skip "no login uids here: pam_loginuid, or the kernel" ;;
	esac
}

test_root_shells_of_sudo_end()
{
	open_session admin
	start_in_session "$(as_root 'sh -c "trap : TERM; sleep 1001; sleep 9"')"
	start_in_session \
	    "setsid script -qc \"$(as_root 'sleep 1002')\" /dev/null"
	wait_for 5 lab_exec web-1 pgrep -u root -f 'sleep 1002' >/dev/null
	run lab_exec web-1 pgrep -u root -f 'sleep 100[12]$'
	expect_status 0
	deactivate admin
	sync_now
	run lab_exec web-1 pgrep -u root -f 'sleep 100[12]$'
	expect_status 1
	expect_no_processes "$login"
	expect_confirmed admin
}

# Nobody can tell it from a service that was restarted by hand.
test_root_that_has_detached_is_left_and_reported()
{
	open_session daemon
	needs_login_uids
	start_in_session "$(as_root 'setsid -f sleep 1003')"
	deactivate daemon
	sync_now
	# What closes sudo's session may still be there, too.
	expect_out "sessions of $login ended: .* left=[12] reason=revoked"
	expect_no_processes "$login"
	lab_exec web-1 pgrep -u root -f 'sleep 1003' >/dev/null ||
		fail "what has detached was ended"
	expect_confirmed daemon sessions_left
	sync_now
	expect_no_out "sessions of $login ended"
	lab_exec web-1 pkill -u root -f 'sleep 1003'
	sync_now
	expect_confirmed daemon
}

test_root_of_a_local_user_goes_on()
{
	lab_local_user web-1 boss 'a password'
	open_session leaving
	in_background lab_ssh client 'a password' boss@web-1.lab \
	    "echo 'a password' | sudo -S -p '' sleep 1004"
	wait_for 10 lab_exec web-1 pgrep -u root -f '^sleep 1004' >/dev/null ||
		fail "no session of a local user"
	deactivate leaving
	sync_now
	expect_no_processes "$login"
	lab_exec web-1 pgrep -u root -f '^sleep 1004' >/dev/null ||
		fail "root of a local user was ended"
	lab_exec web-1 pkill -f 'sleep 1004'
}

# --- later sessions -----------------------------------------------------------

test_a_session_after_a_new_activation_stays()
{
	open_session again
	lab_sql "select oat.revoke('acme/again')" >/dev/null
	lab_sql "update oat.tokens set deactivated_at = null
	    where name = 'again'"
	start_in_session 'sleep 1001'
	in_background lab_ssh client "$token" "$login@web-1.lab" \
	    exec sleep 1002
	wait_for 10 lab_exec web-1 pgrep -u "$login" -f 'sleep 1002' >/dev/null
	sync_now
	expect_terminated again end_sessions
	session_is_over || fail "the old connection is still open"
	run processes "$login"
	expect_no_out 'sleep 1001'
	expect_out 'sleep 1002'
	expect_confirmed again has_access
	sync_now
	expect_processes "$login"
	lab_exec web-1 pkill sleep
}

test_end_sessions_of_a_good_token_ends_those_alone()
{
	open_session rotated
	lab_sql "select oat.end_sessions('acme', 'rotated')"
	sync_now
	expect_no_processes "$login"
	expect_terminated rotated end_sessions
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
}

# A look-up has fetched the wish, and left it to others.
test_end_sessions_is_not_lost_by_a_brief_sync()
{
	open_session brief
	lab_sql "select oat.end_sessions('acme', 'brief')"
	run lab_exec web-1 oat sync --max-age 1
	expect_processes "$login"
	sync_now
	expect_no_processes "$login"
}

# --- never --------------------------------------------------------------------

test_an_outage_ends_nothing()
{
	open_session patient
	deactivate patient
	lab_database_stop
	run lab_exec web-1 oat sync
	lab_database_start
	expect_status 1
	expect_processes "$login"
	run lab_session 'id -un'
	expect_equal "$login" "$out"
	sync_now
	expect_no_processes "$login"
}

# answer_with ROWS: oat.host_sync() answers these rows, until answer_well.
answer_with()
{
	lab_sql "alter function oat.host_sync(bigint, bigint, jsonb)
	    rename to host_sync_kept;
	create function oat.host_sync(known_generation bigint,
	    known_as_of bigint, report jsonb)
	returns table (kind text, name text, id bigint, organization text,
	    token text, shell text, active boolean, expires_at bigint,
	    groups text) language sql as \$\$ $1 \$\$;
	grant execute on function oat.host_sync(bigint, bigint, jsonb)
	    to oat_host"
}

answer_well()
{
	lab_sql "drop function oat.host_sync(bigint, bigint, jsonb);
	alter function oat.host_sync_kept(bigint, bigint, jsonb)
	    rename to host_sync"
}

test_an_incomplete_or_older_answer_ends_nothing()
{
	local uid rows

	open_session certain
	uid=$(lab_exec web-1 id -u "$login")
	rows="select 'identity', '$login', ${uid}::bigint, 'acme', 'certain',
	    '/bin/sh', false, null::bigint, ''"
	while read -r first last; do
		answer_with "select 'begin', 'web-1', $first, null, null, null,
		    null::boolean, 1::bigint, '1' union all $rows $last"
		run lab_exec web-1 oat sync
		answer_well
		expect_out 'identities stay as they are'
		expect_processes "$login"
	done <<-'ANSWERS'
	known_generation+1
	known_generation+1 union all select 'end', null, known_generation, null, null, null, null, null, null
	known_generation-1 union all select 'end', null, known_generation-1, null, null, null, null, null, null
	ANSWERS
	run lab_session 'id -un'
	expect_equal "$login" "$out"
	lab_session_close
}

# --- and all the same ---------------------------------------------------------

test_a_full_disk_keeps_no_session()
{
	open_session full
	deactivate full
	# The name under which the new file would be written.
	lab_exec web-1 mkdir /var/lib/oat/identities.new
	run lab_exec web-1 oat sync
	expect_status 1
	expect_no_processes "$login"
	expect_confirmed full not_applied
	# Not before: the session that closed has a sync of its own.
	lab_exec web-1 rmdir /var/lib/oat/identities.new
	sync_now
	expect_confirmed full
}

test_a_sync_that_is_killed_is_done_again()
{
	local ms

	for ms in 005 010 020 030 040 050 070 090 150 250 350; do
		open_session "killed$ms"
		start_in_session 'trap "" TERM; sleep 1001 & wait; sleep 1002'
		deactivate "killed$ms"
		lab_exec web-1 timeout -s KILL "0.$ms" oat sync >/dev/null 2>&1
		run lab_exec web-1 getent passwd "$login"
		expect_status 0
		sync_now
		expect_no_processes "$login"
		expect_confirmed "killed$ms"
	done
}

test_syncs_at_once_end_sessions_once()
{
	local i pids=

	open_session once
	deactivate once
	for i in 1 2 3 4 5 6; do
		in_background lab_exec web-1 oat sync
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i" || fail "a sync failed"
	done
	expect_no_processes "$login"
	expect_terminated once revoked
	expect_confirmed once
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'unlimited'"
run_tests "$@"
