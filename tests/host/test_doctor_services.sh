#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oat doctor names what keeps pam.d, sshd and sudo from doing what they should.

# shellcheck source=tests/host/doctor.sh
. "$(dirname "$0")/doctor.sh"

# --- pam.d; every variant is in tests/unit/test_doctor_stacks.c ---------------------

# With this sed(1) script on a stack its line is named, and mended.
stack()
{
	on_web "sed -i -E '$2' /etc/pam.d/$1"
	names "$3" "pam.$1" "$4"
	mends "pam.$1"
	undo
}

test_a_denial_that_is_not_terminal_is_named()
{
	stack sshd '1 s/\[.*\]/sufficient/' FAIL \
	    '/etc/pam.d/sshd:1: auth: sufficient passes a denial over'
	stack sudo '2 s/\[.*\]/sufficient/' FAIL \
	    '/etc/pam.d/sudo:2: account: sufficient passes a denial over'
	stack su '/pam_oat/ s/^(account +)\[.*\]/\1optional/' FAIL \
	    'account: optional passes a denial over'
	stack cron '2 s/\[.*\]/required/' warn \
	    'account: required goes on after a denial'
}

test_a_missing_line_is_named()
{
	stack sshd '/^account.*pam_oat/d' FAIL 'no account line of pam_oat'
	stack login '/^session.*(pam_oat|pam_mkhomedir)/d' warn \
	    'no session line of pam_oat'
	stack sudo-i '/pam_oat/d' warn 'no pam_oat: '
	stack sshd '/pam_oat|pam_mkhomedir/d' FAIL 'no pam_oat: '
	stack su '/pam_oat|pam_mkhomedir/d' warn 'no pam_oat: '
	stack sshd '/pam_mkhomedir/d' FAIL 'for everybody else .* is skipped'
}

test_a_line_in_the_wrong_place_is_named()
{
	stack sshd '1{h;d};/^@include common-auth/{G}' FAIL \
	    'auth: below pam_unix.so'
	stack su '/^auth.*pam_oat/d;1i auth [success=done ignore=ignore default=die] pam_oat.so' \
	    FAIL 'auth: above pam_rootok'
}

test_a_host_wired_by_the_profile_is_well()
{
	on_web 'sed -i -e /pam_oat/d -e /pam_mkhomedir/d /etc/pam.d/* &&
	    DEBIAN_FRONTEND=noninteractive pam-auth-update --package --enable oat'
	is_well
}

test_wired_twice_is_named()
{
	stack su-l '1i account [success=ok ignore=ignore default=die] pam_oat.so' \
	    warn 'account: wired twice'
}

test_a_misspelled_module_or_option_is_named()
{
	stack sshd 's/pam_oat\.so/pam_oath.so/' FAIL 'pam_oath is another module'
	stack sudo '1 s/$/ nullok/' FAIL 'options nullok: one of them is unknown'
}

# --- sshd and sudo ------------------------------------------------------------------

# With this line first in sshd's configuration it is named, and mended.
sshd_with()
{
	put_web /etc/ssh/sshd_config.d/00-a.conf <<<"$1"
	names "$2" "$3" "$4"
	mends "$3"
	undo
}

test_sshd_without_pam_is_named()
{
	sshd_with 'UsePAM no' FAIL sshd.usepam 'no: sshd asks no module'
}

test_sshd_that_takes_no_password_of_ours_is_named()
{
	on_web 'rm /etc/ssh/sshd_config.d/oat.conf &&
	    sed -i /Match/,\$d /etc/ssh/sshd_config.d/00-lab.conf'
	put_web /etc/ssh/sshd_config.d/00-a.conf <<-SSHD
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	SSHD
	names FAIL sshd.methods 'neither password nor keyboard-interactive'
	mends sshd.methods
	put_web /etc/ssh/sshd_config.d/00-a.conf \
	    <<<'AuthenticationMethods publickey,password'
	on_web 'rm /etc/ssh/sshd_config.d/oat.conf'
	names FAIL sshd.methods 'AuthenticationMethods asks for more'
	mends sshd.methods
}

test_sshd_that_takes_keys_from_our_homes_is_named()
{
	on_web 'sed -i /AuthorizedKeysFile/d /etc/ssh/sshd_config.d/oat.conf'
	names warn sshd.keys 'outlives a rotation'
	mends sshd.keys
}

# As the README has it for one login: another line of ours would not count.
test_keys_that_an_earlier_file_lets_in_are_told_without_a_line_to_add()
{
	printf '%s\n' 'Match User oat-acme-ci' \
	    '    AuthorizedKeysFile .ssh/authorized_keys' 'Match all' |
		lab_put web-1 /etc/ssh/sshd_config.d/10-keys.conf
	names warn sshd.keys 'sshd reads something before oat.conf.*; do: nothing, if that is meant; else'
	on_web 'rm /etc/ssh/sshd_config.d/10-keys.conf'
}

test_sshd_that_shuts_us_out_is_named()
{
	sshd_with 'AllowUsers carol' FAIL sshd.allow 'AllowUsers leaves it out'
	sshd_with 'AllowGroups carol adm' FAIL sshd.allow \
	    'AllowGroups leaves it out'
	sshd_with 'DenyUsers bob oat-*' FAIL sshd.deny 'DenyUsers names it'
	sshd_with 'DenyGroups oat-users' FAIL sshd.deny 'DenyGroups names it'
	lab_exec web-1 rmdir /run/sshd
	run doctor
	lab_exec web-1 mkdir /run/sshd
	expect_out '^FAIL +sshd .*/run/sshd; fix: install -d -m 0755 /run/sshd$'
}

test_sshd_that_lets_us_in_by_group_is_well()
{
	put_web /etc/ssh/sshd_config.d/00-a.conf <<-SSHD
	AllowGroups carol oat-users
	DenyUsers bob
	SSHD
	is_well
}

test_sshd_that_asks_for_names_is_named()
{
	sshd_with 'UseDNS yes' warn sshd.usedns 'allowed_from needs addresses'
}

test_sshd_that_ignores_the_keys_of_people_is_named()
{
	put_web /etc/ssh/sshd_config.d/00-a.conf <<<'AuthorizedKeysFile none'
	names warn sshd.local ': AuthorizedKeysFile is none for local'
}

test_sshd_that_does_not_understand_its_settings_is_named()
{
	put_web /etc/ssh/sshd_config.d/00-a.conf <<<'Nonsense yes'
	names FAIL sshd 'cannot say its settings: .*00-a.conf'
}

test_sudoers_that_are_missing_or_not_believed_are_named()
{
	on_web 'rm /etc/sudoers.d/oat'
	names warn sudoers '/etc/sudoers.d/oat: not there'
	mends sudoers
	on_web 'chmod 0666 /etc/sudoers.d/oat'
	names FAIL sudoers '/etc/sudoers.d/oat: .*mode 0666'
	mends sudoers
	on_web 'sed -i /includedir/d /etc/sudoers'
	names FAIL sudoers '/etc/sudoers: does not include /etc/sudoers.d/oat'
	mends sudoers
	put_web /etc/sudoers.d/other root:root 0440 <<<'nonsense everywhere'
	names FAIL sudoers '/usr/sbin/visudo -c: .*other'
}

doctor_begin "$@"
run_tests "$@"
