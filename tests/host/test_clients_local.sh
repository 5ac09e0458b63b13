#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# cron, at and pamtester for a machine account: they check it each time.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

as()
{
	local login=$1

	shift
	lab_exec web-1 setsid -w runuser -u "$login" -- "$@"
}

# Logs in once, so that its home is there.
with_home()
{
	lab_exec web-1 su - "oat-acme-$1" -c true || fail "no home for $1"
}

set_crontab()
{
	echo "* * * * * echo ran >/tmp/cron-$1" |
		as "oat-acme-$1" crontab - || fail "no crontab for $1"
}

ran()
{
	lab_exec web-1 test -e "/tmp/$1"
}

# Within a minute of the daemon's: all three at once.
test_cron_runs_jobs_of_active_tokens_with_a_grant_for_it_alone()
{
	local name

	for name in runs ended ungranted; do
		set_crontab "$name"
	done
	lab_exec web-1 cron || fail "no cron"
	wait_for 75 ran cron-runs || fail "it did not run: $(lab_log web-1 |
	    grep -i cron)"
	expect_log web-1 'pam_oat\(cron:account\): accepted login=oat-acme-runs'
	expect_log web-1 \
	    'pam_oat\(cron:account\): refused .*=oat-acme-ended .*=deactivated'
	expect_log web-1 \
	    'refused login=oat-acme-ungranted .*reason=service_not_granted'
	! ran cron-ended || fail "a deactivated token's job ran"
	! ran cron-ungranted || fail "a job ran without a grant"
	run lab_sql "select distinct event, outcome from oat.activity
	    where actor = 'oat-acme-runs' and service = 'cron'
	    and event in ('login', 'access')"
	expect_equal 'access|success' "$out"
}

# at's own service is atd; its stack needs the lines like any other.
test_at_runs_jobs_of_active_tokens_with_a_grant_for_it_alone()
{
	local name

	lab_exec web-1 sh -c 'cat /usr/share/oat/pam.d/oat /etc/pam.d/atd \
	    >/run/atd && cp /run/atd /etc/pam.d/atd
	    mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
	    atd'
	for name in runs ended ungranted; do
		echo "echo ran >/tmp/at-$name" | as "oat-acme-$name" at now \
		    >/dev/null 2>&1 || fail "no job for $name"
	done
	wait_for 75 ran at-runs || fail "it did not run: $(lab_log web-1 |
	    grep -i atd)"
	expect_log web-1 'pam_oat\(atd:account\): accepted login=oat-acme-runs'
	expect_log web-1 \
	    'pam_oat\(atd:account\): refused .*=oat-acme-ended .*=deactivated'
	expect_log web-1 \
	    'atd:account.* refused login=oat-acme-ungranted .*=service_not_granted'
	! ran at-ended || fail "a deactivated token's job ran"
	! ran at-ungranted || fail "a job ran without a grant"
}

test_pamtester_goes_through_every_phase()
{
	lab_token web-1 acme tester 'web-*' sshd
	run_with "$token"$'\n' lab_exec web-1 setsid -w pamtester sshd \
	    oat-acme-tester authenticate acct_mgmt open_session close_session
	expect_status 0
	expect_out 'successfully authenticated'
	expect_out 'account management done'
	expect_out 'opened a session'
	run_with $'wrong\n' lab_exec web-1 setsid -w pamtester sshd \
	    oat-acme-tester authenticate
	expect_failure
	expect_out 'Authentication failure'
	run_with "$token"$'\n' lab_exec web-1 setsid -w pamtester login \
	    oat-acme-tester authenticate
	expect_failure
	expect_out 'oat: acme/tester is not granted login on web-1'
}

lab_enter "$@"
lab_standard
lab_token web-1 acme runs 'web-*' cron,atd,su
lab_token web-1 acme ended 'web-*' cron,atd,su
lab_token web-1 acme ungranted 'web-*' sshd,su
for name in runs ended ungranted; do
	with_home "$name"
done
lab_sql "update oat.tokens set deactivated_at = now() where name = 'ended'"
run_tests "$@"
