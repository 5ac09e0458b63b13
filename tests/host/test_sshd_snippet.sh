#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sshd_config.d/oat.conf as shipped: machine accounts have their token, and
# nothing else; everybody else has what they had.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
home=/var/lib/oat/home/$login

# Forwarding and keys in the tests are the same for both.
as_ours()
{
	lab_ssh client "$token" -o PubkeyAuthentication=no "$@"
}

as_carol()
{
	lab_ssh client none -i /run/key -o IdentitiesOnly=yes "$@"
}

effective()
{
	run lab_exec web-1 /usr/sbin/sshd -T \
	    -C "user=$1,host=client.lab,addr=10.77.0.11"
	expect_status 0
}

expect_setting()
{
	local setting

	for setting; do
		printf '%s\n' "$out" | grep -qixF -e "$setting" ||
			fail "sshd has not: $setting"
	done
}

test_sshd_allows_ours_the_token_and_nothing_else()
{
	effective "$login"
	expect_setting 'passwordauthentication yes' \
	    'kbdinteractiveauthentication yes' \
	    'authenticationmethods password keyboard-interactive publickey' \
	    'authorizedkeysfile none' 'authorizedkeyscommand none' \
	    'authorizedprincipalsfile none' 'kerberosauthentication no' \
	    'allowagentforwarding no' 'allowstreamlocalforwarding no' \
	    'allowtcpforwarding no' 'x11forwarding no' 'permittunnel no' \
	    'permituserrc no'
}

test_sshd_has_for_local_users_what_it_had()
{
	local with

	effective carol
	with=$out
	lab_exec web-1 mv /etc/ssh/sshd_config.d/oat.conf /run/
	effective carol
	lab_exec web-1 mv /run/oat.conf /etc/ssh/sshd_config.d/
	expect_equal "$out" "$with"
	expect_setting 'passwordauthentication no' \
	    'authenticationmethods publickey' 'allowtcpforwarding yes'
}

# What is read after it in the chain of Include is for everybody again, and
# may be what Match does not allow.
test_what_follows_the_snippet_is_not_swallowed()
{
	printf 'MaxStartups 77\nMaxAuthTries 3\nAllowTcpForwarding yes\n' |
		lab_put web-1 /etc/ssh/sshd_config.d/zz-after.conf
	effective carol
	expect_setting 'maxauthtries 3'
	effective "$login"
	expect_setting 'maxauthtries 3' 'allowtcpforwarding no'
	lab_exec web-1 rm /etc/ssh/sshd_config.d/zz-after.conf
	sed 's/^Include.*//' "$(lab_root web-1)/etc/ssh/sshd_config" |
		cat "$lab_top/common/oat.sshd_config" - |
		lab_put web-1 /run/flat.conf
	run lab_exec web-1 /usr/sbin/sshd -T -f /run/flat.conf -C user=carol
	expect_status 0
	expect_setting 'usepam yes' 'permitrootlogin without-password'
}

test_the_token_logs_in_where_passwords_are_off_and_keys_are_required()
{
	run as_ours "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	run as_ours -o PreferredAuthentications=keyboard-interactive \
	    "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	run as_ours -o PreferredAuthentications=password \
	    "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
}

test_local_users_are_refused_passwords_there_and_log_in_by_key()
{
	run lab_ssh client carol-password carol@web-1.lab true
	expect_status 255
	run as_carol carol@web-1.lab id -un
	expect_equal carol "$out"
}

plant_key()
{
	lab_exec web-1 install -d -o "$login" -m 0700 "$home/.ssh"
	lab_put web-1 "$home/.ssh/authorized_keys" "$login" 0600 \
	    <"$(lab_root client)/run/key.pub"
}

# So that rotation shuts out whoever left a key in the home.
test_a_planted_key_opens_nothing()
{
	plant_key
	run as_carol -o PreferredAuthentications=publickey \
	    "$login@web-1.lab" true
	expect_status 255
	expect_out 'Permission denied'
}

test_a_planted_rc_file_is_not_run()
{
	local user directory

	for user in "$login" carol; do
		directory=$(lab_exec web-1 sh -c "echo ~$user")/.ssh
		lab_exec web-1 install -d -o "$user" -m 0700 "$directory"
		echo 'echo from-rc >&2' |
			lab_put web-1 "$directory/rc" "$user:root" 0600
	done
	run as_ours "$login@web-1.lab" true
	expect_no_out from-rc
	run as_carol carol@web-1.lab true
	expect_out from-rc
	lab_exec web-1 rm /home/carol/.ssh/rc
}

# What sshd itself says, reached through a login. It waits for more than that.
test_connections_are_not_forwarded()
{
	run as_ours -W 127.0.0.1:22 "$login@web-1.lab"
	expect_failure
	expect_out 'administratively prohibited'
	run as_carol -W 127.0.0.1:22 carol@web-1.lab
	expect_out '^SSH-2'
}

test_ports_are_not_forwarded_back()
{
	run as_ours -o ExitOnForwardFailure=yes -R 2222:127.0.0.1:22 \
	    "$login@web-1.lab" echo connected
	expect_failure
	expect_no_out '^connected'
	run as_carol -o ExitOnForwardFailure=yes -R 2222:127.0.0.1:22 \
	    carol@web-1.lab echo connected
	expect_equal connected "$out"
}

# with_agent PASSWORD ARGUMENT...: where the agent is at the other end.
with_agent()
{
	local password=$1

	shift
	run lab_client_run client "$password" env SSH_AUTH_SOCK=/run/agent \
	    ssh "${lab_ssh_options[@]}" -A "$@" \
	    'echo "agent=${SSH_AUTH_SOCK:-none}"'
}

test_an_agent_is_not_forwarded()
{
	lab_exec client ssh-agent -a /run/agent >/dev/null
	with_agent "$token" "$login@web-1.lab"
	expect_equal agent=none "$out"
	with_agent none -i /run/key carol@web-1.lab
	expect_out '^agent=/tmp/'
}

# As the manual has it; the file that is read first decides.
test_lines_are_lifted_for_one_login_by_an_earlier_file()
{
	plant_key
	lab_put web-1 /etc/ssh/sshd_config.d/10-oat-lifted.conf <<-SSHD
	Match User $login
		AuthorizedKeysFile .ssh/authorized_keys
		AllowTcpForwarding local
	SSHD
	lab_sshd_reload web-1
	run as_carol "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	run as_carol -W 127.0.0.1:22 "$login@web-1.lab"
	expect_out '^SSH-2'
	effective oat-acme-other
	expect_setting 'authorizedkeysfile none' 'allowtcpforwarding no'
	lab_exec web-1 rm /etc/ssh/sshd_config.d/10-oat-lifted.conf
	lab_sshd_reload web-1
}

lab_enter "$@"
lab_standard
lab_token web-1 acme ci 'web-*' sshd
lab_local_user web-1 carol carol-password
lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/key
lab_put web-1 /home/carol/.ssh/authorized_keys carol:carol 0600 \
    <"$(lab_root client)/run/key.pub"
lab_exec web-1 chown carol:carol /home/carol/.ssh
printf '%s\n' 'PasswordAuthentication no' 'AuthenticationMethods publickey' |
	lab_put web-1 /etc/ssh/sshd_config.d/50-keys-only.conf
lab_sshd_reload web-1
run_tests "$@"
