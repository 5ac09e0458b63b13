-- SPDX-License-Identifier: MIT
--
-- The roles of oat. Roles belong to the cluster, not to the database, so no
-- dump of a database holds them: install.sql includes this file every time,
-- and it is run alone before a dump is restored into a new cluster.

do $roles$
declare
    kind text[];
begin
    foreach kind slice 1 in array array[
        ['oat_owner', 'owns the schema oat; nobody logs in as it'],
        ['oat_admin', 'may write every row of oat'],
        ['oat_auditor', 'may read every row of oat'],
        ['oat_host', 'what hosts are members of: the host functions only'],
        ['oat_delegate', 'table privileges of the roles in oat.delegates']]
    loop
        if exists (select from pg_catalog.pg_roles where rolname = kind[1])
        then
            continue;
        end if;
        execute format('create role %I nologin', kind[1]);
        execute format('comment on role %I is %L', kind[1], kind[2]);
    end loop;
end
$roles$;

-- Forced row-level security and the separation of powers rest on these.
do $roles$
declare
    found text;
begin
    select rolname into found
    from pg_catalog.pg_roles
    where rolname in ('oat_owner', 'oat_admin', 'oat_auditor', 'oat_host',
            'oat_delegate')
        and (rolsuper or rolcreaterole or rolbypassrls or rolreplication
            or rolcanlogin);
    if found is not null then
        raise exception using
            errcode = 'OA011',
            message = format('role %s exists and has powers of its own',
                found),
            detail = 'The roles of oat neither log in nor have superuser, '
                'createrole, replication or bypassrls.',
            hint = format('alter role %I nologin nosuperuser nocreaterole '
                'noreplication nobypassrls', found);
    end if;
end
$roles$;
