# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Runs the functions test_<situation>_<outcome> of the script that sources
# this, in the order in which they stand there, each in a process of its own:
#
#   run COMMAND...           keeps its output in $out, its status in $status
#   expect_status NUMBER     the rest end a test with what was seen
#   expect_out REGEX         expect_no_out REGEX
#   expect_equal WANTED GOT  expect_log HOST REGEX
#   expect_between LEAST GOT MOST
#   skip REASON              not possible here; an error under CI=true
#   run_tests "$@"           last line of the script; arguments select by name

out=
status=
last_command=

run()
{
	last_command=$*
	out=$("$@" 2>&1 </dev/null)
	status=$?
}

# run_with INPUT COMMAND...
run_with()
{
	local input=$1

	shift
	last_command=$*
	out=$(printf '%s' "$input" | "$@" 2>&1)
	status=$?
}

fail()
{
	echo "     $*"
	if [ -n "$last_command" ]; then
		echo "     command: $last_command"
		echo "     status: $status, output:"
		printf '%s\n' "$out" | tail -n 20 | sed 's/^/     | /'
	fi
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

expect_status()
{
	[ "$status" = "$1" ] || fail "exit status $status instead of $1"
}

expect_failure()
{
	[ "$status" != 0 ] || fail "succeeded"
}

expect_out()
{
	printf '%s\n' "$out" | grep -qE -e "$1" || fail "no output like: $1"
}

expect_no_out()
{
	! printf '%s\n' "$out" | grep -qE -e "$1" || fail "output like: $1"
}

expect_equal()
{
	[ "$1" = "$2" ] || fail "wanted: $1, got: $2"
}

expect_between()
{
	[ "$2" -ge "$1" ] || fail "wanted at least: $1, got: $2"
	[ "$2" -le "$3" ] || fail "wanted at most: $3, got: $2"
}

log_has()
{
	lab_log "$1" | grep -qE -e "$2"
}

expect_log()
{
	wait_for 5 log_has "$1" "$2" ||
		fail "log of $1 has no line like: $2"$'\n'"$(lab_log "$1" |
		    tail -n 15 | sed 's/^/     > /')"
}

expect_no_log()
{
	! log_has "$1" "$2" || fail "log of $1 has a line like: $2"
}

# --- running ----------------------------------------------------------------

run_one()
{
	local name=$1 output

	output=$("$name" 2>&1)
	case $? in
	0)
		passed=$((passed + 1))
		echo "ok   $name"
		;;
	77)
		echo "SKIP $name: $output"
		if [ "${CI-}" = true ]; then
			failed=$((failed + 1))
		else
			skipped=$((skipped + 1))
		fi
		;;
	*)
		failed=$((failed + 1))
		echo "FAIL $name"
		printf '%s\n' "$output"
		;;
	esac
}

is_selected()
{
	local name=$1 word

	shift
	[ $# -gt 0 ] || return 0
	for word; do
		case $name in *"$word"*) return 0 ;; esac
	done
	return 1
}

run_tests()
{
	local name names passed=0 failed=0 skipped=0

	names=$(sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' "$0")
	while read -r name <&9; do
		if is_selected "$name" "$@"; then
			run_one "$name" 9<&-
		fi
	done 9<<<"$names"
	echo "$0: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
}
