#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The units of systemd: what they are, and that their sandbox leaves enough.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

units='oat-sync.service oat-sync.timer oat-watch.service'
folder=/usr/lib/systemd/system

test_units_are_correct()
{
	local unit

	for unit in $units; do
		run lab_exec web-1 systemd-analyze verify --man=no \
		    --recursive-errors=no $folder/"$unit"
		expect_status 0
		expect_equal '' "$out"
	done
}

# What is left: it becomes others, signals them, sees them, and has a network.
test_services_are_exposed_no_more_than_they_must()
{
	local unit

	for unit in oat-sync oat-watch; do
		run lab_exec web-1 systemd-analyze security --offline=true \
		    --threshold=22 $folder/$unit.service
		expect_status 0
	done
}

sandbox_of()
{
	lab_exec web-1 sed -n '/^SyslogFacility/,/^SystemCallErrorNumber/p' \
	    $folder/"$1"
}

test_both_services_have_one_sandbox()
{
	expect_equal "$(sandbox_of oat-sync.service)" \
	    "$(sandbox_of oat-watch.service)"
	[ -n "$(sandbox_of oat-sync.service)" ] || fail "there is none"
}

test_no_unit_is_enabled_by_make_install()
{
	run lab_exec web-1 find /etc/systemd -name 'oat*'
	expect_equal '' "$out"
}

test_units_name_the_places_of_this_build()
{
	run lab_exec web-1 sh -c "cd $folder && grep -h '@[a-z]*@' $units"
	expect_status 1
	run lab_exec web-1 sh -c "cd $folder && cat $units"
	expect_out '^ExecStart=/usr/sbin/oat sync$'
	expect_out '^ExecStart=/usr/sbin/oat sync --watch$'
	expect_out '^ReadWritePaths=/var/lib/oat -/run/oat$'
	expect_out '^ConditionPathExists=/etc/oat/oat.conf$'
}

# What systemd would do: privileges, what can be written, what /proc shows.
in_sandbox()
{
	local capabilities

	capabilities=$(lab_exec web-1 sed -n 's/^CapabilityBoundingSet=//p' \
	    $folder/oat-sync.service | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	lab_exec web-1 unshare --mount sh -euc '
		mount --bind /var/lib/oat /var/lib/oat
		mount --bind /run /run
		mount -t proc -o subset=pid proc /proc
		mount -o remount,bind,ro /
		if touch /etc/oat/x 2>/dev/null; then exit 9; fi
		bounds=-all,$1
		shift
		umask 077
		exec setpriv --bounding-set "$bounds" --inh-caps=-all \
		    --no-new-privs "$@"' sh "$capabilities" "$@"
}

no_syncs()
{
	! lab_exec web-1 pgrep -x oat >/dev/null
}

test_the_sandbox_leaves_enough_for_a_sync()
{
	lab_token web-1 acme ci 'web-*' sshd,sudo
	lab_session_open client "$token" oat-acme-ci@web-1.lab
	lab_session "(echo $token | sudo -S -p '' sleep 1001) >/dev/null 2>&1 \
	    </dev/null & sleep 0.5" >/dev/null
	run lab_exec web-1 pgrep -u root -f '^sleep 1001'
	expect_status 0
	# Those that send the events of the session and of sudo.
	wait_for 10 no_syncs || fail "a sync does not end"
	lab_sql "select oat.revoke('acme/ci')" >/dev/null
	run in_sandbox oat sync
	expect_status 0
	# What was killed may need a moment to be gone.
	expect_out 'sessions of oat-acme-ci ended: processes=.* left=[01]'
	run lab_exec web-1 pgrep -u oat-acme-ci
	expect_status 1
	run lab_exec web-1 pgrep -u root -f '^sleep 1001'
	expect_status 1
	run in_sandbox oat sync
	expect_status 0
	expect_equal confirmed "$(lab_sql "
	    select coalesce(reason, 'confirmed')
	    from oat.revocation_status('acme', 'ci')")"
	run lab_exec web-1 stat -c %a /var/lib/oat/identities
	expect_equal 644 "$out"
}

# The system calls that these names mean; one with an @ is a set of them.
calls_of()
{
	local name

	for name in "$@"; do
		if [ "${name#@}" = "$name" ]; then
			echo "$name"
		else
			# shellcheck disable=SC2046
			calls_of $(systemd-analyze syscall-filter "$name" |
			    sed '1d; s/#.*//')
		fi
	done
}

# What the lines of the filter leave, one after the other, as systemd.exec(5)
# reads them.
allowed_calls()
{
	local line calls

	calls=$(calls_of @default | sort -u)
	while read -r line; do
		# shellcheck disable=SC2086
		case $line in
		'~'*) calls=$(comm -23 <(echo "$calls") \
		    <(calls_of ${line#\~} | sort -u)) ;;
		*) calls=$(sort -u <(echo "$calls") <(calls_of $line)) ;;
		esac
	done
	echo "$calls"
}

# Of root and of the child on the network, with a session to end.
test_the_filter_allows_each_call_of_a_sync()
{
	local made allowed

	lab_token web-1 acme ops 'web-*' sshd,sudo
	# Not by PAM, whose own sync might be first.
	lab_exec web-1 sh -c 'setpriv --reuid=oat-acme-ops --clear-groups \
	    sleep 1002 </dev/null >/dev/null 2>&1 &'
	wait_for 5 lab_exec web-1 pgrep -u oat-acme-ops >/dev/null ||
		fail "no process of oat-acme-ops"
	lab_sql "select oat.revoke('acme/ops')" >/dev/null
	run lab_exec web-1 strace -f -qq -o /tmp/calls oat sync
	expect_out 'sessions of oat-acme-ops ended: processes=1 left=0'
	made=$(lab_exec web-1 sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' \
	    /tmp/calls | sort -u)
	allowed=$(lab_exec web-1 sed -n 's/^SystemCallFilter=//p' \
	    $folder/oat-sync.service | allowed_calls)
	expect_equal '' "$(comm -23 <(echo "$made") <(echo "$allowed"))"
	expect_equal kill "$(grep -x kill <(echo "$made"))"
}

# Last, since nothing is left after it.
test_uninstall_takes_the_units_along()
{
	lab_exec web-1 make -s -C "$lab_top" B="$lab_build" uninstall \
	    >/dev/null 2>&1
	run lab_exec web-1 find $folder -name 'oat-*'
	expect_equal '' "$out"
}

lab_enter "$@"
lab_standard
run_tests "$@"
