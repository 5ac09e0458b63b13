-- SPDX-License-Identifier: MIT
--
-- What a host asks about itself and its database, for oat doctor. Nothing is
-- written, so a standby answers too; nothing is raised, so that a role which
-- is no host is told that.

-- A role of a host has EXECUTE on the functions for hosts and nothing else.
-- Each line is one thing more, and the SQL that takes it away.
create function oat.excess_of(role text)
returns table (what text, fix text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 'attribute ' || a.name, format('alter role %I no%s', role, a.name)
    from pg_roles r
    cross join lateral (values ('superuser', r.rolsuper),
        ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
        ('replication', r.rolreplication), ('bypassrls', r.rolbypassrls))
        a (name, given)
    where r.rolname = role and a.given
    union all
    select 'member of ' || g.rolname, format('revoke %I from %I', g.rolname,
        role)
    from pg_auth_members m
    join pg_roles g on g.oid = m.roleid
    join pg_roles r on r.oid = m.member
    where r.rolname = role and g.rolname <> 'oat_host'
    union all
    select 'rights on oat.' || c.relname, format('revoke all on oat.%I from '
        '%I, oat_host, public', c.relname, role)
    from pg_class c
    where c.relnamespace = 'oat'::regnamespace
        and case when c.relkind = 'S' then has_sequence_privilege(role, c.oid,
                'usage, select, update')
            when c.relkind in ('r', 'p', 'v') then
                has_table_privilege(role, c.oid, 'select, insert, update, '
                    'delete, truncate, references, trigger')
                or has_any_column_privilege(role, c.oid, 'select, insert, '
                    'update, references') end
    union all
    select format('execute on oat.%s', p.proname), format('revoke execute on '
        'function %s from %I, oat_host, public', p.oid::regprocedure, role)
    from pg_proc p
    where p.pronamespace = 'oat'::regnamespace
        and p.proname not like 'host\_%'
        and has_function_privilege(role, p.oid, 'execute')
$$;
comment on function oat.excess_of(text) is
    'what a role may do beyond the functions for hosts, and the SQL that takes '
    'it away';

create function oat.host_health()
returns table (host text, suspended_at text, schema_version integer,
    generation bigint, clock bigint, uid_range text, excess text,
    excess_fix text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
begin
    select h.name, oat.utc(h.suspended_at) into host, suspended_at
    from oat.hosts h
    where h.role = session_user::text collate "default";
    select max(m.version) into schema_version from oat.migrations m;
    generation := oat.generation();
    clock := floor(extract(epoch from clock_timestamp()) * 1000000);
    select s.value into uid_range from oat.settings s
    where s.key = 'uid_range';
    select string_agg(e.what, ', '), string_agg(e.fix, '; ')
    into excess, excess_fix
    from (select * from oat.excess_of(session_user) limit 3) e;
    return next;
end
$$;
comment on function oat.host_health() is
    'hosts: who they are here (host is null for a role that is none), what '
    'they may do beyond their functions, and schema, generation and clock';

revoke all on all functions in schema oat from public;
grant execute on function oat.host_health() to oat_host;
