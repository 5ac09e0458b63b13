#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat doctor in the states of test_faults_*.sh and test_host_faults.sh, by their
# own functions: each is named. Those that test_doctor*.sh make, too, are left to
# them.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# The functions of these scripts, without what runs them.
for script in refusing silent tls unreachable; do
	# shellcheck source=/dev/null
	. <(sed '/^lab_enter/,$d' "$(dirname "$0")/test_faults_$script.sh")
done
# shellcheck source=/dev/null
. <(sed '/^lab_enter/,$d' "$(dirname "$0")/test_host_faults.sh")

# named LINE: a regular expression of what is not well.
named()
{
	run lab_exec web-1 oat doctor --quiet
	expect_out "^(FAIL|warn) +$1"
}

# names_each <<: lines BEGIN END LINE.
names_each()
{
	local begin end line

	while read -r begin end line; do
		meanwhile "$begin" "$end" named "$line" </dev/null
	done
}

test_case_62_a_server_that_refuses_is_named()
{
	names_each <<-'STATES'
	reject_host accept_host server .*pg_hba.conf rejects.*; do: put the line
	lose_role find_role server .*pg_hba.conf.*; do:
	fill_role widen_role server .*too many connections for role.*; do: alter role
	fill_server empty_server server .*(connection slots|too many clients).*; do: raise max_connections
	set_read_only set_writable server .*: read-only, and no standby.*; do: take
	STATES
}

test_case_62_a_server_that_is_silent_or_babbles_is_named()
{
	local play

	names_each <<-'STATES'
	lab_database_freeze lab_database_thaw server .*no answer in time; do: open
	STATES
	for play in silent 'delay 400' babble refuse; do
		# shellcheck disable=SC2086
		proxy $play
		meanwhile true proxy_end named 'server .*; do: '
	done
}

test_case_62_a_server_that_cannot_prove_itself_is_named()
{
	names_each <<-'STATES'
	lose_authority restore_configuration tls.ca .*ca.pem.*: No such file
	garble_authority restore_configuration (tls.ca|server) .*; do:
	ten_days_early mend_clock (server|clock) .*; do:
	turn_tls_off turn_tls_on server .*SSL.*; do: set ssl = on there
	ask_for_clear_text ask_as_always server .*; do: have pg_hba.conf
	ask_for_nothing ask_as_always server .*channel binding required.*; do: have pg_hba.conf
	ask_for_md5 ask_for_md5_no_more server .*; do: have pg_hba.conf
	STATES
}

test_case_62_a_server_that_is_out_of_reach_is_named()
{
	names_each <<-'STATES'
	drop_packets pass_packets server .*no answer in time; do: open
	leave_network join_network server .*; do: mend the route
	silence_name_server mend_names server .*; do: (open the way|correct host=)
	STATES
}

fill_our_run()
{
	fill_run
	lab_exec web-1 chmod 0755 /run/oat
}

test_case_62_what_is_wrong_with_the_host_is_named()
{
	names_each <<-'STATES'
	hide_run show_run state +/run/oat:.*; (fix|do):
	open_run close_run state +/run/oat: .*mode 0777.*; fix: chown
	fill_run empty_run state +/run/oat: .*; (fix|do):
	fill_our_run empty_run state +/run/oat: (full|without inodes): .*; do:
	full_disk on_the_disk_again state +/var/lib/oat: full: .*; do: make room
	disk_without_inodes on_the_disk_again state +/var/lib/oat: without inodes: .*; do:
	read_only_disk on_the_disk_again state +/var/lib/oat: read-only: .*; do:
	lose_state find_state state +/var/lib/oat: No such file.*; fix: install
	STATES
}

lab_enter "$@"
fault_lab 1
run_tests "$@"
