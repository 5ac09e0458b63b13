#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A quarter of a minute of everything at once, with faults at random: at its end
# log, sessions, counters and snapshot agree. tests/bench/soak takes longer.

# shellcheck source=tests/host/soak.sh
. "$(dirname "$0")/soak.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

test_after_faults_at_random_everything_that_was_written_down_agrees()
{
	soak_run 15
	soak_check || fail "$(soak_report)"
	[ "$(grep -c '^0 ' "$LAB/attempts")" -gt 0 ] || fail "none was let in"
}

lab_enter "$@"
soak_lab
run_tests "$@"
