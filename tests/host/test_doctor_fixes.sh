#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whatever oat doctor says is to be typed, as it is printed, shuts nobody out:
# root and local users get in after each fix, and so does an identity that got
# in before it. Typed one by one with a new look after each, as oat(8) says, or
# all of one look.

# shellcheck source=tests/host/doctor.sh
. "$(dirname "$0")/doctor.sh"

# Who there is, by what service, with what password; "" for a key. They are
# asked as their programs do, and those themselves at the end of each state.
people='root sshd
root login root-password
root su
carol sshd carol-password
carol sudo carol-password'

# Sets in: those who get in, and how.
look_who_gets_in()
{
	in=$(printf '%s\n' "$people" "$login sshd $token" "$login sudo $token" |
		lab_exec web-1 sh -c 'while read -r who how word; do
			auth=${word:+authenticate}
			[ "$how" != su ] || auth=authenticate
			echo "$word" | timeout 10 pamtester "$how" "$who" \
			    $auth acct_mgmt open_session close_session \
			    >/dev/null 2>&1 && echo "$who by $how"
		done')
}

# expect_all_in AFTER: of ours those who were in.
expect_all_in()
{
	local before=$in who

	look_who_gets_in
	while read -r who; do
		grep -qxF "$who" <<<"$in" || fail "$who is out: $1"
	done <<<"$before
$(awk '{ print $1 " by " $2 }' <<<"$people")"
}

# The programs themselves.
expect_clients_let_in()
{
	run lab_ssh client none -i /run/key -o IdentitiesOnly=yes \
	    -o PreferredAuthentications=publickey root@web-1.lab id -un
	expect_equal root "$out"
	run lab_ssh client carol-password carol@web-1.lab id -un
	expect_equal carol "$out"
	run lab_exec web-1 su - root -c 'id -un'
	expect_equal root "$out"
	run_with $'carol-password\n' lab_exec web-1 runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
}

# What the doctor would have typed in a shell, a line each.
fixes()
{
	local string='\(\(\\.\|[^\\"]\)*\)'

	doctor --json | grep '"fix_in":"shell"' |
		sed "s/.*\"fix\":\"$string\".*/\\1/; s/\\\\\\(.\\)/\\1/g"
}

# type_fixes HOW_MANY: of a look; fails when there is none, or nothing changes.
type_fixes()
{
	local fix list

	list=$(fixes | awk '!seen[$0]++' | head -n "$1")
	[ -n "$list" ] && [ "$list" != "$typed" ] || return 1
	typed=$list
	while read -r fix; do
		lab_exec web-1 sh -c "$fix" </dev/null >/dev/null 2>&1
		expect_all_in "$fix"
	done <<<"$list"
}

# mended HOW_MANY SCRIPT: broken by it, mended by what is said.
mended()
{
	on_web "$2"
	typed=
	look_who_gets_in
	expect_all_in "$2"
	while type_fixes "$1"; do :; done
	expect_clients_let_in
}

# mended_well HOW_MANY SCRIPT: until nothing is said.
mended_well()
{
	mended "$1" "$2"
	[ -n "$typed" ] || fail "nothing to type"
	is_well
	expect_equal 7 "$(wc -l <<<"$in")"
}

by_profile='DEBIAN_FRONTEND=noninteractive pam-auth-update --package --enable oat'

# What pam_oat(8) has for lines by hand.
guard='[success=1 default=ignore] pam_succeed_if.so quiet user !~ oat-*'
by_guarded_lines="cd /etc/pam.d && sed -i -E \
    's/^(auth|account) .*pam_oat.so\$/\\1 $guard\\n&/' sshd sudo sudo-i su"

test_case_62_both_wirings_at_once_are_undone()
{
	mended_well 100 "$by_profile"
}

test_case_62_both_wirings_with_guarded_lines_are_undone()
{
	mended_well 100 "$by_guarded_lines; $by_profile"
}

# The guard would pass others by whatever stands there then: pam_unix.
test_case_62_guarded_lines_that_stand_twice_or_below_others_are_moved()
{
	mended_well 1 "$by_guarded_lines; sed -i '1,2{H;d};/^@include common-auth/{
	    G;s/\n\n/\n/}' sudo; sed -n 1,2p sudo-i >lines; cat sudo-i >>lines;
	    mv lines sudo-i"
}

# As tests/host/test_lockout.sh has them.
in_order()
{
	echo 'cd /etc/pam.d; lines=/usr/share/oat/pam.d/oat
	for service in sshd sudo su; do
		grep -vxFf "$lines" "$service" >plain || :
		{ '"$1"'; } >"$service"
	done
	rm plain'
}

test_case_62_lines_in_the_wrong_order_are_mended()
{
	local order

	# shellcheck disable=SC2016
	for order in 'cat plain "$lines"' 'cat "$lines" "$lines" plain' \
	    'grep ^auth "$lines"; cat plain' 'tac "$lines"; cat plain' \
	    'grep ^account "$lines"; cat plain'; do
		mended 100 "$(in_order "$order")"
		run doctor --quiet
		expect_no_out '; fix: '
		[ -n "$typed" ] || fail "nothing to type: $order"
		undo
	done
}

# As it is shipped it jumps over the next line, which jumps over a denial.
test_case_62_a_session_line_above_a_jump_is_mended()
{
	mended_well 1 'cd /etc/pam.d && sed -i -e /pam_mkhomedir/d \
	    -e "/^session.*pam_oat/d" \
	    -e "/^@include common-session/i session sufficient pam_oat.so" sudo'
}

# Without it they refuse everybody.
test_case_62_no_line_comes_while_the_module_is_away()
{
	mended 100 'sed -i "/pam_oat/d; /pam_mkhomedir/d" /etc/pam.d/* &&
	    rm /usr/lib/*/security/pam_oat.so'
	run doctor --quiet
	expect_out '^FAIL +pam.sshd .*; do: first mend what is said of pam_module'
}

test_case_62_names_are_mended()
{
	local order

	for order in 'oat files systemd' 'files systemd oat' \
	    'files [NOTFOUND=return] oat' files; do
		mended 100 "sed -i -E 's/^(passwd|group):.*/\\1: $order/' \
		    /etc/nsswitch.conf"
		undo
	done
}

test_case_62_what_sshd_and_sudo_say_is_mended()
{
	mended_well 1 'echo "UsePAM no" >/etc/ssh/sshd_config.d/00-a.conf
	    kill -HUP "$(cat /run/sshd.pid)"
	    chmod 0666 /etc/sudoers.d/oat /etc/oat/password'
}

doctor_begin "$@"
lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/key
echo root:root-password | lab_exec web-1 chpasswd
lab_put web-1 /root/.ssh/authorized_keys root:root 0600 \
    <"$(lab_root client)/run/key.pub"
lab_exec web-1 chmod 0700 /root/.ssh
keep_web
run_tests "$@"
