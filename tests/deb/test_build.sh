#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What make deb built: which file is in which package, for whom, and that it
# is the same the next time.

# shellcheck source=tests/host/lab.sh
. "$(dirname "$0")/../host/lab.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/../host/runner.sh"

debs=$lab_build/deb

of_package()
{
	run dpkg-deb -c "$debs"/"$1"_[0-9]*.deb
	expect_status 0
}

field_of()
{
	dpkg-deb -f "$debs"/"$1"_[0-9]*.deb "$2"
}

# owns PACKAGE MODE PATH: with root as the owner, whoever built it.
owns()
{
	of_package "$1"
	expect_out "^$2 root/root .* \\./$3\$"
}

test_the_program_is_in_oat_with_configuration_and_state()
{
	owns oat -rwxr-xr-x usr/sbin/oat
	owns oat lrwxrwxrwx 'usr/bin/oat -> \.\./sbin/oat'
	owns oat -rw------- etc/oat/oat.conf
	owns oat drwx------ var/lib/oat/spool/
	owns oat drwxr-xr-x var/lib/oat/home/
	owns oat -rw-r--r-- 'usr/lib/[^/]*/oat/courier\.so'
	owns oat -rwxr-xr-x usr/share/oat/oat-askpass
	owns oat -rw-r--r-- usr/share/oat/sql/install.sql
	owns oat -rw-r--r-- usr/lib/sysusers.d/oat.conf
	owns oat -rw-r--r-- usr/lib/tmpfiles.d/oat.conf
	owns oat -rw-r--r-- usr/lib/systemd/system/oat-sync.timer
	owns oat -rw-r--r-- usr/lib/systemd/system/oat-watch.service
	owns oat -rw-r--r-- usr/lib/systemd/system/oat-courier.socket
	owns oat -rw-r--r-- usr/lib/systemd/system/oat-courier@.service
	of_package oat
	expect_no_out 'security/|libnss|pam-configs|sudoers|sshd'
}

test_the_modules_have_packages_of_their_own()
{
	owns libpam-oat -rw-r--r-- 'usr/lib/[^/]*/security/pam_oat\.so'
	owns libpam-oat -rw-r--r-- usr/share/pam-configs/oat
	owns libpam-oat -rw-r--r-- usr/share/oat/pam.d/oat
	owns libpam-oat -r--r----- etc/sudoers.d/oat
	owns libpam-oat -rw-r--r-- etc/ssh/sshd_config.d/oat.conf
	owns libnss-oat -rw-r--r-- 'usr/lib/[^/]*/libnss_oat\.so\.2'
}

test_every_installed_file_is_in_one_package()
{
	local besides='/usr/share/doc/\|/lintian/' installed packaged package

	make -s -C "$lab_top" B="$lab_build" DESTDIR="$debs/all" install \
	    >/dev/null
	installed=$(cd "$debs/all" && find . -type f | grep -v "$besides" | sort)
	rm -rf "$debs/all"
	packaged=$(for package in oat libpam-oat libnss-oat; do
		dpkg-deb -c "$debs/${package}"_[0-9]*.deb
	done | sed -n 's/\.gz$//; s/^-.* //p' | grep -v "$besides" | sort)
	expect_equal "$installed" "$packaged"
}

test_what_administrators_edit_are_conffiles()
{
	run dpkg-deb -I "$debs"/oat_[0-9]*.deb conffiles
	expect_equal /etc/oat/oat.conf "$out"
	run dpkg-deb -I "$debs"/libpam-oat_[0-9]*.deb conffiles
	expect_equal "/etc/ssh/sshd_config.d/oat.conf
/etc/sudoers.d/oat" "$out"
}

test_the_modules_need_this_program_and_little_else()
{
	local version

	version=$(field_of oat Version)
	expect_equal "VERSION = $version" \
	    "$(grep '^VERSION' "$lab_top/Makefile")"
	expect_equal "oat (= $version), libc6" \
	    "$(field_of libnss-oat Depends | sed 's/ (>=[^)]*)//g')"
	expect_equal "libpam-runtime, oat (= $version), libc6, libpam0g" \
	    "$(field_of libpam-oat Depends | sed 's/ (>=[^)]*)//g')"
}

test_a_version_that_is_not_the_makefiles_is_not_built()
{
	local copy=$debs/other

	rm -rf "$copy"
	cp -a "$debs/oat-$(field_of oat Version)" "$copy"
	sed -i 's/^VERSION = .*/VERSION = 99.0/' "$copy/Makefile"
	run make -s -C "$copy" -f debian/rules execute_before_dh_auto_configure
	rm -rf "$copy"
	expect_failure
}

test_lintian_has_neither_errors_nor_warnings()
{
	run lintian --allow-root --fail-on error,warning "$debs"/*.changes
	expect_status 0
	expect_no_out '^[EW]:'
}

test_all_of_hardening_is_in_the_files()
{
	local root=$debs/root file

	rm -rf "$root"
	for file in oat libpam-oat libnss-oat; do
		dpkg-deb -x "$debs/$file"_[0-9]*.deb "$root"
	done
	while read -r file; do
		run readelf -Wdl "$file"
		expect_out 'BIND_NOW|FLAGS_1.*NOW'
		expect_out GNU_RELRO
		expect_no_out 'R(UN)?PATH'
		expect_no_out 'GNU_STACK.*RWE'
	done < <(find "$root" -name oat -type f -path '*bin*' -o \
	    -name '*.so' -o -name '*.so.*')
	rm -rf "$root"
}

# In another folder, under another umask.
test_the_same_sources_make_the_same_packages()
{
	local again=$lab_build/again package

	rm -rf "$again"
	run env -u OAT_BUILT sh -c 'umask 027 && exec make -s -C "$1" B="$2" deb' \
	    sh "$lab_top" "$again"
	expect_status 0
	for package in "$debs"/*.deb; do
		run cmp "$package" "$again/deb/${package##*/}"
		expect_status 0
	done
	rm -rf "$again"
}

[ -n "$(ls "$debs"/*.changes 2>/dev/null)" ] || lab_not_here "make deb first"
run_tests "$@"
