#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat rotate-host-password: while logins go on, and cut short at any moment.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci

rotate()
{
	lab_exec web-1 oat rotate-host-password
}

set_timeout()
{
	lab_exec web-1 sed -i "s/^timeout = .*/timeout = $1/" /etc/oat/oat.conf
}

# briefly COMMAND...: it waits four times the timeout, and logins, too, have no
# longer. Here nobody logs in.
briefly()
{
	local result

	set_timeout 500ms
	"$@"
	result=$?
	set_timeout 4s
	return "$result"
}

password()
{
	lab_exec web-1 cat "/etc/oat/password${1-}"
}

# Its own sudo: a login with the token, over a connection of its own.
log_in()
{
	printf '%s\n' "$token" | lab_exec web-1 setsid -w runuser -u "$login" \
	    -- sudo -k -S -p '' true
}

# Logins one after the other until a file says that it is enough.
log_in_until()
{
	while [ ! -e "$LAB/enough" ]; do
		if log_in >>"$LAB/logins.$1" 2>&1; then
			echo succeeded >>"$LAB/logins.$1"
		else
			echo failed >>"$LAB/logins.$1"
		fi
	done
}

failed_authentications()
{
	grep -c 'password authentication failed for user "oat_web-1"' \
	    "$(lab_root db)$lab_database_log"
}

# The role gets it as another program would, in clear.
set_role_password()
{
	lab_sql "alter role \"oat_web-1\" password '$1'"
}

test_rotation_gives_the_host_another_password()
{
	local before

	before=$(password)
	run briefly rotate
	expect_status 0
	expect_equal '' "$out"
	[ "$(password)" != "$before" ] || fail "the same password"
	run lab_exec web-1 stat -c '%U:%G %a' /etc/oat/password
	expect_equal 'root:_oat 640' "$out"
	run lab_exec web-1 ls -A /etc/oat
	expect_no_out 'next|new'
	run log_in
	expect_status 0
	echo "$before" | lab_put web-1 /run/old root:_oat 0640
	run lab_exec web-1 sh -c 'PGPASSWORD=$(cat /run/old) psql -XAtqc \
	    "select 1" "host=db.lab dbname=oat user=oat_web-1 sslmode=require"'
	expect_failure
	expect_out 'password authentication failed'
}

test_case_43_the_new_password_is_in_no_log_of_the_server()
{
	grep -q 'SCRAM-SHA-256[$]1:' "$(lab_root db)$lab_database_log" ||
		fail "the server does not log statements"
	! grep -qF "$(password)" "$(lab_root db)$lab_database_log" ||
		fail "the password is in the log"
}

test_rotation_is_recorded()
{
	run lab_sql "select actor, host, detail #>> '{new,password}'
	    from oat.activity where event = 'host.updated'
	    order by id desc limit 1"
	expect_equal 'oat_web-1|web-1|rotated' "$out"
}

test_no_login_fails_meanwhile()
{
	local i pids=()

	rm -f "$LAB/enough" "$LAB"/logins.*
	for i in 1 2 3; do
		log_in_until "$i" &
		pids+=($!)
	done
	run rotate
	expect_status 0
	: >"$LAB/enough"
	wait "${pids[@]}"
	cat "$LAB"/logins.* >"$LAB/logins"
	! grep -v succeeded "$LAB/logins" || fail "a login failed"
	[ "$(wc -l <"$LAB/logins")" -gt 20 ] ||
		fail "only $(wc -l <"$LAB/logins") logins"
}

# A sync that knows one password, and connects when the rotation is under way.
test_what_began_before_ends_with_the_password_that_it_read()
{
	local syncing

	trap 'set_timeout 4s' EXIT
	set_timeout 1s
	lab_exec web-1 flock /run/oat/sync.lock sh -c 'touch /run/held
	    sleep 2.5' &
	wait_for 5 lab_exec web-1 test -e /run/held || fail "no lock"
	lab_exec web-1 oat sync >"$LAB/sync" 2>&1 &
	syncing=$!
	sleep 0.5
	run rotate
	expect_status 0
	wait "$syncing" || fail "$(cat "$LAB/sync")"
}

test_a_second_rotation_at_once_is_refused()
{
	set_timeout 500ms
	rotate >"$LAB/first" 2>&1 &
	wait_for 5 lab_exec web-1 test -e /etc/oat/password.next ||
		fail "did not begin"
	run rotate
	expect_status 1
	expect_out 'password.lock: another one is at it'
	wait $! || fail "$(cat "$LAB/first")"
	set_timeout 4s
}

# Killed while it waits: the present password counts.
test_killed_before_the_change_the_host_can_connect()
{
	local before

	before=$(password)
	kill_at_its_beginning
	run log_in
	expect_status 0
	expect_equal "$before" "$(password)"
	run briefly rotate
	expect_status 0
	expect_equal "$next" "$(password)"
	run log_in
	expect_status 0
}

# Killed after the change: the next one counts, and has yet to take its place.
test_killed_after_the_change_the_host_can_connect()
{
	kill_at_its_beginning
	set_role_password "$next"
	run log_in
	expect_status 0
	run lab_exec web-1 oat sync
	expect_status 0
	run briefly rotate
	expect_status 0
	expect_equal "$next" "$(password)"
	run lab_exec web-1 test -e /etc/oat/password.next
	expect_failure
}

kill_at_its_beginning()
{
	lab_exec web-1 sh -c 'oat rotate-host-password & echo $! >/run/rotating
	    while [ ! -e /etc/oat/password.next ]; do sleep 0.05; done
	    kill -9 "$(cat /run/rotating)"; wait' >/dev/null 2>&1
	next=$(password .next)
}

test_without_the_database_both_passwords_stay()
{
	local before

	before=$(password)
	lab_database_stop
	run briefly rotate
	lab_database_start
	expect_status 1
	expect_out 'not changed, or not known to be; run this again: db.lab:'
	expect_equal "$before" "$(password)"
	run log_in
	expect_status 0
	run briefly rotate
	expect_status 0
}

test_a_login_without_a_rotation_tries_one_password()
{
	local before

	before=$(failed_authentications)
	run log_in
	expect_status 0
	expect_equal "$before" "$(failed_authentications)"
}

test_a_host_without_a_password_is_told_so()
{
	trap 'lab_exec web-1 cp -p /run/oat.conf /etc/oat/oat.conf' EXIT
	lab_exec web-1 cp -p /etc/oat/oat.conf /run/oat.conf
	lab_exec web-1 sed -i '/^password_file/d' /etc/oat/oat.conf
	run rotate
	expect_status 1
	expect_out 'oat.conf: this host connects without a password'
	run lab_exec web-1 oat rotate-host-password now
	expect_status 2
	run lab_exec web-1 runuser -u nobody -- oat rotate-host-password
	expect_status 1
	expect_out 'run it as root'
}

lab_enter "$@"
lab_standard
echo "log_statement = 'all'" | lab_exec db \
    tee -a "$lab_database_directory/postgresql.conf" >/dev/null
lab_database_control reload
echo 'timeout = 4s' | lab_exec web-1 tee -a /etc/oat/oat.conf >/dev/null
lab_token web-1 acme ci 'web-*' sudo
run_tests "$@"
