#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two secrets of one token during an overlap, one before and after, as ssh and
# sudo meet them; the clock is moved by data.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/rules.sh
. "$(dirname "$0")/rules.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# newcomer, with the secret it begins with as $old.
veteran()
{
	newcomer "$@"
	old=$token old_selector=$selector
}

# rotate OVERLAP: the secret from here on is $new.
rotate()
{
	lab_mint web-1
	new=$token new_selector=$selector
	lab_sql "select oat.rotate_token('acme', '${label#*/}', '$verifier',
	    '$1')" >/dev/null || fail "cannot rotate $label"
}

# by_ssh and by_sudo with one of the secrets
ssh_with()
{
	token=$1 ssh_to "${2:-web-1}"
}

sudo_with()
{
	token=$1 by_sudo
}

expect_retired()
{
	expect_failure
	expect_no_out 'oat: '
	expect_log web-1 "login=$login selector=$old_selector reason=retired_secret"
	expect_equal "$1|failure|retired_secret" "$(decision)"
}

rotation_status()
{
	lab_sql "select host, old_last_used_at is not null,
	    host(old_last_used_from), new_last_used_at is not null, safe_to_end
	    from oat.rotation_status where login = '$login' order by 1"
}

# --- the overlap ------------------------------------------------------------

test_both_secrets_work_during_the_overlap()
{
	local uid

	veteran both
	uid=$(lab_exec web-1 id -u "$login")
	rotate '1 day'
	ssh_with "$old"
	expect_let_in sshd
	sudo_with "$old"
	expect_let_in sudo
	ssh_with "$new"
	expect_let_in sshd
	sudo_with "$new"
	expect_let_in sudo
	lab_exec web-1 oat sync
	expect_equal "$uid" "$(lab_exec web-1 id -u "$login")"
}

test_the_old_secret_works_until_overlap_until()
{
	veteran until
	rotate '1 day'
	rewrite "overlap_until = now() + interval '1 hour'"
	ssh_with "$old"
	expect_let_in sshd
}

test_the_old_secret_is_refused_from_overlap_until_on()
{
	veteran lapsed
	rotate '1 day'
	rewrite 'overlap_until = now()'
	ssh_with "$old"
	expect_retired sshd
	sudo_with "$old"
	expect_retired sudo
	ssh_with "$new"
	expect_let_in sshd
}

test_the_old_secret_is_refused_once_the_overlap_is_ended()
{
	veteran finished
	rotate '1 day'
	ssh_with "$old"
	expect_let_in sshd
	alter 'overlap_until = null'
	ssh_with "$old"
	expect_retired sshd
	sudo_with "$old"
	expect_retired sudo
	ssh_with "$new"
	expect_let_in sshd
	sudo_with "$new"
	expect_let_in sudo
}

test_an_update_of_the_verifier_is_a_rotation_without_overlap()
{
	veteran plain
	lab_mint web-1
	alter "verifier = '$verifier'"
	ssh_with "$old"
	expect_retired sshd
	by_ssh
	expect_let_in sshd
	run lab_sql "select count(*) from oat.activity
	    where token = 'plain' and event = 'token.rotated'"
	expect_equal 1 "$out"
}

test_a_rotation_again_before_the_new_secret_was_used_keeps_the_old()
{
	local unused

	veteran again
	rotate '1 day'
	unused=$new
	rotate '1 day'
	ssh_with "$old"
	expect_let_in sshd
	ssh_with "$new"
	expect_let_in sshd
	ssh_with "$unused"
	expect_equal 'sshd|failure|retired_secret' "$(decision)"
}

test_a_rotation_again_after_the_new_secret_was_used_retires_the_old()
{
	local second

	veteran onward
	rotate '1 day'
	second=$new
	ssh_with "$second"
	expect_let_in sshd
	rotate '1 day'
	ssh_with "$old"
	expect_retired sshd
	ssh_with "$second"
	expect_let_in sshd
	ssh_with "$new"
	expect_let_in sshd
}

# --- is it safe to end it? --------------------------------------------------

test_it_is_safe_to_end_when_every_host_of_the_old_secret_saw_the_new_one()
{
	local from=${lab_addresses[client]}

	veteran watched sshd '*'
	lab_exec app-1 oat sync
	ssh_with "$old" web-1
	ssh_with "$old" app-1
	rotate '1 day'
	expect_equal "app-1|t|$from|f|f"$'\n'"web-1|t|$from|f|f" \
	    "$(rotation_status)"
	ssh_with "$new" web-1
	expect_equal "app-1|t|$from|f|f"$'\n'"web-1|t|$from|t|f" \
	    "$(rotation_status)"
	ssh_with "$new" app-1
	expect_equal "app-1|t|$from|t|t"$'\n'"web-1|t|$from|t|t" \
	    "$(rotation_status)"
	alter 'overlap_until = null'
	expect_equal '' "$(rotation_status)"
}

# --- the alert --------------------------------------------------------------

# A client of the database that listens, and prints what arrived when it is
# asked. bash hides a coproc's own descriptors from subshells: they are moved.
listen()
{
	local line

	coproc LISTENER { lab_exec db psql -XAtqU postgres -d oat 2>&1; }
	exec {ask}>&"${LISTENER[1]}"- {answer}<&"${LISTENER[0]}"-
	echo 'listen oat_alert; select 1;' >&"$ask"
	read -r -t 10 line <&"$answer" || fail "nobody listens"
	expect_equal 1 "$line"
}

heard()
{
	printf 'select 2;\n\\q\n' >&"$ask"
	timeout 10 cat <&"$answer"
}

test_a_retired_secret_raises_an_alert_with_host_and_address()
{
	local row from=${lab_addresses[client]}

	veteran alarming
	rotate '0'
	listen
	ssh_with "$old"
	expect_retired sshd
	row=$(heard | sed -n 's/.*"oat_alert" with payload "\([0-9]*\)".*/\1/p')
	[ -n "$row" ] || fail "nothing was told to oat_alert"
	run lab_sql "select actor, host, host(rhost), reason,
	    detail ->> 'selector' from oat.activity where id = $row"
	expect_equal "$login|web-1|$from|retired_secret|$old_selector" "$out"
}

test_a_wrong_secret_raises_no_alert()
{
	veteran calm
	lab_mint web-1
	lab_sql "update oat.secrets
	    set verifier = selector || substr('$verifier', 13)
	    where selector = '$old_selector'"
	listen
	ssh_with "$old"
	expect_equal 'sshd|failure|wrong_secret' "$(decision)"
	expect_equal 2 "$(heard)"
}

# --- what ends with it ------------------------------------------------------

test_revoking_ends_the_overlap_and_leaves_no_secret_working()
{
	veteran stolen
	rotate '1 day'
	ssh_with "$old"
	expect_let_in sshd
	run lab_sql "select oat.revoke('$old_selector')"
	expect_equal web-1 "$out"
	ssh_with "$old"
	expect_retired sshd
	ssh_with "$new"
	expect_refused sshd deactivated ' was deactivated '
	alter 'deactivated_at = null'
	lab_exec web-1 oat sync
	ssh_with "$old"
	expect_retired sshd
	ssh_with "$new"
	expect_let_in sshd
}

test_a_rotation_gives_an_expiring_token_its_lifetime_again()
{
	veteran renewed
	rewrite "created_at = now() - interval '90 days'"
	alter 'expires_at = now()'
	ssh_with "$old"
	expect_refused sshd expired ' expired '
	rotate '1 day'
	run lab_sql "select round(extract(epoch from expires_at - now()) / 86400)
	    from oat.tokens where login = '$login'"
	expect_equal 90 "$out"
	lab_exec web-1 oat sync
	ssh_with "$old"
	expect_let_in sshd
	ssh_with "$new"
	expect_let_in sshd
}

lab_enter "$@"
lab_standard
lab_host app-1
lab_enroll app-1
lab_sshd app-1
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
