#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The database itself has been taken over: its functions answer what its master
# likes, over a connection that is in order. Hosts must keep their own.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
taken=()

# takes_over FUNCTION BODY: its arguments and result stay, by name and type.
takes_over()
{
	lab_sql "do \$do\$ declare f record; begin
	    select oid::regprocedure as name, proname,
	        pg_get_function_arguments(oid) as arguments,
	        pg_get_function_result(oid) as result
	        into strict f from pg_proc where proname = '$1'
	        and pronamespace = 'oat'::regnamespace;
	    execute format('alter function %s rename to %I', f.name,
	        f.proname || '_kept');
	    execute format('create function oat.%I(%s) returns %s
	        language plpgsql as %L', f.proname, f.arguments, f.result,
	        \$body\$ begin $2 end \$body\$);
	    execute format('grant execute on function oat.%I to oat_host',
	        f.proname);
	    end \$do\$" || fail "cannot take over $1"
	taken+=("$1")
	trap give_all_back EXIT
}

# When a test ends. A sync tells the host that somebody answers again.
give_all_back()
{
	local name

	for name in "${taken[@]}"; do
		give_back "$name"
	done
	lab_exec web-1 oat sync
}

give_back()
{
	lab_sql "do \$do\$ begin
	    execute (select format('drop function %s', oid::regprocedure)
	        from pg_proc where proname = '$1'
	        and pronamespace = 'oat'::regnamespace);
	    execute (select format('alter function %s rename to %I',
	        oid::regprocedure, '$1') from pg_proc
	        where proname = '${1}_kept'); end \$do\$"
}

by_su()
{
	run_with "$token"$'\n' lab_exec web-1 setsid -w runuser -u carol -- \
	    su "${1:-$login}" -c 'id -un'
}

# The most memory that any process of the program had, KiB.
watch_memory()
{
	local pid kib most=0

	while [ -e "$LAB/watching" ]; do
		for pid in $(pgrep -x oat); do
			kib=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' \
			    "/proc/$pid/status" 2>/dev/null)
			[ "${kib:-0}" -le "$most" ] || most=$kib
		done
		sleep 0.02
	done
	echo "$most" >"$LAB/most"
}

# costs KIB SECONDS COMMAND...: no more than that, whatever comes of it.
costs()
{
	local kib=$1 seconds=$2 began=$SECONDS watcher

	shift 2
	touch "$LAB/watching"
	watch_memory &
	watcher=$!
	"$@"
	rm "$LAB/watching"
	wait "$watcher"
	[ $((SECONDS - began)) -le "$seconds" ] ||
		fail "$((SECONDS - began)) seconds instead of $seconds"
	read -r most <"$LAB/most"
	[ "$most" -gt 0 ] || fail "no process of the program was seen"
	[ "$most" -le "$kib" ] || fail "$most KiB instead of $kib"
}

expect_unavailable()
{
	expect_failure
	expect_out 'oat: token service unreachable, token not checked'
	expect_log web-1 "login=$login .*reason=unavailable"
}

test_case_16_a_verifier_of_half_a_gigabyte_costs_a_login_and_little_memory()
{
	takes_over host_verifier "return repeat('x', 500000000);"
	costs 163840 8 by_su
	expect_failure
}

test_case_16_identities_without_end_end_at_the_deadline()
{
	takes_over host_sync "
	    return query select 'begin', 'web-1', 1::bigint, null, null, null,
	        null::boolean, 1::bigint, '2000000000';
	    loop
	        return query select 'identity', 'oat-acme-' || i,
	            70000 + i::bigint % 30000, 'acme', i::text, '/bin/sh', true,
	            null::bigint, '' from generate_series(1, 100000) i;
	    end loop;"
	costs 163840 22 run lab_exec web-1 timeout 30 oat sync
	expect_failure
	run lab_exec web-1 id -un "$login"
	expect_equal "$login" "$out"
}

test_case_16_notices_without_end_end_at_the_deadline()
{
	takes_over host_verifier "loop raise warning '%',
	    repeat('notice ', 1000); end loop;"
	costs 163840 8 by_su
	expect_unavailable
}

test_case_17_what_it_says_is_one_escaped_line_and_never_shown()
{
	local lines

	takes_over host_verifier "raise exception using errcode = 'P0001',
	    message = e'\\x1b[31mno\\r\\nauthpriv.info sshd: pam_oat(sshd:auth): '
	    || 'accepted login=root selector=- reason=- rhost=-',
	    hint = e'\\n\\n%s%n\\x1b]0;x';"
	lines=$(lab_log web-1 | wc -l)
	by_su
	expect_unavailable
	expect_no_out 'accepted|\[31m'
	expect_no_log web-1 '^authpriv.info sshd: pam_oat'
	expect_log web-1 'detail=.*\\x1b\[31mno\\x0d$'
	expect_equal 1 "$(lab_log web-1 | tail -n "+$((lines + 1))" |
	    grep -c "refused login=$login")"
}

test_case_18_a_server_that_calls_the_host_a_superuser_is_not_asked()
{
	lab_sql 'alter role "oat_web-1" superuser'
	by_su
	lab_sql 'alter role "oat_web-1" nosuperuser'
	expect_unavailable
	expect_log web-1 "login=$login .*superuser"
	by_su
	expect_status 0
}

test_case_19_a_lying_database_lets_in_an_identity_of_this_host_at_worst()
{
	lab_mint web-1
	takes_over host_verifier "return '$verifier';"
	by_su
	expect_failure
	takes_over host_decide "allowed := true; organization := 'acme';
	    token := 'ci'; return next;"
	by_su
	expect_status 0
	for name in oat-acme-absent root carol; do
		by_su "$name"
		expect_failure
	done
}

test_case_49_a_home_or_shell_of_its_own_choice_is_not_used()
{
	lab_sql "set session_replication_role = replica;
	    update oat.tokens set shell = '/tmp/evil' where login = '$login'"
	lab_exec web-1 rm /var/lib/oat/identities
	lab_exec web-1 oat sync
	run lab_exec web-1 getent passwd "$login"
	expect_out ':/var/lib/oat/home/oat-acme-ci:/usr/sbin/nologin$'
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
lab_token web-1 acme ci web-1 su
run_tests "$@"
