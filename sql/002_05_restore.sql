-- SPDX-License-Identifier: MIT
--
-- After a dump was restored: what the database cannot mend by itself, because
-- only hosts know what happened since the dump.

create function oat.new_generation() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update oat.host_state s set ahead_at = null, ahead_generation = null
    where s.ahead_at is not null;
    perform oat.touch();
end
$$;
comment on function oat.new_generation() is
    'makes every host fetch its snapshot again, also those that were ahead';

create function oat.skip_ids(up_to bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.next_id();
    perform oat.take_ids(up_to);
    return oat.next_id();
end
$$;
comment on function oat.skip_ids(bigint) is
    'gives out no uid or gid up to this one any more; returns the next';

create function oat.roles_without_rights()
returns table (subject text, problem text, fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select format('host %s', h.name), format('role %s is missing or not a '
        'host''s', h.role),
        format('select oat.enroll_host(%L, password => ...)', h.name)
    from oat.hosts h where not oat.is_host_role(h.role)
    union all
    select format('delegate %s of %s', d.role, d.organization),
        'the role is missing', format('create role %I login; grant '
        'oat_delegate to %I', d.role, d.role)
    from oat.delegates d
    where not exists (select from pg_roles r where r.rolname = d.role)
$$;
comment on function oat.roles_without_rights() is
    'hosts and delegates whose roles a dump did not bring along';

-- What a host did to a token although its row, as restored, is good: ended its
-- sessions, or refused it, and no change of the row came after.
create function oat.lost_revocations()
returns table (subject text, problem text, fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select distinct on (t.organization, t.name)
        format('token %s/%s', t.organization, t.name),
        format('%s on %s at %s', coalesce(a.reason, a.event), a.host,
            oat.utc(a.at)),
        format('select oat.revoke(%L)', t.organization || '/' || t.name)
    from oat.tokens t
    join oat.organizations o on o.name = t.organization
    join oat.activity a on a.organization = t.organization
        and a.token = t.name
    where oat.token_state(t, o, now()) = 'active'
        and (a.reason in ('deactivated', 'organization_suspended')
            or (a.reason = 'retired_secret'
                and a.detail ->> 'selector' = t.selector)
            or (a.event = 'session.terminated' and not coalesce(
                a.at <= t.sessions_end_at + interval '1 day', false)))
        and not exists (
            select from oat.activity later
            where later.organization = t.organization
                and later.event ~ '^(token|organization|grant|allowance)\.'
                and coalesce(later.token, t.name) = t.name
                and later.at >= a.at)
    order by t.organization, t.name, a.at desc
$$;
comment on function oat.lost_revocations() is
    'tokens that hosts saw revoked and that are good here';

create function oat.restore_check()
returns table (check_name text, passed boolean, subject text, detail text,
    fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    with problem as (
        select 'generation' as check_name, format('host %s', s.host) as subject,
            format('it knew generation %s, newer than this database', greatest(
                s.ahead_generation, s.known_generation)) as detail,
            'select oat.new_generation(); and on the host look at the highest '
            'uid: select oat.skip_ids(...)' as fix
        from oat.host_state s
        where s.ahead_generation is not null
            or s.known_generation > oat.generation()
        union all
        select 'roles', r.subject, r.problem, r.fix
        from oat.roles_without_rights() r
        union all
        select 'revocations', l.subject, l.problem, l.fix
        from oat.lost_revocations() l
        union all
        select 'secrets', format('token %s/%s', t.organization, t.name),
            'its verifier is not here',
            format('select oat.rotate_token(%L, %L, :''verifier'', ''0'')',
                t.organization, t.name)
        from oat.tokens t
        where not exists (
            select from oat.secrets s
            where s.selector = t.selector and s.verifier is not null)
        union all
        select 'ids', i.name, format('%s is above the allocator''s mark', i.id),
            format('select oat.skip_ids(%s)', i.id)
        from oat.identities i where i.id > (select a.last from oat.allocator a)
        union all
        select 'counts', format('organization %s', c.organization),
            format('%s counted, %s held', c.held, n.held),
            'delete one of its tokens and insert it again'
        from oat.token_counts c
        cross join lateral (
            select count(*) as held from oat.tokens t
            where t.organization = c.organization) n
        where n.held <> c.held
    )
    select n.check_name, p.check_name is null, p.subject, p.detail, p.fix
    from unnest(array['ids', 'counts', 'secrets', 'roles', 'generation',
        'revocations']) with ordinality n (check_name, ord)
    left join problem p using (check_name)
    order by n.ord, p.subject
$$;
comment on function oat.restore_check() is
    'what to look at after a restore: one row a check that passes, one row a '
    'problem with the SQL that mends it';

revoke all on all functions in schema oat from public;
grant execute on function oat.new_generation(), oat.skip_ids(bigint)
    to oat_admin;
grant execute on function oat.restore_check() to oat_admin, oat_auditor;
