-- SPDX-License-Identifier: MIT
--
-- What a host publishes: who exists there. It sees the identities that were
-- ever served to it, and no others, so that files always have an owner's
-- name; with groups and a shell those that are let in there now.

create table oat.served (
    host text not null,
    id bigint not null
        constraint served_id_fk references oat.identities,
    first_at timestamptz not null default now(),
    constraint served_pk primary key (host, id)
);
comment on table oat.served is
    'which users and groups a host has ever been told; they stay resolvable';

create table oat.host_state (
    host text constraint host_state_pk primary key,
    seen_at timestamptz not null,
    known_generation bigint,
    ahead_at timestamptz,
    ahead_generation bigint
);
comment on table oat.host_state is
    'when each host was last seen, and which generation it said it has';
comment on column oat.host_state.ahead_generation is
    'a generation newer than any here: this database was restored';

create type oat.presence as (
    uid bigint,
    active boolean,             -- is it let in here, by anything, now?
    expires_at timestamptz,     -- when that ends, or ended by itself
    groups text[]               -- full names
);
comment on type oat.presence is 'a token on a host, as its snapshot needs it';

-- Grants by the patterns that cover a host; each branch has its index.
create function oat.grants_on(at_host oat.hosts) returns setof oat.grants
language sql stable as $$
    select g.* from oat.grants g
    where g.host = (at_host).name
        or g.host in (select '@' || l from unnest((at_host).labels) l)
    union all
    select g.* from oat.grants g
    where g.host ~ '[*?]' and oat.host_covers(g.host, (at_host).name, '{}')
$$;
comment on function oat.grants_on(oat.hosts) is
    'every grant whose host covers this one, ended ones too';

create function oat.grant_group_names(groups text[], service text, sudo boolean)
returns text[] language sql immutable as $$
    select case
        when groups <> '{}' then
            array(select 'oat-g-' || n from unnest(groups) n)
        when sudo and oat.service_covers(service, 'sudo') then
            array['oat-sudo']
        else '{}' end
$$;
comment on function oat.grant_group_names(text[], text, boolean) is
    'the groups that a grant gives, where sudo is within the allowance or not';

create function oat.covers_some(service text, services text[])
returns boolean language sql immutable as $$
    select exists (
        select from unnest(services) s
        where oat.service_covers(s, service) or oat.service_covers(service, s))
$$;
comment on function oat.covers_some(text, text[]) is
    'does a granted service have anything in common with those allowed?';

-- used_up, idle and addresses do not show here: a session goes on with its
-- name and groups after the last use was taken.
create function oat.tokens_on(at_host oat.hosts, at timestamptz)
returns setof oat.presence
language sql stable as $$
    with here as materialized (
        select * from oat.grants_on(at_host)
    ), limited as materialized (
        select o.name, oat.allowed_services(o.name, at_host) as services
        from (select distinct h.organization as name from here h) o
    ), candidate as materialized (
        select t.organization, t.name, t.uid, t.expires_at,
            oat.token_failure(array['organization_suspended', 'deactivated',
                'not_yet_valid', 'expired'], t, o, at) as failure
        from (select distinct h.organization, h.token from here h) h
        join oat.tokens t on t.organization = h.organization
            and t.name = h.token
        join oat.organizations o on o.name = h.organization
    ), granted as materialized (
        select c.uid, c.failure, c.organization,
            least(c.expires_at, h.expires_at) as ends,
            oat.has_not_ended(h.expires_at, at) as live,
            oat.grant_group_names(h.groups, h.service, l.services is null
                or oat.any_covers(l.services, 'sudo')) as groups
        from here h
        join candidate c on c.organization = h.organization
            and c.name = h.token
        join limited l on l.name = h.organization
        where l.services is null
            or oat.covers_some(h.service, l.services)
    ), named as (
        select g.uid, array_agg(distinct n) as groups
        from granted g, unnest(g.groups) n where g.live group by g.uid
    )
    select g.uid,
        (at_host).suspended_at is null and g.failure is null
            and bool_or(g.live),
        case when (at_host).suspended_at is null
            and coalesce(g.failure, 'expired') = 'expired'
            and not bool_or(g.ends is null) then max(g.ends) end,
        array['oat-users', 'oat-' || g.organization]
            || coalesce(n.groups, '{}')
    from granted g left join named n on n.uid = g.uid
    group by g.uid, g.failure, g.organization, n.groups
$$;
comment on function oat.tokens_on(oat.hosts, timestamptz) is
    'every token with a grant on a host, and whether it is let in there';

create function oat.crossed_boundary(at_host oat.hosts, since timestamptz,
    until timestamptz) returns boolean
language sql stable as $$
    select exists (
        select from oat.tokens t
        where t.expires_at > since and t.expires_at <= until
            and exists (select from oat.served s
                where s.host = (at_host).name and s.id = t.uid))
    or exists (
        select from oat.tokens t
        where t.not_before > since and t.not_before <= until
            and exists (select from oat.grants g
                where g.organization = t.organization and g.token = t.name
                    and oat.host_covers(g.host, (at_host).name,
                        (at_host).labels)))
    or exists (
        select from oat.grants g
        where g.expires_at > since and g.expires_at <= until
            and oat.host_covers(g.host, (at_host).name, (at_host).labels))
$$;
comment on function oat.crossed_boundary(oat.hosts, timestamptz, timestamptz)
    is 'did anything of this host begin or end between the two times?';

create function oat.serve(host text, here oat.presence[]) returns void
language sql as $$
    insert into oat.served (host, id)
    select serve.host, i.id
    from oat.identities i
    where (i.id in (select p.uid from unnest(here) p)
            or i.name in (select unnest(p.groups) from unnest(here) p
                where p.active)
            or i.name in ('oat-users', 'oat-sudo'))
        and not exists (select from oat.served s
            where s.host = serve.host and s.id = i.id)
    on conflict do nothing
$$;
comment on function oat.serve(text, oat.presence[]) is
    'remembers what a host is told for the first time';

-- Without access, as deleted tokens are, an identity is a name and a number.
create function oat.snapshot_rows(host text, here oat.presence[])
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language sql stable as $$
    with here_now as materialized (
        select * from unnest(here) p where p.active
    ), member as materialized (
        select p.uid, i.id from here_now p, unnest(p.groups) n
        join oat.identities i on i.name = n
    ), told as (
        select s.id from oat.served s where s.host = snapshot_rows.host
        union select p.uid from unnest(here) p
        union select m.id from member m
    ), grouped as (
        select m.uid, string_agg(m.id::text, ',' order by m.id) as gids
        from member m group by m.uid
    )
    select 'group', i.name, i.id, i.organization, null, null, true, null, null
    from told join oat.identities i using (id)
    where i.kind <> 'token'
    union all
    select 'identity', i.name, i.id, i.organization, i.token,
        case when g.uid is null then '/usr/sbin/nologin' else t.shell end,
        g.uid is not null, ceil(extract(epoch from p.expires_at))::bigint,
        coalesce(g.gids, '')
    from told
    join oat.identities i using (id)
    left join unnest(here) p on p.uid = i.id
    left join grouped g on g.uid = i.id
    left join oat.tokens t on t.uid = i.id
    where i.kind = 'token'
    union all
    select 'terminate', t.login, t.uid, t.organization, t.name, null, null,
        ceil(extract(epoch from t.sessions_end_at))::bigint, null
    from oat.tokens t
    join told on told.id = t.uid
    where t.sessions_end_at > now() - interval '1 day'
$$;
comment on function oat.snapshot_rows(text, oat.presence[]) is
    'groups, identities and sessions to end, as a host is told';

create function oat.note_sync(host text, known bigint, newest bigint)
returns void
language sql as $$
    insert into oat.host_state as s
        (host, seen_at, known_generation, ahead_at, ahead_generation)
    values (host, now(), known, case when known > newest then now() end,
        case when known > newest then known end)
    on conflict (host) do update set
        seen_at = excluded.seen_at,
        known_generation = excluded.known_generation,
        ahead_at = coalesce(excluded.ahead_at, s.ahead_at),
        ahead_generation = coalesce(excluded.ahead_generation,
            s.ahead_generation)
$$;
comment on function oat.note_sync(text, bigint, bigint) is
    'remembers when a host asked, and what it had';

-- The generation is read before the rows: rows may be newer than it says, and
-- are then fetched again, never older.
create function oat.host_identities(known_generation bigint,
    known_as_of bigint)
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    host constant oat.hosts := oat.this_host();
    newest constant bigint := oat.generation();
    as_of constant bigint := extract(epoch from now()) * 1000000;
    primary_here constant boolean := not pg_is_in_recovery();
    here oat.presence[];
begin
    if primary_here then
        perform oat.note_sync(host.name, known_generation, newest);
    end if;
    if known_generation = newest and known_as_of <= as_of
            and not oat.crossed_boundary(host, timestamptz 'epoch'
                + known_as_of * interval '1 microsecond', now()) then
        return query select 'same', null::text, newest, null::text,
            null::text, null::text, null::boolean, as_of, null::text;
        return;
    end if;
    here := array(select p from oat.tokens_on(host, now()) p);
    if primary_here then
        perform oat.serve(host.name, here);
    end if;
    return query
        with entry as materialized (
            select * from oat.snapshot_rows(host.name, here))
        select 'begin', host.name, newest, null::text, null::text, null::text,
            null::boolean, as_of, (select count(*)::text from entry)
        union all select * from entry
        union all select 'end', null, newest, null, null, null, null, null,
            null;
end
$$;
comment on function oat.host_identities(bigint, bigint) is
    'hosts: the snapshot, between a begin and an end row, or one row same when '
    'nothing changed since the generation and time that the host knows';

revoke all on all functions in schema oat from public;
