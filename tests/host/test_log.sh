#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The lines in authpriv that administrators match: their fields and order.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

by_password()
{
	lab_ssh client "$1" -o PreferredAuthentications=password "${@:2}"
}

address()
{
	echo "${lab_addresses[client]//./\\.}"
}

test_an_accepted_login_is_one_line()
{
	lab_token web-1 acme good 'web-*' sshd
	run by_password "$token" oat-acme-good@web-1.lab true
	expect_status 0
	expect_log web-1 "^authpriv\\.(info|notice) .*sshd.*: pam_oat\\(sshd:auth\\): accepted login=oat-acme-good selector=$selector reason=- rhost=$(address)( |\$)"
	expect_equal 1 "$(lab_log web-1 |
	    grep -c 'pam_oat(sshd:auth): accepted login=oat-acme-good ')"
}

test_a_refused_login_is_one_line_with_its_reason()
{
	lab_token web-1 acme refused 'web-*' sshd
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'refused'"
	run by_password "$token" oat-acme-refused@web-1.lab true
	expect_status 255
	expect_log web-1 "^authpriv\\.[a-z]+ .*sshd.*: pam_oat\\(sshd:auth\\): refused login=oat-acme-refused selector=$selector reason=deactivated rhost=$(address)( |\$)"
	expect_equal 1 "$(lab_log web-1 |
	    grep -c 'pam_oat(sshd:auth): refused login=oat-acme-refused ')"
}

test_a_password_that_is_no_token_is_logged_without_it()
{
	lab_token web-1 acme shape 'web-*' sshd
	run by_password "oat_${selector}_short" \
	    oat-acme-shape@web-1.lab true
	expect_status 255
	expect_log web-1 "refused login=oat-acme-shape selector=- reason=malformed rhost=$(address)"
	expect_no_log web-1 "oat_${selector}_short"
}

test_a_wrong_secret_is_logged_with_the_selector_it_named()
{
	local right

	lab_token web-1 acme guess 'web-*' sshd
	right=$selector
	lab_wrong_secret "$right"
	run by_password "$token" oat-acme-guess@web-1.lab true
	expect_status 255
	expect_log web-1 "refused login=oat-acme-guess selector=$right reason=wrong_secret rhost=$(address)"
}

test_an_unknown_selector_is_logged()
{
	lab_token web-1 acme known 'web-*' sshd
	lab_mint web-1
	run by_password "$token" oat-acme-known@web-1.lab true
	expect_status 255
	expect_log web-1 "refused login=oat-acme-known selector=$selector reason=(unknown_token|host_not_granted) rhost=$(address)"
}

test_sudo_without_a_remote_host_logs_a_dash()
{
	lab_token web-1 acme local 'web-*' sudo
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u \
	    oat-acme-local -- sudo -S -p '' id -un
	expect_equal root "$out"
	expect_log web-1 "pam_oat\\(sudo:auth\\): accepted login=oat-acme-local selector=$selector reason=- rhost=-( |\$)"
}

test_case_43_a_token_is_nowhere_but_with_its_holder()
{
	local secret

	lab_token web-1 acme canary 'web-*' sshd,sudo
	secret=${token##*_}
	lab_sql "alter system set log_statement = 'all'"
	lab_sql "alter system set log_min_duration_statement = 0"
	lab_database_control reload
	by_password "$token" oat-acme-canary@web-1.lab env >"$LAB/env"
	by_password "$(lab_mistyped "$token")" oat-acme-canary@web-1.lab true
	wait_for 5 log_has web-1 'login=oat-acme-canary .*reason=malformed' ||
		fail "the second attempt was not logged"
	lab_sql "select * from oat.activity; table oat.tokens" >"$LAB/rows"
	run grep -rlF -e "$secret" -e "$(lab_mistyped "$secret")" "$LAB/env" "$LAB/rows" \
	    "$(lab_root web-1)$lab_log_file" "$(lab_root web-1)/var" \
	    "$(lab_root web-1)/run" "$(lab_root web-1)/etc" \
	    "$(lab_root db)$lab_database_log" "$(lab_root db)/srv"
	expect_equal '' "$out"
}

lab_enter "$@"
lab_standard
lab_sql "update oat.organizations set plan = 'business'"
run_tests "$@"
