#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Beside sssd and systemd-userdbd, which answer for other names on the same
# host; and callers that cannot load the module.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# A host with a package unpacked over it, and an identity.
begin_host()
{
	local name=$1

	lab_unpacked "$name" >/dev/null || return
	lab_host "$name" "$(lab_unpacked "$name")"
	lab_enroll "$name"
	lab_token "$name" acme "ci-$name" "$name" sshd,sudo
}

# sssd has a domain of its own, a file that looks like /etc/passwd.
begin_sssd()
{
	begin_host sssd || return
	echo 'dora:x:20001:20001::/home/dora:/bin/sh' |
		lab_put sssd /etc/others/passwd
	echo 'dora:x:20001:' | lab_put sssd /etc/others/group
	lab_put sssd /etc/sssd/sssd.conf root:root 0600 <<-CONF
	[sssd]
	services = nss
	domains = others
	[domain/others]
	id_provider = files
	passwd_files = /etc/others/passwd
	group_files = /etc/others/group
	CONF
	lab_exec sssd sh -c 'mkdir -p /var/lib/sss/db /var/lib/sss/mc \
	    /var/lib/sss/pubconf /var/lib/sss/pipes/private /var/log/sssd
	    sed -i -E "/^(passwd|group):/ s/\<oat\>/oat sss/" /etc/nsswitch.conf
	    exec sssd -D' || lab_die "sssd did not start"
	wait_for 20 lab_exec sssd getent passwd dora >/dev/null ||
		lab_die "sssd does not serve"
}

begin_userdbd()
{
	begin_host userdbd || return
	lab_exec userdbd sh -c 'mkdir -p /run/systemd/userdb
	    exec setsid /lib/systemd/systemd-userdbd </dev/null >/dev/null 2>&1 &'
	wait_for 10 lab_exec userdbd \
	    test -S /run/systemd/userdb/io.systemd.NameServiceSwitch ||
		lab_die "systemd-userdbd does not serve"
}

needs()
{
	lab_unpacked "$1" >/dev/null || skip "no packages of $1"
}

ask()
{
	run lab_exec "$1" runuser -u nobody -- timeout 20 "${@:2}"
}

# --- sssd --------------------------------------------------------------------

test_case_29_beside_sssd_each_answers_for_its_own()
{
	needs sssd
	ask sssd getent passwd oat-acme-ci-sssd
	expect_out ':oat acme/ci-sssd:'
	ask sssd id -Gn oat-acme-ci-sssd
	expect_out 'oat-users'
	ask sssd getent passwd dora
	expect_out '^dora:'
	ask sssd id -un 20001
	expect_equal dora "$out"
}

test_case_29_sssd_keeps_nothing_of_ours()
{
	needs sssd
	ask sssd getent -s sss passwd oat-acme-ci-sssd
	expect_status 2
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'ci-sssd'"
	lab_exec sssd oat sync
	ask sssd id -Gn oat-acme-ci-sssd
	expect_equal oat-acme-ci-sssd "$out"
}

test_case_29_a_frozen_sssd_hurts_no_name_of_ours()
{
	needs sssd
	lab_exec sssd pkill -STOP sssd
	run lab_exec sssd timeout 2 getent passwd oat-acme-ci-sssd
	lab_exec sssd pkill -CONT sssd
	expect_status 0
}

test_case_29_a_damaged_snapshot_hurts_no_name_of_sssd()
{
	needs sssd
	lab_exec sssd sh -c 'cp -p "$1" "$1.kept" && truncate -s -7 "$1"' \
	    sh /var/lib/oat/identities
	ask sssd getent passwd dora
	lab_exec sssd mv /var/lib/oat/identities.kept /var/lib/oat/identities
	expect_out '^dora:'
}

# --- systemd-userdbd ---------------------------------------------------------

test_case_29_userdbd_knows_identities_through_nsswitch()
{
	needs userdbd
	ask userdbd userdbctl user --output=classic oat-acme-ci-userdbd
	expect_status 0
	expect_out '^oat-acme-ci-userdbd:'
	ask userdbd userdbctl group --output=classic oat-acme-ci-userdbd
	expect_out '^oat-acme-ci-userdbd:'
	ask userdbd userdbctl user oat-acme-none
	expect_failure
}

test_case_29_beside_userdbd_names_and_groups_are_right()
{
	needs userdbd
	ask userdbd id -Gn oat-acme-ci-userdbd
	expect_out 'oat-sudo'
	ask userdbd getent passwd oat-acme-none
	expect_status 2
	ask userdbd getent passwd
	expect_out '^oat-acme-ci-userdbd:'
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'ci-userdbd'"
	lab_exec userdbd oat sync
	ask userdbd id -Gn oat-acme-ci-userdbd
	expect_equal oat-acme-ci-userdbd "$out"
	run lab_exec userdbd pgrep -x systemd-userdbd
	[ "$status" = 0 ] || run lab_exec userdbd pgrep -f systemd-userdbd
	expect_status 0
}

# --- callers that cannot load it ---------------------------------------------

# glibc loads modules into static programs, too, when it is the same version.
test_case_29_a_static_program_finds_names_or_none()
{
	printf '%s\n' '#include <pwd.h>' '#include <stdio.h>' \
	    'int main(int c, char **v) { struct passwd *p = getpwnam(v[c - 1]);' \
	    'puts(p ? p->pw_name : "nobody"); return 0; }' >"$LAB/static.c"
	gcc -static -o "$(lab_root web-1)/run/static" "$LAB/static.c" \
	    2>"$LAB/static.log" || skip "no static libc"
	ask web-1 /run/static oat-acme-ci-web
	expect_status 0
	expect_out '^(oat-acme-ci-web|nobody)$'
	ask web-1 /run/static root
	expect_equal root "$out"
}

# As to a program of another architecture, whose loader refuses ours.
test_case_29_a_module_of_another_architecture_hurts_nobody_else()
{
	local module

	module=$(lab_exec web-1 find /usr/lib/ -name libnss_oat.so.2)
	lab_exec web-1 sh -c 'cp "$1" /run/module && printf "\003" |
	    dd of="$1" bs=1 seek=18 conv=notrunc status=none' sh "$module"
	ask web-1 sh -c 'getent passwd oat-acme-ci-web; echo "status $?"
	    id root; getent passwd | head -n 1'
	lab_exec web-1 mv /run/module "$module"
	expect_out '^status 2$'
	expect_out 'uid=0\(root\)'
	ask web-1 id -un oat-acme-ci-web
	expect_equal oat-acme-ci-web "$out"
}

lab_unpack sssd sssd-common sssd-proxy libnss-sss
lab_unpack userdbd systemd-userdbd libnss-systemd
lab_enter "$@"
lab_host db
lab_database db
lab_schema
lab_organization acme
lab_host web-1
lab_enroll web-1
lab_token web-1 acme ci-web web-1 sshd
begin_sssd
begin_userdbd
run_tests "$@"
