#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where a token is let in: grants, allowances, addresses, and what suspends
# them, as ssh and sudo meet them and as oat.explain tells it.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/rules.sh
. "$(dirname "$0")/rules.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

as_root()
{
	echo "$login ALL=(ALL:ALL) ALL" |
		lab_put web-1 "/etc/sudoers.d/$login" root:root 0440
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
	ssh_to app-1
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
	ssh_to app-1
	expect_let_in sshd
	label_app canaries
	ssh_to app-1
	expect_status 255
	expect_log app-1 "refused login=$login .*reason=host_not_granted"
}

# --- the organization's allowance -------------------------------------------

test_case_50_a_grant_of_everything_is_no_more_than_the_allowance()
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

test_case_50_a_suspended_host_lets_nobody_in_and_others_do()
{
	trap 'lab_sql "update oat.hosts set suspended_at = null"' EXIT
	newcomer stranded sshd,sudo '*'
	lab_sql "update oat.hosts set suspended_at = now()
	    where name = 'web-1'"
	by_ssh
	expect_refused sshd host_suspended ': host web-1 is suspended'
	by_sudo
	expect_refused sudo host_suspended ': host web-1 is suspended'
	ssh_to app-1
	expect_let_in sshd
}

# --- what explain says ------------------------------------------------------

test_the_first_of_several_reasons_decides_everywhere()
{
	newcomer manifold
	alter "expires_at = now(), uses_left = 0, allowed_from = '{}'"
	by_ssh
	expect_refused sshd expired ' expired 20'
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
