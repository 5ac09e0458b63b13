#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The database is reached and then silent, slow or gone, at each step of the
# dialogue; or it talks without end.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# --- the server itself -------------------------------------------------------

test_case_15_a_server_that_was_stopped_by_a_signal_is_a_timeout()
{
	with_fault lab_database_freeze lab_database_thaw \
	    'db\.lab:5432: no answer in time'
}

# Real clients, nothing being known of the outage yet: sshd by either method,
# and su, which asks for the target's token.
test_sshd_and_su_refuse_within_the_timeout_while_the_database_is_frozen()
{
	meanwhile lab_database_freeze lab_database_thaw expect_refused_in_time
	expect_recovered
}

expect_refused_in_time()
{
	local client

	for client in by_password by_keyboard by_su; do
		forget_outage
		took_ms=${EPOCHREALTIME//[!0-9]/}
		$client
		took_ms=$(((${EPOCHREALTIME//[!0-9]/} - took_ms) / 1000))
		expect_failure
		[ "$took_ms" -lt $((timeout_ms + 2000)) ] ||
			fail "$client: refused after $took_ms ms"
		[ "$client" = by_password ] || expect_out "$unreachable"
	done
}

by_password()
{
	run lab_ssh client "$token" -o PreferredAuthentications=password \
	    "$login@web-1.lab" id -un
}

by_keyboard()
{
	run lab_ssh client "$token" \
	    -o PreferredAuthentications=keyboard-interactive \
	    "$login@web-1.lab" id -un
}

by_su()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u carol -- su -c 'id -un' "$login"
}

# A session that is let in, and then waits with its first question for somebody
# who has locked what it asks for, an ALTER TABLE for one.
backends_freeze()
{
	printf '%s\n' "begin; lock table oat.tokens, oat.secrets;
	    select pg_sleep(60);" |
		lab_exec db psql -XAtqU postgres -d oat >/dev/null 2>&1 &
	wait_for 5 somebody_sleeps 60
}

backends_thaw()
{
	end_sleep 60
}

somebody_sleeps()
{
	[ "$(lab_sql "select count(*) from pg_stat_activity
	    where query like '%pg_sleep($1)%' and pid <> pg_backend_pid()
	    and wait_event = 'PgSleep'")" = 1 ]
}

end_sleep()
{
	lab_sql "select pg_terminate_backend(pid) from pg_stat_activity
	    where query like '%pg_sleep($1)%' and pid <> pg_backend_pid()" \
	    >/dev/null
}

test_case_15_a_question_that_is_never_answered_is_a_timeout()
{
	with_fault backends_freeze backends_thaw \
	    'db\.lab:5432: the server stopped answering'
}

# --- a row that somebody has locked ------------------------------------------

lock_row()
{
	printf '%s\n' "begin; update oat.tokens set description = 'locked'
	    where name = 'few'; select pg_sleep(30);" |
		lab_exec db psql -XAtqU postgres -d oat >/dev/null 2>&1 &
	wait_for 5 somebody_sleeps 30
}

unlock_row()
{
	end_sleep 30
}

test_a_row_that_somebody_locked_keeps_out_that_token_alone()
{
	local ci_token=$token ci_selector=$selector

	lab_token web-1 acme few web-1 attempt
	lab_sql "update oat.tokens set uses_left = 5 where name = 'few'"
	expect_others_let_in()
	{
		log_mark
		attempt oat-acme-few
		expect_code "$PAM_AUTHINFO_UNAVAIL"
		expect_in_time
		expect_line 'login=oat-acme-few .*the server stopped answering'
		token=$ci_token selector=$ci_selector
		attempt
		expect_code "$PAM_SUCCESS"
	}
	meanwhile lock_row unlock_row expect_others_let_in
}

# --- restarting --------------------------------------------------------------

# In the middle of a question the server goes, and comes back.
test_case_18_a_server_that_restarts_in_the_middle_is_told()
{
	expect_told_of_restart()
	{
		forget_outage
		log_mark
		( sleep 0.4 && lab_database_stop ) &
		attempt
		wait
		expect_code "$PAM_AUTHINFO_UNAVAIL"
		expect_in_time
		expect_holder_told
		expect_line 'db\.lab:5432: .*(terminating|closed|reset|EOF)'
		expect_others_told
	}
	# With it went whoever had locked something.
	meanwhile backends_freeze lab_database_start expect_told_of_restart
	expect_recovered
}

test_case_18_a_session_that_is_ended_in_the_middle_is_told()
{
	proxy cut 9 0
	meanwhile true proxy_end expect_undecided \
	    'db\.lab:6432: .*(closed|reset|EOF|end of file)'
	expect_recovered
}

kill_sessions()
{
	local i

	for ((i = 0; i < 200; i++)); do
		[ -e "$LAB/killing" ] || break
		lab_sql "select pg_terminate_backend(pid) from pg_stat_activity
		    where usename = 'oat_web-1'" && sleep 0.02
	done >/dev/null
}

# Each is let in or told why, in time; the log of the database and that of the
# host agree on who was.
test_case_18_a_server_that_ends_sessions_at_random_leaves_no_one_in_doubt()
{
	local i codes=

	: >"$LAB/killing"
	kill_sessions &
	for ((i = 0; i < 12; i++)); do
		forget_outage
		attempt
		expect_in_time
		codes+=" $code"
	done
	rm "$LAB/killing"
	wait
	for code in $codes; do
		[ "$code" = "$PAM_SUCCESS" ] ||
			[ "$code" = "$PAM_AUTHINFO_UNAVAIL" ] ||
			fail "codes: $codes"
	done
	expect_recovered
}

# --- each step of the dialogue -----------------------------------------------

# How many messages a whole login takes. Now and then the server's good-bye
# (close_notify) is still seen, for which nobody waits: the least of some.
count_messages()
{
	local i seen

	messages=1000
	for i in 1 2 3; do
		proxy pass
		meanwhile true proxy_end expect_let_in
		seen=$(head -n 1 "$LAB/proxy.out")
		[ "${seen:-0}" -gt 8 ] || fail "a login of ${seen:-0} messages"
		[ "$seen" -ge "$messages" ] || messages=$seen
	done
}

expect_let_in()
{
	forget_outage
	attempt
	expect_code "$PAM_SUCCESS"
}

expect_frozen()
{
	forget_outage
	log_mark
	attempt
	expect_in_time
	expect_code "$PAM_AUTHINFO_UNAVAIL"
	expect_holder_told
	expect_line "refused login=$login .*db\\.lab:6432: (no answer in time|the server stopped answering)"
}

test_case_15_a_server_that_freezes_after_any_message_is_a_timeout()
{
	count_messages
	meanwhile hurry restore_configuration freeze_everywhere
	expect_nothing_left
	expect_recovered
}

hurry()
{
	keep_configuration
	reconfigure 's/timeout = 1s/timeout = 500ms/'
}

expect_frozen_for_all()
{
	expect_frozen
	expect_others_told
}

# After the last one nobody waits: it answers the end of the session.
freeze_everywhere()
{
	local i

	timeout_ms=500
	for ((i = 0; i < messages; i++)); do
		proxy freeze "$i" 0
		meanwhile true proxy_end expect_frozen_for_all
		# Three bytes into the next one: in the middle of it.
		proxy freeze "$i" $((i > 0 ? 3 : 0))
		meanwhile true proxy_end expect_frozen
	done
}

# --- slow --------------------------------------------------------------------

be_patient()
{
	keep_configuration
	reconfigure 's/timeout = 1s/timeout = 5s/'
}

test_a_slow_database_lets_in_when_it_is_fast_enough()
{
	expect_let_in_slowly()
	{
		proxy delay 50
		meanwhile true proxy_end expect_let_in
	}
	meanwhile be_patient restore_configuration expect_let_in_slowly
}

test_a_database_that_is_too_slow_is_a_timeout()
{
	proxy delay 400
	meanwhile true proxy_end expect_undecided 'db\.lab:6432: no answer in time'
	expect_recovered
}

test_case_15_a_byte_a_second_is_a_timeout()
{
	proxy trickle 1000
	meanwhile true proxy_end expect_undecided 'db\.lab:6432: no answer in time'
	expect_recovered
}

test_case_15_a_port_that_accepts_and_says_nothing_is_a_timeout()
{
	proxy silent
	meanwhile true proxy_end expect_undecided 'db\.lab:6432: no answer in time'
	expect_recovered
}

test_garbage_is_given_up()
{
	proxy babble
	meanwhile true proxy_end expect_undecided 'db\.lab:6432: .*SSL error'
	expect_recovered
}

test_no_to_tls_is_given_up()
{
	proxy refuse
	meanwhile true proxy_end expect_undecided \
	    'db\.lab:6432: .*server does not support SSL'
	expect_recovered
}

test_case_16_bytes_without_end_are_given_up()
{
	proxy endless
	meanwhile true proxy_end expect_undecided 'db\.lab:6432: .*(SSL|no answer)'
	expect_recovered
}

lab_enter "$@"
fault_lab 1
run_tests "$@"
