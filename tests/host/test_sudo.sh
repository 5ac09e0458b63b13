#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sudo asks for the token, in each of the ways it asks for a password.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# As the identity, in a session of its own without a terminal.
as()
{
	local login=$1

	shift
	lab_exec web-1 setsid -w runuser -u "$login" -- "$@"
}

# Each test has a token of its own.
sudo_token()
{
	lab_token web-1 acme "$1" 'web-*' "${2:-sudo}"
	login=oat-acme-$1
}

test_case_40_sudo_reads_the_token_from_stdin()
{
	sudo_token stdin
	run_with "$token"$'\n' as "$login" sudo -S id -un
	expect_status 0
	expect_out '^(\[sudo\] [^:]*: *)?root$'
	expect_log web-1 "pam_oat\\(sudo:auth\\): accepted login=$login selector=$selector"
}

test_sudo_shows_the_prompt_it_was_given()
{
	sudo_token prompt
	run_with "$token"$'\n' as "$login" sudo -S -p 'token of %u? ' true
	expect_status 0
	expect_equal "token of $login? " "$out"
}

test_case_40_sudo_asks_an_askpass_program()
{
	sudo_token askpass
	printf '#!/bin/sh\necho %s\n' "$token" |
		lab_put web-1 "/run/ask-$login" "$login:root" 0700
	run as "$login" env SUDO_ASKPASS="/run/ask-$login" sudo -A id -un
	expect_status 0
	expect_equal root "$out"
}

test_case_40_sudo_opens_a_login_shell_of_root()
{
	sudo_token shell
	run_with "$token"$'\n' as "$login" sudo -S -p '' -i id -un
	expect_status 0
	expect_out '^root$'
	expect_log web-1 "pam_oat\\(sudo-i:auth\\): accepted login=$login"
}

test_case_40_sudo_becomes_another_local_user()
{
	sudo_token other
	run_with "$token"$'\n' as "$login" sudo -S -p '' -u nobody id -un
	expect_status 0
	expect_equal nobody "$out"
}

test_case_40_sudo_asks_again_after_a_wrong_token()
{
	sudo_token twice
	run_with "nonsense"$'\n'"$token"$'\n' as "$login" sudo -S -p '' id -un
	expect_status 0
	expect_out '^root$'
}

test_case_40_sudo_without_asking_is_refused()
{
	sudo_token silent
	run as "$login" sudo -n true
	expect_failure
}

test_case_41_sudo_is_refused_with_a_token_for_sshd_alone_and_the_holder_told_why()
{
	sudo_token sshonly sshd
	echo "$login ALL=(ALL:ALL) ALL" |
		lab_put web-1 "/etc/sudoers.d/$login" root:root 0440
	run_with "$token"$'\n' as "$login" sudo -S -p '' true
	expect_failure
	expect_out 'oat: acme/sshonly '
	expect_log web-1 "login=$login .*reason=service_not_granted"
}

test_sudo_without_password_is_checked_all_the_same()
{
	sudo_token nopasswd sshd,sudo
	echo "$login ALL=(ALL:ALL) NOPASSWD: ALL" |
		lab_put web-1 "/etc/sudoers.d/$login" root:root 0440
	run as "$login" sudo -n id -un
	expect_equal root "$out"
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'nopasswd'"
	run as "$login" sudo -n id -un
	expect_failure
	expect_log web-1 "sudo:account.*refused login=$login .*reason=deactivated"
}

test_a_group_of_a_grant_has_the_powers_of_its_sudoers_line()
{
	lab_token web-1 acme deployer 'web-*' sshd
	lab_sql "insert into oat.grants (organization, token, host, service,
	    groups) values ('acme', 'deployer', 'web-*', 'sudo', '{deploy}')"
	echo '%oat-g-deploy ALL=(ALL:ALL) /usr/bin/id' |
		lab_put web-1 /etc/sudoers.d/deploy root:root 0440
	lab_exec web-1 oat sync
	run lab_exec web-1 id -Gn oat-acme-deployer
	expect_out 'oat-g-deploy'
	expect_no_out 'oat-sudo'
	run_with "$token"$'\n' as oat-acme-deployer sudo -S -p '' /usr/bin/id -un
	expect_equal root "$out"
	run_with "$token"$'\n' as oat-acme-deployer sudo -S -p '' /bin/true
	expect_failure
}

test_the_session_of_sudo_is_the_target_users()
{
	run lab_sql "select count(*) from oat.activity
	    where event like 'session.%' and service like 'sudo%'"
	expect_equal 0 "$out"
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
