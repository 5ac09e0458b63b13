#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A machine account comes in through a real sshd, by each way a client has.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

by_keyboard=(-o PreferredAuthentications=keyboard-interactive)
by_password=(-o PreferredAuthentications=password)

questions()
{
	cat "$(lab_root client)/run/askpass.questions"
}

activity()
{
	lab_sql "select event, outcome, reason from oat.activity
	    where actor = '$1' order by id"
}

test_a_token_minted_a_moment_ago_logs_in_by_password()
{
	lab_new_token web-1 acme ci 'web-*' sshd
	run lab_ssh client "$token" "${by_password[@]}" oat-acme-ci@web-1.lab \
	    'id; pwd; umask'
	expect_status 0
	expect_out '^uid=70[0-9]+\(oat-acme-ci\) gid=70[0-9]+\(oat-acme-ci\)'
	expect_out '\(oat-users\)'
	expect_out '\(oat-acme\)'
	expect_no_out 'oat-sudo'
	expect_out '^/var/lib/oat/home/oat-acme-ci$'
}

test_the_home_of_an_identity_is_its_own()
{
	run lab_exec web-1 stat -c '%U:%G %a' /var/lib/oat/home/oat-acme-ci
	expect_equal 'oat-acme-ci:oat-acme-ci 700' "$out"
}

test_a_login_is_recorded_once()
{
	lab_token web-1 acme once 'web-*' sshd
	run lab_ssh client "$token" "${by_password[@]}" oat-acme-once@web-1.lab \
	    true
	expect_status 0
	run lab_sql "select host, service, rhost, outcome, reason
	    from oat.activity
	    where actor = 'oat-acme-once' and event in ('login', 'access')"
	expect_equal "web-1|sshd|${lab_addresses[client]}|success|" "$out"
}

test_a_session_is_recorded_from_its_beginning_to_its_end()
{
	lab_token web-1 acme session 'web-*' sshd
	run lab_ssh client "$token" oat-acme-session@web-1.lab true
	expect_status 0
	session_is_recorded()
	{
		[ "$(lab_sql "select count(*) from oat.activity
		    where actor = 'oat-acme-session'
		    and event in ('session.opened', 'session.closed')")" = 2 ]
	}
	wait_for 10 session_is_recorded || fail "$(activity oat-acme-session)"
}

test_a_token_logs_in_by_keyboard_interactive()
{
	lab_token web-1 acme keyboard 'web-*' sshd
	run lab_ssh client "$token" "${by_keyboard[@]}" \
	    oat-acme-keyboard@web-1.lab id -un
	expect_status 0
	expect_equal oat-acme-keyboard "$out"
	expect_equal 1 "$(questions | wc -l)"
	questions | grep -q 'Password: *$' || fail "asked: $(questions)"
}

test_a_second_login_of_the_same_token_succeeds()
{
	lab_token web-1 acme again 'web-*' sshd
	for _ in 1 2; do
		run lab_ssh client "$token" oat-acme-again@web-1.lab id -un
		expect_status 0
		expect_equal oat-acme-again "$out"
	done
}

test_the_session_knows_its_organization_and_token()
{
	lab_token web-1 acme environment 'web-*' sshd
	run lab_ssh client "$token" oat-acme-environment@web-1.lab \
	    'echo "$OAT_ORGANIZATION/$OAT_TOKEN_NAME"; env'
	expect_status 0
	expect_out '^acme/environment$'
	expect_no_out "$token"
}

test_a_shell_on_a_terminal_opens_and_closes()
{
	lab_token web-1 acme terminal 'web-*' sshd
	run lab_ssh client "$token" -tt oat-acme-terminal@web-1.lab \
	    'test -t 0 && tty && exit 7'
	expect_status 7
	expect_out '^/dev/pts/'
}

test_scp_copies_a_file()
{
	lab_token web-1 acme copy 'web-*' sshd
	echo content | lab_put client /tmp/file
	run lab_copy client "$token" scp /tmp/file \
	    oat-acme-copy@web-1.lab:arrived
	expect_status 0
	run lab_exec web-1 cat /var/lib/oat/home/oat-acme-copy/arrived
	expect_equal content "$out"
}

test_sftp_fetches_a_file()
{
	lab_token web-1 acme fetch 'web-*' sshd
	echo content | lab_put web-1 /tmp/offered
	run_with $'get /tmp/offered /tmp/fetched\n' lab_copy client "$token" \
	    sftp oat-acme-fetch@web-1.lab
	expect_status 0
	run lab_exec client cat /tmp/fetched
	expect_equal content "$out"
}

test_a_wrong_secret_is_refused()
{
	local right

	lab_token web-1 acme wrong 'web-*' sshd
	right=$selector
	lab_mint web-1
	run lab_ssh client "${token/$selector/$right}" \
	    oat-acme-wrong@web-1.lab true
	expect_status 255
	expect_out 'Permission denied'
	run lab_ssh client "$token" oat-acme-wrong@web-1.lab true
	expect_status 255
}

test_a_password_that_is_no_token_is_refused_without_the_database()
{
	local before

	lab_token web-1 acme shape 'web-*' sshd
	run lab_ssh client "$token" oat-acme-shape@web-1.lab true
	expect_status 0
	sleep 2 # the events of that login are sent
	before=$(lab_connections)
	run lab_ssh client not-a-token oat-acme-shape@web-1.lab true
	expect_status 255
	expect_log web-1 'refused login=oat-acme-shape selector=- reason=malformed'
	expect_equal "$before" "$(lab_connections)"
}

test_case_41_the_token_of_another_identity_is_refused()
{
	lab_token web-1 acme mine 'web-*' sshd
	lab_token web-1 acme yours 'web-*' sshd
	run lab_ssh client "$token" oat-acme-mine@web-1.lab true
	expect_status 255
	expect_log web-1 "login=oat-acme-mine selector=$selector reason=wrong_identity"
}

test_case_50_a_token_without_a_grant_for_this_host_is_refused()
{
	lab_token web-1 acme elsewhere 'app-*' sshd
	run lab_ssh client "$token" oat-acme-elsewhere@web-1.lab true
	expect_status 255
	expect_out 'Permission denied'
}

test_a_token_without_a_grant_for_sshd_is_refused_and_told_why()
{
	lab_token web-1 acme sudoer 'web-*' sudo
	run lab_ssh client "$token" "${by_keyboard[@]}" \
	    oat-acme-sudoer@web-1.lab true
	expect_status 255
	expect_out 'oat: acme/sudoer '
	expect_log web-1 'oat-acme-sudoer .*reason=service_not_granted'
}

test_an_expired_token_is_refused()
{
	lab_token web-1 acme late 'web-*' sshd "now() + interval '1 hour'"
	lab_sql "update oat.tokens set expires_at = now() - interval '1 minute'
	    where name = 'late'"
	run lab_ssh client "$token" "${by_keyboard[@]}" \
	    oat-acme-late@web-1.lab true
	expect_status 255
	expect_out 'oat: acme/late expired 20[0-9-]+ [0-9:]+ UTC'
	expect_log web-1 "login=oat-acme-late selector=$selector reason=expired"
}

test_an_identity_that_does_not_exist_is_refused()
{
	lab_mint web-1
	run lab_ssh client "$token" oat-acme-nobody@web-1.lab true
	expect_status 255
	expect_out 'Permission denied'
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
