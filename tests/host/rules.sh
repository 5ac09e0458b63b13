# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# One token of acme on web-1 that meets a rule, through a real ssh and a real
# sudo, and what the row of the log and the reports say of the same attempt:
#
#   newcomer NAME [SERVICES [HOSTS [ORGANIZATION]]]     sets login and label
#   alter SET                an UPDATE of its row, as an administrator's
#   rewrite SET              the same, past the triggers: the clock is moved by
#                            data, where a column is kept by them
#   by_ssh, ssh_to HOST      a login with its token, keyboard-interactive
#   by_sudo [COMMAND]        its own sudo on web-1, of id -un
#   expect_let_in SERVICE
#   expect_refused SERVICE REASON WORDS
#                            the holder reads WORDS; log, oat.explain() and
#                            oat.who_can() know the same reason

newcomer()
{
	local name=$1 organization=${4:-acme}

	lab_token web-1 "$organization" "$name" "${3:-web-1}" "${2:-sshd,sudo}"
	login=oat-$organization-$name
	label=$organization/$name
}

alter()
{
	lab_sql "update oat.tokens set $1 where login = '$login'" ||
		fail "cannot alter $login"
}

rewrite()
{
	lab_sql "set session_replication_role = replica;
	    update oat.tokens set $1 where login = '$login'" ||
		fail "cannot rewrite $login"
}

ssh_to()
{
	run lab_ssh client "$token" \
	    -o PreferredAuthentications=keyboard-interactive \
	    "$login@$1.lab" id -un
}

by_ssh()
{
	ssh_to web-1
}

by_sudo()
{
	[ $# -gt 0 ] || set -- id -un
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u "$login" -- sudo -S -p '' "$@"
}

# The row of the last login or account check of the token.
decision()
{
	lab_sql "select service, outcome, reason from oat.activity
	    where actor = '$login' and outcome is not null
	    order by id desc limit 1"
}

# explained SERVICE EXPRESSION [WHERE]: about a login from where it came.
explained()
{
	local address=null

	[ "$1" = sshd ] && address="'${lab_addresses[client]}'"
	lab_sql "select $2 from oat.explain('$login', 'web-1', '$1', $address)
	    with ordinality where ${3-true} order by ordinality desc limit 1"
}

first_failure()
{
	explained "$1" "first_value(${2:-check_name}) over (order by ordinality)" \
	    "not passed"
}

who_can()
{
	lab_sql "select login from oat.who_can('web-1', '$1')
	    where login = '$login'"
}

expect_let_in()
{
	expect_status 0
	if [ "$1" = sudo ]; then
		expect_equal root "$out"
	else
		expect_equal "$login" "$out"
	fi
	expect_equal "$1|success|" "$(decision)"
}

# Who asks oat.who_can() means a login from an address that is allowed.
expect_refused()
{
	local service=$1 reason=$2 words=$3 able=

	expect_failure
	expect_no_out '^(root|oat-[a-z0-9-]+)$'
	expect_out "oat: $label$words"
	expect_log web-1 "refused login=$login .*reason=$reason"
	expect_equal "$service|failure|$reason" "$(decision)"
	expect_equal "refused: $reason" "$(explained "$service" detail)"
	expect_equal "$reason" "$(first_failure "$service")"
	[ "$reason" = address_not_allowed ] && able=$login
	expect_equal "$able" "$(who_can "$service")"
}
