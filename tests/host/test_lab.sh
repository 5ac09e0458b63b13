#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The disposable hosts themselves: what the other tests stand on.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

test_a_host_has_its_own_name_processes_and_address()
{
	run lab_exec web-1 sh -c 'hostname; echo /proc/[0-9]*; ip -o -4 addr'
	expect_status 0
	expect_out '^web-1$'
	expect_out '^/proc/1 /proc/[0-9]+( /proc/[0-9]+)?$'
	expect_out 'eth0 +inet 10\.77\.0\.'
}

test_what_a_host_writes_stays_on_it()
{
	run lab_exec web-1 sh -c 'echo x >/etc/lab-was-here &&
	    rm /etc/shells && ls /etc/lab-was-here'
	expect_status 0
	[ ! -e /etc/lab-was-here ] || fail "the machine's /etc was written"
	[ -e /etc/shells ] || fail "the machine's /etc/shells is gone"
	run lab_exec client ls /etc/shells
	expect_status 0
}

test_the_checkout_is_seen_but_not_written()
{
	run lab_exec web-1 sh -c 'cd "$1" && echo x >lab-was-here && cat Makefile' \
	    sh "$lab_top"
	expect_status 0
	[ ! -e "$lab_top/lab-was-here" ] || fail "the checkout was written"
}

test_hosts_reach_each_other_by_name_and_nothing_else()
{
	run lab_exec client sh -c 'getent hosts web-1.lab && ip route'
	expect_status 0
	expect_no_out 'default'
}

test_pid_1_of_a_host_reaps_orphans()
{
	lab_exec web-1 sh -c 'sh -c "sleep 0.1 & exit" & exit'
	no_zombies()
	{
		! lab_exec web-1 sh -c 'cat /proc/[0-9]*/stat' 2>/dev/null |
			grep -qE '\) (Z|S 1 .*sleep)'
	}
	wait_for 5 no_zombies || fail "zombies remain"
}

test_the_system_log_keeps_a_message_in_one_line()
{
	run lab_exec web-1 logger -p authpriv.notice -t lab $'one\ntwo\e[1m'
	expect_status 0
	expect_log web-1 '^authpriv\.notice .*lab: one.*two'
	run lab_log web-1
	expect_no_out $'\e'
}

test_a_local_user_logs_in_through_the_distributions_own_stack()
{
	run lab_ssh client right-password carol@web-1.lab id -un
	expect_status 0
	expect_equal carol "$out"
	run lab_ssh client wrong-password carol@web-1.lab id -un
	expect_failure
	expect_log web-1 'Failed password for carol'
}

test_the_database_speaks_tls_with_a_certificate_of_the_laboratory()
{
	lab_sql "create role plain login password 'pw'"
	echo 'hostssl oat plain all scram-sha-256' | lab_exec db tee -a \
	    "$lab_database_directory/pg_hba.conf" >/dev/null
	lab_database_control reload
	lab_put client /run/ca.pem <"$LAB/ca.pem"
	run lab_exec client env PGPASSWORD=pw psql -XAt "host=db.lab dbname=oat
	    user=plain sslmode=verify-full sslrootcert=/run/ca.pem" \
	    -c 'select version from pg_stat_ssl where pid = pg_backend_pid()'
	expect_status 0
	expect_out '^TLSv1'
}

test_a_frozen_database_accepts_and_says_nothing()
{
	lab_database_freeze
	run lab_exec client timeout 1 psql -XAt "host=db.lab user=plain
	    dbname=oat" -c 'select 1'
	lab_database_thaw
	expect_status 124
	run lab_sql 'select 1'
	expect_equal 1 "$out"
}

# Twice at the same address: nobody has to forget the first.
test_a_host_ends_early_and_the_next_is_reached_at_its_address()
{
	local round

	for round in first second; do
		lab_host "$round"
		lab_sshd "$round"
		lab_local_user "$round" dave right-password
		run lab_ssh client right-password "dave@$round.lab" hostname
		expect_equal "$round" "$out"
		lab_end "$round"
		[ ! -e "$LAB/$round" ] || fail "it left files"
	done
}

lab_enter "$@"
lab_host db
lab_host client
lab_host web-1
lab_database db
lab_local_user web-1 carol right-password
lab_sshd web-1
run_tests "$@"
