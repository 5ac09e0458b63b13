#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A configuration that is not right closes the door, and says where and why.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

conf=/etc/oat/oat.conf
login=oat-acme-ci

# with_fault REGEX COMMAND...: after that command on web-1 a login is refused,
# and the log names the file and the fault; then all is as it was.
with_fault()
{
	local wanted=$1 before

	shift
	before=$(lab_log web-1 | wc -l)
	lab_exec web-1 cp -a /etc/oat /etc/oat.kept
	lab_exec web-1 "$@"
	run lab_ssh client "$token" "$login@web-1.lab" true
	lab_exec web-1 sh -c 'rm -rf /etc/oat && mv /etc/oat.kept /etc/oat'
	expect_status 255
	out=$(lab_log web-1 | tail -n "+$((before + 1))")
	expect_out "$wanted"
	expect_no_out 'accepted'
}

test_the_configuration_as_written_lets_in()
{
	run lab_ssh client "$token" "$login@web-1.lab" true
	expect_status 0
}

test_a_missing_file_is_named()
{
	with_fault "$conf" rm "$conf"
}

test_a_file_that_others_may_read_is_refused_with_its_mode()
{
	with_fault "$conf.*0?644" chmod 0644 "$conf"
}

test_a_file_of_another_owner_is_refused()
{
	with_fault "$conf" chown nobody "$conf"
}

test_a_symbolic_link_is_refused()
{
	with_fault "$conf" sh -c "mv $conf /root/c && ln -s /root/c $conf"
}

test_a_fifo_is_refused()
{
	with_fault "$conf" sh -c "rm $conf && mkfifo -m 0600 $conf"
}

test_an_unknown_key_is_named_with_its_line()
{
	with_fault "$conf:3: colour: " sh -c "echo 'colour = red' >>$conf"
}

test_a_repeated_key_is_named_with_its_line()
{
	with_fault "$conf:4: timeout: " sh -c \
	    "printf 'timeout = 2s\\ntimeout = 3s\\n' >>$conf"
}

test_a_bad_value_is_named_with_its_line_and_not_shown()
{
	with_fault "$conf:3: timeout: " sh -c "echo 'timeout = soonish' >>$conf"
	expect_no_out soonish
}

test_a_missing_password_file_is_named()
{
	with_fault /etc/oat/password rm /etc/oat/password
}

test_a_password_file_that_others_may_read_is_refused()
{
	with_fault /etc/oat/password chmod 0644 /etc/oat/password
}

test_a_connection_without_verified_tls_is_refused()
{
	with_fault 'verify-full' sed -i 's/verify-full/require/' "$conf"
}

lab_enter "$@"
lab_standard
lab_token web-1 acme ci 'web-*' sshd
run_tests "$@"
