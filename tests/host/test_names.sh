#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Identities as ls, id and getent see them.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

snapshot=/var/lib/oat/identities

nobody_runs()
{
	lab_exec web-1 runuser -u nobody -- "$@"
}

test_root_finds_a_name_that_was_created_a_moment_ago()
{
	sleep 1.1
	lab_new_token web-1 acme fresh 'web-*' sshd
	run lab_exec web-1 getent passwd oat-acme-fresh
	expect_status 0
	expect_out '^oat-acme-fresh:\*:(7[0-9]{4}):\1:oat acme/fresh:/var/lib/oat/home/oat-acme-fresh:/bin/sh$'
}

test_anybody_finds_a_name_and_its_number_in_the_snapshot()
{
	local uid

	run nobody_runs getent passwd oat-acme-ci
	expect_status 0
	uid=$(cut -d: -f3 <<<"$out")
	run nobody_runs getent passwd "$uid"
	expect_out '^oat-acme-ci:'
	run nobody_runs getent group "$uid"
	expect_equal "oat-acme-ci:*:$uid:" "$out"
	run nobody_runs getent group oat-users
	expect_status 0
	run nobody_runs id -Gn oat-acme-ci
	expect_equal 'oat-acme oat-acme-ci oat-sudo oat-users' \
	    "$(tr ' ' '\n' <<<"$out" | sort | xargs)"
}

test_nobody_but_root_fetches_an_unknown_name()
{
	local before

	lab_new_token web-1 acme unseen 'web-*' sshd
	before=$(lab_connections)
	run nobody_runs getent passwd oat-acme-unseen
	expect_status 2
	expect_equal "$before" "$(lab_connections)"
}

test_enumeration_lists_identities_after_local_users()
{
	run nobody_runs getent passwd
	expect_out '^root:'
	expect_out '^oat-acme-ci:'
	run nobody_runs getent group
	expect_out '^oat-users:'
}

test_an_identity_without_access_keeps_its_name_alone()
{
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'gone'"
	run lab_exec web-1 oat sync
	expect_status 0
	run nobody_runs getent passwd oat-acme-gone
	expect_out ':/usr/sbin/nologin$'
	run nobody_runs id -Gn oat-acme-gone
	expect_equal oat-acme-gone "$out"
}

test_the_snapshot_is_readable_by_all_and_written_by_root()
{
	run lab_exec web-1 stat -c '%U:%G %a' "$snapshot"
	expect_equal 'root:root 644' "$out"
}

# damage COMMAND...: what becomes of look-ups when the snapshot is damaged and
# the database stopped; then all is as it was.
damage()
{
	lab_database_stop
	lab_exec web-1 cp -a "$snapshot" "$snapshot.kept"
	lab_exec web-1 "$@"
	run lab_exec web-1 sh -c 'getent passwd oat-acme-ci; echo "status $?"
	    timeout 10 id carol; timeout 10 getent passwd | head -n 1'
	lab_exec web-1 sh -c "rm -rf $snapshot; mv $snapshot.kept $snapshot"
	lab_database_start
	expect_out '^status 2$'
	expect_out 'uid=[0-9]+\(carol\)'
	expect_out '^root:'
	run nobody_runs id -un oat-acme-ci
	expect_equal oat-acme-ci "$out"
}

test_an_empty_snapshot_hurts_nobody_else()
{
	damage truncate -s 0 "$snapshot"
}

test_a_truncated_snapshot_hurts_nobody_else()
{
	damage truncate -s -7 "$snapshot"
}

test_a_snapshot_of_garbage_hurts_nobody_else()
{
	damage dd if=/dev/urandom of="$snapshot" bs=64k count=1 status=none
}

test_a_directory_in_place_of_the_snapshot_hurts_nobody_else()
{
	damage sh -c "rm $snapshot; mkdir $snapshot"
}

test_a_damaged_snapshot_is_fetched_anew()
{
	sleep 11 # an attempt that failed is not repeated within ten seconds
	lab_exec web-1 truncate -s 0 "$snapshot"
	run lab_exec web-1 getent passwd oat-acme-ci
	expect_status 0
	run nobody_runs getent passwd oat-acme-ci
	expect_status 0
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
lab_token web-1 acme gone 'web-*' sshd
lab_token web-1 acme ci 'web-*' sshd,sudo
lab_exec web-1 oat sync || lab_die "oat sync failed"
run_tests "$@"
