-- SPDX-License-Identifier: MIT
--
-- The snapshot of a host with ten thousand tokens takes 100 ms, where it took
-- 3 s. What cost was calls and joins for each token, so:
--
--   - patterns are compared with the host once each, not once a grant;
--   - an organization's allowance is asked for once, for all its grants;
--   - no two sets made here are joined on a guess of their size: the planner
--     takes both for one row, and loops;
--   - groups have their numbers looked up once for all tokens that have the
--     same.

-- From pattern to pattern along the index: few are as many as grants.
create or replace function oat.grants_on(at_host oat.hosts)
returns setof oat.grants
language sql stable as $$
    select g.* from oat.grants g
    where g.host = any (array(
        with recursive pattern (host) as (
            (select p.host from oat.grants p where p.host ~ '[*?]'
                order by p.host limit 1)
            union all
            select (select p.host from oat.grants p
                where p.host ~ '[*?]' and p.host > pattern.host
                order by p.host limit 1)
            from pattern where pattern.host is not null)
        select p.host from pattern p
        where oat.host_covers(p.host, (at_host).name, '{}')
        union all select (at_host).name
        union all select '@' || l from unnest((at_host).labels) l))
$$;

-- Stable, as array_to_string is, or it would not be inlined.
create or replace function oat.grant_group_names(groups text[], service text,
    sudo boolean)
returns text[] language sql stable as $$
    select case
        when groups <> '{}' then string_to_array(
            'oat-g-' || array_to_string(groups, ',oat-g-'), ',')
        when sudo and oat.service_covers(service, 'sudo') then
            array['oat-sudo']
        else '{}' end
$$;

-- A token that passes the four checks is not asked which it fails; the policy
-- itself is called for the others.
create function oat.absence(t oat.tokens, o oat.organizations, at timestamptz)
returns text
language sql stable as $$
    select case
        when (o).suspended_at is null and (t).deactivated_at is null
            and oat.has_begun((t).not_before, at)
            and oat.has_not_ended((t).expires_at, at) then null
        else oat.token_failure(array['organization_suspended', 'deactivated',
            'not_yet_valid', 'expired'], t, o, at) end
$$;
comment on function oat.absence(oat.tokens, oat.organizations, timestamptz) is
    'why a token is not let in wherever it is granted; null when it is';

-- used_up, idle and addresses do not show here: a session goes on with its
-- name and groups after the last use was taken.
create or replace function oat.tokens_on(at_host oat.hosts, at timestamptz)
returns setof oat.presence
language sql stable as $$
    with granted as materialized (
        select o.organization, g.token,
            bool_or(oat.has_not_ended(g.expires_at, at)) as live,
            case when not bool_or(g.expires_at is null)
                then max(g.expires_at) end as ends,
            string_agg(nullif(array_to_string(oat.grant_group_names(g.groups,
                g.service, o.sudo), ','), ''), ',')
                filter (where oat.has_not_ended(g.expires_at, at)) as groups
        from (
            select l.organization, l.grants, l.services, l.services is null
                or oat.any_covers(l.services, 'sudo') as sudo
            from (
                select h.organization, array_agg(h) as grants,
                    oat.allowed_services(h.organization, at_host) as services
                from oat.grants_on(at_host) h
                group by h.organization
                offset 0) l
            offset 0) o
        cross join lateral unnest(o.grants) g
        where o.services is null
            or oat.covers_some(g.service, o.services)
        group by o.organization, g.token
    )
    select t.uid, (at_host).suspended_at is null and a.failure is null
            and g.live,
        case when (at_host).suspended_at is null
            and coalesce(a.failure, 'expired') = 'expired'
            then least(t.expires_at, g.ends) end,
        array['oat-users', 'oat-' || g.organization]
            || string_to_array(g.groups, ',')
    from granted g
    join oat.tokens t on t.organization = g.organization and t.name = g.token
    join oat.organizations o on o.name = g.organization
    cross join lateral (
        select oat.absence(t, o, at) as failure) a
$$;

-- Without access, as deleted tokens are, an identity is a name and a number.
-- The groups column of a terminate row is its time in microseconds; expires_at
-- has no fractions.
create or replace function oat.snapshot_rows(host text, here oat.presence[])
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language sql stable as $$
    with here_now as materialized (
        select p.uid, p.active, p.expires_at, p.groups from unnest(here) p
    ), membership as materialized (
        select d.groups, array(
            select i.id from oat.identities i
            where i.name = any (d.groups) order by i.id) as ids
        from (select distinct h.groups from here_now h where h.active) d
    ), told as materialized (
        select s.id from oat.served s where s.host = snapshot_rows.host
        union select h.uid from here_now h
        union select unnest(m.ids) from membership m
    )
    select 'group', i.name, i.id, i.organization, null, null, true, null, null
    from told join oat.identities i using (id)
    where i.kind <> 'token'
    union all
    select 'identity', i.name, i.id, i.organization, i.token,
        case when m.ids is null then '/usr/sbin/nologin' else t.shell end,
        m.ids is not null,
        ceil(extract(epoch from h.expires_at))::bigint,
        coalesce(array_to_string(m.ids, ','), '')
    from told
    join oat.identities i using (id)
    left join here_now h on h.uid = i.id
    left join membership m on h.active and m.groups = h.groups
    left join oat.tokens t on t.uid = i.id
    where i.kind = 'token'
    union all
    select 'terminate', t.login, t.uid, t.organization, t.name, null, null,
        ceil(extract(epoch from t.sessions_end_at))::bigint,
        floor(extract(epoch from t.sessions_end_at) * 1000000)::bigint::text
    from oat.tokens t
    join told on told.id = t.uid
    where t.sessions_end_at > now() - interval '1 day'
$$;

revoke all on all functions in schema oat from public;
