#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a local user's look-ups and login do to the system, call by call: the
# same as on a host that has never heard of oat, apart from loading its modules,
# and that sshd reads one file more when it starts.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

password=right-password

# A call by its name and what it names: numbers and contents differ anyway.
named()
{
	sed -nE -e 's/^(p?read|p?write|send|recv)([a-z0-9]*)\(.*/\1\2/p;t' \
	    -e 's/^([a-z0-9_]+)\(((AT_FDCWD|[0-9]+), )?"(\/[^"]*)".*/\1 \4/p' \
	    -e 's/^(connect|socket)\([0-9A-Z_]*[^A-Z]*(AF_[A-Z]+).*sun_path="([^"]*)".*/\1 \2 \3/p' \
	    -e 's/^([a-z0-9_]+)\(.*/\1/p'
}

# Without memory management, and without what loads libnss_oat.so.2: dlopen(3)
# looks it up in ld.so.cache first.
without_loading()
{
	awk '
	/^(mmap|munmap|mprotect|brk)$/ { next }
	/ld\.so\.cache/ { held = 1; block = ""; closes = 0; ours = 0 }
	!held { print; next }
	{
		block = block $0 "\n"
		if (/libnss_oat\.so\.2/)
			ours = 1
		if (/^close$/ && ++closes == 2) {
			if (!ours)
				printf "%s", block
			held = 0
		}
	}
	END { if (held) printf "%s", block }'
}

# strace -ff: one file a process, so that no call is split by another's.
trace()
{
	local host=$1

	shift
	rm -f "$(lab_root "$host")"/run/calls.*
	lab_exec "$host" strace -ff -qq -o /run/calls "$@"
}

trace_of()
{
	cat "$(lab_root "$1")"/run/calls.* | tr -d '\0'
}

# calls HOST COMMAND...
calls()
{
	local host=$1

	shift
	trace "$host" "$@" >/dev/null
	trace_of "$host" | named | without_loading
}

# differs COMMAND...: what the host with oat does differently
differs()
{
	diff <(calls plain "$@") <(calls web-1 "$@")
}

expect_same_calls()
{
	run calls plain "$@"
	expect_status 0
	expect_out '/etc/passwd|/etc/group' # it saw the look-up
	run differs "$@"
	expect_equal "" "$out"
}

test_look_ups_of_local_names_make_the_same_calls()
{
	expect_same_calls getent passwd carol
	expect_same_calls getent passwd 0
	expect_same_calls getent group sudo
	expect_same_calls getent group 0
}

test_groups_of_a_local_user_take_the_same_calls()
{
	expect_same_calls id carol
	expect_same_calls getent initgroups root
}

test_names_that_nobody_has_take_the_same_calls()
{
	expect_same_calls getent passwd nobody-here
	expect_same_calls getent passwd 64000
	expect_same_calls getent group nobody-here
}

# --- a login -----------------------------------------------------------------

# Processes run side by side: compared is what is opened, run and connected to.
touched()
{
	named | grep -a / | sed -E -e 's,/proc/[0-9]+,/proc/PID,' \
	    -e 's,/dev/pts/[0-9]+,/dev/pts/N,' |
		grep -avE -e 'ld\.so\.cache|libnss_oat|pam_oat|pam_mkhomedir' \
		    -e 'sshd_config\.d/oat\.conf' |
		sort
}

# traced HOST PORT: what sshd and all its children do for a login of carol.
traced()
{
	local host=$1 port=$2

	trace "$host" /usr/sbin/sshd -D -p "$port" \
	    -o PidFile=/run/traced.pid &
	wait_for 10 test -s "$(lab_root "$host")/run/traced.pid" || return
	lab_ssh client "$password" -p "$port" \
	    -o "UserKnownHostsFile=/dev/null" -o StrictHostKeyChecking=no \
	    "carol@$host.lab" true >/dev/null 2>&1 || return
	sleep 0.3
	lab_exec "$host" sh -c 'kill $(cat /run/traced.pid)'
	wait $!
	trace_of "$host" | touched
}

test_case_31_a_login_of_a_local_user_touches_the_same_files()
{
	run traced plain 2201
	expect_status 0
	expect_out '^openat /etc/pam.d/sshd$'
	expect_out '^execve /bin/sh$'
	run diff <(printf '%s\n' "$out") <(traced web-1 2201)
	expect_equal "" "$out"
}

test_the_same_login_of_an_identity_is_seen_to_differ()
{
	lab_token web-1 acme ci 'web-*' sshd
	run calls web-1 getent passwd oat-acme-ci
	expect_out '^openat /var/lib/oat/identities$'
}

lab_enter "$@"
lab_standard
lab_host plain
lab_sshd plain
lab_local_user plain carol "$password"
lab_local_user web-1 carol "$password"
run_tests "$@"
