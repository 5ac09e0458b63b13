#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The database answers, and says no: to the host's role, for want of room, or
# because it is not what the program expects.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

hba=$lab_database_directory/pg_hba.conf

# --- the host's role ---------------------------------------------------------

reject_host()
{
	lab_exec db sed -i '1i host all all all reject' "$hba"
	lab_database_control reload
}

accept_host()
{
	lab_exec db sed -i '1d' "$hba"
	lab_database_control reload
}

test_a_rejected_address_is_told_in_the_servers_words()
{
	with_fault reject_host accept_host \
	    'db\.lab:5432: .*pg_hba\.conf rejects connection for host "10\.'
}

forget_host()
{
	lab_exec db sed -i.kept '/oat_host/d' "$hba"
	lab_database_control reload
}

remember_host()
{
	lab_exec db mv "$hba.kept" "$hba"
	lab_database_control reload
}

test_an_address_without_a_line_is_told_in_the_servers_words()
{
	with_fault forget_host remember_host \
	    'db\.lab:5432: .*no pg_hba\.conf entry for host "10\.'
}

mistake_password()
{
	keep_configuration
	echo not-the-password | lab_put web-1 /etc/oat/password root:_oat 0640
}

test_a_wrong_password_is_told_without_it()
{
	with_fault mistake_password restore_configuration \
	    'db\.lab:5432: .*password authentication failed for user "oat_web-1"'
	expect_no_log web-1 not-the-password
}

lose_role()
{
	lab_sql 'alter role "oat_web-1" rename to "oat_gone"'
}

find_role()
{
	lab_sql 'alter role "oat_gone" rename to "oat_web-1"'
}

test_a_role_that_is_gone_is_told()
{
	with_fault lose_role find_role \
	    'db\.lab:5432: .*no pg_hba\.conf entry for host .* user "oat_web-1"'
}

lock_role()
{
	lab_sql 'alter role "oat_web-1" nologin'
}

unlock_role()
{
	lab_sql 'alter role "oat_web-1" login'
}

test_a_role_that_may_not_log_in_is_told()
{
	with_fault lock_role unlock_role \
	    'db\.lab:5432: .*role "oat_web-1" is not permitted to log in'
}

unenroll()
{
	lab_sql "update oat.hosts set role = 'oat_other' where name = 'web-1'"
}

enroll()
{
	lab_sql "update oat.hosts set role = 'oat_web-1' where name = 'web-1'"
}

test_a_host_that_is_not_enrolled_is_told()
{
	with_fault unenroll enroll \
	    'db\.lab:5432: ERROR:  role oat_web-1 is not an enrolled host'
}

# --- no room -----------------------------------------------------------------

fill_role()
{
	lab_sql 'alter role "oat_web-1" connection limit 0'
}

widen_role()
{
	lab_sql 'alter role "oat_web-1" connection limit -1'
}

test_a_role_without_connections_left_is_told()
{
	with_fault fill_role widen_role \
	    'db\.lab:5432: .*too many connections for role "oat_web-1"'
}

# All but the superuser's connections are in use.
fill_server()
{
	printf '%s\n' max_connections=8 superuser_reserved_connections=7 |
		lab_exec db tee -a "$lab_database_directory/postgresql.conf" \
		    >/dev/null
	lab_exec db sed -i '1i local all holder trust' "$hba"
	lab_sql 'create role holder login'
	lab_database_control -m fast restart
	# Who looks whether it is held may have been the one too many.
	lab_exec db sh -c 'until psql -XAtqU holder -d postgres \
	    -c "select pg_sleep(60)"; do sleep 0.3; done' >/dev/null 2>&1 &
	wait_for 5 is_held || lab_die "the server is not full"
}

is_held()
{
	[ "$(lab_sql "select count(*) from pg_stat_activity
	    where usename = 'holder'")" = 1 ]
}

empty_server()
{
	lab_exec db sed -i '1d' "$hba"
	lab_exec db sed -i '/connections=/d' \
	    "$lab_database_directory/postgresql.conf"
	lab_database_control -m fast restart
	lab_sql 'drop role holder'
}

test_a_server_without_connections_left_is_told()
{
	with_fault fill_server empty_server \
	    'db\.lab:5432: .*(too many clients|remaining connection slots)'
}

# --- it cannot write ---------------------------------------------------------

set_read_only()
{
	lab_sql 'alter database oat set default_transaction_read_only = on'
}

set_writable()
{
	lab_sql 'set default_transaction_read_only = off;
	    alter database oat reset default_transaction_read_only'
}

test_a_read_only_database_is_told()
{
	with_fault set_read_only set_writable \
	    'db\.lab:5432: ERROR:  cannot execute .* in a read-only transaction'
}

# The files of the database on a disk of their own, and that is full.
fill_disk()
{
	local base=$lab_database_directory/base

	lab_database_control -m fast stop
	lab_exec db sh -euc 'mv "$1" "$1.kept"; mkdir -m 0700 "$1"
	    mount -t tmpfs -o size=64m,mode=700,uid=postgres tmpfs "$1"
	    cp -a "$1.kept/." "$1"' sh "$base"
	lab_database_start
	lab_sql "create table public.ballast (t text)"
	lab_exec db sh -c 'dd if=/dev/zero of="$1/ballast" bs=8k 2>/dev/null
	    :' sh "$base"
	# What is left in the last page of the log.
	lab_sql "do \$\$ begin
	    loop
		insert into oat.activity (actor, event, detail)
		values ('oat-acme-ci', 'login', '{}');
	    end loop; exception when disk_full then null; end \$\$" ||
		lab_die "the disk is not full"
}

empty_disk()
{
	local base=$lab_database_directory/base

	lab_exec db rm -f "$base/ballast"
	lab_sql "drop table public.ballast" || true
	lab_database_control -m fast stop
	lab_exec db sh -euc 'cp -a "$1/." "$1.kept"; umount "$1"; rmdir "$1"
	    mv "$1.kept" "$1"' sh "$base"
	lab_database_start
}

test_a_server_whose_disk_is_full_is_told()
{
	with_fault fill_disk empty_disk \
	    'db\.lab:5432: ERROR:  could not extend file .*No space left'
}

# --- another program's schema ------------------------------------------------

# An older one lacks what the program asks for.
take_functions()
{
	lab_sql 'alter function oat.host_verifier(text) rename to taken;
	    alter function oat.host_decide(uuid, text, text, text, text, text,
	    text, text, text) rename to taken_too'
}

give_functions()
{
	lab_sql 'alter function oat.taken(text) rename to host_verifier;
	    alter function oat.taken_too(uuid, text, text, text, text, text,
	    text, text, text) rename to host_decide'
}

test_a_schema_that_is_older_is_told_by_what_it_lacks()
{
	with_fault take_functions give_functions \
	    'db\.lab:5432: ERROR:  function oat\.host_verifier\(.*\) does not exist'
}

lose_schema()
{
	lab_sql 'alter schema oat rename to elsewhere'
}

find_schema()
{
	lab_sql 'alter schema elsewhere rename to oat'
}

test_a_database_without_the_schema_is_told()
{
	with_fault lose_schema find_schema \
	    'db\.lab:5432: ERROR:  schema "oat" does not exist'
}

# A newer one has columns that the program does not know.
widen_answers()
{
	lab_sql "alter function oat.host_decide(uuid, text, text, text, text,
	    text, text, text, text) rename to host_decide_1;
	create function oat.host_decide(uuid, text, text, text, text, text,
	    text, text, text) returns table (novelty text, allowed boolean,
	    reason text, message text, organization text, token text,
	    expires_at bigint, event jsonb, another integer)
	language sql as 'select null::text, d.*, 1 from oat.host_decide_1(\$1,
	    \$2, \$3, \$4, \$5, \$6, \$7, \$8, \$9) d';
	grant execute on function oat.host_decide(uuid, text, text, text, text,
	    text, text, text, text) to oat_host"
}

narrow_answers()
{
	lab_sql "drop function oat.host_decide(uuid, text, text, text, text,
	    text, text, text, text);
	alter function oat.host_decide_1(uuid, text, text, text, text, text,
	    text, text, text) rename to host_decide"
}

test_a_schema_that_is_newer_is_understood()
{
	expect_let_in()
	{
		attempt
		expect_code "$PAM_SUCCESS"
	}
	meanwhile widen_answers narrow_answers expect_let_in
}

test_a_refusal_is_no_outage_and_mended_at_once()
{
	forget_outage
	meanwhile reject_host accept_host attempt
	attempt
	expect_code "$PAM_SUCCESS"
	run lab_exec web-1 ls /run/oat
	expect_no_out database-silent
}

lab_enter "$@"
fault_lab 1
run_tests "$@"
