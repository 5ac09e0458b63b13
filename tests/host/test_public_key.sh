#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A login by public key brings no token: the account check alone decides. As
# shipped, sshd takes no keys of machine accounts; here that line is lifted.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-key
home=/var/lib/oat/home/$login

# The first login is by token, which creates the home; then the key is put.
give_key()
{
	lab_token web-1 acme key 'web-*' sshd
	lab_ssh client "$token" "$login@web-1.lab" true ||
		lab_die "the first login by token failed"
	lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/key
	lab_exec web-1 install -d -o "$login" -g "$login" -m 0700 "$home/.ssh"
	lab_put web-1 "$home/.ssh/authorized_keys" "$login:$login" 0600 \
	    <"$(lab_root client)/run/key.pub"
}

by_key()
{
	lab_ssh client none -i /run/key -o IdentitiesOnly=yes \
	    -o PreferredAuthentications=publickey "$login@web-1.lab" "$@"
}

test_a_key_logs_in_while_the_token_is_active()
{
	run by_key id -un
	expect_status 0
	expect_equal "$login" "$out"
	expect_log web-1 "pam_oat\\(sshd:account\\): accepted login=$login"
}

test_a_login_by_key_is_recorded_as_access()
{
	run lab_sql "select distinct outcome from oat.activity
	    where actor = '$login' and event = 'access'"
	expect_equal success "$out"
}

test_case_38_a_deactivated_token_refuses_the_key_and_the_holder_is_told()
{
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'key'"
	run by_key true
	expect_status 255
	expect_log web-1 "sshd:account.*refused login=$login .*reason=deactivated"
	lab_sql "update oat.tokens set deactivated_at = null
	    where name = 'key'"
	run by_key true
	expect_status 0
}

test_case_38_an_expired_token_refuses_the_key_and_the_holder_is_told()
{
	lab_sql "update oat.tokens set expires_at = now() - interval '1 minute'
	    where name = 'key'"
	run by_key true
	expect_status 255
	expect_out '^oat: acme/key expired 20[0-9-]+ [0-9:]+ UTC'
	expect_log web-1 "sshd:account.*refused login=$login .*reason=expired"
	lab_sql "update oat.tokens set expires_at = null where name = 'key'"
	run by_key true
	expect_status 0
}

test_case_38_a_suspended_organization_refuses_the_key()
{
	lab_sql "update oat.organizations set suspended_at = now()"
	run by_key true
	expect_status 255
	expect_log web-1 \
	    "sshd:account.*login=$login .*reason=organization_suspended"
	lab_sql "update oat.organizations set suspended_at = null"
	run by_key true
	expect_status 0
}

test_a_key_is_refused_while_the_database_is_stopped()
{
	lab_database_stop
	run by_key true
	lab_database_start
	expect_status 255
	expect_log web-1 "sshd:account.*login=$login .*reason=unavailable"
	run lab_exec web-1 oat sync # what is known of the outage ends
	expect_status 0
	run by_key true
	expect_status 0
}

test_case_38_a_key_is_refused_without_a_grant_for_sshd()
{
	lab_sql "delete from oat.grants where token = 'key'"
	run by_key true
	expect_status 255
	expect_log web-1 "sshd:account.*login=$login .*reason=host_not_granted"
}

lab_enter "$@"
lab_standard
lab_exec web-1 sed -i '/^[[:space:]]*AuthorizedKeysFile none$/d' \
    /etc/ssh/sshd_config.d/oat.conf
lab_sshd_reload web-1
give_key
run_tests "$@"
