#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Case 43. A token is typed, and then looked for: in the memory of every process
# that had to do with it, while it is checked and afterwards, in cores, in /proc,
# in every log. What the caller itself keeps is measured by a local user's
# password that takes the same way through pam_unix.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-canary
local_password=canary-of-a-local-user-0123456789

# copies SECRET PID...: in all these processes together.
copies()
{
	local secret=$1

	shift
	printf '%s\n' "$secret" | lab_exec web-1 \
	    "$lab_build/tests/host/memory" "$@" |
		awk '{ sum += $2 } END { print sum + 0 }'
}

pids()
{
	lab_exec web-1 pgrep "$@" | paste -sd ' '
}

# su_in_background SECRET LOGIN COMMAND: carol's su, with the secret typed.
su_in_background()
{
	printf '%s\n' "$1" | lab_exec web-1 setsid -w runuser -u carol -- \
	    sh -c 'ulimit -S -c unlimited; exec su "$1" -c "$2"' sh "$2" "$3" \
	    >/dev/null 2>&1 &
	background=$!
}

ready()
{
	lab_exec web-1 test -e /tmp/ready
}

# The program with both its children, waiting for a silent database.
catch_the_program()
{
	lab_database_freeze
	trap lab_database_thaw EXIT
	su_in_background "$token" "$login" true
	wait_for 5 finds_the_program || fail "no program with two children"
	sleep 0.3
}

# A sync has one child.
finds_the_program()
{
	for parent in $(pids -x oat); do
		children=$(pids -x -P "$parent" oat)
		[[ $children != *' '* ]] || return 0
	done
	return 1
}

let_go()
{
	lab_database_thaw
	wait "$background"
}

# --- while it is being checked -------------------------------------------------

test_case_43_while_it_is_checked_neither_child_has_a_token_it_need_not_have()
{
	local in_parent in_children

	catch_the_program
	in_parent=$(copies "$secret" "$parent")
	# shellcheck disable=SC2086
	in_children=$(copies "$secret" $children)
	let_go
	[ "$in_parent" -gt 0 ] || fail "the search finds no token anywhere"
	expect_equal 0 "$in_children"
}

test_case_43_no_proc_file_has_a_token()
{
	catch_the_program
	run lab_exec web-1 sh -c 'cd /proc && for pid in [0-9]*; do
		for file in cmdline environ comm status stat wchan io maps; do
			cat $pid/$file 2>/dev/null
		done
	done | tr "\0" "\n"'
	let_go
	expect_out '^_?oat$|Name:.*oat'
	expect_no_out "$secret"
}

test_case_43_nobody_else_can_trace_or_read_the_program()
{
	local pid who

	catch_the_program
	for pid in $parent $children; do
		for who in carol _oat; do
			run lab_exec web-1 runuser -u "$who" -- sh -c \
			    'cat "/proc/$1/mem" "/proc/$1/maps" \
			    "/proc/$1/environ"' sh "$pid"
			expect_no_out '^[0-9a-f]+-[0-9a-f]+ r'
			expect_out 'maps: Permission denied'
			expect_out 'environ: Permission denied'
		done
	done
	let_go
}

# A process that may leave a core is told apart by one that does.
test_case_43_no_core_is_left_of_the_program_or_its_children()
{
	local pid

	case $(cat /proc/sys/kernel/core_pattern) in
	core | core.%p) ;;
	*) skip "the kernel gives cores to a program" ;;
	esac
	lab_exec web-1 sh -c 'cd /tmp && ulimit -c unlimited &&
	    sh -c "kill -ABRT \$\$"' >/dev/null 2>&1
	run lab_exec web-1 sh -c 'find / -xdev -name "core*" -type f -size +8k \
	    -newer /etc/oat/oat.conf 2>/dev/null; ls /tmp/core*'
	expect_out '/tmp/core'
	lab_exec web-1 sh -c 'rm -f /tmp/core*'
	for pid in 1 2 3; do
		catch_the_program
		# shellcheck disable=SC2086
		set -- $parent $children
		run lab_exec web-1 cat "/proc/${!pid}/limits"
		expect_out '^Max core file size +0 +0 '
		lab_exec web-1 kill -ABRT "${!pid}"
		let_go
	done
	run lab_exec web-1 sh -c 'find / /tmp /run -xdev -name "core*" -type f \
	    -newer /etc/oat/oat.conf -path "*core" 2>/dev/null'
	expect_equal '' "$out"
}

# --- afterwards -----------------------------------------------------------------

# kept_by_su SECRET LOGIN: copies in su and all below it, while its session is.
kept_by_su()
{
	lab_exec web-1 rm -f /tmp/ready
	su_in_background "$1" "$2" 'touch /tmp/ready; exec sleep 30'
	wait_for 8 ready || fail "su did not open a session for $2"
	# shellcheck disable=SC2046
	kept=$(copies "$1" $(pids -x 'su|sh|sleep|oat'))
	lab_exec web-1 pkill -x sleep
	wait "$background"
}

test_case_43_su_keeps_no_more_of_a_token_than_of_a_password()
{
	local of_password

	kept_by_su "$local_password" dave
	of_password=$kept
	kept_by_su "$token" "$login"
	[ "$kept" -le "$of_password" ] ||
		fail "$kept copies of a token, $of_password of a password"
}

test_case_43_su_keeps_no_more_of_a_wrong_token()
{
	lab_exec web-1 rm -f /tmp/ready
	lab_wrong_secret "$selector"
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u carol -- \
	    su "$login" -c true
	expect_failure
	# shellcheck disable=SC2046
	expect_equal 0 "$(copies "${token##*_}" $(pids .))"
}

kept_by_sshd()
{
	lab_exec web-1 rm -f /tmp/ready
	lab_ssh client "$1" -o "PreferredAuthentications=$3" "$2@web-1.lab" \
	    'touch /tmp/ready; exec sleep 30' >/dev/null 2>&1 &
	wait_for 8 ready || fail "no ssh session for $2"
	# shellcheck disable=SC2046
	kept=$(copies "$1" $(pids -x 'sshd|sh|sleep|oat'))
	lab_exec web-1 pkill -x sleep
	wait $!
}

test_case_43_sshd_keeps_no_more_of_a_token_than_of_a_password()
{
	local of_password method

	for method in password keyboard-interactive; do
		kept_by_sshd "$local_password" dave "$method"
		of_password=$kept
		kept_by_sshd "$token" "$login" "$method"
		[ "$kept" -le "$of_password" ] || fail "$method:" \
		    "$kept copies of a token, $of_password of a password"
	done
}

test_case_43_sudo_keeps_no_more_of_a_token_than_of_a_password()
{
	local of_password who=dave password=$local_password

	for _ in 1 2; do
		lab_exec web-1 rm -f /tmp/ready
		printf '%s\n' "$password" | lab_exec web-1 setsid -w \
		    runuser -u "$who" -- sudo -S -p '' sh -c \
		    'touch /tmp/ready; exec sleep 30' >/dev/null 2>&1 &
		wait_for 8 ready || fail "no sudo of $who"
		# shellcheck disable=SC2046
		kept=$(copies "$password" $(pids -x 'sudo|sh|sleep|oat'))
		lab_exec web-1 pkill -x sleep
		wait $!
		of_password=${of_password-$kept}
		who=$login password=$token
	done
	[ "$kept" -le "$of_password" ] ||
		fail "$kept copies of a token, $of_password of a password"
}

# --- what is written -------------------------------------------------------------

test_case_43_no_log_row_or_environment_has_a_token_with_all_logging_on()
{
	lab_sql "alter system set log_statement = 'all'"
	lab_sql "alter system set log_min_messages = 'debug5'"
	lab_sql "alter system set log_min_duration_statement = 0"
	lab_sql "alter system set log_parameter_max_length = -1"
	lab_database_control reload
	lab_exec web-1 sed -i 's/ pam_oat.so/ pam_oat.so debug/' \
	    /etc/pam.d/sshd /etc/pam.d/su /etc/pam.d/sudo
	lab_ssh client "$token" "$login@web-1.lab" env >"$LAB/env"
	lab_ssh client "$(lab_mistyped "$token")" "$login@web-1.lab" true
	lab_wrong_secret "$selector"
	lab_ssh client "$token" "$login@web-1.lab" true
	wait_for 5 log_has web-1 "login=$login .*reason=malformed" ||
		fail "the last attempt was not logged"
	lab_exec web-1 oat sync
	lab_sql "select * from oat.activity; table oat.tokens;
	    table oat.usage_daily; select * from pg_stat_activity" \
	    >"$LAB/rows"
	run grep -rlF -e "$secret" -e "$(lab_mistyped "$secret")" -e "${token##*_}" \
	    "$LAB/env" "$LAB/rows" \
	    "$(lab_root web-1)$lab_log_file" "$(lab_root web-1)/var" \
	    "$(lab_root web-1)/run" "$(lab_root web-1)/etc" \
	    "$(lab_root web-1)/tmp" \
	    "$(lab_root db)$lab_database_log" "$(lab_root db)/srv"
	expect_equal '' "$out"
	grep -q host_decide "$(lab_root db)$lab_database_log" ||
		fail "the database did not log the questions"
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
lab_local_user web-1 dave "$local_password"
sed -i '1i PasswordAuthentication yes\nKbdInteractiveAuthentication yes' \
    "$(lab_root web-1)/etc/ssh/sshd_config.d/00-lab.conf"
lab_exec web-1 pkill -HUP -o -x sshd
lab_token web-1 acme canary 'web-*' sshd,su,sudo
secret=${token##*_}
run_tests "$@"
