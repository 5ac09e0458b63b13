# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What is promised while something is wrong with the database, checked with a
# real sshd, sudo and PostgreSQL:
#
#   fault_lab SECONDS        db, client and web-1 with that timeout, the local
#                            user carol, the identity oat-acme-ci and its token
#   meanwhile BEGIN END COMMAND...
#                            BEGIN (a command) causes a fault and END mends it;
#                            in between COMMAND, which may fail the test
#   with_fault BEGIN END REGEX
#                            the same with expect_undecided REGEX, and then
#                            expect_recovered
#   expect_undecided REGEX   identities are answered in time, told that the
#                            service is the matter, and one line says what is
#                            wrong and with which server; local users notice
#                            nothing; nothing is left
#   expect_recovered         a sync by hand works, and so does the next login
#   attempt [LOGIN]          one PAM authentication: sets code, took_ms, said
#   lab_preload NAME LIBRARY every process to come of the host has this one of
#                            tests/host/preload
#   forget_outage            as if the host had not asked for a while
#   reconfigure SED          changes oat.conf
#   proxy PLAY...            stands before the database, on port 6432
#   proxy_end

# shellcheck source=tests/host/oat.sh
. "$(dirname "${BASH_SOURCE[0]}")/oat.sh"

login=oat-acme-ci
local_password=right-password
unreachable='oat: token service unreachable, token not checked'
timeout_ms=1000
slack_ms=1000 # a busy machine's
conf=/etc/oat/oat.conf

# What <security/_pam_types.h> calls them.
PAM_SUCCESS=0
PAM_PERM_DENIED=6
PAM_AUTH_ERR=7
PAM_AUTHINFO_UNAVAIL=9

fault_lab()
{
	local seconds=$1

	lab_standard
	timeout_ms=$((seconds * 1000))
	printf 'timeout = %ss\nfail_delay = 100ms\n' "$seconds" \
	    >>"$(lab_root web-1)$conf"
	lab_local_user web-1 carol "$local_password"
	lab_put web-1 /etc/pam.d/attempt <<-STACK
	auth    required pam_oat.so
	account required pam_oat.so
	STACK
	lab_token web-1 acme ci 'web-*' sshd,sudo,su,attempt
	lab_put web-1 /var/tmp/owned "$login:$login" </dev/null
}

# Not from the sources, which users may not reach.
lab_preload()
{
	lab_put "$1" "/usr/local/lib/$2.so" <"$lab_build/tests/host/preload/$2.so"
	echo "/usr/local/lib/$2.so" | lab_put "$1" /etc/ld.so.preload
}

forget_outage()
{
	lab_exec web-1 sh -c 'rm -f /run/oat/database-*'
}

reconfigure()
{
	sed -i "$1" "$(lab_root web-1)$conf"
}

# The database's authority, file and password are mended from here.
keep_configuration()
{
	lab_exec web-1 sh -c 'rm -rf /etc/oat.kept && cp -a /etc/oat /etc/oat.kept'
}

restore_configuration()
{
	lab_exec web-1 sh -c 'rm -rf /etc/oat && cp -a /etc/oat.kept /etc/oat'
}

# --- a proxy -----------------------------------------------------------------

proxy()
{
	lab_exec db "$lab_build/tests/host/proxy" 6432 \
	    "${lab_addresses[db]}:5432" "$@" >"$LAB/proxy.out" 2>&1 &
	wait_for 5 proxy_listens || lab_die "no proxy: $(cat "$LAB/proxy.out")"
	reconfigure 's/dbname=oat/dbname=oat port=6432/'
}

proxy_listens()
{
	lab_exec db ss -Hltn 'sport = :6432' | grep -q .
}

proxy_end()
{
	lab_exec db pkill -x proxy
	reconfigure 's/ port=6432//'
}

# --- asking ------------------------------------------------------------------

attempt()
{
	run_with "$token"$'\n' lab_exec web-1 \
	    "$lab_build/tests/host/attempt" "${2:-auth}" attempt "${1:-$login}"
	expect_status 0
	read -r code took_ms <<<"$out"
	said=$(tail -n +2 <<<"$out")
}

expect_code()
{
	[ "$code" = "$1" ] || fail "code $code instead of $1"
}

# The module's own promise: the program's timeout, and half a second more.
expect_in_time()
{
	[ "$took_ms" -le $((timeout_ms + 500 + slack_ms)) ] ||
		fail "answered after $took_ms ms, promised $timeout_ms and 500"
}

# What was logged before is in the log by then: a line of our own follows it.
log_mark()
{
	local mark=mark-$RANDOM-$RANDOM

	lab_exec web-1 logger -p user.info "$mark"
	wait_for 10 log_has web-1 "$mark" || fail "no log"
	log_lines=$(lab_log web-1 | wc -l)
}

# The lines since then.
log_since()
{
	lab_log web-1 | tail -n "+$((log_lines + 1))"
}

has_line()
{
	log_since | grep -qE -e "$1"
}

expect_line()
{
	wait_for 3 has_line "$1" || fail "no line like: $1, but
$(log_since | sed 's/^/     > /')"
}

expect_holder_told()
{
	grep -qxF "$unreachable" <<<"$said" || fail "the holder is not told"
}

expect_told()
{
	attempt
	expect_code "$PAM_AUTHINFO_UNAVAIL"
	expect_in_time
	expect_holder_told
	expect_line "refused login=$login selector=$selector reason=unavailable rhost=192.0.2.1.* detail=.*$1"
	[ "$(log_since | grep -c 'pam_oat(attempt:auth)')" = 1 ] ||
		fail "not one line: $(log_since)"
	attempt "$login" account
	expect_code "$PAM_AUTHINFO_UNAVAIL"
	expect_in_time
}

expect_told_by_sshd()
{
	run lab_ssh client "$token" \
	    -o PreferredAuthentications=keyboard-interactive \
	    "$login@web-1.lab" id -un
	expect_status 255
	expect_out "$unreachable"
}

expect_told_by_sudo()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
	expect_failure
	expect_out "$unreachable"
	expect_no_out '^root$'
}

# Names resolve as before, for whom and when ever; nobody waits for a server.
expect_names()
{
	local begin=${EPOCHREALTIME//[!0-9]/}

	run lab_exec web-1 sh -c 'id carol && runuser -u nobody -- id "$1" &&
	    ls -l /var/tmp/owned && getent group oat-users &&
	    ! env SYSTEMD_ACTIVATION_UNIT=boot.service \
		getent passwd oat-acme-nobody &&
	    ! runuser -u nobody -- getent passwd oat-acme-nobody' sh "$login"
	expect_status 0
	expect_out "^uid=[0-9]+\\($login\\)"
	expect_out "^-.* $login $login .*owned"
	took_ms=$(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))
	[ "$took_ms" -lt $((timeout_ms + slack_ms)) ] ||
		fail "look-ups took $took_ms ms"
}

expect_local_users_unaffected()
{
	run lab_ssh client "$local_password" carol@web-1.lab id -un
	expect_equal carol "$out"
	run_with "$local_password"$'\n' lab_exec web-1 runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
	expect_names
}

# No process of oat's, no zombie of anybody's.
is_quiet()
{
	! lab_exec web-1 ps -eo stat=,comm= | grep -qE '^Z| oat$'
}

expect_nothing_left()
{
	wait_for 5 is_quiet || fail "left: $(lab_exec web-1 ps -eo stat=,args=)"
}

# Real clients, and those who have nothing to do with it.
expect_others_told()
{
	expect_told_by_sshd
	expect_told_by_sudo
	expect_local_users_unaffected
	expect_nothing_left
}

expect_undecided()
{
	forget_outage
	log_mark
	expect_told "$1"
	expect_others_told
}

expect_recovered()
{
	run lab_exec web-1 oat sync
	expect_status 0
	attempt
	expect_code "$PAM_SUCCESS"
}

meanwhile()
{
	local end=$2 result=0

	$1
	shift 2
	( "$@" ) || result=$?
	$end
	[ "$result" = 0 ] || exit "$result"
}

with_fault()
{
	meanwhile "$1" "$2" expect_undecided "$3"
	expect_recovered
}
