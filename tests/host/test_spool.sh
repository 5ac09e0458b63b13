#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Events wait on the host until the database has them. Whatever is killed, and
# whenever: what was promised arrives once, and nothing arrives twice.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
spool=/var/lib/oat/spool
rounds=${ROUNDS:-150}

# --- on the host --------------------------------------------------------------

# Functions for web-1, sourced there: the loops run faster inside. Each event
# has a tag, which the database shows as its remote user; what was promised is
# told in /run/told, a line each: TAG ANSWER.
host_functions()
{
	cat <<-FUNCTIONS
	login=$login
	ask=$lab_build/tests/host/ask
	FUNCTIONS
	cat <<-'FUNCTIONS'
	# ask TAG [COMMAND...]: an event; the command runs oat, or kills it.
	ask()
	{
		local tag=$1 answer

		shift
		answer=$("$ask" "$login" "$tag" "$@" oat verify events)
		printf '%s %s\n' "$tag" "$answer" >>/run/told
	}

	# steps COMMAND...: its system calls, as strace(1) can name each: a
	# name, and the how-manieth of that name.
	steps()
	{
		"$@" >/dev/null 2>&1
		sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' /run/trace |
			grep -v '^execve$' | awk '{ print $1, ++n[$1] }'
	}

	trace() { strace -qq -o /run/trace "$@"; }

	# killed_at NAME NUMBER COMMAND...: before it makes that call.
	killed_at()
	{
		local name=$1 number=$2

		shift 2
		strace -qq -o /dev/null \
		    -e "inject=$name:signal=KILL:when=$number" "$@" 2>/dev/null
	}

	# killed_after SECONDS COMMAND...: it, or its child with the network.
	killed_after()
	{
		local seconds=$1 pid child

		shift
		"$@" 2>/dev/null &
		pid=$!
		sleep "$seconds"
		if [ $((RANDOM % 4)) = 0 ]; then
			read -r child _ <"/proc/$pid/task/$pid/children"
		fi 2>/dev/null
		kill -KILL "${child:-$pid}" 2>/dev/null
		wait "$pid" 2>/dev/null
	}

	verify_killed_at_each_step()
	{
		local name number

		steps ask seed strace -qq -o /run/trace >/run/steps
		while read -r name number; do
			ask "verify-$name-$number" strace -qq -o /dev/null \
			    -e "inject=$name:signal=KILL:when=$number"
		done </run/steps
	}

	sync_killed_at_each_step()
	{
		local name number

		ask sync-seed
		steps trace oat sync >/run/steps
		while read -r name number; do
			ask "sync-$name-$number"
			killed_at "$name" "$number" oat sync
		done </run/steps
	}

	random_rounds()
	{
		local i j

		RANDOM=$1
		for ((i = 0; i < $2; i++)); do
			for ((j = RANDOM % 4; j > 0; j--)); do
				ask "random-$i-$j" &
			done
			ask "random-$i-killed" timeout -s KILL \
			    "0.00$((RANDOM % 5))$((RANDOM % 9 + 1))" &
			killed_after "0.0$((RANDOM % 10))$((RANDOM % 10))" \
			    oat sync
		done
		wait
	}
	FUNCTIONS
}

# bash would tell of everybody who was killed.
on_host()
{
	lab_exec web-1 bash -c '. /run/functions; "$@"' bash "$@" 2>/dev/null
}

forget()
{
	lab_exec web-1 rm -f /run/told
}

told()
{
	cat "$(lab_root web-1)/run/told"
}

# --- what became of it --------------------------------------------------------

spooled()
{
	lab_exec web-1 find "$spool" -name '[!.]*.event'
}

is_spool_empty()
{
	[ -z "$(spooled)" ]
}

send()
{
	run lab_exec web-1 oat sync
	expect_status 0
	is_spool_empty || fail "left in the spool: $(spooled)"
}

# Tags that were promised, and those that the database has, with how often.
promised()
{
	told | sed -n 's/ kept$//p' | sort
}

recorded()
{
	lab_sql "select count(*) || ' ' || (detail ->> 'ruser')
	    from oat.activity where event = 'session.opened'
	    and event_id is not null and detail ->> 'ruser' like '$1%'
	    group by detail ->> 'ruser'" | sort -k 2
}

expect_each_once()
{
	local lost twice unasked

	promised >"$LAB/promised"
	recorded "$1" >"$LAB/recorded"
	twice=$(grep -v '^1 ' "$LAB/recorded")
	cut -d ' ' -f 2- "$LAB/recorded" | sort >"$LAB/arrived"
	lost=$(comm -23 "$LAB/promised" "$LAB/arrived")
	unasked=$(told | cut -d ' ' -f 1 | sort | comm -13 - "$LAB/arrived")
	[ -z "$twice" ] || fail "more than once: $twice"
	[ -z "$lost" ] || fail "promised and lost: $lost"
	[ -z "$unasked" ] || fail "nobody asked for: $unasked"
}

# Whoever was killed before the promise may have kept it or not.
expect_both_kinds_of_killed()
{
	told | sed -n 's/ nothing$//p' | sort >"$LAB/killed"
	[ -n "$(comm -23 "$LAB/killed" "$LAB/arrived")" ] ||
		fail "nobody was killed before the event was kept"
	[ -n "$(comm -12 "$LAB/killed" "$LAB/arrived")" ] ||
		fail "nobody was killed between keeping and promising"
}

# --- killed -------------------------------------------------------------------

test_an_event_is_whole_or_absent_wherever_its_writer_is_killed()
{
	forget
	lab_database_stop
	on_host verify_killed_at_each_step
	# shellcheck disable=SC2046
	run lab_exec web-1 grep -LE '^\{"event_id":.*\}\}$' $(spooled)
	lab_database_start
	expect_equal '' "$out"
	send
	expect_each_once ''
	expect_both_kinds_of_killed
}

test_events_arrive_once_wherever_the_sync_is_killed()
{
	forget
	on_host sync_killed_at_each_step
	send
	expect_each_once sync
	[ "$(told | grep -c ' kept$')" -gt 100 ] ||
		fail "only $(told | wc -l) steps"
}

# At random, with the database restarting; ROUNDS and SEED choose others.
test_events_arrive_once_however_often_all_is_killed()
{
	local seed=${SEED:-$RANDOM} pid

	forget
	on_host random_rounds "$seed" "$rounds" &
	pid=$!
	while sleep 1.5 && kill -0 "$pid" 2>/dev/null; do
		lab_database_control -m immediate restart
	done
	wait "$pid"
	send
	(expect_each_once random) || fail "SEED=$seed"
	[ -n "$(promised)" ] || fail "nothing was promised"
	expect_no_log web-1 '\.bad'
}

# --- the database is away -----------------------------------------------------

test_an_event_keeps_the_time_at_which_it_happened()
{
	forget
	lab_database_stop
	on_host ask away
	sleep 2
	lab_database_start
	send
	run lab_sql "select recorded_at - at >= interval '2 seconds',
	    detail ->> 'sent_at' from oat.activity
	    where detail ->> 'ruser' = 'away'"
	expect_equal 't|' "$out"
}

test_a_time_that_cannot_be_is_clamped_and_kept_in_detail()
{
	local old=2001-01-01T00:00:00.000000Z file

	forget
	lab_database_stop
	on_host ask old
	file=$(spooled)
	lab_exec web-1 sed -i "s/\"at\":\"[^\"]*\"/\"at\":\"$old\"/" "$file"
	lab_database_start
	send
	run lab_sql "select at > now() - interval '91 days',
	    detail ->> 'sent_at' from oat.activity
	    where detail ->> 'ruser' = 'old'"
	expect_equal "t|$old" "$out"
}

# The bound is full of events that can be sent.
test_ten_thousand_events_are_sent_by_one_sync()
{
	lab_database_stop
	lab_exec web-1 awk -v spool="$spool" 'BEGIN {
		for (i = 0; i < 10000; i++) {
			id = sprintf("00000000-0000-4000-8000-%012d", i)
			file = sprintf("%s/%012d.000000000-%s.event", spool,
			    1700000000 + i, id)
			printf "{\"event_id\":\"%s\",\"at\":null,\"event\":" \
			    "\"session.opened\",\"login\":\"oat-acme-ci\"," \
			    "\"service\":\"sshd\",\"rhost\":\"-\",\"tty\":" \
			    "\"-\",\"ruser\":\"many\",\"selector\":null," \
			    "\"outcome\":null,\"reason\":null,\"detail\":{}}",
			    id >file
			close(file)
		}
	}'
	forget
	on_host ask onemore
	run told
	expect_out '^onemore lost: event lost: .*: full, 10000 files; '
	lab_database_start
	send
	expect_equal '10000|10000' "$(lab_sql "select count(*),
	    count(distinct event_id) from oat.activity
	    where detail ->> 'ruser' = 'many'")"
}

# --- no room ------------------------------------------------------------------

# A file system of its own, with these options, in the place of the spool.
small_disk()
{
	lab_exec web-1 mount -t tmpfs -o "mode=0700,$1" small "$spool"
}

real_disk()
{
	lab_exec web-1 umount "$spool"
}

sessions_closed()
{
	lab_log web-1 | grep -c "session closed for user $login"
}

has_closed_more_than()
{
	[ "$(sessions_closed)" -gt "$1" ]
}

# A login that policy allows, and its end, while the spool is as it is.
log_in()
{
	local before

	before=$(sessions_closed)
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	wait_for 10 has_closed_more_than "$before"
	expect_equal "$login" "$out"
}

loss()
{
	printf '^authpriv\.err .*pam_oat\(sshd:session\): unrecorded login=%s .*event=session\.%s detail=event lost: %s: %s' \
	    "$login" "$1" "$spool" "$2"
}

test_a_full_disk_lets_in_and_is_told()
{
	small_disk size=4k
	lab_exec web-1 sh -c "head -c 4096 /dev/zero >$spool/filler"
	log_in
	real_disk
	expect_log web-1 "$(loss opened 'No space left on device; make room')"
	expect_log web-1 "$(loss closed 'No space left on device; make room')"
}

test_a_disk_without_inodes_lets_in_and_is_told()
{
	small_disk nr_inodes=2
	lab_exec web-1 touch "$spool/filler"
	log_in
	real_disk
	expect_log web-1 "$(loss opened 'No space left on device; .*df -i')"
}

test_a_full_disk_corrupts_nothing_that_is_there()
{
	forget
	small_disk size=8k
	lab_database_stop
	on_host ask before
	on_host ask filled
	on_host ask full
	run told
	expect_out '^before kept$'
	expect_out '^filled kept$'
	expect_out '^full lost: event lost: .*No space left'
	run lab_exec web-1 find "$spool" -type f
	expect_equal 2 "$(wc -l <<<"$out")"
	lab_database_start
	run lab_exec web-1 oat sync
	expect_status 0
	run spooled
	real_disk
	expect_equal '' "$out"
	expect_each_once_of 'before filled'
}

test_a_disk_that_is_read_only_lets_in_and_is_told()
{
	forget
	small_disk size=64k
	lab_database_stop
	on_host ask stuck
	lab_exec web-1 mount -o remount,ro "$spool"
	lab_database_start
	log_in
	expect_log web-1 "$(loss opened 'Read-only file system; mount it')"
	run lab_exec web-1 oat sync
	expect_failure
	expect_out "events stay in the spool: $spool: Read-only file system"
	lab_exec web-1 mount -o remount,rw "$spool"
	run lab_exec web-1 oat sync
	expect_status 0
	run spooled
	real_disk
	expect_equal '' "$out"
	expect_each_once_of stuck
}

# Sent again each time that they could not be removed, and recorded once.
expect_each_once_of()
{
	local tag

	for tag in $1; do
		expect_equal "1 $tag" "$(recorded "$tag")"
	done
}

test_a_spool_full_of_files_put_aside_lets_in_and_is_told()
{
	lab_exec web-1 sh -c "cd $spool && seq 10000 |
	    sed 's/$/.event.bad/' | xargs touch"
	log_in
	run lab_exec web-1 sh -c "ls $spool | wc -l; rm $spool/*.bad"
	expect_equal 10000 "$out"
	expect_log web-1 "$(loss opened 'full, 10000 files; let .oat sync. reach')"
}

test_a_spool_that_others_can_write_lets_in_and_is_told()
{
	lab_exec web-1 chmod 0777 "$spool"
	log_in
	lab_exec web-1 chmod 0700 "$spool"
	expect_log web-1 \
	    "$(loss opened 'Operation not permitted; it must be a folder of')"
}

test_the_spool_is_roots_alone()
{
	forget
	lab_database_stop
	on_host ask private
	run lab_exec web-1 sh -c "stat -c '%U:%G %a' $spool $spool/*"
	lab_database_start
	expect_equal $'root:root 700\nroot:root 600' "$out"
	run lab_exec web-1 runuser -u "$login" -- ls "$spool"
	expect_failure
	send
}

lab_enter "$@"
lab_standard
lab_token web-1 acme ci 'web-*' sshd
host_functions | lab_put web-1 /run/functions
run_tests "$@"
