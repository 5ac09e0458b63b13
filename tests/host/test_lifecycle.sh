#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# When a token is let in, from its beginning to its end, at each limit and on
# both sides of it, as ssh and sudo meet it; the clock is moved by data.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/rules.sh
. "$(dirname "$0")/rules.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

time='20[0-9-]+ [0-9:]+ UTC'

uses_left()
{
	lab_sql "select uses_left from oat.tokens where login = '$login'"
}

# --- time -------------------------------------------------------------------

test_a_token_is_refused_before_not_before()
{
	newcomer early
	alter "not_before = now() + interval '1 minute'"
	by_ssh
	expect_refused sshd not_yet_valid " is not valid before $time"
	by_sudo
	expect_refused sudo not_yet_valid " is not valid before $time"
}

test_a_token_is_let_in_from_not_before_on()
{
	newcomer punctual
	alter 'not_before = now()'
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
}

test_a_token_made_for_later_begins_without_a_change()
{
	lab_new_token web-1 acme later web-1 sshd
	login=oat-acme-later
	label=acme/later
	alter "not_before = now() + interval '1 hour'"
	by_ssh
	expect_refused sshd not_yet_valid " is not valid before $time"
	run lab_exec web-1 getent passwd "$login"
	expect_out '/nologin$'
	rewrite 'not_before = now()'
	lab_exec web-1 oat sync
	by_ssh
	expect_let_in sshd
}

test_a_token_is_let_in_until_expires_at()
{
	newcomer ending
	alter "expires_at = now() + interval '1 hour'"
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
}

test_a_token_is_refused_from_expires_at_on()
{
	newcomer ended
	alter 'expires_at = now()'
	by_ssh
	expect_refused sshd expired " expired $time"
	by_sudo
	expect_refused sudo expired " expired $time"
}

test_a_token_is_refused_when_unused_for_max_idle()
{
	newcomer idle
	rewrite "created_at = now() - interval '1 hour'"
	alter "max_idle = '1 hour'"
	by_ssh
	expect_refused sshd idle " was not used since $time"
	by_sudo
	expect_refused sudo idle " was not used since $time"
}

test_a_token_is_let_in_within_max_idle_and_counts_from_that_use()
{
	newcomer active
	rewrite "created_at = now() - interval '1 hour'"
	alter "max_idle = '61 minutes'"
	by_ssh
	expect_let_in sshd
	alter "max_idle = '5 minutes'"
	by_sudo
	expect_let_in sudo
}

# --- uses -------------------------------------------------------------------

test_one_use_is_good_for_one_login()
{
	newcomer once
	alter 'uses_left = 1'
	by_ssh
	expect_let_in sshd
	expect_equal 0 "$(uses_left)"
	by_ssh
	expect_refused sshd used_up ' has no uses left'
	by_sudo
	expect_refused sudo used_up ' has no uses left'
	expect_equal 0 "$(uses_left)"
}

test_a_refused_login_takes_no_use()
{
	newcomer spared sudo
	alter 'uses_left = 1'
	by_ssh
	expect_refused sshd service_not_granted ' is not granted sshd on web-1'
	expect_equal 1 "$(uses_left)"
	by_sudo
	expect_let_in sudo
	expect_equal 0 "$(uses_left)"
}

test_uses_are_exact_when_sudo_runs_many_times_at_once()
{
	local i

	newcomer crowd
	alter 'uses_left = 3'
	for i in 1 2 3 4 5 6; do
		(by_sudo && printf '%s\n' "$out") >"$LAB/crowd.$i" &
	done
	wait
	expect_equal 3 "$(cat "$LAB"/crowd.? | grep -cx root)"
	expect_equal 0 "$(uses_left)"
	run lab_sql "select outcome, reason, count(*) from oat.activity
	    where actor = '$login' and event = 'login' group by 1, 2 order by 1"
	expect_equal $'failure|used_up|3\nsuccess||3' "$out"
}

# --- the end of a token -----------------------------------------------------

test_a_revoked_token_is_refused_at_the_next_login_and_the_next_sudo()
{
	newcomer leaked
	by_ssh
	by_sudo
	expect_let_in sudo
	# The sync that sends the events of these would end what comes next.
	wait_for 10 lab_is_idle web-1 || fail "a sync does not end"
	run lab_sql "select oat.revoke('$login', 'seen in a build log')"
	expect_equal web-1 "$out"
	by_ssh
	expect_refused sshd deactivated " was deactivated $time"
	by_sudo
	expect_refused sudo deactivated " was deactivated $time"
	run lab_sql "select detail ->> 'note' from oat.activity
	    where token = 'leaked' and event = 'token.deactivated'"
	expect_equal 'seen in a build log' "$out"
}

test_a_token_made_again_has_its_files_back_but_not_its_old_secret()
{
	local old uid home=/var/lib/oat/home/oat-acme-phoenix

	newcomer phoenix
	by_ssh
	expect_let_in sshd
	old=$token
	uid=$(lab_exec web-1 id -u "$login")
	lab_sql "delete from oat.tokens where login = '$login'"
	newcomer successor
	lab_exec web-1 oat sync
	run lab_exec web-1 stat -c '%U %u' "$home"
	expect_equal "oat-acme-phoenix $uid" "$out"
	[ "$(lab_exec web-1 id -u "$login")" != "$uid" ] ||
		fail "uid $uid was given to $login"
	newcomer phoenix
	by_ssh
	expect_let_in sshd
	run lab_exec web-1 stat -c '%U %u' "$home"
	expect_equal "oat-acme-phoenix $uid" "$out"
	token=$old
	by_ssh
	expect_status 255
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
