#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The profile of pam-auth-update: what it makes of the common stacks, and what
# every service that includes them does then.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

update_profiles()
{
	lab_exec web-1 env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package "$@"
}

# The lines of a stack up to pam_permit, without options and comments.
controls_of()
{
	sed -nE "/^$1[[:space:]]/ { s/^[a-z]+[[:space:]]+//; s/\.so.*/.so/
	    s/[[:space:]]+/ /g; p; /pam_permit.so\$/ q }" \
	    "$(lab_root web-1)/etc/pam.d/$2"
}

# by_pamtester LOGIN ANSWER SERVICE OPERATION...
by_pamtester()
{
	local login=$1 answer=$2 service=$3

	shift 3
	run_with "$answer"$'\n' lab_exec web-1 pamtester "$service" "$login" "$@"
}

new_login()
{
	lab_token web-1 acme "$1" web-1 "$2"
	login=oat-acme-$1
}

test_a_denial_of_ours_is_terminal_and_a_success_ends_the_block()
{
	expect_equal "[success=1 default=ignore] pam_succeed_if.so
[success=2 ignore=ignore default=die] pam_oat.so
[success=1 default=ignore] pam_unix.so
requisite pam_deny.so
required pam_permit.so" "$(controls_of auth common-auth)"
	expect_equal "[success=1 default=ignore] pam_succeed_if.so
[success=2 ignore=ignore default=die] pam_oat.so
[success=1 new_authtok_reqd=done default=ignore] pam_unix.so
requisite pam_deny.so
required pam_permit.so" "$(controls_of account common-account)"
}

test_homes_are_made_in_sessions_of_both_kinds_and_for_ours_alone()
{
	local stack

	for stack in common-session common-session-noninteractive; do
		run sed -nE '/pam_oat/ { s/[[:space:]]+/ /g; p; n; p }' \
		    "$(lab_root web-1)/etc/pam.d/$stack"
		expect_out '^session \[success=ok ignore=1 default=1\] pam_oat.so'
		expect_out '^session[[:space:]]+optional[[:space:]]+pam_mkhomedir.so umask=0077$'
	done
}

# The password phase is not ours.
test_a_local_user_changes_the_password_as_before()
{
	run cmp "$(lab_root client)/etc/pam.d/common-password" \
	    "$(lab_root web-1)/etc/pam.d/common-password"
	expect_status 0
	run_with $'dave-password\nchanged-Pass7\nchanged-Pass7\n' \
	    lab_exec web-1 setsid -w runuser -u dave -- passwd
	expect_status 0
	run lab_ssh client changed-Pass7 dave@web-1.lab id -un
	expect_equal dave "$out"
}

test_passwd_has_nothing_to_change_for_ours()
{
	new_login nopasswd '*'
	run_with "$token"$'\nchanged-Pass7\nchanged-Pass7\n' \
	    lab_exec web-1 setsid -w runuser -u "$login" -- passwd
	expect_failure
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
}

test_chsh_of_a_local_user_asks_for_the_password_of_the_system()
{
	run_with $'carol-password\n' lab_exec web-1 setsid -w \
	    runuser -u carol -- chsh -s /bin/bash
	expect_status 0
	run lab_exec web-1 getent passwd carol
	expect_out ':/bin/bash$'
}

# polkit, screen lockers, mail and web servers, "other": all that includes the
# common stacks.
test_a_service_is_open_to_ours_by_grant_alone()
{
	local service

	new_login narrow sshd
	for service in polkit-1 dovecot other login; do
		by_pamtester "$login" "$token" "$service" authenticate
		expect_failure
		expect_out "oat: acme/narrow is not granted $service on web-1"
		by_pamtester "$login" "$token" "$service" acct_mgmt
		expect_failure
	done
	new_login wide '*'
	for service in polkit-1 dovecot other login; do
		by_pamtester "$login" "$token" "$service" \
		    authenticate acct_mgmt
		expect_status 0
	done
}

test_those_services_are_open_to_local_users_as_before()
{
	local service

	for service in polkit-1 dovecot other login; do
		by_pamtester carol carol-password "$service" authenticate \
		    acct_mgmt open_session close_session
		expect_status 0
		by_pamtester carol wrong-password "$service" authenticate
		expect_failure
	done
	expect_no_log web-1 'pam_oat.*carol'
}

# user@.service: any grant on this host implies it, no grant refuses it.
test_the_users_own_systemd_starts_with_any_grant()
{
	new_login manager sshd
	by_pamtester "$login" '' systemd-user acct_mgmt open_session \
	    close_session
	expect_status 0
	lab_sql "delete from oat.grants where token = 'manager'"
	by_pamtester "$login" '' systemd-user acct_mgmt
	expect_failure
}

# Jobs leave a file, or do not.
has_run()
{
	wait_for 10 test -e "$(lab_root web-1)/tmp/$1"
}

was_refused()
{
	expect_log web-1 "pam_oat\\($1:account\\): refused login=$2"
	[ ! -e "$(lab_root web-1)/tmp/$2" ] || fail "the job of $2 ran"
}

# cron(8) runs @reboot jobs when it starts for the first time.
test_cron_runs_jobs_of_ours_by_grant_and_of_local_users_always()
{
	local user

	new_login cronly cron
	new_login uncron sshd
	for user in carol oat-acme-cronly oat-acme-uncron; do
		echo "@reboot touch /tmp/$user" |
			lab_exec web-1 crontab -u "$user" -
	done
	lab_exec web-1 cron
	has_run carol || fail "no job of a local user"
	has_run oat-acme-cronly || fail "no job of ours"
	was_refused cron oat-acme-uncron
}

test_at_runs_jobs_of_ours_by_grant_and_of_local_users_always()
{
	local user

	new_login atonly atd
	new_login unat sshd
	lab_exec web-1 atd
	for user in dave oat-acme-atonly oat-acme-unat; do
		run_with "touch /tmp/$user"$'\n' lab_exec web-1 \
		    runuser -u "$user" -- sh -c 'cd / && at now'
	done
	has_run dave || fail "no job of a local user"
	has_run oat-acme-atonly || fail "no job of ours"
	was_refused atd oat-acme-unat
}

test_another_profile_beside_it_moves_the_jumps()
{
	update_profiles --enable mkhomedir lab-deny
	run grep -c 'success=3 ignore=ignore default=die' \
	    "$(lab_root web-1)/etc/pam.d/common-auth"
	expect_equal 1 "$out"
	new_login beside sshd
	run lab_ssh client "$token" "$login@web-1.lab" 'ls -ld .'
	expect_out '^drwx------'
	run lab_ssh client carol-password carol@web-1.lab id -un
	expect_equal carol "$out"
	update_profiles --disable mkhomedir lab-deny
	expect_equal '' "$(grep -l lab-deny "$(lab_root web-1)"/etc/pam.d/*)"
}

test_enabling_it_again_changes_nothing()
{
	local before

	before=$(cd "$(lab_root web-1)/etc/pam.d" && cat common-*)
	update_profiles --enable oat
	update_profiles
	expect_equal "$before" "$(cd "$(lab_root web-1)/etc/pam.d" &&
	    cat common-*)"
}

test_disabling_it_gives_back_the_stacks_of_before()
{
	local folder

	update_profiles --disable oat
	for folder in etc/pam.d var/lib/pam; do
		run diff -r -x seen "$(lab_root client)/$folder" \
		    "$(lab_root web-1)/$folder"
		expect_status 0
	done
	run lab_ssh client carol-password carol@web-1.lab id -un
	expect_equal carol "$out"
}

uninstall()
{
	run lab_exec web-1 make -s -C "$lab_top" B="$lab_build" uninstall
	expect_status 0
}

# The profile is gone then, and its lines are until the next run.
test_uninstalling_keeps_the_module_for_as_long_as_the_lines_are_there()
{
	local stack

	update_profiles --enable oat
	uninstall
	for stack in auth account session session-noninteractive; do
		expect_out "^/etc/pam\\.d/common-$stack:[0-9]+:.*pam_oat\\.so"
	done
	expect_out 'KEEP .*/pam_oat\.so: .*pam-auth-update --package'
	update_profiles
	run diff -r "$(lab_root client)/etc/pam.d" "$(lab_root web-1)/etc/pam.d"
	expect_status 0
	uninstall
	expect_no_out pam_oat
	run lab_exec web-1 sh -c 'ls /usr/lib/*/security/pam_oat.so'
	expect_failure
	run lab_ssh client carol-password carol@web-1.lab id -un
	expect_equal carol "$out"
}

lab_enter "$@"
lab_wiring=lab_wire_profile
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
lab_local_user web-1 carol carol-password
lab_local_user web-1 dave dave-password
for host in client web-1; do
	printf '@include common-%s\n' auth account session password |
		tee "$(lab_root $host)/etc/pam.d/dovecot" \
		    "$(lab_root $host)/etc/pam.d/polkit-1" >/dev/null
	printf '@include common-%s\n' account session-noninteractive |
		lab_put $host /etc/pam.d/systemd-user
done
printf '%s: %s\n' Name lab-deny Default no Priority 64 Auth-Type Primary |
	lab_put web-1 /usr/share/pam-configs/lab-deny
printf 'Auth:\n\t[success=end default=ignore]\tpam_deny.so\n' |
	lab_exec web-1 tee -a /usr/share/pam-configs/lab-deny >/dev/null
run_tests "$@"
