-- SPDX-License-Identifier: MIT
--
-- Become oat_owner for the rest of the installation. A superuser just can; a
-- role with CREATEROLE grants itself the membership, and owner_end.sql takes
-- it back in the same transaction. Since PostgreSQL 16 that takes the ADMIN
-- option, which whoever created the role has.

do $owner$
declare
    modern constant boolean :=
        current_setting('server_version_num')::integer >= 160000;
    able boolean;
begin
    execute format('select pg_has_role(%L, %L)', 'oat_owner',
        case when modern then 'set' else 'member' end) into able;
    if not able then
        execute format('grant oat_owner to %I%s', current_user,
            case when modern then ' with inherit true, set true' end);
        perform set_config('oat.borrowed_owner', 'yes', true);
    end if;
exception when insufficient_privilege then
    raise exception using
        errcode = 'insufficient_privilege',
        message = format('%s may not act as oat_owner', current_user),
        detail = 'oat is installed by a superuser, or by the role with '
            'CREATEROLE that installed it first.',
        hint = format('as a superuser: grant oat_owner to %I with admin '
            'option', current_user);
end
$owner$;

do $owner$
begin
    if to_regnamespace('oat') is null then
        create schema oat authorization oat_owner;
    elsif (select nspowner <> 'oat_owner'::regrole from pg_namespace
            where nspname = 'oat') then
        raise exception using
            errcode = 'duplicate_schema',
            message = 'there is a schema oat that is not ours',
            hint = 'alter schema oat rename to ..., or install oat into a '
                'database of its own';
    end if;
end
$owner$;

set local role oat_owner;

create table if not exists oat.migrations (
    version integer constraint migrations_pk primary key,
    name text not null,
    applied_at timestamptz not null default now()
);
comment on table oat.migrations is
    'the numbered migrations that this schema has had, by install.sql alone';
