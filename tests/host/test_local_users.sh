#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Local users notice nothing of oat, nor of what its database does.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

password=right-password

carol_works_as_before()
{
	run lab_ssh client "$password" carol@web-1.lab id -un
	expect_status 0
	expect_equal carol "$out"
	run lab_ssh client wrong-password carol@web-1.lab id -un
	expect_status 255
	run_with "$password"$'\n' lab_exec web-1 runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_status 0
	expect_out '^root$'
	run lab_exec web-1 id carol
	expect_status 0
}

test_case_31_a_local_user_logs_in_and_uses_sudo_as_before()
{
	carol_works_as_before
}

test_a_local_user_logs_in_by_keyboard_interactive_where_sshd_offers_it()
{
	echo 'KbdInteractiveAuthentication yes' |
		lab_put web-1 /etc/ssh/sshd_config.d/00-keyboard.conf
	lab_sshd_reload web-1
	run lab_ssh client "$password" -o \
	    PreferredAuthentications=keyboard-interactive \
	    carol@web-1.lab true
	expect_status 0
}

test_case_31_a_local_user_needs_no_connection_to_the_database()
{
	local before

	before=$(lab_connections)
	carol_works_as_before
	sleep 1.5 # as long as a detached sender of events would wait
	expect_equal "$before" "$(lab_connections)"
}

test_case_31_a_local_user_works_while_the_database_is_stopped()
{
	lab_database_stop
	( carol_works_as_before )
	status=$?
	lab_database_start
	expect_status 0
}

test_case_31_a_local_user_works_while_the_database_is_frozen()
{
	lab_database_freeze
	( carol_works_as_before )
	status=$?
	lab_database_thaw
	expect_status 0
}

# --- what other modules see ---------------------------------------------------

# A stack in which pam_unix stands between our lines, as they are shipped, and
# a witness after each; and the same without ours.
put_stacks()
{
	local phase lines

	lab_exec web-1 install -m 0644 \
	    "$lab_build/tests/host/modules/witness.so" /usr/local/lib
	for phase in auth account; do
		lines=$(grep "^$phase " "$lab_top/pam_oat/stacks/oat")
		cat <<-STACK
		$phase optional /usr/local/lib/witness.so /run/witness first
		$lines
		$phase optional /usr/local/lib/witness.so /run/witness before
		$phase required pam_unix.so nodelay
		$lines
		$phase optional /usr/local/lib/witness.so /run/witness after
		STACK
	done | lab_put web-1 /etc/pam.d/with
	grep -v pam_oat "$(lab_root web-1)/etc/pam.d/with" |
		lab_put web-1 /etc/pam.d/without
}

# witnessed STACK PASSWORD: codes, messages, and what each witness saw.
witnessed()
{
	local phase

	lab_exec web-1 rm -f /run/witness
	for phase in auth account; do
		lab_exec web-1 "$lab_build/tests/host/attempt" \
		    "$phase" "$1" carol <<<"$2" | sed '1s/ .*//'
	done
	lab_exec web-1 cat /run/witness
}

expect_same_witnesses()
{
	local try

	for try in "$password" wrong-password ''; do
		run witnessed without "$try"
		[ -z "$try" ] || expect_out "^auth after $try\$"
		expect_equal "$out" "$(witnessed with "$try")"
	done
}

test_case_31_other_modules_get_the_password_and_result_as_without_us()
{
	put_stacks
	run witnessed with "$password"
	expect_equal "0
0
auth first -
auth before -
auth after $password
account first -
account before -
account after -" "$out"
	expect_same_witnesses
}

test_case_31_other_modules_get_the_same_while_the_database_is_stopped()
{
	lab_database_stop
	( expect_same_witnesses )
	status=$?
	lab_database_start
	expect_status 0
}

test_case_31_other_modules_get_the_same_while_the_database_is_frozen()
{
	lab_database_freeze
	( expect_same_witnesses )
	status=$?
	lab_database_thaw
	expect_status 0
}

# -----------------------------------------------------------------------------

test_a_local_user_works_without_configuration_and_state()
{
	lab_exec web-1 sh -c 'mv /etc/oat /etc/oat.away &&
	    mv /var/lib/oat /var/lib/oat.away'
	( carol_works_as_before )
	status=$?
	lab_exec web-1 sh -c 'mv /etc/oat.away /etc/oat &&
	    mv /var/lib/oat.away /var/lib/oat'
	expect_status 0
}

test_a_local_user_of_an_identitys_name_is_local()
{
	lab_local_user web-1 oat-acme-local "$password"
	run lab_ssh client "$password" oat-acme-local@web-1.lab id -un
	expect_status 0
	expect_equal oat-acme-local "$out"
	expect_no_log web-1 'login=oat-acme-local'
}

test_an_unknown_user_is_refused_as_before()
{
	run lab_ssh client "$password" nobody-here@web-1.lab true
	expect_status 255
	expect_out 'Permission denied'
	expect_no_log web-1 'pam_oat.*nobody-here'
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol "$password"
run_tests "$@"
