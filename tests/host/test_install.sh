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
	shows /usr/share/oat/oat-askpass 'root:root 755'
	shows /usr/share/oat/pam.d/oat 'root:root 644'
	shows /usr/share/oat/sshd_config.d/oat.conf 'root:root 644'
	shows /usr/share/oat/fail2ban/filter.d/oat.conf 'root:root 644'
	shows /usr/share/oat/fail2ban/jail.d/oat.conf 'root:root 644'
}

test_configuration_and_state_have_their_modes()
{
	shows /etc/oat/oat.conf 'root:root 600'
	shows /etc/sudoers.d/oat 'root:root 440'
	shows /var/lib/oat 'root:root 755'
	shows /var/lib/oat/spool 'root:root 700'
	shows /var/lib/oat/home 'root:root 755'
}

test_every_command_gives_help_and_does_nothing()
{
	local command

	for command in mint inspect enroll rotate-host-password residue sync \
	    whoami doctor; do
		run lab_exec web-1 oat "$command" --help
		expect_status 0
		expect_out '^usage: oat COMMAND'
		expect_out "^  oat $command\>"
	done
	run lab_exec web-1 ls /etc/oat
	expect_equal oat.conf "$out"
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

test_the_debian_package_has_the_version_of_the_makefile()
{
	run sed -n '1 s/^oat (\(.*\)) .*/VERSION = \1/p' \
	    "$lab_top/debian/changelog"
	expect_equal "$(grep '^VERSION' "$lab_top/Makefile")" "$out"
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

# What make install DESTDIR=... put there, and nothing else is anywhere.
staged()
{
	lab_exec web-1 rm -rf /run/stage
	run install_here DESTDIR=/run/stage "$@" install
	expect_status 0
	out=$(lab_exec web-1 sh -c 'cd /run/stage && find . -type f | sort')
}

expect_staged()
{
	local file

	for file; do
		printf '%s\n' "$out" | grep -qxF -e ".$file" ||
			fail "not installed: $file"
	done
}

# make uninstall with the same variables leaves none of it.
expect_taken_back()
{
	run install_here DESTDIR=/run/stage "$@" uninstall
	expect_status 0
	run lab_exec web-1 find /run/stage ! -type d -o -name '*oat*'
	expect_equal '' "$out"
}

test_a_prefix_moves_all_but_configuration_and_state_there_and_back()
{
	staged prefix=/usr/local
	expect_staged /usr/local/sbin/oat "/usr/local/lib/$multiarch/$pam" \
	    "/usr/local/lib/$multiarch/libnss_oat.so.2" \
	    "/usr/local/lib/$multiarch/oat/courier.so" \
	    /usr/local/share/oat/sql/install.sql \
	    /usr/local/share/pam-configs/oat \
	    /usr/local/share/man/man7/oat-operations.7 \
	    /usr/local/share/man/man8/pam_oat.8 \
	    /usr/local/share/doc/oat/oat.conf.example \
	    /usr/local/lib/sysusers.d/oat.conf \
	    /usr/local/lib/tmpfiles.d/oat.conf \
	    /etc/oat/oat.conf /etc/sudoers.d/oat \
	    /etc/ssh/sshd_config.d/oat.conf
	expect_no_out '^\./(usr/(lib|s?bin|share)|opt|var)/'
	expect_taken_back prefix=/usr/local
}

test_each_directory_can_be_moved_by_itself_and_back()
{
	local -a moved=(exec_prefix=/opt/x libdir=/opt/lib sbindir=/opt/bin
	    datarootdir=/opt/share mandir=/opt/man docdir=/opt/doc
	    sqldir=/opt/sql sysconfdir=/opt/etc localstatedir=/opt/var
	    sysusersdir=/opt/sysusers tmpfilesdir=/opt/tmpfiles
	    pamdir=/opt/pam pamconfigsdir=/opt/profiles
	    sudoersdir=/opt/sudoers sshconfdir=/opt/sshd
	    systemdunitdir=/opt/units)

	staged "${moved[@]}"
	expect_staged /opt/bin/oat /opt/lib/libnss_oat.so.2 \
	    /opt/lib/oat/courier.so /opt/pam/pam_oat.so \
	    /opt/share/oat/pam.d/oat /opt/man/man5/oat.conf.5 \
	    /opt/doc/oat.conf.example /opt/sql/install.sql \
	    /opt/etc/oat/oat.conf /opt/sudoers/oat /opt/sshd/oat.conf \
	    /opt/profiles/oat /opt/sysusers/oat.conf /opt/tmpfiles/oat.conf \
	    /opt/units/oat-sync.timer /opt/units/oat-watch.service \
	    /opt/units/oat-courier.socket /opt/units/oat-courier@.service
	expect_no_out '^\./(usr|etc|var|lib)/'
	run lab_exec web-1 find /run/stage/opt/var -type d -printf '%m %P\n'
	expect_out '^700 lib/oat/spool$'
	expect_out '^755 lib/oat/home$'
	expect_taken_back "${moved[@]}"
}

test_files_that_name_places_name_those_of_this_build()
{
	local -a places=(localstatedir=/srv/var runstatedir=/srv/run
	    libdir=/opt/lib sysconfdir=/opt/etc)

	staged "${places[@]}"
	run lab_exec web-1 cat /run/stage/usr/lib/tmpfiles.d/oat.conf
	expect_out '^d /srv/run/oat 0755'
	expect_out '^d /srv/var/lib/oat/spool 0700'
	run lab_exec web-1 cat /run/stage/opt/etc/oat/oat.conf
	expect_out '^#password_file = /opt/etc/oat/password$'
	expect_out 'sslrootcert=/opt/etc/oat/ca\.pem$'
	expect_out '^#home_root     = /srv/var/lib/oat/home$'
	expect_no_out '@'
	run lab_exec web-1 sh -c 'cat /run/stage/usr/share/oat/pam.d/oat \
	    /run/stage/usr/share/pam-configs/oat | grep -w pam_oat'
	expect_no_out '[[:space:]]pam_oat\.so'
	expect_equal 6 "$(grep -c ' */opt/lib/security/pam_oat.so$' <<<"$out")"
	expect_taken_back "${places[@]}"
}

test_where_libpam_looks_the_lines_are_those_of_the_manual()
{
	staged
	run lab_exec web-1 cat /run/stage/usr/share/oat/pam.d/oat
	expect_equal "$(cat "$lab_top/pam_oat/stacks/oat")" "$out"
	expect_taken_back
}

# For those who have no sbin in PATH.
test_the_program_is_in_bin_too_and_once_where_both_are_one()
{
	staged
	run lab_exec web-1 readlink /run/stage/usr/bin/oat
	expect_equal ../sbin/oat "$out"
	expect_taken_back
	staged bindir=/usr/sbin
	run lab_exec web-1 find /run/stage -name oat -path '*bin*' -printf '%y %p\n'
	expect_equal 'f /run/stage/usr/sbin/oat' "$out"
	expect_taken_back bindir=/usr/sbin
}

test_somebody_elses_oat_in_bin_stays()
{
	lab_exec web-1 sh -c 'rm -rf /run/stage && mkdir -p /run/stage/usr/bin &&
	    echo flakes >/run/stage/usr/bin/oat'
	run install_here DESTDIR=/run/stage install
	expect_status 0
	expect_out 'KEEP /run/stage/usr/bin/oat'
	run install_here DESTDIR=/run/stage uninstall
	expect_status 0
	run lab_exec web-1 cat /run/stage/usr/bin/oat
	expect_equal flakes "$out"
	lab_exec web-1 rm -rf /run/stage
}

test_uninstalling_names_units_that_are_enabled()
{
	staged
	lab_exec web-1 sh -c 'cd /run/stage/etc && mkdir -p \
	    systemd/system/timers.target.wants && ln -s /x \
	    systemd/system/timers.target.wants/oat-sync.timer'
	run install_here DESTDIR=/run/stage uninstall
	expect_status 0
	expect_out 'enabled still: systemctl disable --now oat-sync.timer oat-watch.service$'
	lab_exec web-1 rm -rf /run/stage
}

test_a_strict_umask_of_the_installer_hides_nothing()
{
	lab_exec web-1 rm -rf /run/stage
	run lab_exec web-1 sh -c 'umask 077 && cd "$1" && exec make -s B="$2" \
	    DESTDIR=/run/stage install' sh "$lab_top" "$lab_build"
	expect_status 0
	run lab_exec web-1 sh -c 'cd /run/stage && find . -path "*oat*" \
	    -type d ! -perm -005'
	expect_equal ./var/lib/oat/spool "$out"
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

test_installing_again_keeps_what_the_administrator_edited_and_names_it()
{
	edited=/etc/ssh/sshd_config.d/oat.conf
	lab_exec web-1 sed -i '/AllowTcpForwarding/d' "$edited"
	run install_here install
	expect_status 0
	expect_out "KEEP $edited"
	run lab_exec web-1 grep -c AllowTcpForwarding "$edited"
	expect_equal 0 "$out"
}

test_uninstalling_leaves_what_was_configured_and_the_state()
{
	lab_exec web-1 sh -c 'cd /var/lib/oat && mkdir home/oat-acme-ci &&
	    echo kept >home/oat-acme-ci/work && touch spool/event identities &&
	    echo secret >/etc/oat/password'
	run install_here uninstall
	expect_status 0
	expect_out 'KEEP /etc/oat/oat.conf'
	expect_out 'KEEP /etc/ssh/sshd_config.d/oat.conf'
	run lab_exec web-1 sh -c 'ls /usr/sbin/oat /usr/share/oat \
	    /etc/sudoers.d/oat /usr/lib/*/libnss_oat.so.2; find / -xdev \
	    -path /proc -prune -o -name "*pam_oat*" -path "/usr/*" -print'
	expect_no_out '^/'
	run lab_exec web-1 cat /etc/oat/oat.conf /etc/oat/password \
	    /var/lib/oat/home/oat-acme-ci/work
	expect_equal $'# mine\nsecret\nkept' "$out"
	run lab_exec web-1 ls /var/lib/oat/spool/event /var/lib/oat/identities
	expect_status 0
}

# What this host alone has, besides sources and build.
names_of()
{
	(
		cd "$LAB/$1/upper" && find . -path ".$lab_build" -prune -o \
		    -path ".$lab_top" -prune -o -path ./var/log -prune -o \( ! -type d -o -name '*oat*' \) \
		    -printf '%y %m %u %p\n' | sort
	)
	find "$(lab_root "$1")/run" -name '*oat*'
}

test_uninstalling_a_host_leaves_no_name_behind()
{
	local before

	before=$(names_of plain)
	lab_exec plain make -s -C "$lab_top" B="$lab_build" install >/dev/null
	run lab_exec plain make -s -C "$lab_top" B="$lab_build" uninstall
	expect_status 0
	expect_equal '' "$out"
	run diff <(echo "$before") <(names_of plain)
	# _oat stays, and so does what ldconfig(8) keeps.
	out=$(grep '^[<>]' <<<"$out" | grep -vE \
	    ' \./(etc/((passwd|group|shadow|gshadow)-?|sub[ug]id-?|\.pwd\.lock|ld\.so\.cache)|var/cache/ldconfig/aux-cache)$')
	expect_equal '' "$out"
	run lab_exec plain getent passwd _oat
	expect_status 0
}

wire_plain()
{
	lab_wire plain
	lab_exec plain cp /etc/pam.d/sshd /etc/pam.d/sshd.dpkg-old
	lab_exec plain sed -i 's/^/# pam_oat.so was here\n/' /etc/pam.d/cron
}

# Without its module such a line refuses everybody, root at the console too.
test_uninstalling_names_the_lines_that_are_left_and_locks_nobody_out()
{
	local service

	lab_install plain
	wire_plain
	run lab_exec plain make -s -C "$lab_top" B="$lab_build" uninstall
	expect_status 0
	for service in sshd sudo login cron su; do
		expect_out "^/etc/pam\\.d/$service:[0-9]+:auth .*pam_oat\\.so"
	done
	expect_out '^/etc/nsswitch\.conf:[0-9]+:passwd:.* oat'
	expect_out '^/etc/nsswitch\.conf:[0-9]+:group:.* oat'
	expect_no_out 'was here|dpkg-old'
	expect_out "KEEP /usr/lib/$multiarch/$pam:"
	run lab_exec plain su -c 'id -un'
	expect_equal root "$out"
	lab_exec plain sed -i '/pam_oat.so/d; /pam_mkhomedir/d' \
	    /etc/pam.d/sshd /etc/pam.d/sudo /etc/pam.d/sudo-i \
	    /etc/pam.d/login /etc/pam.d/cron /etc/pam.d/su
	run lab_exec plain make -s -C "$lab_top" B="$lab_build" uninstall
	expect_no_out 'pam'
	expect_out '^/etc/nsswitch\.conf:[0-9]+:passwd:.* oat'
	run lab_exec plain ls "/usr/lib/$multiarch/$pam"
	expect_failure
}

multiarch=$(${CC:-cc} -print-multiarch)
pam=security/pam_oat.so
# --- the build ------------------------------------------------------------------

test_a_changed_header_is_noticed_however_the_folder_is_spelled()
{
	local tree=$LAB/tree

	mkdir "$tree"
	cp -r "$lab_top/Makefile" "$lab_top/common" "$tree"
	run make -C "$tree" build/common/value.o
	expect_status 0
	touch -d 'next minute' "$tree/common/value.h"
	run make -C "$tree" B="$tree/build" "$tree/build/common/value.o"
	expect_status 0
	expect_out '^  CC '
}

lab_enter "$@"
lab_host client
lab_host web-1
lab_host plain
lab_install web-1
run_tests "$@"
