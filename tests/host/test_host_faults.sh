#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Something is wrong with the host itself: identities are refused with a reason
# that says what, or let in with nothing lost in silence; names resolve; root
# and local users always get in; mended, it works again by itself.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

PAM_SYSTEM_ERR=4
state=/var/lib/oat

# --- what always holds -------------------------------------------------------

expect_root_gets_in()
{
	run lab_ssh client none -o IdentityFile=/run/root-key \
	    -o PreferredAuthentications=publickey root@web-1.lab id -un
	expect_equal root "$out"
	run lab_exec web-1 su - root -c 'id -un'
	expect_equal root "$out"
}

expect_others_get_in()
{
	expect_root_gets_in
	run lab_ssh client "$local_password" carol@web-1.lab id -un
	expect_equal carol "$out"
	run_with "$local_password"$'\n' lab_exec web-1 runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
}

expect_names_resolve()
{
	run lab_exec web-1 runuser -u nobody -- id "$login"
	expect_status 0
	expect_out "^uid=[0-9]+\\($login\\)"
}

# expect_refused CODE REGEX: for this reason, by the module and by sshd.
expect_refused_for()
{
	log_mark
	attempt
	expect_code "$1"
	expect_line "refused login=$login .*reason=unavailable .*detail=.*$2"
	run lab_ssh client "$token" "$login@web-1.lab" true
	expect_status 255
	expect_others_get_in
	expect_nothing_left
}

expect_let_in()
{
	attempt
	expect_code "$PAM_SUCCESS"
	expect_others_get_in
	expect_nothing_left
}

# with_host_fault BEGIN END COMMAND...: and it works again.
with_host_fault()
{
	forget_outage
	meanwhile "$@"
	expect_recovered
}

# --- the program -------------------------------------------------------------

take_program()
{
	lab_exec web-1 mv /usr/sbin/oat /usr/sbin/oat.away
}

give_program()
{
	lab_exec web-1 mv /usr/sbin/oat.away /usr/sbin/oat
}

test_without_the_program_identities_are_refused()
{
	refused_but_known()
	{
		expect_refused_for "$PAM_SYSTEM_ERR" '/usr/sbin/oat could not be run'
		expect_names_resolve
	}
	with_host_fault take_program give_program refused_but_known
}

# Of the same length as ours, so that it can be put into a binary.
another_version()
{
	lab_exec web-1 sh -euc 'cp -a "$1" "$1.kept"
	    version=$(oat --version | cut -d " " -f 2)
	    sed -i "s/$version/$(echo "$version" | tr 0-9 9)/g" "$1"' \
	    sh "$1"
}

our_version()
{
	lab_exec web-1 mv "$1.kept" "$1"
}

other_courier()
{
	courier=$(lab_exec web-1 sh -c 'ls /usr/lib/*/oat/courier.so')
	another_version "$courier"
}

our_courier()
{
	our_version "$(lab_exec web-1 sh -c 'ls /usr/lib/*/oat/courier.so')"
}

test_a_part_of_another_version_is_refused_by_name()
{
	with_host_fault other_courier our_courier \
	    expect_refused_for "$PAM_AUTHINFO_UNAVAIL" 'courier\.so'
}

# What another version may say, that this one does not understand.
babbling_program()
{
	take_program
	printf '#!/bin/sh\nhead -c 300 /dev/urandom\n' |
		lab_put web-1 /usr/sbin/oat root:root 0755
}

test_a_program_of_another_protocol_is_refused()
{
	with_host_fault babbling_program give_program \
	    expect_refused_for "$PAM_SYSTEM_ERR" \
	    '/usr/sbin/oat (answered nonsense|could not be run, or ended early)'
}

# --- the system user ---------------------------------------------------------

forget_user()
{
	lab_exec web-1 sed -i.kept '/^_oat:/d' /etc/passwd
}

remember_user()
{
	lab_exec web-1 mv /etc/passwd.kept /etc/passwd
}

test_without_the_system_user_the_way_out_is_told()
{
	with_host_fault forget_user remember_user \
	    expect_refused_for "$PAM_SYSTEM_ERR" \
	    'system user _oat does not exist; run systemd-sysusers'
}

# --- /run --------------------------------------------------------------------

remove_run()
{
	lab_exec web-1 rm -rf /run/oat
}

test_a_run_folder_that_is_missing_is_made_again()
{
	with_host_fault remove_run true expect_let_in
	expect_equal 'root:root 755' \
	    "$(lab_exec web-1 stat -c '%U:%G %a' /run/oat)"
}

hide_run()
{
	lab_exec web-1 sh -c 'rm -rf /run/oat && : >/run/oat'
}

show_run()
{
	lab_exec web-1 rm -f /run/oat
}

test_a_run_folder_that_cannot_be_used_refuses_and_is_named()
{
	with_host_fault hide_run show_run \
	    expect_refused_for "$PAM_AUTHINFO_UNAVAIL" '/run/oat: cannot be used'
}

open_run()
{
	lab_exec web-1 sh -c 'mkdir -p /run/oat && chmod 0777 /run/oat'
}

close_run()
{
	lab_exec web-1 chmod 0755 /run/oat
}

test_a_run_folder_that_others_can_write_refuses_and_is_named()
{
	with_host_fault open_run close_run \
	    expect_refused_for "$PAM_AUTHINFO_UNAVAIL" '/run/oat: cannot be used'
}

fill_run()
{
	lab_exec web-1 sh -c 'mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs \
	    /run/oat && : >/run/oat/last'
}

empty_run()
{
	lab_exec web-1 umount /run/oat
}

test_a_run_folder_without_room_refuses_and_is_named()
{
	with_host_fault fill_run empty_run \
	    expect_refused_for "$PAM_AUTHINFO_UNAVAIL" '/run/oat: cannot be used'
}

# --- the state ---------------------------------------------------------------

# The state on a disk of its own.
on_a_small_disk()
{
	lab_exec web-1 sh -euc 'mkdir -p /run/state
	    mount -t tmpfs -o size=2m,mode=755 tmpfs /run/state
	    cp -a "$1/." /run/state
	    mount --bind /run/state "$1"' sh "$state"
}

on_the_disk_again()
{
	lab_exec web-1 sh -c 'umount "$1"; umount /run/state' sh "$state"
}

full_disk()
{
	on_a_small_disk
	lab_exec web-1 sh -c 'dd if=/dev/zero of="$1/ballast" bs=4k; :' \
	    sh "$state" 2>/dev/null
}

disk_without_inodes()
{
	on_a_small_disk
	lab_exec web-1 sh -c 'i=0
	    mount -o remount,nr_inodes=100 /run/state
	    while : >"$1/ballast.$((i += 1))"; do :; done' sh "$state" \
	    2>/dev/null
	:
}

read_only_disk()
{
	on_a_small_disk
	lab_exec web-1 mount -o remount,bind,ro "$state"
}

# Sets verifier; the token stays the one that attempt() types.
mint_another()
{
	local token selector

	lab_mint web-1
}

# Who is let in is the database's to say; what cannot be published stays.
expect_old_snapshot()
{
	expect_let_in
	lab_sql "insert into oat.tokens (organization, name, verifier)
	    values ('acme', '$1', '$verifier')" || fail "no token $1"
	lab_sql "insert into oat.grants (organization, token, host, service)
	    values ('acme', '$1', 'web-1', 'sshd')"
	run lab_exec web-1 oat sync
	expect_status 1
	expect_out "^oat sync: $state/identities: $2"
	expect_names_resolve
	run lab_exec web-1 runuser -u nobody -- id "oat-acme-$1"
	expect_failure
}

expect_new_snapshot()
{
	run lab_exec web-1 oat sync
	expect_status 0
	run lab_exec web-1 id "oat-acme-$1"
	expect_status 0
}

test_a_full_disk_keeps_the_old_snapshot()
{
	mint_another
	with_host_fault full_disk on_the_disk_again \
	    expect_old_snapshot full 'No space left on device'
	expect_new_snapshot full
}

test_a_disk_without_inodes_keeps_the_old_snapshot()
{
	mint_another
	with_host_fault disk_without_inodes on_the_disk_again \
	    expect_old_snapshot inodes 'No space left on device'
	expect_new_snapshot inodes
}

test_a_read_only_disk_keeps_the_old_snapshot()
{
	mint_another
	with_host_fault read_only_disk on_the_disk_again \
	    expect_old_snapshot readonly 'Read-only file system'
	expect_new_snapshot readonly
}

lose_state()
{
	lab_exec web-1 mv "$state" "$state.away"
}

find_state()
{
	lab_exec web-1 sh -c 'rm -rf "$1" && mv "$1.away" "$1"' sh "$state"
}

# Rights are the database's; the name is found again by the next sync.
test_a_state_folder_that_is_missing_is_told()
{
	expect_told_of_state()
	{
		expect_others_get_in
		run lab_exec web-1 oat sync
		expect_status 1
		expect_out "^oat sync: .*$state/.*No such file"
	}
	with_host_fault lose_state find_state expect_told_of_state
}

lab_enter "$@"
fault_lab 2
lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/root-key
lab_exec web-1 install -d -m 0700 /root/.ssh
lab_put web-1 /root/.ssh/authorized_keys root:root 0600 \
    <"$(lab_root client)/run/root-key.pub"
echo 'PermitRootLogin prohibit-password' |
	lab_put web-1 /etc/ssh/sshd_config.d/00-root.conf
lab_exec web-1 sh -c 'kill -HUP "$(cat /run/sshd.pid)"'
run_tests "$@"
