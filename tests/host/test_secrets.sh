#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tokens that are nearly right, or were right once or elsewhere, and verifiers
# that somebody got into the table past its checks.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# by_su LOGIN TOKEN [HOST]
by_su()
{
	run_with "$2"$'\n' lab_exec "${3:-web-1}" setsid -w runuser -u carol -- \
	    su "$1" -c 'id -un'
}

expect_refused()
{
	expect_failure
	expect_no_out '^(root|oat-[a-z0-9-]+)$'
}

# The lines of the log since the last call.
new_lines()
{
	lab_log web-1 | tail -n "+$((lines + 1))"
}

mark()
{
	lines=$(lab_log web-1 | wc -l)
}

expect_reason()
{
	new_lines | grep -qE "refused login=$1 .*reason=$2( |\$)" ||
		fail "not refused as $2: $(new_lines)"
}

# What makes another character of one, and what makes another case of it.
other_character()
{
	printf '%s' "$1" | tr 0-9A-Za-z 1-9A-Za-z0
}

other_case()
{
	printf '%s' "$1" | tr a-zA-Z A-Za-z
}

# Tokens that nobody made, each a changed secret with its check made right.
nearly_right()
{
	local head=${1%_*}_ secret=${1##*_} i

	secret=${secret:0:32}
	for i in 0 15 31; do
		lab_with_check "$head${secret:0:i}$(other_character \
		    "${secret:i:1}")${secret:i+1}"
	done
	lab_with_check "$head$(other_case "$secret")"
	lab_with_check "$head$(rev <<<"$secret")"
	lab_with_check "${head}00000000000000000000000000000000"
}

test_case_51_a_secret_that_is_nearly_right_is_wrong()
{
	local near

	lab_token web-1 acme near web-1 su
	for near in $(nearly_right "$token"); do
		mark
		by_su oat-acme-near "$near"
		expect_refused
		expect_reason oat-acme-near wrong_secret
	done
	by_su oat-acme-near "$token"
	expect_status 0
}

test_case_51_a_token_of_another_length_or_check_is_none()
{
	local near body

	lab_token web-1 acme shape web-1 su
	body=${token%??????}
	for near in "${token%?}" "${token}0" "${token#?}" " $token" "$token " \
	    "$body$(other_case "${token: -6}")" \
	    "${token%?}$(other_character "${token: -1}")" \
	    "$(lab_with_check "${body%?}")" "$(lab_with_check "${body}0")" \
	    "OAT_${token#oat_}" "${token/_/-}" "$token$token" "$selector" ''; do
		mark
		by_su oat-acme-shape "$near"
		expect_refused
		expect_reason oat-acme-shape malformed
	done
	by_su oat-acme-shape "$token"
	expect_status 0
}

test_case_41_a_token_of_another_identity_is_refused()
{
	local first

	lab_token web-1 acme first web-1 su
	first=$token
	lab_token web-1 acme second web-1 su
	mark
	by_su oat-acme-first "$token"
	expect_refused
	expect_reason oat-acme-first wrong_identity
	by_su oat-acme-second "$first"
	expect_refused
}

# --- verifiers that no check would let in ----------------------------------------

# bad_verifier TEXT: what the table then holds for oat-acme-bad.
bad_verifier()
{
	lab_sql "set session_replication_role = replica;
	    update oat.secrets set verifier = '$1'
	    where selector = '$selector'" || fail "cannot write $1"
}

test_case_46_verifiers_past_the_checks_are_refused_in_normal_time()
{
	local good bad began

	lab_token web-1 acme bad web-1 su
	good=$(lab_sql "select verifier from oat.secrets
	    where selector = '$selector'")
	lab_sql "do \$\$ declare c text; begin
	    for c in select conname from pg_constraint
	        where conrelid = 'oat.secrets'::regclass and contype = 'c'
	    loop execute format('alter table oat.secrets drop constraint %I',
	        c); end loop; end \$\$; alter table oat.secrets
	        alter verifier drop not null"
	for bad in "${good/argon2id/argon2i}" "${good/argon2id/argon2d}" \
	    "${good/v=19/v=16}" "${good/m=7168/m=4194304}" \
	    "${good/m=7168/m=7}" "${good/t=5/t=0}" \
	    "${good/t=5/t=4294967295}" "${good/p=1/p=255}" \
	    "${good:0:${#good}-30}" "$good trailing" "" "${good/m=7168/m=é}" \
	    "$(printf 'x%.0s' {1..20000})" "${good#*\$}"; do
		bad_verifier "$bad"
		mark
		began=$SECONDS
		by_su oat-acme-bad "$token"
		expect_refused
		[ $((SECONDS - began)) -le 5 ] ||
			fail "$bad: $((SECONDS - began)) seconds"
		expect_reason oat-acme-bad bad_verifier
	done
	lab_sql "set session_replication_role = replica;
	    update oat.secrets set verifier = null
	    where selector = '$selector'"
	by_su oat-acme-bad "$token"
	expect_refused
	bad_verifier "$good"
	by_su oat-acme-bad "$token"
	expect_status 0
}

# --- rights that ended, or are elsewhere -------------------------------------------

test_case_50_a_right_token_is_refused_where_it_has_no_rights()
{
	lab_token web-1 acme moved web-1 su
	by_su oat-acme-moved "$token"
	expect_status 0
	lab_sql "update oat.grants set host = 'app-1' where token = 'moved'"
	mark
	by_su oat-acme-moved "$token"
	expect_refused
	expect_reason oat-acme-moved host_not_granted
	lab_sql "update oat.grants set host = '*' where token = 'moved';
	    insert into oat.allowances values ('acme', 'app-*', '*')"
	mark
	by_su oat-acme-moved "$token"
	expect_refused
	expect_reason oat-acme-moved not_allowed
	lab_sql "delete from oat.allowances;
	    update oat.hosts set suspended_at = now() where name = 'web-1'"
	mark
	by_su oat-acme-moved "$token"
	expect_refused
	expect_reason oat-acme-moved host_suspended
	lab_sql "update oat.hosts set suspended_at = null"
	by_su oat-acme-moved "$token"
	expect_status 0
}

test_case_50_a_right_token_is_refused_after_revocation_and_rotation()
{
	local old

	lab_token web-1 acme turned web-1 su
	old=$token
	lab_mint web-1
	lab_sql "select oat.rotate_token('acme', 'turned', '$verifier',
	    interval '0')" >/dev/null
	mark
	by_su oat-acme-turned "$old"
	expect_refused
	expect_reason oat-acme-turned retired_secret
	by_su oat-acme-turned "$token"
	expect_status 0
	lab_sql "select oat.revoke('oat-acme-turned')" >/dev/null
	mark
	by_su oat-acme-turned "$token"
	expect_refused
	expect_reason oat-acme-turned deactivated
	mark
	by_su oat-acme-turned "$old"
	expect_refused
}

# --- sudo -------------------------------------------------------------------------

sudo_of()
{
	local login=$1

	shift
	lab_exec web-1 setsid -w runuser -u "$login" -- sudo "$@"
}

test_case_40_where_sudo_wants_the_targets_password_a_token_is_none()
{
	local setting

	lab_token web-1 acme powers web-1 sudo
	for setting in rootpw targetpw; do
		echo "Defaults:oat-acme-powers $setting" |
			lab_put web-1 /etc/sudoers.d/zz-powers root:root 0440
		run_with "$token"$'\n' sudo_of oat-acme-powers -S -p '' id -un
		lab_exec web-1 rm /etc/sudoers.d/zz-powers
		expect_refused
	done
	run_with "$token"$'\n' sudo_of oat-acme-powers -S -p '' id -un
	expect_equal root "$out"
	run_with "$token"$'\n' sudo_of oat-acme-powers -k -S -p '' -s id -un
	expect_equal root "$out"
}

# The identity is the target: it is its token that carol must have.
test_case_40_as_a_target_an_identity_has_its_own_token_asked()
{
	local other

	lab_token web-1 acme stranger web-1 sudo
	other=$token
	lab_token web-1 acme target web-1 sudo
	echo 'Defaults:carol targetpw' |
		lab_put web-1 /etc/sudoers.d/zz-target root:root 0440
	run_with "$token"$'\n' sudo_of carol -S -p '' -u oat-acme-target id -un
	expect_equal oat-acme-target "$out"
	run_with "$other"$'\n' sudo_of carol -k -S -p '' -u oat-acme-target \
	    id -un
	lab_exec web-1 rm /etc/sudoers.d/zz-target
	expect_refused
}

test_case_40_an_interrupt_at_the_prompt_ends_it_and_leaves_nothing()
{
	lab_token web-1 acme hasty web-1 sudo
	last_command="sudo, and ^C"
	out=$( (sleep 1.5; printf '\003'; sleep 1) | lab_exec web-1 setsid -w \
	    runuser -u oat-acme-hasty -- script -qec 'sudo id -un' /dev/null \
	    2>&1)
	status=$?
	expect_refused
	expect_no_log web-1 'accepted login=oat-acme-hasty'
	run lab_exec web-1 pgrep -x 'oat|sudo'
	expect_equal '' "$out"
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
