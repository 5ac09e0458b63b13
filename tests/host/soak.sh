# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Logins, sessions, syncs, rotations and revocations, and faults at random, for
# a while; at the end everything that was written down must agree.
#
#   soak_lab                 db, client and web-1, four tokens, one of them
#                            counted
#   soak_run SECONDS
#   soak_check               prints what does not agree, and fails
#   soak_report              how much happened

# shellcheck source=tests/host/faults.sh
. "$(dirname "${BASH_SOURCE[0]}")/faults.sh"

soak_names=(ci cd nightly few)
soak_uses=100000

soak_lab()
{
	local name

	fault_lab 1
	for name in "${soak_names[@]}"; do
		[ "$name" = ci ] ||
			lab_token web-1 acme "$name" web-1 sshd,sudo,attempt
		echo "$token" >"$LAB/token.$name"
		cp "$LAB/token.$name" "$LAB/retired.$name"
	done
	lab_sql "update oat.tokens set uses_left = $soak_uses
	    where name = 'few'"
}

# --- what people do ----------------------------------------------------------

soak_goes_on()
{
	[ "$SECONDS" -lt "$soak_end" ] || return 1
	sleep "0.$((RANDOM % 5))"
}

soak_pick()
{
	name=${soak_names[RANDOM % ${#soak_names[@]}]}
}

# A login now and then with a secret of before, or none at all.
soak_token()
{
	case $((RANDOM % 8)) in
	0) token=$(cat "$LAB/retired.$name") ;;
	1) token=oat_wrong ;;
	*) token=$(cat "$LAB/token.$name") ;;
	esac
}

soak_attempts()
{
	local name phase

	while soak_goes_on; do
		soak_pick
		soak_token
		phase=auth
		[ $((RANDOM % 3)) != 0 ] || phase=account
		printf '%s\n' "$token" | lab_exec web-1 \
		    "$lab_build/tests/host/attempt" "$phase" attempt \
		    "oat-acme-$name" | head -n 1 >>"$LAB/attempts"
	done
}

soak_sessions()
{
	local name

	while soak_goes_on; do
		soak_pick
		lab_ssh client "$(cat "$LAB/token.$name")" \
		    "oat-acme-$name@web-1.lab" sleep "0.$((RANDOM % 9))" \
		    </dev/null >/dev/null 2>&1
		echo $? >>"$LAB/sessions"
	done
}

soak_syncs()
{
	while soak_goes_on; do
		lab_exec web-1 oat sync >/dev/null 2>&1
		echo $? >>"$LAB/syncs"
	done
}

# --- what administrators do --------------------------------------------------

# The token is the new one only once the database has said so.
soak_rotate()
{
	local token selector verifier overlap="interval '0'"

	[ $((RANDOM % 2)) = 0 ] || overlap="interval '1 hour'"
	lab_mint web-1
	lab_sql "select oat.rotate_token('acme', '$1', '$verifier',
	    $overlap)" >/dev/null || return
	cp "$LAB/token.$1" "$LAB/retired.$1"
	echo "$token" >"$LAB/new.$1" && mv "$LAB/new.$1" "$LAB/token.$1"
}

soak_change()
{
	local where="organization = 'acme' and name = '$name'"

	case $((RANDOM % 6)) in
	0 | 1) soak_rotate "$name" ;;
	2) lab_sql "update oat.tokens set deactivated_at = now() where $where" ;;
	3) lab_sql "select oat.revoke('oat-acme-$name', 'soak')" ;;
	4) lab_sql "delete from oat.grants where token = '$name'" ;;
	5) lab_sql "update oat.tokens set contact = 'x$RANDOM' where $where" ;;
	esac >/dev/null 2>&1
}

# Much is given back soon, or nobody would be let in at the end.
soak_changes()
{
	local name

	while soak_goes_on; do
		soak_pick
		soak_change
		echo "$name" >>"$LAB/changes"
		sleep 0.2
		soak_give_back "$name"
	done
}

soak_give_back()
{
	lab_sql "update oat.tokens set deactivated_at = null
	    where name = '$1' and deactivated_at is not null;
	    insert into oat.grants (organization, token, host, service)
	    select 'acme', '$1', 'web-1', s
	    from unnest('{sshd,sudo,attempt}'::text[]) s
	    on conflict do nothing" >/dev/null 2>&1
}

# --- what goes wrong ---------------------------------------------------------

soak_drop_packets()
{
	lab_exec web-1 ip neighbour replace "${lab_addresses[db]}" \
	    lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	sleep "1.$((RANDOM % 9))"
	lab_exec web-1 ip neighbour del "${lab_addresses[db]}" dev eth0
}

soak_fault()
{
	case $((RANDOM % 7)) in
	0)
		lab_database_stop
		sleep "0.$((RANDOM % 9))"
		lab_database_start
		;;
	1)
		lab_database_freeze
		sleep "1.$((RANDOM % 9))"
		lab_database_thaw
		;;
	2 | 3) lab_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where usename = 'oat_web-1'" ;;
	4) lab_exec web-1 pkill -KILL -x oat ;;
	5) lab_exec web-1 sh -c 'rm -rf /run/oat' ;;
	6) soak_drop_packets ;;
	esac >/dev/null 2>&1
}

soak_faults()
{
	while soak_goes_on; do
		soak_fault
		echo fault >>"$LAB/faults"
		sleep "0.$((RANDOM % 9))"
	done
}

# --- all of it ---------------------------------------------------------------

soak_run()
{
	local worker name

	soak_end=$((SECONDS + $1))
	for worker in attempts attempts sessions syncs changes faults; do
		"soak_$worker" &
	done
	wait
	for name in "${soak_names[@]}"; do
		soak_give_back "$name"
	done
	wait_for 30 soak_is_quiet || lab_die "processes are left:
$(lab_exec web-1 ps -eo pid=,ppid=,stat=,args=)"
	wait_for 10 lab_exec web-1 oat sync 2>/dev/null ||
		lab_die "oat sync fails"
}

soak_is_quiet()
{
	! lab_exec web-1 ps -eo stat=,args= |
		grep -qE '^Z|^[^ ]+ +(oat |sshd: [^/])'
}

# --- does it agree? ----------------------------------------------------------

soak_bad=0

soak_expect()
{
	[ "$2" = "$3" ] && return
	echo "     $1: $2 and $3"
	soak_bad=1
}

# soak_between WHAT LEAST GOT MOST
soak_between()
{
	[ "$3" -ge "$2" ] && [ "$3" -le "$4" ] && return
	echo "     $1: $3, and not between $2 and $4"
	soak_bad=1
}

soak_lines()
{
	lab_log web-1 | grep -cE "$1"
}

# Who was accepted is in the log of the database, once; and nobody else but
# those whose answer was lost on the way.
soak_check_log()
{
	local name accepted lost rows

	for name in "${soak_names[@]}"; do
		accepted=$(soak_lines "accepted login=oat-acme-$name ")
		lost=$(soak_lines "login=oat-acme-$name .*reason=unavailable")
		rows=$(lab_sql "select count(*) from oat.activity
		    where actor = 'oat-acme-$name' and outcome = 'success'")
		soak_between "$name: recorded as let in" "$accepted" "$rows" \
		    $((accepted + lost))
	done
	soak_expect "events that arrived twice" 0 "$(lab_sql "select count(*)
	    from (select from oat.activity group by event_id
	    having count(*) > 1) d")"
}

soak_check_sessions()
{
	local opened closed lost

	opened=$(lab_sql "select count(*) from oat.activity
	    where event = 'session.opened'")
	closed=$(lab_sql "select count(*) from oat.activity
	    where event = 'session.closed'")
	lost=$(soak_lines ' unrecorded login=')
	soak_between "sessions closed, of $opened" $((opened - lost)) \
	    "$closed" $((opened + lost))
}

soak_check_counters()
{
	soak_expect "uses taken, uses gone" "$(lab_sql "select count(*)
	    from oat.activity where actor = 'oat-acme-few'
	    and event = 'login' and outcome = 'success'")" \
	    "$(lab_sql "select $soak_uses - uses_left from oat.tokens
		where name = 'few'")"
	soak_expect "usage by day, rows" "$(lab_sql "select sum(successes)
	    from oat.usage_daily")" "$(lab_sql "select count(*)
	    from oat.activity where outcome = 'success'")"
	soak_expect "oat.restore_check()" "" "$(lab_sql "select *
	    from oat.restore_check() where not passed")"
}

# Who may come, and who has a shell.
soak_check_snapshot()
{
	soak_expect "access, snapshot" "$(lab_sql "select distinct login
	    from oat.access where host = 'web-1' order by 1")" \
	    "$(lab_exec web-1 getent passwd | grep '^oat-acme-' |
		grep -v nologin | cut -d : -f 1 | sort)"
}

soak_check_leftovers()
{
	soak_expect "files of the spool" "" \
	    "$(lab_exec web-1 ls -A /var/lib/oat/spool)"
	soak_expect "temporary files" "" "$(lab_exec web-1 find \
	    /var/lib/oat/spool /run/oat -name '.*' -type f)$(lab_exec web-1 \
	    find /var/lib/oat -maxdepth 1 -type f ! -name identities)"
}

soak_check()
{
	soak_bad=0
	soak_check_log
	soak_check_sessions
	soak_check_counters
	soak_check_snapshot
	soak_check_leftovers
	return "$soak_bad"
}

soak_report()
{
	local what

	for what in attempts sessions syncs changes faults; do
		printf '%s: %s' "$what" "$(wc -l <"$LAB/$what")"
		case $what in
		attempts) printf ', %s let in' "$(grep -c '^0 ' "$LAB/$what")" ;;
		sessions | syncs)
			printf ', %s succeeded' "$(grep -c '^0$' "$LAB/$what")"
			;;
		esac
		echo
	done
}
