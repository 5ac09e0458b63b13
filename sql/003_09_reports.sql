-- SPDX-License-Identifier: MIT
--
-- What people read: how the hosts are, how organizations use what they hold,
-- and where a leaked token was. Ready for \copy (...) to 'file' csv header.
--
-- For administrators and auditors; delegates with the right audit read what
-- belongs to their organizations, and of hosts those that their allowances
-- cover. Functions run in the name of who asks.

create view oat.host_status with (security_barrier) as
    select h.name as host, s.seen_at as last_seen_at, r.version,
        s.known_generation as generation, r.spooled, r.clock_skew,
        r.certificate_end, nullif(concat_ws('; ',
        case when s.host is null then 'never seen'
            when s.seen_at < now() - interval '10 minutes'
                then 'not seen since ' || oat.utc(s.seen_at) end,
        'it says: ' || r.problem,
        case when r.spooled > 0
                and s.spooled_since < now() - interval '10 minutes'
            then format('events wait since %s, %s now',
                oat.utc(s.spooled_since), r.spooled) end,
        case when s.behind_since < now() - interval '10 minutes' then
            format('it has kept an old snapshot since %s',
                oat.utc(s.behind_since)) end,
        case when s.ahead_at is not null then format('it knew a newer '
            'generation than this database, %s: see oat.restore_check()',
            oat.utc(s.ahead_at)) end,
        case when r.seconds_off > 60 then format('its clock is %s s ahead',
                round(r.seconds_off))
            when r.seconds_off < -60 then format('its clock is %s s behind',
                round(- r.seconds_off)) end,
        case when r.certificate_end < now()
                then 'its certificate ended ' || oat.utc(r.certificate_end)
            when r.certificate_end < now() + interval '14 days'
                then 'its certificate ends ' || oat.utc(r.certificate_end) end
        ), '') as problem
    from oat.hosts h
    left join oat.host_state s on s.host = h.name
    cross join lateral (
        select oat.reported_text(s.report -> 'version', 64) as version,
            oat.reported_number(s.report -> 'spooled', 9223372036854775807)
                as spooled,
            oat.reported_time(s.report -> 'clock', 1000000) - s.reported_at
                as clock_skew,
            extract(epoch from oat.reported_time(s.report -> 'clock', 1000000)
                - s.reported_at)::numeric as seconds_off,
            oat.reported_time(s.report -> 'certificate_end', 1)
                as certificate_end,
            oat.reported_text(s.report -> 'problem', 500) as problem) r
    where (select oat.reads_all()) or exists (
        select from oat.allowances a
        where a.organization in (select oat.delegated('{audit}'))
            and oat.host_covers(a.host, h.name, h.labels));
comment on view oat.host_status is
    'each host: when it was last seen, with what, and what is wrong with it';
comment on column oat.host_status.generation is
    'of the snapshot that it had when it last asked';
comment on column oat.host_status.clock_skew is
    'its clock minus the server''s';
comment on column oat.host_status.problem is
    'in words; null when nothing is wrong';

create type oat.usage_line as (
    organization text,
    plan text,              -- null: it was deleted
    token_limit integer,    -- null: unlimited
    tokens_held bigint,
    active bigint,          -- of those held, let in now
    unused bigint,          -- of those held, never let in in that time
    logins bigint,          -- successes: logins and accesses
    failures bigint,
    sudo bigint,            -- of the successes, by sudo
    hosts bigint            -- where anything was let in
);
comment on type oat.usage_line is 'a row of oat.usage_report()';

-- The parameters are named as the columns are.
create function oat.usage_report(organization text, since date, until date)
returns setof oat.usage_line
language sql stable set search_path = pg_catalog, pg_temp as $$
    with used as materialized (
        select u.organization, u.token, u.host, u.service, u.successes,
            u.failures
        from oat.usage_daily u
        where u.day >= $2 and u.day < $3
            and ($1 is null or u.organization = $1)
    ), use as (
        select u.organization, sum(u.successes)::bigint as logins,
            sum(u.failures)::bigint as failures,
            coalesce(sum(u.successes) filter (where u.service
                in ('sudo', 'sudo-i')), 0)::bigint as sudo,
            count(distinct u.host) filter (where u.successes > 0) as hosts
        from used u group by u.organization
    ), held as (
        select o.name as organization, o.plan, p.max_tokens, count(t.name) as
            tokens, count(*) filter (where t.name is not null
                and oat.token_state(t, o, now()) = 'active') as active,
            count(t.name) filter (where not exists (
                select from used u where u.organization = t.organization
                    and u.token = t.name and u.successes > 0)) as unused
        from oat.organizations o
        join oat.plans p on p.name = o.plan
        left join oat.tokens t on t.organization = o.name
        where ($1 is null or o.name = $1) and ((select oat.reads_all())
            or o.name in (select oat.delegated('{audit}')))
        group by o.name, o.plan, p.max_tokens
    )
    select coalesce(h.organization, u.organization), h.plan, h.max_tokens,
        coalesce(h.tokens, 0), coalesce(h.active, 0), coalesce(h.unused, 0),
        coalesce(u.logins, 0), coalesce(u.failures, 0), coalesce(u.sudo, 0),
        coalesce(u.hosts, 0)
    from held h
    full join use u on u.organization = h.organization
    order by 1
$$;
comment on function oat.usage_report(text, date, date) is
    'each organization (null: all) in the days from since to before until: '
    'plan, limit, tokens held, active and unused, logins (accesses too), '
    'failures, those by sudo, and on how many hosts; of a deleted organization '
    'its use alone';

-- As oat.secret_history, and of organizations that are deleted too.
create view oat.secret_owners with (security_barrier) as
    select s.selector, s.organization, s.token, s.minted_at, s.minted_by,
        s.retired_at
    from oat.secrets s
    where s.adopted and ((select oat.reads_all())
        or s.organization in (select oat.delegated('{audit}')));
comment on view oat.secret_owners is
    'whose secret a selector is or was, for those who may read the log';

create function oat.check_selector(selector text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if selector is null or selector !~ '^[0-9A-Za-z]{12}$' then
        raise exception using
            errcode = 'OA001',
            message = 'this is no selector',
            detail = 'A selector has 12 letters and digits. If it was a '
                'token, it has been sent to the server now: revoke it.',
            hint = 'oat inspect tells the selector of a token without sending '
                'it';
    end if;
end
$$;
comment on function oat.check_selector(text) is
    'raises: not a selector; never repeats what was typed, it may be a token';

create function oat.activity_words(a oat.activity) returns text
language sql stable as $$
    select case
        when (a).outcome is not null or (a).event like 'session.%' then
            concat_ws(' ', (a).service, 'from ' || coalesce(host((a).rhost),
                (a).detail ->> 'rhost'), 'on ' || ((a).detail ->> 'tty'),
                'as ' || nullif((a).detail ->> 'login', (a).actor),
                coalesce((a).reason, (a).outcome))
        else concat_ws(' ', 'by', (a).actor,
            (a).service, (a).detail::text) end
$$;
comment on function oat.activity_words(oat.activity) is
    'a row of activity in one line for people';

create function oat.token_words(s oat.secret_owners) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select concat_ws(', ', (s).organization || '/' || (s).token,
        coalesce(t.login, 'deleted'), case when t.name is not null
            then oat.token_state(t, o, now()) || ', this secret is '
                || oat.secret_state(t, (s).selector, now()) end,
        'expires ' || oat.utc(t.expires_at))
    from (select) one
    left join oat.tokens t on t.organization = (s).organization
        and t.name = (s).token
    left join oat.organizations o on o.name = t.organization
$$;
comment on function oat.token_words(oat.secret_owners) is
    'whose secret this is, and what it is good for, in one line';

-- Account checks, sessions and changes name no selector: they may have come
-- from this secret. Times of hosts are clamped to ninety days.
create function oat.trace(selector text)
returns table (at timestamptz, what text, host text, detail text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    s oat.secret_owners;
begin
    perform oat.check_selector(selector);
    select o.* into s from oat.secret_owners o
    where o.selector = trace.selector;
    if not found then
        return;
    end if;
    return query
        select n.at, n.what, n.host, n.detail from (
            select s.minted_at as at, 0::bigint as id,
                'secret.minted' as what, null as host,
                'by ' || s.minted_by as detail
            union all
            select s.retired_at, 0, 'secret.retired', null, null
            where s.retired_at is not null
            union all
            select a.at, a.id, a.event, a.host, oat.activity_words(a)
            from oat.activity a
            where a.organization = s.organization and a.token = s.token
                and a.at >= s.minted_at - interval '5 minutes'
                and coalesce(a.detail ->> 'selector', s.selector) = s.selector
            union all
            select now(), 9223372036854775806, 'token', null,
                oat.token_words(s)
            union all
            select now(), 9223372036854775807, 'reaches', c.host,
                string_agg(c.service, ', ' order by c.service)
            from oat.access c
            join oat.tokens t on t.organization = c.organization
                and t.name = c.token
            where c.organization = s.organization and c.token = s.token
                and oat.secret_state(t, s.selector, now()) <> 'retired'
            group by c.host) n
        order by n.at, n.id, n.host;
end
$$;
comment on function oat.trace(text) is
    'from a leaked selector to its token: when it was minted and retired, '
    'every login, access, session and change since, its state now and the '
    'hosts that it reaches; no row when it is unknown or not yours to see';

revoke all on all functions in schema oat from public;
grant select on oat.host_status, oat.secret_owners
    to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.usage_report(text, date, date),
    oat.check_selector(text), oat.activity_words(oat.activity),
    oat.token_words(oat.secret_owners), oat.trace(text),
    oat.reported_text(jsonb, integer), oat.reported_number(jsonb, bigint),
    oat.reported_time(jsonb, bigint),
    oat.secret_state(oat.tokens, text, timestamptz)
    to oat_admin, oat_auditor, oat_delegate;
