#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make install and make uninstall: what they put where, and what they leave.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

install_here()
{
	lab_exec web-1 make -s -C "$lab_top" B="$lab_build" "$@"
}

shows()
{
	run lab_exec web-1 sh -c "stat -c '%U:%G %a' $1"
	expect_equal "$2" "$out"
}

test_programs_and_modules_have_their_modes()
{
	shows /usr/sbin/oat 'root:root 755'
	shows '/usr/lib/*/security/pam_oat.so' 'root:root 644'
	shows '/usr/lib/*/libnss_oat.so.2' 'root:root 644'
	shows /usr/share/oat/sql/install.sql 'root:root 644'
	shows /usr/share/oat/pam.d/oat 'root:root 644'
}

test_configuration_and_state_have_their_modes()
{
	shows /etc/oat/oat.conf 'root:root 600'
	shows /etc/sudoers.d/oat 'root:root 440'
	shows /var/lib/oat 'root:root 755'
	shows /var/lib/oat/spool 'root:root 700'
	shows /var/lib/oat/home 'root:root 755'
}

test_the_system_user_exists_and_owns_no_file()
{
	run lab_exec web-1 getent passwd _oat
	expect_status 0
	expect_out ':/usr/sbin/nologin$'
	run lab_exec web-1 find /etc/oat /var/lib/oat /usr/sbin/oat -user _oat
	expect_equal '' "$out"
}

test_nothing_that_is_the_administrators_was_edited()
{
	local file

	for file in /etc/nsswitch.conf /etc/pam.d; do
		run diff -r "$(lab_root client)$file" "$(lab_root web-1)$file"
		expect_status 0
	done
}

test_sudo_accepts_its_configuration()
{
	run lab_exec web-1 visudo -c
	expect_status 0
}

test_installing_again_keeps_the_configuration()
{
	echo '# mine' | lab_put web-1 /etc/oat/oat.conf root:root 0600
	run install_here install
	expect_status 0
	run lab_exec web-1 cat /etc/oat/oat.conf
	expect_equal '# mine' "$out"
}

test_a_packager_without_root_installs_into_a_directory()
{
	lab_exec web-1 sh -c 'mkdir /run/source /run/package && cd "$1" &&
	    cp -a Makefile LICENSE common pam_oat nss_oat sql tests \
	        /run/source && cp -a "$2" /run/source/build &&
	    chown -R nobody /run/source /run/package' sh "$lab_top" "$lab_build"
	run lab_exec web-1 runuser -u nobody -- make -s -C /run/source \
	    DESTDIR=/run/package install
	expect_status 0
	run lab_exec web-1 sh -c 'cd /run/package && find . -type f | sort'
	expect_out '^\./usr/sbin/oat$'
	expect_out '^\./etc/sudoers\.d/oat$'
	expect_out '^\./usr/share/man/man8/'
}

test_without_systemd_the_system_user_is_created_by_useradd()
{
	lab_exec client sh -c 'ln -sf /bin/false "$(command -v \
	    systemd-sysusers || echo /usr/bin/systemd-sysusers)"'
	run lab_exec client make -s -C "$lab_top" B="$lab_build" install
	expect_status 0
	run lab_exec client getent passwd _oat
	expect_out ':/usr/sbin/nologin$'
}

test_uninstalling_leaves_configuration_and_state()
{
	run install_here uninstall
	expect_status 0
	run lab_exec web-1 sh -c 'ls /usr/sbin/oat /usr/share/oat \
	    /etc/sudoers.d/oat /usr/lib/*/libnss_oat.so.2; find / -xdev \
	    -path /proc -prune -o -name "*pam_oat*" -path "/usr/*" -print'
	expect_no_out '^/'
	run lab_exec web-1 ls -d /etc/oat/oat.conf /var/lib/oat
	expect_status 0
}

lab_enter "$@"
lab_host client
lab_host web-1
lab_install web-1
run_tests "$@"
