#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Case 62: whatever is installed, removed, missing or in the wrong order, root
# gets in: by ssh with a key, by su, at the console.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
module=$(echo /usr/lib/*/security/pam_unix.so)
module=${module%/*}/pam_oat.so
library=${module%/security/*}/libnss_oat.so.2

root_by_ssh()
{
	lab_ssh client none -i /run/key -o IdentitiesOnly=yes \
	    -o PreferredAuthentications=publickey "root@$1.lab" id -un
}

root_gets_in()
{
	run root_by_ssh "$1"
	expect_equal root "$out"
	run lab_exec "$1" su -c 'id -un'
	expect_equal root "$out"
	run_with $'root-password\n' lab_exec "$1" pamtester login root \
	    authenticate acct_mgmt open_session close_session
	expect_status 0
	run_with $'carol-password\n' lab_exec "$1" runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
}

ours_is_refused()
{
	run lab_ssh client "$token" "$login@$1.lab" true
	expect_status 255
	run lab_exec "$1" su "$login" -c 'id -un'
	expect_failure
	expect_no_out "^$login\$"
}

ours_gets_in()
{
	run lab_ssh client "$token" "$login@$1.lab" id -un
	expect_equal "$login" "$out"
}

# without HOST FILE...: the files are away while the rest of the test runs.
without()
{
	local host=$1 file

	shift
	for file; do
		lab_exec "$host" mv "$file" "$file.away"
	done
}

again()
{
	local host=$1 file

	shift
	for file; do
		lab_exec "$host" mv "$file.away" "$file"
	done
}

test_case_62_install_and_upgrade_while_logged_in()
{
	lab_session_open client "$token" "$login@web-1.lab"
	lab_install web-1
	run lab_session 'id -un'
	expect_equal "$login" "$out"
	run lab_session "echo '$token' | sudo -S -p '' id -un"
	expect_equal root "$out"
	lab_session_close
	root_gets_in web-1
	ours_gets_in web-1
}

test_case_62_uninstall_while_logged_in()
{
	lab_session_open client "$token" "$login@web-1.lab"
	lab_exec web-1 make -s -C "$lab_top" B="$lab_build" uninstall \
	    >/dev/null
	run lab_session 'echo alive'
	expect_equal alive "$out"
	lab_session_close
	root_gets_in web-1
	ours_is_refused web-1
	lab_install web-1
	ours_gets_in web-1
}

test_case_62_nsswitch_in_the_wrong_order()
{
	local order

	while read -r order; do
		lab_exec web-1 sed -i -E "s/^(passwd|group):.*/\\1: $order/" \
		    /etc/nsswitch.conf
		root_gets_in web-1
		ours_gets_in web-1
	done <<-ORDERS
	oat files systemd
	files systemd oat
	files oat oat systemd
	files [NOTFOUND=continue] oat
	files nowhere oat
	oat [UNAVAIL=continue] files
	ORDERS
	lab_exec web-1 sed -i -E \
	    's/^(passwd|group):.*/\1: files oat systemd/' /etc/nsswitch.conf
}

test_case_62_a_missing_library_program_configuration_or_state()
{
	local file

	for file in "$library" /usr/sbin/oat /etc/oat /var/lib/oat; do
		without web-1 "$file"
		root_gets_in web-1
		lab_exec web-1 rm -rf "$file" # a state of its own was begun
		again web-1 "$file"
	done
	ours_gets_in web-1
}

# The profile passes other names by before the module is asked.
test_case_62_a_missing_module_under_the_profile()
{
	without app-1 "$module"
	root_gets_in app-1
	ours_is_refused app-1
	again app-1 "$module"
	ours_gets_in app-1
}

test_case_62_a_broken_module_under_the_profile()
{
	without app-1 "$module"
	echo 'no module' | lab_put app-1 "$module"
	root_gets_in app-1
	ours_is_refused app-1
	again app-1 "$module"
	ours_gets_in app-1
}

# What pam_oat(8) has for lines by hand: the same guard above each.
test_case_62_a_missing_module_under_guarded_lines()
{
	local guard='[success=1 default=ignore] pam_succeed_if.so quiet user !~ oat-*'

	lab_exec web-1 cp -a /etc/pam.d /run/
	lab_exec web-1 sed -i -E \
	    "s/^(auth|account) .*pam_oat.so\$/\\1 $guard\\n&/" \
	    /etc/pam.d/sshd /etc/pam.d/sudo /etc/pam.d/login /etc/pam.d/su
	ours_gets_in web-1
	without web-1 "$module"
	root_gets_in web-1
	ours_is_refused web-1
	again web-1 "$module"
	lab_exec web-1 cp -a /run/pam.d /etc/
}

# They fail closed: the manual says so, and make uninstall keeps the module.
test_case_62_the_lines_alone_without_the_module_refuse_everybody()
{
	without web-1 "$module"
	run root_by_ssh web-1
	expect_status 255
	ours_is_refused web-1
	again web-1 "$module"
	root_gets_in web-1
}

# at_the_end, doubled, ...: edits of every stack of web-1.
rewritten()
{
	lab_exec web-1 sh -euc '
		cp -a /etc/pam.d /run/
		lines=/usr/share/oat/pam.d/oat
		cd /etc/pam.d
		for service in sshd sudo sudo-i login cron su; do
			grep -vxFf "$lines" "$service" >plain || :
			case $1 in
			at_the_end) cat plain "$lines" ;;
			above) cat "$lines" plain ;;
			twice) cat "$lines" "$lines" plain ;;
			auth_alone) grep ^auth "$lines"; cat plain ;;
			account_alone) grep ^account "$lines"; cat plain ;;
			backwards) tac "$lines"; cat plain ;;
			esac >"$service"
		done
		rm plain' sh "$1"
}

test_case_62_lines_of_pam_in_the_wrong_order()
{
	local how

	for how in at_the_end above twice auth_alone account_alone backwards; do
		rewritten "$how"
		( root_gets_in web-1 )
		status=$?
		lab_exec web-1 cp -a /run/pam.d /etc/
		[ "$status" = 0 ] || fail "$how"
	done
	ours_gets_in web-1
}

# By hand and by the profile at once: twice the work, and nobody is shut out.
test_case_62_both_wirings_at_once()
{
	lab_wire_profile web-1
	root_gets_in web-1
	ours_gets_in web-1
	lab_exec web-1 env DEBIAN_FRONTEND=noninteractive \
	    pam-auth-update --package --disable oat
}

lab_enter "$@"
lab_both_wirings
lab_exec client ssh-keygen -q -t ed25519 -N '' -f /run/key
for host in web-1 app-1; do
	lab_local_user $host carol carol-password
	echo root:root-password | lab_exec $host chpasswd
	lab_put $host /root/.ssh/authorized_keys root:root 0600 \
	    <"$(lab_root client)/run/key.pub"
	lab_exec $host chmod 0700 /root/.ssh
done
lab_token web-1 acme ci 'web-*,app-*' sshd,sudo,su
lab_exec app-1 oat sync
run_tests "$@"
