#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Beside a name cache, nscd of the GNU C Library and unscd: each answers for
# minutes from its own memory, unless it is told to forget. Both run with the
# configuration that their packages bring.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

caches="nscd unscd"

# The package of each is unpacked over its host, so the program has one path.
begin()
{
	local cache

	lab_host db
	lab_host client
	lab_database db
	lab_schema
	lab_organization acme
	for cache in $caches; do
		lab_unpacked "$cache" >/dev/null || continue
		lab_host "$cache" "$(lab_unpacked "$cache")"
		lab_enroll "$cache"
		lab_sshd "$cache"
		# The user is made by a script of the package.
		lab_exec "$cache" sh -c 'useradd -r unscd; mkdir -p /run/nscd
		    /usr/sbin/nscd' 2>/dev/null ||
			lab_die "$cache did not start"
		wait_for 5 lab_exec "$cache" test -S /var/run/nscd/socket ||
			lab_die "$cache does not serve"
	done
}

needs()
{
	lab_unpacked "$1" >/dev/null || skip "no package $1"
}

# What the host's nscd is called, and whether it still runs.
expect_alive()
{
	run lab_exec "$1" pgrep -x nscd
	expect_status 0
}

asks()
{
	lab_exec "$1" runuser -u nobody -- "${@:2}"
}

# Is it the cache that answers? It says what it has, but unscd does not.
expect_cached()
{
	run lab_exec nscd sh -c 'nscd -g | sed -n "/^passwd/,/^group/p"'
	expect_out ' [1-9][0-9]* +current number of cached values'
}

test_case_29_nscd_finds_a_token_that_was_made_a_moment_ago()
{
	needs nscd
	sleep 1.1
	lab_new_token nscd acme fresh nscd sshd,sudo
	run lab_ssh client "$token" oat-acme-fresh@nscd.lab id -Gn
	expect_status 0
	expect_out 'oat-sudo'
	run asks nscd getent passwd oat-acme-fresh
	expect_out ':oat acme/fresh:'
	expect_cached
	expect_alive nscd
}

# It asks as a user of its own, and a sync is started for root alone.
test_case_29_unscd_finds_a_token_at_the_next_sync()
{
	needs unscd
	lab_new_token unscd acme unseen unscd sshd,sudo
	run lab_ssh client "$token" oat-acme-unseen@unscd.lab id -Gn
	expect_status 255
	run lab_exec unscd oat sync
	run lab_ssh client "$token" oat-acme-unseen@unscd.lab id -Gn
	expect_status 0
	expect_out 'oat-sudo'
	expect_alive unscd
}

# The name was asked for before it existed, and the cache says so.
forgets_that_a_name_was_missing()
{
	needs "$1"
	run asks "$1" getent passwd "oat-acme-later-$1"
	expect_status 2
	run asks "$1" getent group "oat-acme-later-$1"
	expect_status 2
	lab_new_token "$1" acme "later-$1" "$1" sshd
	run lab_exec "$1" oat sync
	expect_status 0
	run asks "$1" getent passwd "oat-acme-later-$1"
	expect_status 0
	run asks "$1" getent group "oat-acme-later-$1"
	expect_status 0
	run asks "$1" id -Gn "oat-acme-later-$1"
	expect_out 'oat-users'
	expect_alive "$1"
}

test_case_29_nscd_forgets_at_a_sync_that_a_name_was_missing()
{
	forgets_that_a_name_was_missing nscd
}

test_case_29_unscd_forgets_at_a_sync_that_a_name_was_missing()
{
	forgets_that_a_name_was_missing unscd
}

forgets_groups()
{
	needs "$1"
	lab_token "$1" acme "gone-$1" "$1" sshd,sudo
	run asks "$1" id -Gn "oat-acme-gone-$1"
	expect_out 'oat-sudo'
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'gone-$1'"
	run lab_exec "$1" oat sync
	expect_status 0
	run asks "$1" id -Gn "oat-acme-gone-$1"
	expect_equal "oat-acme-gone-$1" "$out"
	run asks "$1" getent passwd "oat-acme-gone-$1"
	expect_out ':/usr/sbin/nologin$'
	expect_alive "$1"
}

test_case_29_nscd_forgets_the_groups_of_the_revoked_at_a_sync()
{
	forgets_groups nscd
}

test_case_29_unscd_forgets_the_groups_of_the_revoked_at_a_sync()
{
	forgets_groups unscd
}

outlives_a_damaged_snapshot()
{
	needs "$1"
	lab_exec "$1" sh -c 'cp -p "$1" "$1.kept" && truncate -s -7 "$1"' \
	    sh /var/lib/oat/identities
	run asks "$1" sh -c 'for i in 1 2 3; do getent passwd oat-acme-none
	    id root; done'
	expect_out 'uid=0\(root\)'
	expect_alive "$1"
	lab_exec "$1" mv /var/lib/oat/identities.kept /var/lib/oat/identities
}

test_case_29_nscd_outlives_a_damaged_snapshot()
{
	outlives_a_damaged_snapshot nscd
}

test_case_29_unscd_outlives_a_damaged_snapshot()
{
	outlives_a_damaged_snapshot unscd
}

for cache in $caches; do
	lab_unpack "$cache" "$cache"
done
lab_enter "$@"
begin
run_tests "$@"
