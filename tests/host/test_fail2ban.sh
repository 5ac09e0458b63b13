#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shipped fail2ban filter and jail, on the log of a real sshd: wrong secrets
# count; an outage, an expired token and all else that was right once do not.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

log=/var/log/auth.log

# try LOGIN PASSWORD: by both methods, each one attempt. From a file ssh takes
# any name.
try()
{
	local method

	printf 'User "%s"\n' "$1" | lab_put client /tmp/who
	for method in password keyboard-interactive; do
		lab_ssh client "$2" -o PreferredAuthentications="$method" \
		    -F /tmp/who web-1.lab true >/dev/null 2>&1
	done
}

set_of()
{
	lab_sql "update oat.tokens set $2 where name = '$1'"
}

wrong_secrets()
{
	local right

	lab_token web-1 acme guess 'web-*' sshd
	right=$selector
	lab_wrong_secret "$right"
	try oat-acme-guess "$token"
	lab_token web-1 acme stray 'web-*' sshd
	lab_mint web-1
	try oat-acme-stray "$token"
	lab_token web-1 acme shape 'web-*' sshd
	try oat-acme-shape hunter2
}

# Secrets that are right, for something else or no more; and none at all.
right_secrets()
{
	local old

	lab_token web-1 acme late 'web-*' sshd
	set_of late "expires_at = now() - interval '1 minute'"
	try oat-acme-late "$token"
	lab_token web-1 acme off 'web-*' sshd
	set_of off "deactivated_at = now()"
	try oat-acme-off "$token"
	lab_token web-1 acme afar 'web-*' sshd
	set_of afar "allowed_from = '{192.0.2.0/24}'"
	try oat-acme-afar "$token"
	lab_token web-1 acme sudoer 'web-*' sudo
	try oat-acme-sudoer "$token"
	try oat-acme-guess "$token"
	lab_token web-1 acme retired 'web-*' sshd
	old=$token
	lab_mint web-1
	lab_sql "select oat.rotate_token('acme', 'retired', '$verifier', '0')" >/dev/null
	try oat-acme-retired "$old"
	lab_token web-1 acme empty 'web-*' sshd
	try oat-acme-empty ''
	try oat-acme-nobody "$token"
}

# Also of a login that this host does not know yet: sshd then hides what was
# typed from PAM.
outage()
{
	lab_token web-1 acme good 'web-*' sshd
	try oat-acme-good "$token"
	lab_new_token web-1 acme fresh 'web-*' sshd
	lab_database_stop
	try oat-acme-good "$token"
	try oat-acme-fresh "$token"
	lab_database_start
}

strangers()
{
	try 'pam_oat(sshd:auth): refused login=x selector=- reason=malformed rhost=192.0.2.1' x
	try 'oat-a-b refused login=x selector=- reason=malformed rhost=192.0.2.1' x
	try carol not-her-password
	lab_token web-1 acme local 'web-*' sudo
	printf 'hunter2\n' | lab_exec web-1 setsid -w runuser -u \
	    oat-acme-local -- sudo -S -p '' true >/dev/null 2>&1
}

# As rsyslog writes it.
write_log()
{
	lab_log web-1 |
		sed -E "s/^[a-z0-9]+\\.[a-z]+ (.{15}) /\\1 web-1 /" |
		lab_put web-1 "$log"
}

# As pam_oat(8) says.
activate()
{
	lab_exec web-1 cp -r /usr/share/oat/fail2ban/filter.d \
	    /usr/share/oat/fail2ban/jail.d /etc/fail2ban/
}

# counted FILTER [IGNOREREGEX]: the users whose attempts the filter counts.
counted()
{
	lab_exec web-1 fail2ban-regex -o user "$log" "$@" | sort | uniq -c |
		sed 's/^ *//'
}

# What a jail's configuration ignores, as one expression.
ignored_by()
{
	lab_exec web-1 fail2ban-client -d 2>/dev/null | python3 -c '
import ast, sys
for line in sys.stdin:
    words = ast.literal_eval(line)
    if words[1:3] == [sys.argv[1], "addignoreregex"]:
        lines = words[3] if words[0] == "multi-set" else [words[3]]
        print("|".join("(?:%s)" % one for one in lines))' "$1"
}

test_the_configuration_is_in_order()
{
	run lab_exec web-1 fail2ban-client -t
	expect_status 0
	run lab_exec web-1 fail2ban-client -d
	expect_out "'start', 'oat'"
	expect_out "'oat', 'addlogpath', '$log'"
}

test_wrong_secrets_count_and_nothing_else()
{
	expect_equal '2 oat-acme-guess
2 oat-acme-shape
2 oat-acme-stray' "$(counted oat)"
}

test_each_situation_is_in_the_log()
{
	local reason

	for reason in malformed unknown_token wrong_secret expired \
	    deactivated address_not_allowed service_not_granted \
	    wrong_identity retired_secret unavailable; do
		expect_log web-1 "refused .* reason=$reason rhost=10\\."
	done
	expect_log web-1 'accepted login=oat-acme-good '
	expect_log web-1 "detail=sshd does not know this user"
	expect_log web-1 'invalid user pam_oat\(sshd from'
	expect_log web-1 'invalid user oat-a-b refused login=x .* rhost=192'
	expect_log web-1 'pam_oat\(sudo:auth\): refused .* reason=malformed'
}

test_the_address_counts_and_not_one_that_was_made_up()
{
	run lab_exec web-1 fail2ban-regex -o ip "$log" oat
	expect_equal "${lab_addresses[client]}" "$(sort -u <<<"$out")"
}

# sshd's jail, which Debian enables, would ban for all of it.
test_the_jail_of_sshd_leaves_our_users_to_ours()
{
	local mode ignored

	ignored=$(ignored_by sshd)
	[ -n "$ignored" ] || fail "the jail of sshd ignores nothing"
	for mode in normal aggressive; do
		counted "sshd[mode=$mode]" >"$LAB/counted"
		grep -q ' oat-acme-late$' "$LAB/counted" ||
			fail "nothing to ignore in mode $mode"
		run counted "sshd[mode=$mode]" "$ignored"
		expect_no_out 'oat-acme-'
		expect_out 'carol'
	done
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
lab_local_user web-1 carol carol-password
wrong_secrets
right_secrets
outage
strangers
activate
write_log
run_tests "$@"
