#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The packages come to a bare Debian, are upgraded, removed and purged, also
# halfway and while somebody is logged in; root always gets in.

# shellcheck source=tests/deb/bare.sh
. "$(dirname "$0")/bare.sh"
# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/../host/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/../host/runner.sh"

debs=$lab_build/deb
login=oat-acme-ci
all='oat libpam-oat libnss-oat'

# A test has a host of its own, as bare as can be, and one local user.
bare_host()
{
	host=$1
	lab_base=$bare lab_host "$host"
	trap 'lab_end "$host"' EXIT
	lab_local_user "$host" carol carol-password
	echo root:root-password | lab_exec "$host" chpasswd
	lab_sshd "$host"
	lab_put "$host" /root/.ssh/authorized_keys root:root 0600 \
	    <"$(lab_root client)/run/key.pub"
	lab_exec "$host" mkdir /run/debs /run/before
	cp "$debs"/*.deb "$(lab_root "$host")/run/debs/"
	lab_exec "$host" cp -a /etc/nsswitch.conf /etc/pam.d /run/before/
}

dpkg_()
{
	lab_exec "$host" env DEBIAN_FRONTEND=noninteractive \
	    dpkg --force-confold "$@"
}

# debs_of VERSION PACKAGE...: their paths on the host.
debs_of()
{
	local version=$1 package

	shift
	for package; do
		echo "/run/debs/${package}_${version}_$architecture.deb"
	done
}

install_all()
{
	# shellcheck disable=SC2046,SC2086
	run dpkg_ -i $(debs_of "${1:-$version}" $all)
	expect_status 0
}

configure_host()
{
	local password

	password=$(openssl rand -hex 16)
	lab_sql "select oat.enroll_host('$host', '{}', '$password')" >/dev/null
	lab_configure "$host" "$password"
	lab_exec "$host" oat sync || fail "oat sync"
}

# A package of a later version, with other contents: as dpkg-deb(1) makes it.
later_version()
{
	local package root=$LAB/later

	for package in $all; do
		rm -rf "$root"
		dpkg-deb -R "$debs/${package}_${version}_$architecture.deb" "$root"
		sed -i "s/\\b$version\\b/99.0/" "$root/DEBIAN/control"
		for file in "$root/etc/oat/oat.conf" \
		    "$root/etc/ssh/sshd_config.d/oat.conf"; do
			[ ! -e "$file" ] || echo '# later' >>"$file"
		done
		dpkg-deb -b "$root" "$(lab_root "$host")/run/debs" >/dev/null
	done
}

root_gets_in()
{
	run lab_ssh client none -i /run/key -o IdentitiesOnly=yes \
	    "root@$host.lab" id -un
	expect_equal root "$out"
	run lab_exec "$host" su -c 'id -un'
	expect_equal root "$out"
	run_with $'root-password\n' lab_exec "$host" pamtester login root \
	    authenticate acct_mgmt open_session close_session
	expect_status 0
}

carol_gets_in()
{
	run lab_ssh client carol-password "carol@$host.lab" id -un
	expect_equal carol "$out"
	run_with $'carol-password\n' lab_exec "$host" runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
}

ours_gets_in()
{
	run lab_ssh client "$token" "$login@$host.lab" id -un
	expect_equal "$login" "$out"
	run_with "$token"$'\n' lab_exec "$host" setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
	expect_equal root "$out"
}

ours_is_refused()
{
	run lab_ssh client "$token" "$login@$host.lab" true
	expect_status 255
}

is_as_before()
{
	run lab_exec "$host" diff -r "/run/before/$1" "/etc/$1"
	expect_status 0
}

test_installed_and_configured_a_token_logs_in()
{
	bare_host fresh
	install_all
	run lab_exec "$host" sed -nE 's/^(passwd|group):[ \t]*/\1 /p' \
	    /etc/nsswitch.conf
	expect_equal 'passwd files oat
group files oat' "$out"
	run lab_exec "$host" getent passwd _oat
	expect_out ':/usr/sbin/nologin$'
	run lab_exec "$host" stat -c '%U:%G %a' /etc/oat/oat.conf \
	    /var/lib/oat/spool /etc/sudoers.d/oat
	expect_equal 'root:root 600
root:root 700
root:root 440' "$out"
	root_gets_in
	carol_gets_in
	ours_is_refused
	configure_host
	lab_sshd_reload "$host"
	ours_gets_in
	root_gets_in
	carol_gets_in
}

# The snippet is in force without anybody's doing. A host without an init
# system lets services be reloaded when policy-rc.d(8) says so.
test_sshd_takes_tokens_at_once_where_passwords_are_off()
{
	bare_host strict
	echo 'PasswordAuthentication no' |
		lab_put "$host" /etc/ssh/sshd_config.d/50-keys-only.conf
	lab_sshd_reload "$host"
	printf '#!/bin/sh\nexit 0\n' |
		lab_put "$host" /usr/sbin/policy-rc.d root:root 0755
	install_all
	configure_host
	ours_gets_in
	run lab_ssh client carol-password "carol@$host.lab" true
	expect_status 255
	root_gets_in
}

test_names_are_looked_up_directly_behind_files_and_as_before_afterwards()
{
	local order

	bare_host names
	install_all
	while IFS= read -r order; do
		dpkg_ -r libnss-oat >/dev/null
		lab_exec "$host" sed -i -E "s/^(passwd|group):.*/\1: $order/" \
		    /etc/nsswitch.conf
		lab_exec "$host" cp /etc/nsswitch.conf /run/before/
		dpkg_ -i "$(debs_of "$version" libnss-oat)" >/dev/null
		run lab_exec "$host" sed -n 's/^group: //p' /etc/nsswitch.conf
		expect_equal "${order%% *} oat${order#"${order%% *}"}" "$out"
		dpkg_ -r libnss-oat >/dev/null
		is_as_before nsswitch.conf
	done <<-ORDERS
	files systemd
	files
	compat systemd
	files systemd # of the site
	ORDERS
}

test_unconfigured_the_packages_wire_nothing_yet()
{
	bare_host unpacked
	# shellcheck disable=SC2046,SC2086
	run dpkg_ --unpack $(debs_of "$version" $all)
	expect_status 0
	is_as_before pam.d
	is_as_before nsswitch.conf
	root_gets_in
	carol_gets_in
	run dpkg_ --configure -a
	expect_status 0
	run lab_exec "$host" grep -c pam_oat /etc/pam.d/common-auth
	expect_equal 1 "$out"
}

test_case_62_a_configuration_that_fails_halfway_locks_nobody_out()
{
	bare_host halfway
	lab_exec "$host" mv /usr/sbin/pam-auth-update /run/
	printf '#!/bin/sh\nexit 1\n' |
		lab_put "$host" /usr/sbin/pam-auth-update root:root 0755
	# shellcheck disable=SC2046,SC2086
	run dpkg_ -i $(debs_of "$version" $all)
	expect_failure
	root_gets_in
	carol_gets_in
	lab_exec "$host" mv /run/pam-auth-update /usr/sbin/
	run dpkg_ --configure -a
	expect_status 0
	configure_host
	ours_gets_in
	root_gets_in
}

# pam-auth-update writes one stack after the other; it dies between them.
test_case_62_stacks_that_are_wired_by_half_lock_nobody_out()
{
	local stack

	bare_host half
	install_all
	configure_host
	for stack in auth account session; do
		lab_exec "$host" cp "/run/before/pam.d/common-$stack" /etc/pam.d/
		root_gets_in
		carol_gets_in
	done
}

test_a_module_of_another_version_than_the_program_is_not_installed()
{
	bare_host mixed
	install_all
	later_version
	run dpkg_ -i "$(debs_of 99.0 libpam-oat)"
	expect_failure
	expect_out 'depends on oat \(= 99.0\)'
	root_gets_in
	carol_gets_in
}

test_case_62_an_upgrade_while_logged_in_keeps_what_was_configured()
{
	bare_host upgraded
	install_all
	configure_host
	lab_exec "$host" sed -i '/AllowTcpForwarding/d' \
	    /etc/ssh/sshd_config.d/oat.conf
	cp -a "$(lab_root "$host")/etc" "$LAB/etc-before"
	lab_session_open client "$token" "$login@$host.lab"
	later_version
	install_all 99.0
	run lab_session "echo '$token' | sudo -S -p '' id -un"
	expect_equal root "$out"
	lab_session_close
	run dpkg-query --admindir="$(lab_root "$host")/var/lib/dpkg" -W \
	    -f '${Version} ' oat libpam-oat libnss-oat
	expect_equal '99.0 99.0 99.0 ' "$out"
	run diff -r --no-dereference -x '*.dpkg-dist' -x 'ld.so.cache' -x '*-' \
	    "$LAB/etc-before" "$(lab_root "$host")/etc"
	expect_status 0
	ours_gets_in
	root_gets_in
}

test_an_upgrade_respects_what_the_administrator_unwired()
{
	bare_host unwired
	install_all
	configure_host
	lab_exec "$host" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --disable oat
	lab_exec "$host" sed -i '/^group:/ s/ oat//' /etc/nsswitch.conf
	later_version
	install_all 99.0
	is_as_before pam.d
	run lab_exec "$host" grep -c '\<oat\>' /etc/nsswitch.conf
	expect_equal 1 "$out"
}

test_case_62_removed_while_logged_in_all_is_as_before()
{
	bare_host removed
	install_all
	configure_host
	ours_gets_in
	lab_session_open client "$token" "$login@$host.lab"
	# shellcheck disable=SC2086
	run dpkg_ -r $all
	expect_status 0
	run lab_session 'echo alive'
	expect_equal alive "$out"
	lab_session_close
	is_as_before pam.d
	is_as_before nsswitch.conf
	root_gets_in
	carol_gets_in
	ours_is_refused
	run lab_exec "$host" ls -d /etc/oat/oat.conf /etc/oat/password \
	    "/var/lib/oat/home/$login" /var/lib/oat/identities
	expect_status 0
	install_all
	ours_gets_in
}

# The module stays, and the profile as it was: disabled, as goes with lines.
test_case_62_it_is_not_removed_while_lines_by_hand_need_it()
{
	bare_host handmade
	install_all
	configure_host
	lab_exec "$host" env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --disable oat
	lab_exec "$host" sh -c 'cat /usr/share/oat/pam.d/oat /etc/pam.d/sshd \
	    >/run/stack && cat /run/stack >/etc/pam.d/sshd'
	# shellcheck disable=SC2086
	run dpkg_ -r $all
	expect_failure
	expect_out '^/etc/pam.d/sshd:auth .* pam_oat.so$'
	root_gets_in
	lab_exec "$host" mv /etc/pam.d/sshd /etc/pam.d/sshd.dpkg-old
	lab_exec "$host" cp /run/before/pam.d/sshd /etc/pam.d/
	run lab_exec "$host" diff -r /run/before/pam.d /etc/pam.d
	expect_equal 'Only in /etc/pam.d: sshd.dpkg-old' "$out"
	install_all
	# shellcheck disable=SC2086
	run dpkg_ -r $all
	expect_status 0
	root_gets_in
}

# pam-auth-update does not touch stacks that were edited.
test_case_62_it_is_not_removed_while_an_edited_stack_needs_it()
{
	bare_host edited
	install_all
	lab_exec "$host" sed -i '/pam_oat.so/ a auth optional pam_faildelay.so' \
	    /etc/pam.d/common-auth
	# shellcheck disable=SC2086
	run dpkg_ -r $all
	expect_failure
	expect_out '^/etc/pam.d/common-auth:auth.*pam_oat.so'
	root_gets_in
	carol_gets_in
}

# systemd_was_told ARGUMENTS: by systemctl, since the last time that this was
# asked.
systemd_was_told()
{
	run lab_exec "$host" cat /run/told
	lab_exec "$host" rm -f /run/told
	for wanted; do
		expect_out "$wanted"
	done
}

test_systemd_is_told_of_units_that_come_and_go()
{
	local wants=/etc/systemd/system

	bare_host told
	lab_exec "$host" mkdir -p /run/systemd/system \
	    $wants/timers.target.wants $wants/multi-user.target.wants
	lab_put "$host" /usr/bin/systemctl root:root 0755 <<-'SYSTEMCTL'
	#!/bin/sh
	echo "$@" >>/run/told
	SYSTEMCTL
	install_all
	systemd_was_told '^--system daemon-reload$'
	lab_exec "$host" ln -s /usr/lib/systemd/system/oat-sync.timer \
	    $wants/timers.target.wants/
	lab_exec "$host" ln -s /usr/lib/systemd/system/oat-watch.service \
	    $wants/multi-user.target.wants/
	later_version
	install_all 99.0
	systemd_was_told '^--system daemon-reload$' \
	    'try-restart .*oat-watch\.service'
	# shellcheck disable=SC2086
	run dpkg_ -r $all
	expect_status 0
	systemd_was_told 'stop .*oat-sync\.timer' 'oat-watch\.service' \
	    'oat-courier\.socket' '^--system daemon-reload$' \
	    '^reset-failed oat-sync.service oat-watch.service$'
	# shellcheck disable=SC2086
	run dpkg_ -P $all
	expect_status 0
	run lab_exec "$host" find $wants -name 'oat*'
	expect_equal '' "$out"
}

test_nothing_but_homes_is_left_by_a_purge()
{
	local before

	bare_host purged
	before=$(names_of "$host")
	install_all
	configure_host
	ours_gets_in
	# shellcheck disable=SC2086
	run dpkg_ -P $all
	expect_status 0
	expect_out 'homes are left in /var/lib/oat/home'
	is_as_before pam.d
	is_as_before nsswitch.conf
	run diff <(echo "$before") <(names_of "$host")
	out=$(grep '^[<>] .' <<<"$out" | sort)
	expect_equal "> /etc/oat
> /etc/oat/ca.pem
> /var/lib/oat
> /var/lib/oat/home
> /var/lib/oat/home/$login" "$out"
	root_gets_in
	carol_gets_in
}

# Names with oat in them, wherever.
names_of()
{
	lab_exec "$1" find /etc /usr /var /run -xdev -path /run/debs -prune -o \
	    -path '/run/sudo/*' -o -path '*/home/*/.*' -o \
	    \( -name '*oat*' -o -path '*/oat/*' \) -print | sort
}

test_purged_unused_nothing_is_left()
{
	local before

	bare_host untouched
	before=$(names_of "$host")
	install_all
	# shellcheck disable=SC2086
	run dpkg_ -P $all
	expect_status 0
	expect_equal "$before" "$(names_of "$host")"
	install_all
	root_gets_in
}

[ -n "$(ls "$debs"/*.changes 2>/dev/null)" ] || lab_not_here "make deb first"
bare_make
lab_enter "$@"
version=$(dpkg-deb -f "$debs"/oat_[0-9]*.deb Version)
architecture=$(dpkg-deb -f "$debs"/oat_[0-9]*.deb Architecture)
lab_host db
lab_host client
lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/key
lab_database db
lab_schema
lab_organization acme
lab_install db
lab_new_token db acme ci '*' sshd,sudo
run_tests "$@"
