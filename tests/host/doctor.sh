# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A host that is well, to be broken and mended by what oat doctor says of it:
#
#   doctor_begin "$@"        web-1 with acme/ci, and nothing to complain about
#   doctor [OPTION...]       oat doctor there
#   on_web SCRIPT, put_web PATH, in_database SQL UNDO
#                            break something until the end of the test
#   names WORD CHECK REGEX   the line that says so, and the exit status
#   mends CHECK...           its fix, typed; then all is well
#   is_well                  nothing but "ok"

# shellcheck source=tests/host/oat.sh
. "$(dirname "${BASH_SOURCE[0]}")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "${BASH_SOURCE[0]}")/runner.sh"

# shellcheck disable=SC2034
conf=/etc/oat/oat.conf
login=oat-acme-ci

doctor()
{
	lab_exec web-1 oat doctor "$@"
}

# What tests break on web-1: a copy is kept, and laid back after each of them.
breakable="etc/oat etc/pam.d etc/ssh etc/cron.d etc/sudoers.d etc/sudoers \
    etc/nsswitch.conf etc/passwd etc/group etc/shadow etc/gshadow etc/subuid \
    etc/login.defs var/lib/oat usr/lib/*/security/pam_oat.so \
    usr/lib/*/libnss_oat.so.2 usr/lib/*/oat"
undo_sql=

keep_web()
{
	lab_exec web-1 sh -c "rm -rf /kept && mkdir /kept && touch -a /etc/subuid && cd / &&
	    cp -a --parents $breakable /kept"
}

undo()
{
	[ -z "$undo_sql" ] || lab_sql "$undo_sql" >/dev/null
	lab_exec web-1 sh -c "cd /kept && for path in $breakable; do
	    rm -rf \"/\$path\" && cp -a \"\$path\" \"/\$path\"
	done; rm -rf /run/nscd /run/systemd"
}

# on_web SCRIPT: until the end of the test.
on_web()
{
	trap undo EXIT
	lab_exec web-1 sh -c "$1" || fail "cannot: $1"
}

# put_web PATH [OWNER:GROUP [MODE]] <FILE: until the end of the test. Never in a
# pipeline, whose end would be that of the test.
put_web()
{
	trap undo EXIT
	lab_put web-1 "$@"
}

# in_database SQL UNDO: until the end of the test.
in_database()
{
	trap undo EXIT
	undo_sql="$2; $undo_sql"
	lab_sql "$1" >/dev/null || fail "cannot: $1"
}

# names WORD CHECK REGEX: the doctor has this line, and its exit status.
names()
{
	local word=$1 check=$2 regex=$3

	run doctor
	expect_out "^$word +$check +.*$regex"
	case $word in
	FAIL) expect_status 2 ;;
	warn) expect_status 1 ;;
	esac
}

# member CHECK NAME [OPTION...]: of the first finding of that check that is not
# well, as the JSON has it.
member()
{
	local check=$1 name=$2 string='\(\(\\.\|[^\\"]\)*\)'

	shift 2
	doctor --json "$@" | grep -v '^{"status":"ok"' |
		grep -m 1 "\"check\":\"$check\"" |
		sed -n "s/.*\"$name\":\"$string\".*/\1/p" | sed 's/\\\(.\)/\1/g'
}

# mends CHECK...: type what is said of them, where it is to be typed, one after
# the other, until nothing is said; then nothing is said of anything.
mends()
{
	local check fix tries

	for check; do
		for ((tries = 0; tries < 6; tries++)); do
			fix=$(member "$check" fix)
			[ -n "$fix" ] || break
			type_fix "$(member "$check" fix_in)" "$fix"
		done
	done
	is_well
}

type_fix()
{
	case $1 in
	shell) lab_exec web-1 sh -c "$2" >/dev/null 2>&1 ;;
	psql) lab_sql "$2" >/dev/null ;;
	*) fail "nothing to type: $2" ;;
	esac
}

is_well()
{
	run doctor --quiet
	expect_status 0
	expect_equal 1 "$(wc -l <<<"$out")"
	expect_out '^[0-9]+ ok, 0 warnings, 0 failures, 0 not looked at$'
}

doctor_begin()
{
	lab_enter "$@"
	lab_certificate_days=90
	lab_standard
	lab_local_user web-1 carol carol-password
	lab_token web-1 acme ci 'web-*' sshd,sudo
	lab_put web-1 /etc/cron.d/oat <<-CRON
	* * * * * root /usr/sbin/oat sync
	CRON
	keep_web
}
