#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The units of systemd: what they are, and that their sandbox leaves enough.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

units="oat-sync.service oat-sync.timer oat-watch.service"
units="$units oat-courier.socket oat-courier@.service"
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

# What is left: those that are root become others, signal and see them; the one
# that has a network is not root.
test_services_are_exposed_little()
{
	local unit

	for unit in oat-sync oat-watch oat-courier@; do
		run lab_exec web-1 systemd-analyze security --offline=true \
		    --threshold=20 $folder/$unit.service
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
	expect_out '^ExecStart=/usr/sbin/oat sync --courier /run/oat/courier$'
	expect_out '^ExecStart=/usr/sbin/oat sync --watch --courier /run/oat/courier$'
	expect_out '^ExecStart=/usr/sbin/oat courier$'
	expect_out '^ListenStream=/run/oat/courier$'
	expect_out '^ReadWritePaths=/var/lib/oat -/run/oat$'
	# systemd leaves /run out of ProtectSystem=strict here.
	expect_equal 3 "$(grep -cx 'ReadOnlyPaths=/run /dev/shm' <<<"$out")"
	expect_out '^ConditionPathExists=/etc/oat/oat.conf$'
}

# What systemd would do: privileges, the network, what can be written, what
# /proc shows.
in_sandbox()
{
	local capabilities

	capabilities=$(lab_exec web-1 sed -n 's/^CapabilityBoundingSet=//p' \
	    $folder/oat-sync.service | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	lab_exec web-1 unshare --mount --net sh -euc '
		mount --bind /var/lib/oat /var/lib/oat
		mount --bind /run /run
		mount --bind /run/oat /run/oat
		mount -t proc -o subset=pid proc /proc
		mount -o remount,bind,ro /run
		mount -o remount,bind,ro /
		if touch /etc/oat/x /run/x 2>/dev/null; then exit 9; fi
		bounds=-all,$1
		shift
		umask 077
		exec setpriv --bounding-set "$bounds" --inh-caps=-all \
		    --no-new-privs "$@"' sh "$capabilities" "$@"
}

# The same for the socket, and for what is started for each connection to it.
listen_in_sandbox()
{
	lab_put web-1 /usr/local/bin/courier <<-'COURIER'
	#!/bin/sh -eu
	mount --bind /run /run
	mount -t proc -o subset=pid,hidepid=invisible proc /proc
	mount -o remount,bind,ro /run
	mount -o remount,bind,ro /
	umask 077
	exec setpriv --reuid=_oat --regid=_oat --clear-groups \
	    --bounding-set=-all --inh-caps=-all --no-new-privs \
	    /usr/sbin/oat courier
	COURIER
	lab_exec web-1 chmod 755 /usr/local/bin/courier
	listen_with unshare --mount /usr/local/bin/courier
}

# Whatever is started for each connection.
listen_with()
{
	lab_exec web-1 sh -c '
		rm -f /run/oat/courier
		umask 077
		systemd-socket-activate --accept --inetd \
		    --listen=/run/oat/courier "$@" </dev/null \
		    >/var/log/courier.log 2>&1 &
		echo $! >/run/listener.pid' sh "$@"
	wait_for 5 lab_exec web-1 test -S /run/oat/courier ||
		fail "nobody listens"
}

no_couriers()
{
	! lab_exec web-1 pgrep -u _oat >/dev/null
}

stop_listening()
{
	lab_exec web-1 sh -c 'kill "$(cat /run/listener.pid)"'
	wait_for 5 no_couriers ||
		fail "left: $(lab_exec web-1 pgrep -a -u _oat)"
	lab_exec web-1 rm -f /run/oat/courier
}

sync_in_sandbox()
{
	run in_sandbox oat sync --courier /run/oat/courier
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
	wait_for 10 lab_is_idle web-1 || fail "a sync does not end"
	listen_in_sandbox
	lab_sql "select oat.revoke('acme/ci')" >/dev/null
	sync_in_sandbox
	expect_status 0
	# What was killed may need a moment to be gone.
	expect_out 'sessions of oat-acme-ci ended: processes=.* left=[01]'
	run lab_exec web-1 pgrep -u oat-acme-ci
	expect_status 1
	run lab_exec web-1 pgrep -u root -f '^sleep 1001'
	expect_status 1
	sync_in_sandbox
	expect_status 0
	stop_listening
	expect_equal confirmed "$(lab_sql "
	    select coalesce(reason, 'confirmed')
	    from oat.revocation_status('acme', 'ci')")"
	run lab_exec web-1 stat -c %a /var/lib/oat/identities
	expect_equal 644 "$out"
}

# It has no network of its own to fall back to.
test_without_the_courier_a_sync_says_how_to_get_it()
{
	sync_in_sandbox
	expect_status 1
	expect_out '^oat sync: no courier: /run/oat/courier: No such file or directory; run: systemctl restart oat-courier.socket$'
	run in_sandbox oat sync
	expect_status 1
	expect_out 'oat sync: .*: '
}

watch_is_served()
{
	[ "$(lab_sql "select count(*) from pg_stat_activity
	    where usename = 'oat_web-1' and wait_event = 'ClientRead'")" = 1 ]
}

watch_has_gone()
{
	[ "$(lab_sql "select count(*) from pg_stat_activity
	    where usename = 'oat_web-1'")" = 0 ]
}

has_identity()
{
	lab_exec web-1 sh -c 'grep -q "$1" /var/lib/oat/identities' sh "$1"
}

# As systemd stops it, and as the kernel would: no connection stays behind.
test_a_watch_is_told_by_the_courier_which_goes_with_it()
{
	local signal

	wait_for 10 lab_is_idle web-1 || fail "a sync does not end"
	listen_in_sandbox
	for signal in TERM KILL; do
		in_sandbox sh -c 'echo $$ >/run/oat/watch.pid; exec oat sync \
		    --watch --courier /run/oat/courier' 2>/dev/null &
		wait_for 10 watch_is_served || fail "$signal: nobody listens"
		lab_token web-1 acme "watched-${signal,,}" 'web-*' sshd
		wait_for 5 has_identity "oat-acme-watched-${signal,,}" ||
			fail "$signal: the watch learns of nothing"
		lab_exec web-1 sh -c 'kill -$1 $(cat /run/oat/watch.pid)' sh \
		    "$signal"
		wait_for 5 watch_has_gone ||
			fail "$signal: its connection stays"
		wait
	done
	stop_listening
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

# Those made that the filter of this unit does not allow.
calls_beyond()
{
	comm -23 <(lab_exec web-1 sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' \
	    "$2" | sort -u) <(lab_exec web-1 sed -n \
	    's/^SystemCallFilter=//p' "$folder/$1" | allowed_calls)
}

# Of root with a session to end, of the courier, and of the child of that.
test_the_filters_allow_each_call_of_a_sync()
{
	lab_token web-1 acme ops 'web-*' sshd,sudo
	# Not by PAM, whose own sync might be first.
	lab_exec web-1 sh -c 'setpriv --reuid=oat-acme-ops --clear-groups \
	    sleep 1002 </dev/null >/dev/null 2>&1 &'
	wait_for 5 lab_exec web-1 pgrep -u oat-acme-ops >/dev/null ||
		fail "no process of oat-acme-ops"
	lab_sql "select oat.revoke('acme/ops')" >/dev/null
	listen_with strace -u _oat -f -qq -o /tmp/courier-calls \
	    /usr/sbin/oat courier
	run lab_exec web-1 strace -f -qq -o /tmp/calls oat sync \
	    --courier /run/oat/courier
	expect_out 'sessions of oat-acme-ops ended: processes=1 left=0'
	stop_listening
	expect_equal '' "$(calls_beyond oat-sync.service /tmp/calls)"
	expect_equal '' "$(calls_beyond oat-courier@.service \
	    /tmp/courier-calls)"
	run lab_exec web-1 grep -c ' kill(-1, SIGTERM' /tmp/calls
	expect_equal 1 "$out"
	run lab_exec web-1 grep -c ' landlock_restrict_self(.*= 0' \
	    /tmp/courier-calls
	expect_equal 1 "$out"
	# Whom each talks to.
	run lab_exec web-1 sed -nE 's/.* socket\((AF_[A-Z0-9]+),.*/\1/p' \
	    /tmp/calls
	expect_equal AF_UNIX "$(sort -u <<<"$out")"
	run lab_exec web-1 grep -c ' socket(AF_INET' /tmp/courier-calls
	expect_status 0
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
