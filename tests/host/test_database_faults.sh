#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The database stops, freezes, or shows another certificate: nobody gets in who
# was not checked, nothing hangs, and names keep resolving.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

timeout=2 # seconds, written into oat.conf below
login=oat-acme-ci
unreachable='oat: token service unreachable, token not checked'

try_login()
{
	lab_ssh client "$token" -o PreferredAuthentications="${1:-password}" \
	    "$login@web-1.lab" id -un
}

try_sudo()
{
	printf '%s\n' "$token" | lab_exec web-1 setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
}

# Runs what follows while the database is in that state. A test may fail in
# between, so the state is left first.
during()
{
	local state=$1 begin

	shift
	"lab_database_$state"
	begin=${EPOCHREALTIME//[!0-9]/}
	run "$@"
	took_ms=$(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))
	case $state in
	stop) lab_database_start ;;
	freeze) lab_database_thaw ;;
	esac
}

test_a_login_succeeds_while_the_database_runs()
{
	run try_login
	expect_equal "$login" "$out"
}

test_a_login_is_refused_while_the_database_is_stopped()
{
	during stop try_login
	expect_status 255
	expect_log web-1 "login=$login selector=$selector reason=unavailable"
}

test_a_login_succeeds_again_once_the_database_is_back()
{
	run try_login
	expect_equal "$login" "$out"
}

test_a_login_is_refused_within_the_timeout_while_the_database_is_frozen()
{
	during freeze try_login
	expect_status 255
	[ "$took_ms" -lt $((timeout * 1000 + 2000)) ] ||
		fail "refused after $took_ms ms, promised $timeout s"
}

test_the_holder_is_told_by_keyboard_interactive()
{
	during stop try_login keyboard-interactive
	expect_status 255
	expect_out "$unreachable"
}

test_sudo_is_refused_and_the_holder_told_while_the_database_is_stopped()
{
	during stop try_sudo
	expect_failure
	expect_out "$unreachable"
	expect_no_out '^root$'
}

test_identities_keep_their_names_while_the_database_is_stopped()
{
	during stop lab_exec web-1 runuser -u nobody -- id "$login"
	expect_status 0
	expect_out "uid=[0-9]+\\($login\\)"
}

test_a_server_with_a_certificate_of_another_authority_is_not_believed()
{
	local ca

	ca=$(lab_root web-1)/etc/oat/ca.pem
	cp -p "$ca" "$LAB/ca.kept"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj /CN=another -keyout /dev/null 2>/dev/null >"$ca"
	run try_login
	cp -p "$LAB/ca.kept" "$ca"
	expect_status 255
	expect_log web-1 'pam_oat.*|oat.*certificate verify failed'
}

test_a_server_of_another_name_is_not_believed()
{
	local file

	file=$(lab_root web-1)/etc/oat/oat.conf
	sed -i 's/host=db\.lab/host=db/' "$file"
	run try_login
	sed -i 's/host=db /host=db.lab /' "$file"
	expect_status 255
	run try_login
	expect_status 0
}

test_a_wrong_password_of_the_host_role_is_logged_without_it()
{
	local file

	file=$(lab_root web-1)/etc/oat/password
	cp -p "$file" "$LAB/password.kept"
	echo not-the-password >"$file"
	run try_login
	cp -p "$LAB/password.kept" "$file"
	expect_status 255
	expect_log web-1 'password authentication failed'
	expect_no_log web-1 'not-the-password'
}

lab_enter "$@"
lab_standard
echo "timeout = ${timeout}s" >>"$(lab_root web-1)/etc/oat/oat.conf"
lab_token web-1 acme ci 'web-*' sshd,sudo
run_tests "$@"
