-- SPDX-License-Identifier: MIT
--
-- Reports over millions of rows: sums by day, and the last use of each token
-- on each host. The seal adds to them what it seals, in its transaction; a
-- report adds what is not sealed yet. So reports are exact at any moment, and
-- read what came since the last call of oat.seal_activity() row by row.
--
-- They outlive the rows that oat.retention() drops: a token does not become
-- idle because the log of its last login is gone.

create table oat.usage_days (
    day date not null,
    organization text not null,
    token text not null,
    host text not null,
    service text not null, -- '' for none
    successes bigint not null,
    failures bigint not null,
    constraint usage_days_pk primary key (day, organization, token, host,
        service)
) with (fillfactor = 80);
comment on table oat.usage_days is
    'sealed logins and accesses by UTC day: what oat.usage_daily begins with';

create table oat.last_uses (
    organization text not null,
    token text not null,
    host text not null,
    at timestamptz not null,
    service text,
    rhost inet,
    constraint last_uses_pk primary key (organization, token, host)
) with (fillfactor = 80);
comment on table oat.last_uses is
    'when each token was last let in on each host, as far as it is sealed';

create function oat.roll_up(after bigint, up_to bigint) returns void
language plpgsql as $$
begin
    insert into oat.usage_days as u (day, organization, token, host, service,
        successes, failures)
    select (a.at at time zone 'UTC')::date, a.organization, a.token, a.host,
        coalesce(a.service, ''),
        count(*) filter (where a.outcome = 'success'),
        count(*) filter (where a.outcome = 'failure')
    from oat.activity a
    where a.id > after and a.id <= up_to and a.outcome is not null
        and a.organization is not null and a.token is not null
        and a.host is not null
    group by 1, 2, 3, 4, 5
    on conflict on constraint usage_days_pk do update set
        successes = u.successes + excluded.successes,
        failures = u.failures + excluded.failures;
    insert into oat.last_uses as u (organization, token, host, at, service,
        rhost)
    select distinct on (a.organization, a.token, a.host) a.organization,
        a.token, a.host, a.at, a.service, a.rhost
    from oat.activity a
    where a.id > after and a.id <= up_to and a.outcome = 'success'
        and a.organization is not null and a.token is not null
        and a.host is not null
    order by a.organization, a.token, a.host, a.at desc, a.id desc
    on conflict on constraint last_uses_pk do update set
        at = excluded.at, service = excluded.service, rhost = excluded.rhost
        where u.at < excluded.at;
end
$$;
comment on function oat.roll_up(bigint, bigint) is
    'adds the rows between two ids to usage_days and last_uses';

create function oat.sealed_id() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select s.sealed_id from oat.activity_seal s
$$;
comment on function oat.sealed_id() is
    'rows of activity above this id are not in usage_days and last_uses yet';

-- A server's clock may be set back a little.
create function oat.tail_month() returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select date_trunc('month', s.tail_since - interval '1 hour', 'UTC')
    from oat.activity_seal s
$$;
comment on function oat.tail_month() is
    'the beginning of the first partition that may have rows above sealed_id';

-- Whole partitions are left out, not rows: in the order of the index the first
-- row found is the answer.
create or replace view oat.last_use with (security_barrier) as
    select t.organization, t.name as token, u.at, u.host, u.service, u.rhost
    from oat.tokens t
    cross join lateral (
        select n.at, n.host, n.service, n.rhost from (
            (select l.at, l.host, l.service, l.rhost
            from oat.last_uses l
            where l.organization = t.organization and l.token = t.name
            order by l.at desc limit 1)
            union all
            (select a.at, a.host, a.service, a.rhost
            from oat.activity a
            where a.organization = t.organization and a.token = t.name
                and a.outcome = 'success'
                and a.recorded_at >= (select oat.tail_month())
            order by a.at desc limit 1)) n
        order by n.at desc limit 1) u
    where oat.sees(t.organization);

create or replace view oat.token_status with (security_barrier) as
    select t.organization, t.name as token, t.login, t.uid, t.selector,
        oat.token_state(t, o, now()) as status,
        t.expires_at,
        floor(extract(epoch from t.expires_at - now()) / 86400)::integer
            as days_left,
        u.at as last_used_at, u.host as last_used_host,
        u.rhost as last_used_from, u.service as last_used_service,
        case when t.overlap_until > now() then t.overlap_until end
            as overlap_until,
        case when t.overlap_until > now() then t.previous_selector end
            as previous_selector
    from oat.tokens t
    join oat.organizations o on o.name = t.organization
    left join oat.last_use u on u.organization = t.organization
        and u.token = t.name
    where oat.sees(t.organization);

create or replace view oat.used_on with (security_barrier) as
    select l.organization, l.token, l.host
    from oat.last_uses l where oat.sees(l.organization)
    union
    select a.organization, a.token, a.host
    from oat.activity a
    where a.outcome = 'success' and oat.sees(a.organization)
        and a.id > (select oat.sealed_id())
        and a.recorded_at >= (select oat.tail_month());

-- Asked in the name of who asks, so that row-level security decides. With
-- variables PostgreSQL knows, when it plans, how few rows these are.
create function oat.tail_usage()
returns table (day date, organization text, token text, host text,
    service text, successes bigint, failures bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    after constant bigint := oat.sealed_id();
    since constant timestamptz := oat.tail_month();
begin
    return query
        select (a.at at time zone 'UTC')::date, a.organization, a.token,
            a.host, coalesce(a.service, ''),
            count(*) filter (where a.outcome = 'success'),
            count(*) filter (where a.outcome = 'failure')
        from oat.activity a
        where a.id > after and a.recorded_at >= since
            and a.outcome is not null and a.organization is not null
            and a.token is not null and a.host is not null
        group by 1, 2, 3, 4, 5;
end
$$;
comment on function oat.tail_usage() is
    'the logins and accesses that are not in usage_days yet, by day';

-- A key in both is one row of it: sealed and not yet sealed, added.
create or replace view oat.usage_daily with (security_barrier) as
    with tail as materialized (
        select * from oat.tail_usage()
    )
    select u.day, u.organization, u.token, u.host,
        nullif(u.service, '') as service,
        u.successes + coalesce(t.successes, 0) as successes,
        u.failures + coalesce(t.failures, 0) as failures
    from oat.usage_days u
    left join tail t on t.day = u.day and t.organization = u.organization
        and t.token = u.token and t.host = u.host and t.service = u.service
    where (select oat.reads_all())
        or u.organization in (select oat.delegated('{audit}'))
    union all
    select t.day, t.organization, t.token, t.host, nullif(t.service, ''),
        t.successes, t.failures
    from tail t
    where ((select oat.reads_all())
            or t.organization in (select oat.delegated('{audit}')))
        and not exists (
            select from oat.usage_days u
            where u.day = t.day and u.organization = t.organization
                and u.token = t.token and u.host = t.host
                and u.service = t.service);

revoke all on all functions in schema oat from public;
grant execute on function oat.sealed_id(), oat.tail_month(),
    oat.tail_usage()
    to oat_admin, oat_auditor, oat_delegate;
