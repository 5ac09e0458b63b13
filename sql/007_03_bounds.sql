-- SPDX-License-Identifier: MIT
--
-- Bounds. What a delegate, or an administrator, writes into a row of theirs
-- never makes a report or a sync of others fail.

-- Parts of an interval are added one after the other, months first, and each
-- may leave what a time can be although their sum does not.
create function oat.bounded(span interval) returns interval
language sql immutable as $$
    select case when abs(extract(year from span)) <= 100
            and abs(extract(day from span)) <= 36525
            and abs(extract(hour from span)) <= 876600
            and span <= interval '100 years' then span
        when span is not null then interval '100 years' end
$$;
comment on function oat.bounded(interval) is
    'an interval that can be added to any present time: at most 100 years';

create or replace function oat.check_token_values(new oat.tokens) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    label constant text := new.organization || '/' || new.name;
    wrong text;
begin
    wrong := case
        when length(new.description) > 200 then format('description has %s '
            'characters, 200 are allowed', length(new.description))
        when length(new.contact) > 200 then format('contact has %s '
            'characters, 200 are allowed', length(new.contact))
        when new.shell !~ '^(/[A-Za-z0-9_+][A-Za-z0-9._+-]*)+$'
            or length(new.shell) > 128 then 'shell is not an absolute path of '
            'letters, digits and . _ + -'
        when not isfinite(new.expires_at) or not isfinite(new.not_before)
            or not isfinite(new.deactivated_at)
            or not isfinite(new.overlap_until)
            or not isfinite(new.sessions_end_at)
            then 'a time is infinite; leave expires_at null for never'
        when new.sessions_end_at > now() + interval '1 day' then format(
            'sessions_end_at (%s) is more than a day ahead',
            oat.utc(new.sessions_end_at))
        when new.expires_at <= new.not_before then format('expires_at (%s) is '
            'not after not_before (%s)', oat.utc(new.expires_at),
            oat.utc(new.not_before))
        when new.max_idle <= interval '0' then 'max_idle is not positive'
        when new.max_idle <> oat.bounded(new.max_idle)
            then 'max_idle is longer than 100 years; leave it null for no limit'
        when new.uses_left < 0 then 'uses_left is negative'
        when array_position(new.allowed_from, null) is not null
            then 'allowed_from contains null' end;
    if wrong is not null then
        raise exception using
            errcode = 'OA001',
            message = format('token %s: %s', label, wrong),
            detail = 'The row was not written.',
            hint = 'see oat-schema(7), oat.tokens';
    end if;
end
$$;

-- What is there already does not keep an organization from being suspended.
create or replace function oat.check_organization() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'UPDATE' and (new.name, new.created_at, new.created_by)
            is distinct from (old.name, old.created_at, old.created_by) then
        raise exception using
            errcode = 'OA007',
            message = format('organization %s keeps its name and its creation',
                old.name),
            detail = 'Logins and groups on every host contain the name.',
            hint = 'make another organization, and tokens in it';
    elsif new.name is null or new.name !~ '^[a-z][a-z0-9]{1,15}$' then
        raise exception using
            errcode = 'OA001',
            message = format('an organization cannot be called %s',
                quote_nullable(left(new.name, 64))),
            detail = 'Names have 2 to 16 lower-case letters and digits, a '
                'letter first, no hyphen.',
            hint = 'choose a name like acme';
    elsif new.name in ('sudo', 'users') then
        raise exception using
            errcode = 'OA001',
            message = format('an organization cannot be called %s', new.name),
            detail = format('oat-%s is a group of oat''s own.', new.name),
            hint = 'choose another name';
    elsif new.max_lifetime <> oat.bounded(new.max_lifetime)
            and new.max_lifetime is distinct from old.max_lifetime then
        raise exception using
            errcode = 'OA001',
            message = format('organization %s: max_lifetime is longer than '
                '100 years', new.name),
            detail = 'The row was not written.',
            hint = 'leave it null for no limit';
    end if;
    if tg_op = 'INSERT' then
        new.created_at := now();
        new.created_by := session_user;
    end if;
    return new;
end
$$;

create or replace function oat.passes(check_name text, f oat.facts)
returns boolean
language plpgsql stable as $$
begin
    return case check_name
        when 'unknown_token' then (f.token).name is not null
        when 'host_not_granted' then oat.is_granted(f, null)
            and (f.event = 'access' or f.proof <> 'none')
        when 'bad_verifier' then f.event = 'access'
            or f.proof <> 'bad_verifier'
        when 'wrong_secret' then f.event = 'access' or f.proof = 'right'
        when 'retired_secret' then f.event = 'access'
            or f.secret in ('current', 'overlapping')
        when 'wrong_identity' then (f.token).login = f.login
        when 'organization_suspended' then
            (f.organization).suspended_at is null
        when 'deactivated' then (f.token).deactivated_at is null
        when 'not_yet_valid' then oat.has_begun((f.token).not_before, f.at)
        when 'expired' then oat.has_not_ended((f.token).expires_at, f.at)
        when 'idle' then (f.token).max_idle is null
            or oat.later(greatest((f.token).created_at, (f.token).rotated_at,
                f.used_at), oat.bounded((f.token).max_idle)) > f.at
        when 'used_up' then (f.token).uses_left is null
            or (f.token).uses_left > 0 or oat.used_just_now(f)
        when 'service_not_granted' then oat.is_granted(f, f.service)
        when 'not_allowed' then f.allowed is null
            or oat.any_covers(f.allowed, f.service)
        when 'address_not_allowed' then (f.token).allowed_from is null
            or oat.address_allowed(f)
        when 'host_suspended' then (f.host).name is not null
            and (f.host).suspended_at is null
        else false
    end;
end
$$;

create or replace function oat.lifetime_end(token oat.tokens,
    max_lifetime interval)
returns timestamptz language sql stable
set search_path = pg_catalog, pg_temp as $$
    select oat.later(greatest((token).created_at, (token).rotated_at),
        oat.bounded(max_lifetime))
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
        ceil(extract(epoch from e.at))::bigint,
        floor(extract(epoch from e.at) * 1000000)::bigint::text
    from oat.tokens t
    join told on told.id = t.uid
    cross join lateral (
        select least(t.sessions_end_at, now() + interval '1 day') as at) e
    where t.sessions_end_at > now() - interval '1 day'
$$;

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
                    a.at - interval '1 day' <= t.sessions_end_at, false)))
        and not exists (
            select from oat.activity later
            where later.organization = t.organization
                and later.event ~ '^(token|organization|grant|allowance)[.]'
                and coalesce(later.token, t.name) = t.name
                and later.at >= a.at)
        and not exists (
            select from oat.activity later
            where later.event in ('host.enrolled', 'host.updated')
                and later.host = a.host and later.at >= a.at)
    order by t.organization, t.name, a.at desc
$$;

comment on column oat.tokens.max_idle is
    'not let in when unused for so long, at most 100 years; null = no limit';
comment on column oat.tokens.sessions_end_at is
    'hosts end sessions opened before this time, at most a day ahead; see '
    'oat.end_sessions()';
comment on column oat.organizations.max_lifetime is
    'no token of it may live longer after it was created or rotated; at most '
    '100 years';

-- A gid that was given once is gone. One UPDATE must not take them all.
create or replace function oat.check_grant() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    label constant text := format('grant of %s/%s',
        left(new.organization, 64), left(new.token, 64));
    once constant text[] := array(
        select distinct unnest(new.groups) order by 1);
begin
    perform oat.check_pattern(label, new.host, new.service);
    if exists (select from unnest(new.groups) g
            where g is null or g !~ '^[a-z0-9]+(-[a-z0-9]+)*$'
                or length('oat-g-' || g) > 32) then
        raise exception using
            errcode = 'OA001',
            message = format('%s on %s for %s: a group''s name is malformed',
                label, new.host, new.service),
            detail = 'Groups are spelled like token names, at most 26 '
                'characters; on hosts they are called oat-g-<name>.',
            hint = 'for example {deploy,web-restart}';
    elsif cardinality(once) > 16 then
        raise exception using
            errcode = 'OA001',
            message = format('%s on %s for %s: it has %s groups, 16 are '
                'allowed', label, new.host, new.service,
                cardinality(once)),
            detail = 'Each new group takes a gid, which is never given again.',
            hint = 'one group can have several rules in sudoers(5)';
    elsif not isfinite(new.expires_at) then
        raise exception using
            errcode = 'OA001',
            message = format('%s on %s for %s: expires_at is infinite',
                label, new.host, new.service),
            detail = 'A grant without an end has null there.',
            hint = 'leave expires_at out';
    end if;
    new.groups := once;
    return new;
end
$$;

-- What is there and was never meant; a revocation could not be written over it.
update oat.tokens t
set max_idle = oat.bounded(t.max_idle),
    sessions_end_at = case when t.sessions_end_at <= now() + interval '1 day'
            and isfinite(t.sessions_end_at) then t.sessions_end_at
        when t.sessions_end_at is not null then now() end,
    deactivated_at = case when isfinite(t.deactivated_at)
            then t.deactivated_at
        when t.deactivated_at is not null then now() end,
    overlap_until = case when isfinite(t.overlap_until) then t.overlap_until
        when t.overlap_until > now() then now() + interval '100 years' end
where t.max_idle <> oat.bounded(t.max_idle)
    or t.sessions_end_at > now() + interval '1 day'
    or not isfinite(t.sessions_end_at) or not isfinite(t.deactivated_at)
    or not isfinite(t.overlap_until);

revoke all on all functions in schema oat from public;
grant execute on function oat.bounded(interval)
    to oat_admin, oat_auditor, oat_delegate;
