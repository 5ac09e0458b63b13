#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installed where nobody looks by himself, with other places for state and
# locks: a machine account logs in and uses sudo all the same.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci

test_it_logs_in_and_its_home_is_below_the_other_state()
{
	run lab_ssh client "$token" "$login@web-1.lab" 'id -un; pwd'
	expect_status 0
	expect_equal "$login"$'\n'"/srv/state/lib/oat/home/$login" "$out"
}

test_it_uses_sudo()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
	expect_equal root "$out"
}

test_nothing_is_where_it_is_by_default()
{
	run lab_exec web-1 sh -c 'ls -d /usr/sbin/oat /usr/share/oat \
	    /usr/lib/*/libnss_oat.so.2 /usr/lib/*/security/pam_oat.so \
	    /var/lib/oat /run/oat'
	expect_no_out '^/'
	run lab_exec web-1 ls /srv/state/lib/oat/identities /srv/oat
	expect_status 0
}

# make install says that libc does not look there; ld.so.conf(5) makes it.
test_the_installer_says_what_libc_has_to_be_told()
{
	lab_install client
	run cat "$LAB/install.log"
	expect_out 'NOTE .*/opt/plugins.*ld\.so\.conf'
}

lab_enter "$@"
lab_variables=(prefix=/opt/oat libdir=/opt/plugins localstatedir=/srv/state
    runstatedir=/srv)
lab_data=/opt/oat/share
lab_host db
lab_host client
lab_host web-1
lab_database db
lab_schema
echo /opt/plugins | lab_put web-1 /etc/ld.so.conf.d/oat.conf
PATH=/opt/oat/sbin:$PATH
lab_enroll web-1
lab_sshd web-1
lab_organization acme
lab_token web-1 acme ci 'web-*' sshd,sudo
run_tests "$@"
