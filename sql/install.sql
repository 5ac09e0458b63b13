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
    -- "oat" in ASCII: one installation at a time in this database.
    perform pg_advisory_xact_lock(7299444);
end
$version$;

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
