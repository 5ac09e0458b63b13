#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Among the modules and rules that hosts have besides: pam_faillock, a second
# factor, access.conf, AllowGroups, a hardened sshd. web-1 is wired by hand,
# app-1 by pam-auth-update.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci

ours()
{
	lab_ssh client "$token" "$login@$1.lab" id -un
}

carol()
{
	lab_ssh client "${2:-carol-password}" "carol@$1.lab" id -un
}

expect_in()
{
	run "$@"
	case $1 in
	ours) expect_equal "$login" "$out" ;;
	*) expect_equal carol "$out" ;;
	esac
}

expect_refusal()
{
	run "$@"
	expect_status 255
	expect_out 'Permission denied|Connection closed|Received disconnect'
}

# with_files HOST FUNCTION: everything below /etc is as it was afterwards.
with_files()
{
	local host=$1

	shift
	lab_exec "$host" cp -a /etc/pam.d /etc/security /etc/ssh /run/
	( "$@" "$host" )
	status=$?
	lab_exec "$host" cp -a /run/pam.d /run/security /run/ssh /etc/
	lab_exec "$host" sh -c 'rm -rf /run/pam.d /run/security /run/ssh \
	    /etc/ssh/sshd_config.d/40-test.conf'
	lab_sshd_reload "$host"
	[ "$status" = 0 ] || exit 1
}

# The two profiles that the CIS benchmarks have administrators write.
faillock_profiles()
{
	printf '%s\n' 'Name: faillock' 'Default: no' 'Priority: 0' \
	    'Auth-Type: Primary' 'Auth:' \
	    $'\t[default=die]\tpam_faillock.so authfail' |
		lab_put "$1" /usr/share/pam-configs/faillock
	printf '%s\n' 'Name: faillock_notify' 'Default: no' 'Priority: 1024' \
	    'Auth-Type: Primary' 'Auth:' \
	    $'\trequisite\tpam_faillock.so preauth' \
	    'Account-Type: Primary' 'Account:' $'\trequired\tpam_faillock.so' |
		lab_put "$1" /usr/share/pam-configs/faillock_notify
	printf 'deny = 2\nunlock_time = 900\n' |
		lab_put "$1" /etc/security/faillock.conf
	lab_exec "$1" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --enable faillock faillock_notify
}

failures_of()
{
	lab_exec "$1" faillock --user "$2" | grep -cE ' [VI]$'
}

faillock_counts_local_users_alone()
{
	local right=$token

	faillock_profiles "$1"
	expect_in ours "$1"
	lab_mint web-1
	for _ in 1 2; do
		expect_refusal ours "$1"
		expect_refusal carol "$1" wrong
	done
	token=$right
	expect_equal 2 "$(failures_of "$1" carol)"
	expect_equal 0 "$(failures_of "$1" "$login")"
	expect_in ours "$1"
	expect_refusal carol "$1"
	lab_exec "$1" faillock --user carol --reset
	expect_in carol "$1"
	lab_exec "$1" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --disable faillock faillock_notify
}

# 190 random bits need no lockout, and nobody can lock a token out.
test_pam_faillock_counts_local_users_and_never_tokens()
{
	with_files web-1 faillock_counts_local_users_alone
	with_files app-1 faillock_counts_local_users_alone
}

# A module that asks somebody's telephone, and says who was asked for.
factor='pam_exec.so quiet /usr/local/sbin/second-factor'
machine='pam_succeed_if.so quiet user ingroup oat-users'

second_factor()
{
	lab_put "$1" /usr/local/sbin/second-factor root:root 0755 <<-'FACTOR'
	#!/bin/sh
	echo "$PAM_USER" >>/run/asked
	test "$PAM_USER" = "$(cat /run/approved)"
	FACTOR
	lab_put "$1" /run/asked </dev/null
	echo "$2" | lab_put "$1" /run/approved
}

asked()
{
	sort -u "$(lab_root "$1")/run/asked" | tr '\n' ' '
}

# As its makers write it into common-auth of Debian.
second_factor_within()
{
	second_factor "$1" carol
	lab_put "$1" /etc/pam.d/common-auth <<-STACK
	auth requisite pam_unix.so nullok
	auth [success=1 default=ignore] $factor
	auth requisite pam_deny.so
	auth required pam_permit.so
	STACK
	expect_in ours "$1"
	expect_equal '' "$(asked "$1")"
	expect_in carol "$1"
	echo dave | lab_put "$1" /run/approved
	expect_refusal carol "$1"
	expect_in ours "$1"
	expect_equal 'carol ' "$(asked "$1")"
}

test_a_second_factor_is_for_people_where_our_lines_stand_above_it()
{
	with_files web-1 second_factor_within
}

second_factor_after()
{
	second_factor "$1" carol
	lab_exec "$1" sed -i "/^@include common-auth/a auth required $factor" \
	    /etc/pam.d/sshd
	expect_refusal ours "$1"
	expect_equal "$login " "$(asked "$1")"
	lab_exec "$1" sed -i "/second-factor/i auth [success=1 default=ignore] $machine" \
	    /etc/pam.d/sshd
	lab_put "$1" /run/asked </dev/null
	expect_in ours "$1"
	expect_in carol "$1"
	expect_equal 'carol ' "$(asked "$1")"
}

# The profile ends its block, not the stack: what follows is for all, unless a
# line takes the group oat-users out.
test_a_second_factor_after_the_common_stack_spares_oat_users_when_told()
{
	with_files app-1 second_factor_after
}

restricted_by_access_conf()
{
	lab_exec "$1" sed -i '/^@include common-account/i account required pam_access.so' \
	    /etc/pam.d/sshd
	lab_put "$1" /etc/security/access.conf <<-ACCESS
	+:root:ALL
	+:(oat-users):$lab_network.0/24
	-:ALL:ALL
	ACCESS
	expect_in ours "$1"
	expect_refusal carol "$1"
	printf '%s\n' '+:carol:ALL' '-:ALL:ALL' |
		lab_put "$1" /etc/security/access.conf
	expect_refusal ours "$1"
	expect_in carol "$1"
}

test_access_conf_knows_the_group_and_can_only_take_away()
{
	with_files web-1 restricted_by_access_conf
	with_files app-1 restricted_by_access_conf
}

restricted_by_groups()
{
	lab_exec "$1" groupadd -f people
	lab_exec "$1" usermod -aG people carol
	echo 'AllowGroups people oat-users' |
		lab_put "$1" /etc/ssh/sshd_config.d/40-test.conf
	lab_sshd_reload "$1"
	expect_in ours "$1"
	expect_in carol "$1"
	run lab_ssh client dave-password "dave@$1.lab" id -un
	expect_status 255
	echo 'AllowGroups people' |
		lab_put "$1" /etc/ssh/sshd_config.d/40-test.conf
	lab_sshd_reload "$1"
	expect_refusal ours "$1"
	echo 'DenyGroups oat-acme' |
		lab_put "$1" /etc/ssh/sshd_config.d/40-test.conf
	lab_sshd_reload "$1"
	expect_refusal ours "$1"
	expect_in carol "$1"
}

test_sshds_groups_are_those_of_the_identity()
{
	with_files web-1 restricted_by_groups
}

# What guides and benchmarks write; keys for people, tokens for machines.
hardened()
{
	lab_put "$1" /etc/ssh/sshd_config.d/40-test.conf <<-SSHD
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	AuthenticationMethods publickey
	PermitRootLogin no
	PermitEmptyPasswords no
	MaxAuthTries 3
	MaxSessions 2
	LoginGraceTime 30
	X11Forwarding no
	DisableForwarding yes
	IgnoreRhosts yes
	HostbasedAuthentication no
	GSSAPIAuthentication no
	StrictModes yes
	LogLevel VERBOSE
	ClientAliveInterval 15
	ClientAliveCountMax 3
	AllowGroups people oat-users
	KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
	Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com
	MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
	SSHD
	lab_sshd_reload "$1"
	expect_in ours "$1"
	expect_refusal carol "$1"
	run lab_ssh client "$token" \
	    -o PreferredAuthentications=keyboard-interactive \
	    "$login@$1.lab" id -un
	expect_equal "$login" "$out"
}

test_a_hardened_sshd_takes_the_token_of_machines_and_keys_of_people()
{
	with_files web-1 hardened
	with_files app-1 hardened
}

# --- Ubuntu -------------------------------------------------------------------

# The lines of Ubuntu 22.04 and 24.04 where they differ from Debian 12.
ubuntu_stacks()
{
	lab_put "$1" /run/umask <<-STACK
	# The pam_umask module will set the umask according to the system default in
	# /etc/login.defs and user settings, solving the problem of different
	# umask settings with different shells, display managers, remote sessions etc.
	# See "man pam_umask".
	session optional			pam_umask.so
	STACK
	lab_exec "$1" sed -i '/^session.*required.*pam_permit.so/ r /run/umask' \
	    /etc/pam.d/common-session /etc/pam.d/common-session-noninteractive
	lab_put "$1" /etc/pam.d/sudo <<-STACK
	#%PAM-1.0
	session    required   pam_limits.so
	session    required   pam_env.so readenv=1 user_readenv=0
	session    required   pam_env.so readenv=1 envfile=/etc/default/locale user_readenv=0
	@include common-auth
	@include common-account
	@include common-session-noninteractive
	STACK
	lab_exec "$1" cp /etc/pam.d/sudo /etc/pam.d/sudo-i
}

ubuntu_logs_in()
{
	expect_in ours "$1"
	expect_in carol "$1"
	run_with "$token"$'\n' lab_exec "$1" setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
	expect_equal root "$out"
	run_with "$token"$'\n' lab_exec "$1" setsid -w \
	    runuser -u "$login" -- sudo -S -p '' -i id -un
	expect_equal root "$out"
	run_with "$token"$'\n' lab_exec "$1" setsid -w \
	    runuser -u carol -- su - "$login" -c 'pwd'
	expect_out "/var/lib/oat/home/$login\$"
	run_with $'carol-password\n' lab_exec "$1" setsid -w \
	    runuser -u carol -- sudo -S -p '' id -un
	expect_equal root "$out"
}

ubuntu_by_hand()
{
	ubuntu_stacks "$1"
	lab_exec "$1" sh -c 'for service in sudo sudo-i; do
		stack=/etc/pam.d/$service
		cat /usr/share/oat/pam.d/oat "$stack" >"$stack.new" &&
		mv "$stack.new" "$stack"
	done'
	ubuntu_logs_in "$1"
}

# pam-auth-update keeps what Ubuntu has besides in the file.
ubuntu_by_profile()
{
	lab_exec "$1" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --disable oat
	ubuntu_stacks "$1"
	lab_exec "$1" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --enable oat
	run grep -E 'pam_umask|pam_oat' \
	    "$(lab_root "$1")/etc/pam.d/common-session"
	expect_out pam_umask
	expect_out pam_oat
	ubuntu_logs_in "$1"
}

test_the_stacks_of_ubuntu_take_the_lines_and_the_profile()
{
	with_files web-1 ubuntu_by_hand
	with_files app-1 ubuntu_by_profile
}

lab_enter "$@"
lab_both_wirings
for host in web-1 app-1; do
	lab_local_user $host carol carol-password
	lab_local_user $host dave dave-password
done
lab_token web-1 acme ci 'web-*,app-*' sshd,sudo,su
lab_exec app-1 oat sync
run_tests "$@"
