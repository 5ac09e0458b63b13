#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A holder whose token ends soon is told at the opening of a session, where
# people read; what programs read stays as it is.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
at=$login@web-1.lab
home=/var/lib/oat/home/$login
notice="oat: acme/ci expires 20[0-9-]+ [0-9:]+ UTC, in 3 days"
configuration=/etc/oat/oat.conf

# Two streams apart: $out, $errors and $status.
split()
{
	last_command=$*
	out=$("$@" 2>"$LAB/errors" </dev/null)
	status=$?
	errors=$(cat "$LAB/errors")
}

expect_silence()
{
	expect_status 0
	expect_equal "$1" "$out"
	expect_equal '' "$errors"
}

# Commands typed at a shell on a terminal of the host's own.
on_terminal()
{
	{
		sleep 1
		printf '%s\nexit\n' "$2"
		sleep 1
	} | lab_exec web-1 script -qec "$1" /dev/null
}

# --- people ------------------------------------------------------------------

test_a_shell_of_ssh_is_told()
{
	run_with $'echo hi\nexit\n' lab_ssh client "$token" -tt "$at"
	expect_status 0
	expect_out "^$notice"
	expect_equal 1 "$(grep -c 'oat: acme/ci' <<<"$out")"
}

test_the_time_is_that_of_token_status()
{
	run_with $'exit\n' lab_ssh client "$token" -tt "$at"
	expect_out "expires $(lab_sql "select to_char(expires_at
	    at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from oat.token_status
	    where token = 'ci'") UTC, in $(lab_sql "select days_left
	    from oat.token_status where token = 'ci'") days"
}

test_a_login_shell_of_su_is_told()
{
	out=$(on_terminal "su - $login" 'echo hi')
	expect_out "^$notice"
}

test_login_is_told()
{
	out=$(on_terminal "login $login" "$token")
	expect_out "^$notice"
}

test_a_token_that_ends_later_is_told_nothing()
{
	lab_token web-1 acme later 'web-*' sshd "now() + interval '15 days'"
	run_with $'exit\n' lab_ssh client "$token" -tt oat-acme-later@web-1.lab
	expect_status 0
	expect_no_out 'oat: '
}

test_a_token_without_an_end_is_told_nothing()
{
	lab_token web-1 acme ever 'web-*' sshd
	run_with $'exit\n' lab_ssh client "$token" -tt oat-acme-ever@web-1.lab
	expect_status 0
	expect_no_out 'oat: '
}

# The configuration is read anew each time.
configured()
{
	local file

	file=$(lab_root web-1)$configuration
	cp -p "$file" "$LAB/conf.kept"
	echo "$1" >>"$file"
	run_with $'exit\n' lab_ssh client "$token" -tt "$at"
	cp -p "$LAB/conf.kept" "$file"
	expect_status 0
}

test_expiry_notice_says_how_long_before()
{
	configured 'expiry_notice = 4d'
	expect_out "^$notice"
	configured 'expiry_notice = 2d'
	expect_no_out 'oat: '
	configured 'expiry_notice = 0s'
	expect_no_out 'oat: '
}

test_quiet_shells_are_told_nothing()
{
	lab_exec web-1 touch "$home/.hushlogin"
	run_with $'exit\n' lab_ssh client "$token" -tt "$at"
	expect_status 0
	expect_no_out 'oat: '
	out=$(on_terminal "login $login" "$token")
	expect_no_out 'oat: '
	lab_exec web-1 rm "$home/.hushlogin"
}

# --- programs ----------------------------------------------------------------

test_a_command_of_ssh_hears_nothing()
{
	split lab_ssh client "$token" "$at" 'echo hi'
	expect_silence hi
}

# Without one, the script would be a shell's input, and the shell be told.
test_a_script_for_a_command_hears_nothing()
{
	run_with $'echo hi\n' lab_ssh client "$token" "$at" sh -s
	expect_status 0
	expect_equal hi "$out"
	run_with $'echo hi\n' lab_ssh client "$token" "$at"
	expect_out "^$notice"
}

test_a_command_of_ssh_on_a_terminal_hears_nothing()
{
	split lab_ssh client "$token" -q -tt "$at" 'echo hi'
	expect_silence $'hi\r'
}

test_scp_hears_nothing()
{
	local old

	for old in '' -O; do
		lab_exec client rm -f /tmp/back
		# shellcheck disable=SC2086
		split lab_copy client "$token" scp -q $old /tmp/data "$at:data"
		expect_silence ''
		# shellcheck disable=SC2086
		split lab_copy client "$token" scp -q $old "$at:data" /tmp/back
		expect_silence ''
		run lab_exec client cmp /tmp/data /tmp/back
		expect_status 0
	done
}

test_sftp_hears_nothing()
{
	local batch=$'put /tmp/data over\nget over /tmp/over\n'

	run_with "$batch" lab_copy client "$token" sftp -q "$at"
	expect_status 0
	expect_no_out 'oat: '
	run lab_exec client cmp /tmp/data /tmp/over
	expect_status 0
}

# Its protocol has no room for a line of somebody else's.
test_rsync_hears_nothing()
{
	local remote="ssh ${lab_ssh_options[*]}"

	split lab_client_run client "$token" rsync -a -e "$remote" /tmp/tree/ \
	    "$at:tree/"
	expect_silence ''
	split lab_client_run client "$token" rsync -a -e "$remote" \
	    "$at:tree/" /tmp/tree.back/
	expect_silence ''
	run lab_exec client diff -r /tmp/tree /tmp/tree.back
	expect_equal '' "$out"
	expect_status 0
}

# ansible OPTION...: a module on web-1, over ssh with the token. sftp's batch
# mode would ask nobody for it.
ansible()
{
	local ssh_options="${lab_ssh_options[*]}"

	ssh_options+=' -o PreferredAuthentications=password'
	ssh_options+=' -o PasswordAuthentication=yes -o ControlMaster=no'
	lab_client_run client "$token" env ANSIBLE_SSH_ARGS="$ssh_options" \
	    ANSIBLE_PIPELINING="${pipelining-False}" ANSIBLE_NOCOLOR=1 \
	    ANSIBLE_SFTP_BATCH_MODE=False \
	    ANSIBLE_HOME=/tmp/ansible ANSIBLE_PYTHON_INTERPRETER=auto_silent \
	    ansible web-1 -i 'web-1,' -u "$login" \
	    -e "ansible_host=web-1.lab ansible_become_password=$token" "$@"
}

test_ansible_hears_nothing()
{
	split ansible -o -m ping
	expect_status 0
	expect_out 'web-1 \| SUCCESS => \{.*"ping": "pong"\}'
	expect_equal '' "$errors"
	expect_no_out 'oat: acme'
}

# With a terminal for sudo, and with pipelining.
test_ansible_becomes_root_and_hears_nothing()
{
	local pipelining

	for pipelining in False True; do
		split ansible -o -b -m command -a 'id -un'
		expect_status 0
		expect_out 'web-1 \| CHANGED \| rc=0 \| \(stdout\) root$'
		expect_equal '' "$errors"
		expect_no_out 'oat: acme'
	done
}

test_ansible_copies_a_file_and_hears_nothing()
{
	split ansible -m copy -a "src=/tmp/data dest=$home/copied"
	expect_status 0
	expect_equal '' "$errors"
	expect_no_out 'oat: acme'
	run lab_exec client cmp /tmp/data "$(lab_root web-1)$home/copied"
}

# sudo opens the target's session.
test_sudo_says_nothing()
{
	out=$(on_terminal "sudo -u $login id -un" '')
	expect_out "^$login"
	expect_no_out 'oat: '
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u "$login" -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
}

# util-linux's su is silent with -c; piped, a shell of it would not be.
test_su_into_a_pipe_says_nothing()
{
	run lab_exec web-1 su - "$login" -c 'echo hi'
	expect_equal hi "$out"
	out=$(on_terminal "su - $login | cat -A" 'echo hi')
	expect_out '^hi\$'
	expect_no_out 'oat: '
}

test_cron_runs_without_a_word()
{
	echo "@reboot $login echo hi >/tmp/cron.out 2>&1" |
		lab_put web-1 /etc/cron.d/ci
	lab_exec web-1 cron
	wait_for 10 lab_exec web-1 test -s /tmp/cron.out ||
		fail "cron did not run it"
	run lab_exec web-1 cat /tmp/cron.out
	expect_equal hi "$out"
	expect_no_log web-1 'no conversation'
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
lab_token web-1 acme ci 'web-*' '*' \
    "date_trunc('minute', now()) + interval '3 days 1 hour'"
lab_exec client sh -c 'head -c 300000 /dev/urandom >/tmp/data &&
    mkdir -p /tmp/tree/a && cp /tmp/data /tmp/tree/a/ && echo x >/tmp/tree/b'
lab_ssh client "$token" "$at" true # makes its home
run_tests "$@"
