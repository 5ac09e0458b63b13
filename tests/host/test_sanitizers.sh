#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tests of the NSS module and its snapshot once more, built with gcc's
# sanitizers: threads with one, addresses and undefined behaviour with the
# other.

# shellcheck source=tests/host/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# sanitized NAME FLAGS TEST...: build and run these programs of tests/unit.
sanitized()
{
	local name=$1 flags=$2 test build=$lab_build/$1
	local -a programs=()

	shift 2
	for test; do
		programs+=("$build/tests/unit/$test")
	done
	run make -s -C "$lab_top" -j2 B="$build" HARDENING= \
	    CFLAGS="-O1 -g $flags" "${programs[@]}"
	expect_status 0
	for test; do
		# Where addresses are random, old ones of them find no room.
		run lab_exec here env TSAN_OPTIONS=halt_on_error=1 \
		    setarch -R "$build/tests/unit/$test"
		expect_status 0
		expect_out ' passed, 0 failed, 0 skipped'
	done
}

test_case_27_threads_pass_the_thread_sanitizer()
{
	sanitized tsan -fsanitize=thread test_nss_source
}

test_case_21_buffers_and_damage_pass_the_address_sanitizer()
{
	sanitized asan "-fsanitize=address,undefined -fno-sanitize-recover" \
	    test_nss_pack test_nss_lookup test_nss_initgroups \
	    test_nss_enumeration test_nss_damage test_snapshot \
	    test_snapshot_damage test_snapshot_write
}

lab_enter "$@"
lab_host here
run_tests "$@"
