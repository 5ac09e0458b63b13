#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What people read when a token is refused: ssh, sudo and Ansible, with the
# token right and explain_denials on. The table in oat(8) says the same.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/clients.sh
. "$(dirname "$0")/clients.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

denied_by_ssh='web-1.lab: Permission denied \(publickey,password,keyboard-interactive\)\.'
expired='oat: acme/late expired 20[0-9-]+ [0-9:]+ UTC'
no_ssh='oat: acme/nossh is not granted sshd on web-1'
no_sudo='oat: acme/nosudo is not granted sudo on web-1'
unreachable='oat: token service unreachable, token not checked'

# holder NAME SERVICES: its token is the job's.
holder()
{
	name=$1
	lab_token web-1 acme "$1" 'web-*' "$2"
	lab_job_token client
}

by_ssh()
{
	run lab_job client ssh -o PreferredAuthentications="$1" \
	    -o NumberOfPasswordPrompts=1 "oat-acme-$name@web-1.lab" id -un
}

by_sudo()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u "oat-acme-$name" -- sudo -S -p '' id -un
}

# As the inventory of the examples has it, for another login.
by_ansible()
{
	run lab_job client ansible -i /run/inventory.yml \
	    -e "ansible_user=oat-acme-$name" all "$@"
}

# Each as its line in the table: what is printed, whatever else.
expect_ssh_says()
{
	by_ssh keyboard-interactive
	expect_status 255
	expect_out "^$1\$"
	expect_out "$denied_by_ssh"
	by_ssh password
	expect_status 255
	expect_no_out 'oat: '
	expect_out "$denied_by_ssh"
}

expect_sudo_says()
{
	by_sudo
	expect_status 1
	expect_out "^$1\$"
	expect_out '^Sorry, try again\.$'
	expect_out '^sudo: 1 incorrect password attempt$'
}

expect_ansible_says()
{
	by_ansible -m ping
	expect_status 4
	expect_out 'web-1.lab \| UNREACHABLE!'
	expect_out "\"msg\": \"Failed to connect to the host via ssh: $1"
}

test_ansible_logs_in_and_becomes_root_with_one_token()
{
	holder good sshd,sudo
	by_ansible -m ping
	expect_status 0
	expect_out 'web-1.lab \| SUCCESS'
	by_ansible -b -m command -a 'id -un'
	expect_status 0
	expect_out '^root$'
	expect_no_out "$token"
}

test_an_expired_token_is_told_when_it_expired()
{
	holder late sshd,sudo
	lab_sql "update oat.tokens set expires_at = now() where name = 'late'"
	expect_ssh_says "$expired"
	expect_sudo_says "$expired"
	expect_ansible_says "$expired"
}

test_a_token_without_a_grant_is_told_which()
{
	holder nossh sudo
	expect_ssh_says "$no_ssh"
	expect_ansible_says "$no_ssh"
}

# Ansible hides what sudo says: the host's log and oat.explain() know.
test_a_token_without_a_grant_for_sudo_is_told_by_sudo_and_not_by_ansible()
{
	holder nosudo sshd
	echo 'oat-acme-nosudo ALL=(ALL:ALL) ALL' |
		lab_put web-1 /etc/sudoers.d/nosudo root:root 0440
	expect_sudo_says "$no_sudo"
	by_ansible -b -m command -a 'id -un'
	expect_status 2
	expect_out 'web-1.lab \| FAILED'
	expect_out 'Incorrect sudo password'
	expect_log web-1 'refused login=oat-acme-nosudo .*service_not_granted'
}

test_an_unreachable_database_is_told_as_that()
{
	trap lab_database_start EXIT
	holder cut sshd,sudo
	lab_database_stop
	expect_ssh_says "$unreachable"
	expect_sudo_says "$unreachable"
	expect_ansible_says "$unreachable"
}

lab_enter "$@"
lab_standard
lab_job_host client
sed s/example.org/lab/ "$lab_top/common/ci/inventory.yml" |
	lab_put client /run/inventory.yml
run_tests "$@"
