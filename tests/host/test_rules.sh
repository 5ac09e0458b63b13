#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each rule that a row can say, at its limit and on both sides of it, as ssh
# and sudo meet it; the clock is moved by data.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/rules.sh
. "$(dirname "$0")/rules.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

time='20[0-9-]+ [0-9:]+ UTC'

as_root()
{
	echo "$login ALL=(ALL:ALL) ALL" |
		lab_put web-1 "/etc/sudoers.d/$login" root:root 0440
}

uses_left()
{
	lab_sql "select uses_left from oat.tokens where login = '$login'"
}

# --- time -------------------------------------------------------------------

test_a_token_is_refused_before_not_before()
{
	newcomer early
	alter "not_before = now() + interval '1 minute'"
	by_ssh
	expect_refused sshd not_yet_valid " is not valid before $time"
	by_sudo
	expect_refused sudo not_yet_valid " is not valid before $time"
}

test_a_token_is_let_in_from_not_before_on()
{
	newcomer punctual
	alter 'not_before = now()'
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
}

test_a_token_made_for_later_begins_without_a_change()
{
	lab_new_token web-1 acme later web-1 sshd
	login=oat-acme-later
	label=acme/later
	alter "not_before = now() + interval '1 hour'"
	by_ssh
	expect_refused sshd not_yet_valid " is not valid before $time"
	run lab_exec web-1 getent passwd "$login"
	expect_out '/nologin$'
	rewrite 'not_before = now()'
	lab_exec web-1 oat sync
	by_ssh
	expect_let_in sshd
}

test_a_token_is_let_in_until_expires_at()
{
	newcomer ending
	alter "expires_at = now() + interval '1 hour'"
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
}

test_a_token_is_refused_from_expires_at_on()
{
	newcomer ended
	alter 'expires_at = now()'
	by_ssh
	expect_refused sshd expired " expired $time"
	by_sudo
	expect_refused sudo expired " expired $time"
}

test_a_token_is_refused_when_unused_for_max_idle()
{
	newcomer idle
	rewrite "created_at = now() - interval '1 hour'"
	alter "max_idle = '1 hour'"
	by_ssh
	expect_refused sshd idle " was not used since $time"
	by_sudo
	expect_refused sudo idle " was not used since $time"
}

test_a_token_is_let_in_within_max_idle_and_counts_from_that_use()
{
	newcomer active
	rewrite "created_at = now() - interval '1 hour'"
	alter "max_idle = '61 minutes'"
	by_ssh
	expect_let_in sshd
	alter "max_idle = '5 minutes'"
	by_sudo
	expect_let_in sudo
}

# --- uses -------------------------------------------------------------------

test_one_use_is_good_for_one_login()
{
	newcomer once
	alter 'uses_left = 1'
	by_ssh
	expect_let_in sshd
	expect_equal 0 "$(uses_left)"
	by_ssh
	expect_refused sshd used_up ' has no uses left'
	by_sudo
	expect_refused sudo used_up ' has no uses left'
	expect_equal 0 "$(uses_left)"
}

test_a_refused_login_takes_no_use()
{
	newcomer spared sudo
	alter 'uses_left = 1'
	by_ssh
	expect_refused sshd service_not_granted ' is not granted sshd on web-1'
	expect_equal 1 "$(uses_left)"
	by_sudo
	expect_let_in sudo
	expect_equal 0 "$(uses_left)"
}

test_uses_are_exact_when_sudo_runs_many_times_at_once()
{
	local i

	newcomer crowd
	alter 'uses_left = 3'
	for i in 1 2 3 4 5 6; do
		(by_sudo && printf '%s\n' "$out") >"$LAB/crowd.$i" &
	done
	wait
	expect_equal 3 "$(cat "$LAB"/crowd.? | grep -cx root)"
	expect_equal 0 "$(uses_left)"
	run lab_sql "select outcome, reason, count(*) from oat.activity
	    where actor = '$login' and event = 'login' group by 1, 2 order by 1"
	expect_equal $'failure|used_up|3\nsuccess||3' "$out"
}

# --- grants -----------------------------------------------------------------

test_a_grant_of_sudo_ends_beside_a_permanent_one_of_sshd()
{
	local ends

	newcomer brief sshd
	ends="update oat.grants set expires_at = now()
	    where token = 'brief' and service = 'sudo'"
	lab_sql "insert into oat.grants (organization, token, host, service,
	    expires_at) values ('acme', 'brief', 'web-1', 'sudo',
	    now() + interval '2 hours')"
	lab_exec web-1 oat sync
	by_sudo
	expect_let_in sudo
	lab_sql "$ends"
	by_sudo
	expect_refused sudo service_not_granted ' is not granted sudo on web-1'
	by_ssh
	expect_let_in sshd
	lab_exec web-1 oat sync
	run lab_exec web-1 id -Gn "$login"
	expect_no_out 'oat-sudo'
}

test_groups_of_a_grant_are_groups_on_its_hosts_alone()
{
	newcomer grouped sshd '*'
	lab_sql "insert into oat.grants (organization, token, host, service,
	    groups) values ('acme', 'grouped', 'web-*', 'sudo', '{deploy,logs}'),
	    ('acme', 'grouped', 'app-1', 'cron', '{billing}')"
	echo '%oat-g-deploy ALL=(ALL:ALL) /usr/bin/id' |
		lab_put web-1 /etc/sudoers.d/deploy root:root 0440
	lab_exec web-1 oat sync
	lab_exec app-1 oat sync
	run lab_exec web-1 id -Gn "$login"
	expect_equal "$login oat-users oat-acme oat-g-deploy oat-g-logs" "$out"
	by_sudo
	expect_let_in sudo
	by_sudo whoami
	expect_failure
	expect_out 'not allowed to execute'
	run lab_exec app-1 id -Gn "$login"
	expect_out ' oat-g-billing$'
	expect_no_out 'oat-g-(deploy|logs)'
	run lab_exec app-1 getent group oat-g-deploy
	expect_status 2
}

test_a_grant_for_a_label_covers_the_hosts_that_have_it()
{
	newcomer labelled sshd,sudo @prod
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
	by_ssh app-1
	expect_status 255
	expect_log app-1 "Invalid user $login"
	run lab_sql "select detail from oat.explain('$login', 'app-1', 'sshd')
	    where check_name = 'allowed'"
	expect_equal 'refused: host_not_granted' "$out"
}

label_app()
{
	lab_sql "update oat.hosts set labels = '{$1}' where name = 'app-1'"
}

test_a_label_given_and_taken_gives_and_takes_the_access()
{
	trap "label_app ''" EXIT
	newcomer moving sshd @canary
	label_app canary
	by_ssh app-1
	expect_let_in sshd
	label_app canaries
	by_ssh app-1
	expect_status 255
	expect_log app-1 "refused login=$login .*reason=host_not_granted"
}

# --- the organization's allowance -------------------------------------------

test_a_grant_of_everything_is_no_more_than_the_allowance()
{
	local beyond=' on web-1 is outside the allowance of capped'

	newcomer wide '*' '*' capped
	as_root
	by_sudo
	expect_let_in sudo
	lab_sql "insert into oat.allowances values ('capped', 'web-1', 'sshd')"
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_refused sudo not_allowed ": sudo$beyond"
	lab_sql "update oat.allowances set service = 'sudo'
	    where organization = 'capped'"
	by_ssh
	expect_refused sshd not_allowed ": sshd$beyond"
	by_sudo
	expect_let_in sudo
}

# --- addresses --------------------------------------------------------------

test_a_login_from_the_last_address_of_an_allowed_network_is_let_in()
{
	newcomer near
	alter "allowed_from = array[network(set_masklen(
	    '${lab_addresses[client]}'::inet, 30))::cidr, '192.0.2.0/24']"
	by_ssh
	expect_let_in sshd
	by_sudo
	expect_let_in sudo
}

test_a_login_from_the_address_beside_an_allowed_network_is_refused()
{
	newcomer far
	alter "allowed_from = array[('${lab_addresses[client]}'::inet + 1)::cidr]"
	by_ssh
	expect_refused sshd address_not_allowed \
	    " is not allowed from ${lab_addresses[client]}"
	by_sudo
	expect_let_in sudo
}

test_an_empty_list_of_networks_leaves_the_identitys_own_sudo_alone()
{
	newcomer nowhere sshd,sudo,su
	alter "allowed_from = '{}'"
	by_ssh
	expect_refused sshd address_not_allowed ' is not allowed from'
	by_sudo
	expect_let_in sudo
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u nobody -- \
	    su "$login" -c 'id -un'
	expect_failure
	expect_equal 'su|failure|address_not_allowed' "$(decision)"
}

# --- suspended --------------------------------------------------------------

test_a_suspended_organization_is_let_in_nowhere_and_others_are()
{
	newcomer halted sshd,sudo web-1 halted
	lab_sql "update oat.organizations set suspended_at = now()
	    where name = 'halted'"
	by_ssh
	expect_refused sshd organization_suspended \
	    ': organization halted is suspended'
	by_sudo
	expect_refused sudo organization_suspended \
	    ': organization halted is suspended'
	newcomer unhalted
	by_ssh
	expect_let_in sshd
}

test_a_suspended_host_lets_nobody_in_and_others_do()
{
	trap 'lab_sql "update oat.hosts set suspended_at = null"' EXIT
	newcomer stranded sshd,sudo '*'
	lab_sql "update oat.hosts set suspended_at = now()
	    where name = 'web-1'"
	by_ssh
	expect_refused sshd host_suspended ': host web-1 is suspended'
	by_sudo
	expect_refused sudo host_suspended ': host web-1 is suspended'
	by_ssh app-1
	expect_let_in sshd
}

# --- what explain says ------------------------------------------------------

test_the_first_of_several_reasons_decides_everywhere()
{
	newcomer manifold
	alter "expires_at = now(), uses_left = 0, allowed_from = '{}'"
	by_ssh
	expect_refused sshd expired " expired $time"
	alter 'expires_at = null'
	by_ssh
	expect_refused sshd used_up ' has no uses left'
	alter 'uses_left = 1'
	by_ssh
	expect_refused sshd address_not_allowed ' is not allowed from'
}

test_the_sql_that_explain_offers_mends_each_refusal_in_turn()
{
	local fix fixes=0

	newcomer mended sudo web-1 mended
	alter "expires_at = now(), deactivated_at = now(), uses_left = 0,
	    allowed_from = '{}'"
	lab_sql "insert into oat.allowances values ('mended', '*', 'sudo');
	    update oat.organizations set suspended_at = now()
	    where name = 'mended'"
	while fix=$(first_failure sshd fix) && [ -n "$fix" ]; do
		by_ssh
		expect_refused sshd "$(first_failure sshd)" ''
		lab_sql "$fix" || fail "the fix failed: $fix"
		fixes=$((fixes + 1))
	done
	expect_equal 7 "$fixes"
	lab_exec web-1 oat sync
	by_ssh
	expect_let_in sshd
}

# --- the end of a token -----------------------------------------------------

test_a_revoked_token_is_refused_at_the_next_login_and_the_next_sudo()
{
	newcomer leaked
	by_ssh
	by_sudo
	expect_let_in sudo
	run lab_sql "select oat.revoke('$login', 'seen in a build log')"
	expect_equal web-1 "$out"
	by_ssh
	expect_refused sshd deactivated " was deactivated $time"
	by_sudo
	expect_refused sudo deactivated " was deactivated $time"
	run lab_sql "select detail ->> 'note' from oat.activity
	    where token = 'leaked' and event = 'token.deactivated'"
	expect_equal 'seen in a build log' "$out"
}

test_a_token_made_again_has_its_files_back_but_not_its_old_secret()
{
	local old uid home=/var/lib/oat/home/oat-acme-phoenix

	newcomer phoenix
	by_ssh
	expect_let_in sshd
	old=$token
	uid=$(lab_exec web-1 id -u "$login")
	lab_sql "delete from oat.tokens where login = '$login'"
	newcomer successor
	lab_exec web-1 oat sync
	run lab_exec web-1 stat -c '%U %u' "$home"
	expect_equal "oat-acme-phoenix $uid" "$out"
	[ "$(lab_exec web-1 id -u "$login")" != "$uid" ] ||
		fail "uid $uid was given to $login"
	newcomer phoenix
	by_ssh
	expect_let_in sshd
	run lab_exec web-1 stat -c '%U %u' "$home"
	expect_equal "oat-acme-phoenix $uid" "$out"
	token=$old
	by_ssh
	expect_status 255
}

lab_enter "$@"
lab_standard
lab_host app-1
lab_enroll app-1
lab_sshd app-1
lab_sql "update oat.hosts set labels = '{prod,eu}' where name = 'web-1'"
for organization in capped halted mended; do
	lab_organization "$organization"
done
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
