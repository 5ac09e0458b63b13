#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat whoami: a job asks which token it is, and whether that ends soon.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# as NAME COMMAND...: the identity oat-acme-NAME, without a login.
as()
{
	local name=$1

	shift
	lab_exec web-1 runuser -u "oat-acme-$name" -- "$@"
}

status_of()
{
	lab_sql "select $2 from oat.token_status where token = '$1'"
}

sync()
{
	lab_exec web-1 oat sync || lab_die "oat sync failed"
}

test_a_job_over_ssh_is_told_who_it_is()
{
	run lab_ssh client "$ci_token" oat-acme-ci@web-1.lab /usr/sbin/oat whoami
	expect_status 0
	expect_equal "organization acme
token ci
login oat-acme-ci
uid $(status_of ci uid)
access yes
expires $(status_of ci "to_char(expires_at at time zone 'UTC',
    'YYYY-MM-DD HH24:MI')") UTC, in $(status_of ci days_left) days
groups oat-users oat-sudo oat-acme
host web-1" "$out"
}

test_json_has_the_same_for_programs()
{
	local expires

	run lab_ssh client "$ci_token" oat-acme-ci@web-1.lab \
	    /usr/sbin/oat whoami --json
	expect_status 0
	expires=$(status_of ci "to_char(expires_at at time zone 'UTC',
	    'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
	expect_out "^\\{\"organization\":\"acme\",\"token\":\"ci\",\"login\":\"oat-acme-ci\",\"uid\":$(status_of ci uid),\"access\":true,\"expires_at\":\"$expires\",\"seconds_left\":26[0-9]{4},\"groups\":\\[\"oat-users\",\"oat-sudo\",\"oat-acme\"\\],\"host\":\"web-1\"\\}$"
	run_with "$out" python3 -c 'import json, sys; json.load(sys.stdin)'
	expect_status 0
}

test_warn_ends_with_3_when_the_token_ends_within_that_time()
{
	run as ci oat whoami --warn 14d
	expect_status 3
	expect_out '^token ci$'
	run as ci oat whoami --json --warn 4d
	expect_status 3
	run as ci oat whoami --warn 3d
	expect_status 0
	run as ci oat whoami --warn 0s
	expect_status 0
}

test_warn_of_a_token_without_an_end_is_0()
{
	lab_token web-1 acme ever 'web-*' sshd
	run as ever oat whoami --warn 3650d
	expect_status 0
	expect_out '^expires never$'
}

test_a_script_warns()
{
	local script='oat whoami --warn $0 >/dev/null
	    test $? != 3 || echo "renew it"'

	run as ci sh -c "$script" 14d
	expect_equal 'renew it' "$out"
	run as ci sh -c "$script" 1d
	expect_equal '' "$out"
}

# A grant that ends first is the end of its access here.
test_the_end_is_that_of_its_last_grant_here()
{
	local ends

	lab_token web-1 acme lent 'web-*' sshd "now() + interval '90 days'"
	lab_sql "update oat.grants set expires_at = date_trunc('minute', now())
	    + interval '2 days' where token = 'lent'"
	sync
	ends=$(lab_sql "select to_char(expires_at at time zone 'UTC',
	    'YYYY-MM-DD HH24:MI') from oat.grants where token = 'lent'")
	run as lent oat whoami --warn 14d
	expect_status 3
	expect_out "^expires $ends UTC, in (1 day|2 days)$"
}

test_a_token_that_has_ended_is_due()
{
	lab_token web-1 acme late 'web-*' sshd
	lab_sql "update oat.tokens set expires_at = now() - interval '2 days'
	    where name = 'late'"
	sync
	run as late oat whoami
	expect_status 0
	expect_out '^access no$'
	expect_out '^expired 20[0-9-]+ [0-9:]+ UTC, 2 days ago$'
	run as late oat whoami --warn 1s
	expect_status 3
}

test_a_deactivated_token_is_due_and_has_no_access()
{
	lab_token web-1 acme off 'web-*' sshd "now() + interval '90 days'"
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'off'"
	sync
	run as off oat whoami --warn 14d
	expect_status 3
	expect_out '^access no$'
	expect_out '^expires unknown$'
	expect_out '^groups$'
}

test_others_are_told_that_they_are_none()
{
	local user

	for user in root nobody carol; do
		run lab_exec web-1 runuser -u "$user" -- oat whoami --warn 14d
		expect_status 1
		expect_out 'uid [0-9]+ is no identity of oat on this host'
	done
}

test_sudo_is_root_and_told_so()
{
	run_with "$ci_token"$'\n' lab_exec web-1 setsid -w runuser -u \
	    oat-acme-ci -- sudo -S -p '' oat whoami
	expect_status 1
	expect_out 'uid 0 is no identity .* not through sudo'
}

test_wrong_usage_is_2()
{
	local arguments

	for arguments in me --warn '--warn 14' '--warn soon' --yaml; do
		# shellcheck disable=SC2086
		run as ci oat whoami $arguments
		expect_status 2
		expect_out '^usage: oat whoami'
	done
}

test_the_environment_changes_nothing()
{
	as ci oat whoami >"$LAB/plain"
	run as ci env TZ=America/New_York LC_ALL=de_DE.UTF-8 \
	    LD_PRELOAD=/tmp/no.so LANG=xx oat whoami
	expect_equal "$(cat "$LAB/plain")" "$(grep -v LD_PRELOAD <<<"$out")"
}

test_output_that_cannot_be_written_is_a_failure()
{
	run as ci sh -c 'oat whoami >/dev/full'
	expect_status 1
	expect_out 'standard output: No space left'
	run as ci sh -c 'oat whoami --warn 14d >&-'
	expect_status 1
}

# instead_of_snapshot COMMAND...: what it answers when that command has done
# something to the snapshot, and no database is there to make a new one.
instead_of_snapshot()
{
	local snapshot uid

	snapshot=$(lab_root web-1)/var/lib/oat/identities
	uid=$(status_of ci uid)
	lab_database_stop
	cp -p "$snapshot" "$LAB/identities"
	"$@" "$snapshot"
	run lab_exec web-1 setpriv --reuid="$uid" --regid="$uid" \
	    --clear-groups oat whoami
	cp -p "$LAB/identities" "$snapshot"
	lab_database_start
}

test_without_a_snapshot_it_says_what_is_missing()
{
	instead_of_snapshot rm
	expect_status 1
	expect_out '/var/lib/oat/identities: No such file .*`oat sync`'
}

test_a_damaged_snapshot_is_nobody_else()
{
	instead_of_snapshot truncate -s 700
	expect_status 1
	expect_out '/var/lib/oat/identities: Bad message'
	instead_of_snapshot chmod 0666
	expect_status 1
	expect_out '/var/lib/oat/identities: Operation not permitted'
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
lab_local_user web-1 carol carol-password
lab_token web-1 acme ci 'web-*' sshd,sudo \
    "date_trunc('minute', now()) + interval '3 days 1 hour'"
ci_token=$token
run_tests "$@"
