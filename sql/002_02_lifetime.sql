-- SPDX-License-Identifier: MIT
--
-- How long tokens live: the organization's max_lifetime, rotation, and what
-- ends soon.

create function oat.lifetime_end(token oat.tokens, max_lifetime interval)
returns timestamptz language sql stable
set search_path = pg_catalog, pg_temp as $$
    select oat.later(greatest((token).created_at, (token).rotated_at),
        max_lifetime)
$$;
comment on function oat.lifetime_end(oat.tokens, interval) is
    'the latest expires_at that a maximal lifetime permits';

create function oat.breaks_under(organization text, max_lifetime interval)
returns table (token text, login text, expires_at timestamptz,
    permitted_until timestamptz, contact text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select t.name, t.login, t.expires_at, oat.lifetime_end(t,
            breaks_under.max_lifetime), coalesce(t.contact, o.contact)
    from oat.tokens t
    join oat.organizations o on o.name = t.organization
    where t.organization = breaks_under.organization
        and (t.expires_at is null
            or t.expires_at > oat.lifetime_end(t, breaks_under.max_lifetime))
    order by t.expires_at nulls first, t.name
$$;
comment on function oat.breaks_under(text, interval) is
    'the tokens that a max_lifetime would forbid; to mend before it is set';

-- The organization's row is held, so that its max_lifetime stays meanwhile.
create function oat.check_lifetime() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    permitted interval;
    latest timestamptz;
begin
    select o.max_lifetime into permitted from oat.organizations o
    where o.name = new.organization for share;
    latest := oat.lifetime_end(new, permitted);
    if new.expires_at <= latest or latest is null then
        return new;
    end if;
    raise exception using
        errcode = 'OA016',
        message = format('token %s/%s would %s, organization %s permits %s',
            new.organization, new.name, case when new.expires_at is null
            then 'never expire' else 'live until ' || oat.utc(new.expires_at)
            end, new.organization, permitted),
        detail = format('expires_at is at most %s after the token was created '
            'or rotated, here %s.', permitted, oat.utc(latest)),
        hint = format('expires_at => now() + interval %L', permitted);
end
$$;
comment on function oat.check_lifetime() is
    'trigger: a token expires within its organization''s max_lifetime';
create trigger tokens_30_lifetime before insert on oat.tokens
    for each row execute function oat.check_lifetime();
create trigger tokens_31_lifetime before update on oat.tokens
    for each row when (old.expires_at is distinct from new.expires_at
        or old.selector is distinct from new.selector)
    execute function oat.check_lifetime();

-- Writing the count makes whoever adds a token at the same time wait, or fail
-- where waiting would not be enough.
create function oat.check_max_lifetime() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    broken text[];
begin
    update oat.token_counts c set held = c.held
    where c.organization = new.name;
    broken := array(select b.token
        from oat.breaks_under(new.name, new.max_lifetime) b);
    if broken = '{}' then
        return null;
    end if;
    raise exception using
        errcode = 'OA016',
        message = format('organization %s: %s tokens would outlive a '
            'max_lifetime of %s', new.name, cardinality(broken),
            new.max_lifetime),
        detail = format('They are %s%s.', array_to_string(broken[1:5], ', '),
            case when cardinality(broken) > 5 then ' and others' else '' end),
        hint = format('select * from oat.breaks_under(%L, %L) shows them; '
            'rotate them, or shorten expires_at first', new.name,
            new.max_lifetime);
end
$$;
comment on function oat.check_max_lifetime() is
    'trigger: no token outlives a new max_lifetime of its organization';
create trigger organizations_max_lifetime
    after update of max_lifetime on oat.organizations
    for each row when (new.max_lifetime is not null
        and old.max_lifetime is distinct from new.max_lifetime)
    execute function oat.check_max_lifetime();

create function oat.token_named(organization text, name text)
returns oat.tokens
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    token oat.tokens;
begin
    select t.* into token from oat.tokens t
    where t.organization = token_named.organization
        and t.name = token_named.name;
    if not found then
        raise exception using
            errcode = 'OA008',
            message = format('there is no token %s/%s', left(organization, 64),
                left(name, 64)),
            detail = 'Or it is not yours to see.',
            hint = 'select organization, token from oat.token_status';
    end if;
    return token;
end
$$;
comment on function oat.token_named(text, text) is
    'a token that who asks may see; raises when there is none';

create function oat.refuse_overlap(token oat.tokens, problem text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA017',
        message = format('token %s/%s: %s', token.organization, token.name,
            problem),
        detail = 'Nothing was rotated.',
        hint = 'oat.rotate_token(organization, name, verifier, interval '
            '''7 days'', now() + interval ''90 days'')';
end
$$;
comment on function oat.refuse_overlap(oat.tokens, text) is
    'raises: the token cannot be rotated like that';

create function oat.rotate_token(organization text, name text, verifier text,
    overlap interval, expires_at timestamptz default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    token constant oat.tokens := oat.token_named(organization, name);
    lifetime constant interval := token.expires_at
        - greatest(token.created_at, token.rotated_at);
begin
    if verifier is null then
        perform oat.refuse_verifier(organization, name,
            'there is no verifier');
    elsif overlap is null or overlap < interval '0' then
        perform oat.refuse_overlap(token, 'the overlap is negative or null');
    elsif expires_at is null and lifetime <= interval '0' then
        perform oat.refuse_overlap(token, 'it expired before its secret was '
            'made, so it has no former lifetime; say expires_at');
    end if;
    update oat.tokens t
    set verifier = rotate_token.verifier,
        overlap_until = case when overlap > interval '0'
            then oat.later(clock_timestamp(), overlap) end,
        expires_at = coalesce(rotate_token.expires_at,
            oat.later(now(), lifetime))
    where t.organization = token.organization and t.name = token.name;
    if not found then
        perform oat.refuse_delegate(format('rotate token %s/%s',
            token.organization, token.name), token.organization, 'rotate');
    end if;
end
$$;
comment on function oat.rotate_token(text, text, text, interval, timestamptz)
    is 'a new secret; the old one works for the overlap more; the login, uid '
    'and grants stay; without expires_at the token gets its former lifetime';

create view oat.rotation_status with (security_barrier) as
    select t.organization, t.name as token, t.login, t.selector,
        t.previous_selector, t.overlap_until,
        former.host, former.at as old_last_used_at,
        former.rhost as old_last_used_from, latter.at as new_last_used_at,
        bool_and(former.host is null or latter.at is not null)
            over (partition by t.organization, t.name) as safe_to_end
    from oat.tokens t
    left join lateral (
        select distinct on (a.host) a.host, a.at, a.rhost
        from oat.activity a
        where a.organization = t.organization and a.token = t.name
            and a.outcome = 'success' and a.event = 'login'
            and a.detail ->> 'selector' = t.previous_selector
        order by a.host, a.at desc) former on true
    left join lateral (
        select max(a.at) as at
        from oat.activity a
        where a.organization = t.organization and a.token = t.name
            and a.outcome = 'success' and a.event = 'login'
            and a.host = former.host
            and a.detail ->> 'selector' = t.selector) latter on true
    where t.overlap_until > now() and oat.sees(t.organization);
comment on view oat.rotation_status is
    'each overlap: the hosts that used the old secret, and whether they have '
    'seen the new one; one row without a host when none did';
comment on column oat.rotation_status.safe_to_end is
    'every host that used the old secret has let the new one in';

create function oat.expiring(within interval)
returns table (organization text, token text, host text, service text,
    expires_at timestamptz, days_left integer, contact text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select e.organization, e.token, e.host, e.service, e.expires_at,
        floor(extract(epoch from e.expires_at - now()) / 86400)::integer,
        coalesce(t.contact, o.contact)
    from (
        select t.organization, t.name as token, null as host, null as service,
            t.expires_at
        from oat.tokens t
        union all
        select g.organization, g.token, g.host, g.service, g.expires_at
        from oat.grants g) e
    join oat.tokens t on t.organization = e.organization and t.name = e.token
    join oat.organizations o on o.name = e.organization
    where e.expires_at > now() and e.expires_at <= oat.later(now(), within)
    order by e.expires_at, e.organization, e.token, e.host, e.service
$$;
comment on function oat.expiring(interval) is
    'the tokens (without host) and grants that end within that time, and who '
    'to tell';

revoke all on all functions in schema oat from public;
grant select on oat.rotation_status to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.lifetime_end(oat.tokens, interval),
    oat.breaks_under(text, interval), oat.expiring(interval)
    to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.token_named(text, text),
    oat.refuse_overlap(oat.tokens, text),
    oat.refuse_verifier(text, text, text),
    oat.rotate_token(text, text, text, interval, timestamptz)
    to oat_admin, oat_delegate;
