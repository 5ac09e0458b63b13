-- SPDX-License-Identifier: MIT
--
-- For administrators: since when is access gone, on each host?

-- As oat.tokens_on(), for one token.
create function oat.is_present(t oat.tokens, o oat.organizations, h oat.hosts,
    at timestamptz) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select (h).suspended_at is null and oat.absence(t, o, at) is null
        and exists (
            select from oat.grants g
            cross join lateral oat.allowed_services((t).organization, h) s
            where g.organization = (t).organization and g.token = (t).name
                and oat.has_not_ended(g.expires_at, at)
                and oat.host_covers(g.host, (h).name, (h).labels)
                and (s is null or oat.covers_some(g.service, s)))
$$;
comment on function oat.is_present(oat.tokens, oat.organizations, oat.hosts,
    timestamptz) is 'is a token let in on a host, by anything?';

-- To be confirmed, a host must have applied the last change of the token, of
-- its organization and of the host.
create view oat.told with (security_barrier) as
    select i.organization, i.token, s.host, s.active, s.confirmed_at,
        s.confirmed_generation, h.seen_at, h.known_generation,
        h.told_generation, h.applied_generation, h.applied_at,
        (h.sessions_left ->> i.name)::integer
            as sessions_left,
        greatest(0, (
            select max(c.generation) from oat.changes c
            where c.organization = i.organization and c.token in (i.token, '')),
            (select max(c.generation) from oat.changes c
            where c.host = s.host and c.host <> '')) as changed_generation
    from oat.served s
    join oat.identities i on i.id = s.id and i.kind = 'token'
    left join oat.host_state h on h.host = s.host
    where (select oat.reads_all()) or oat.sees(i.organization);
comment on view oat.told is
    'what each host was last told of each token, and what it has applied';

create function oat.places(organization text, token text) returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select x.host from oat.told x
    where x.organization = places.organization and x.token = places.token
    union
    select u.host from oat.used_on u
    where u.organization = places.organization and u.token = places.token
    union
    select h.name from oat.hosts h
    join oat.grants g on oat.host_covers(g.host, h.name, h.labels)
    where g.organization = places.organization and g.token = places.token
$$;
comment on function oat.places(text, text) is
    'each host that a token was ever told to, used on, or is granted';

-- Null when it is confirmed. Whoever is let in there now may be at work; who is
-- not may be, until the host has applied that.
create function oat.doubt(state oat.told, present boolean, enrolled boolean)
returns text language sql immutable as $$
    select case
        when present then 'has_access'
        when (state).sessions_left > 0 then 'sessions_left'
        when (state).confirmed_at is not null and (state).changed_generation
            <= greatest((state).confirmed_generation,
                (state).applied_generation) then null
        when not enrolled then 'not_enrolled'
        when not (state).active and (state).told_generation
            >= (state).changed_generation then 'not_applied'
        else 'not_told' end
$$;
comment on function oat.doubt(oat.told, boolean, boolean) is
    'why it is not known that a token has neither access nor sessions on a '
    'host';

create function oat.revocation_status(organization text, token text)
returns table (host text, confirmed_at timestamptz, reason text,
    last_contact timestamptz, generation bigint, sessions_left integer)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    t oat.tokens;
    o oat.organizations;
begin
    if not exists (
            select from oat.told x
            where x.organization = revocation_status.organization
                and x.token = revocation_status.token) then
        perform oat.token_named(revocation_status.organization,
            revocation_status.token);
    end if;
    select x.* into t from oat.tokens x
    where x.organization = revocation_status.organization
        and x.name = revocation_status.token;
    select x.* into o from oat.organizations x where x.name = t.organization;
    return query
        select p, case
                when d is not null then null
                when x.confirmed_generation >= x.changed_generation
                    then x.confirmed_at
                else x.applied_at end,
            d, x.seen_at, x.known_generation, coalesce(x.sessions_left, 0)
        from oat.places(revocation_status.organization,
            revocation_status.token) p
        left join oat.told x on x.host = p
            and x.organization = revocation_status.organization
            and x.token = revocation_status.token
        left join oat.hosts h on h.name = p
        cross join lateral oat.doubt(x, t.name is not null
            and h.name is not null and oat.is_present(t, o, h, now()),
            h.name is not null) d
        order by d is null, p;
end
$$;
comment on function oat.revocation_status(text, text) is
    'each host that a token was ever told to, used on, or is granted: since '
    'when it has confirmed that access and sessions are gone; or null, with '
    'the reason: has_access, sessions_left, not_told, not_applied, '
    'not_enrolled';

-- What a change of the host itself took away is not lost either, nor what ended
-- by itself.
create or replace function oat.lost_revocations()
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
            or (a.event = 'session.terminated'
                and a.detail ->> 'reason' is distinct from 'expired'
                and not coalesce(
                    a.at <= t.sessions_end_at + interval '1 day', false)))
        and not exists (
            select from oat.activity later
            where later.organization = t.organization
                and later.event ~ '^(token|organization|grant|allowance)\.'
                and coalesce(later.token, t.name) = t.name
                and later.at >= a.at)
        and not exists (
            select from oat.activity later
            where later.event in ('host.enrolled', 'host.updated')
                and later.host = a.host and later.at >= a.at)
    order by t.organization, t.name, a.at desc
$$;

revoke all on all functions in schema oat from public;
grant select on oat.told to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.revocation_status(text, text),
    oat.places(text, text), oat.doubt(oat.told, boolean, boolean),
    oat.is_present(oat.tokens, oat.organizations, oat.hosts, timestamptz),
    oat.absence(oat.tokens, oat.organizations, timestamptz),
    oat.covers_some(text, text[])
    to oat_admin, oat_auditor, oat_delegate;
