-- SPDX-License-Identifier: MIT
--
-- Installs oat into the current database, or brings it up to date:
--
--      psql -v ON_ERROR_STOP=1 -f sql/install.sql
--
-- As a superuser, or as a role with CREATEROLE that may create schemas in this
-- database. PostgreSQL 13 or newer, no extension. Everything happens in one
-- transaction under an advisory lock: after a failure nothing has changed, and
-- a second run changes nothing. A released migration is never edited; what is
-- new goes into the next one.

\set ON_ERROR_STOP on
\set QUIET on
begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;

do $version$
begin
    if current_setting('server_version_num')::integer < 130000 then
        raise exception 'oat needs PostgreSQL 13 or newer, this is %',
            current_setting('server_version');
    end if;
end
$version$;

-- "oat" in ASCII: one installation at a time in this database. Any role that
-- may connect can hold such a lock, so the wait for it has an end.
do $lock$
declare
    before constant text := current_setting('lock_timeout');
    holder record;
begin
    if before = '0' then
        set local lock_timeout = '30s';
    end if;
    perform pg_advisory_xact_lock(7299444);
    perform set_config('lock_timeout', before, true);
exception when lock_not_available then
    select l.pid, a.usename into holder
    from pg_locks l left join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.classid = 0
        and l.objid = 7299444 and l.objsubid = 1
        and l.database = (select oid from pg_database
            where datname = current_database())
    limit 1;
    raise exception using
        errcode = 'lock_not_available',
        message = format('the lock of an installation is held by process %s, '
            'role %s', holder.pid, holder.usename),
        detail = 'Two installations at once would mix.',
        hint = format('wait if that is one, too; else: '
            'select pg_terminate_backend(%s)', holder.pid);
end
$lock$;

\ir roles.sql
\ir owner_begin.sql

select not exists (select from oat.migrations where version = 1)
    as pending_1 \gset
\if :pending_1
\ir 001_01_grammar.sql
\ir 001_02_tables.sql
\ir 001_03_activity.sql
\ir 001_04_generation.sql
\ir 001_05_identities.sql
\ir 001_06_organizations.sql
\ir 001_07_secrets.sql
\ir 001_08_tokens.sql
\ir 001_09_grants.sql
\ir 001_10_policy.sql
\ir 001_11_decide.sql
\ir 001_12_snapshot.sql
\ir 001_13_record.sql
\ir 001_14_reports.sql
\ir 001_15_rights.sql
insert into oat.migrations (version, name) values (1, 'the main job');
\endif

select not exists (select from oat.migrations where version = 2)
    as pending_2 \gset
\if :pending_2
\ir 002_01_delegates.sql
\ir 002_02_lifetime.sql
\ir 002_03_explain.sql
\ir 002_04_revocation.sql
\ir 002_05_restore.sql
insert into oat.migrations (version, name)
values (2, 'least privilege, lifecycle and governance');
\endif

select not exists (select from oat.migrations where version = 3)
    as pending_3 \gset
\if :pending_3
\ir 003_01_hosts.sql
\ir 003_02_log.sql
\ir 003_03_seal.sql
\ir 003_04_verify.sql
\ir 003_05_usage.sql
\ir 003_06_login.sql
\ir 003_07_decide.sql
\ir 003_08_retention.sql
\ir 003_09_reports.sql
\ir 003_10_restore.sql
\ir 003_11_rehearsal.sql
insert into oat.migrations (version, name) values (3, 'visibility');
\endif

select not exists (select from oat.migrations where version = 4)
    as pending_4 \gset
\if :pending_4
\ir 004_01_snapshot.sql
\ir 004_02_proof.sql
\ir 004_03_revocation.sql
insert into oat.migrations (version, name)
values (4, 'fresh, fast, and revocation that can be proved');
\endif

select not exists (select from oat.migrations where version = 5)
    as pending_5 \gset
\if :pending_5
\ir 005_01_health.sql
\ir 005_02_explain.sql
insert into oat.migrations (version, name) values (5, 'what a host may ask');
\endif

select not exists (select from oat.migrations where version = 6)
    as pending_6 \gset
\if :pending_6
\ir 006_01_enroll.sql
insert into oat.migrations (version, name) values (6, 'enrolling hosts');
\endif

select not exists (select from oat.migrations where version = 7)
    as pending_7 \gset
\if :pending_7
\ir 007_01_hints.sql
\ir 007_02_typos.sql
\ir 007_03_bounds.sql
\ir 007_04_uses.sql
\ir 007_05_delegates.sql
\ir 007_06_secrets.sql
\ir 007_07_notify.sql
\ir 007_08_fixes.sql
\ir 007_09_marks.sql
\ir 007_10_waits.sql
\ir 007_11_comments.sql
insert into oat.migrations (version, name) values (7, 'hints that mend');
\endif

select current_database() as database, max(version) as version
from oat.migrations \gset
\ir owner_end.sql
commit;

\echo 'oat: schema version' :version 'is installed in database' :database
\echo 'oat: let hosts in with a line like this in pg_hba.conf, above others:'
\echo
\echo 'hostssl ' :database ' +oat_host  all  scram-sha-256'
\echo '# by client certificate (its common name is the role, oat_<host>):'
\echo '# hostssl ' :database ' +oat_host  all  cert'
