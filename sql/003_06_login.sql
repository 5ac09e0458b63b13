-- SPDX-License-Identifier: MIT
--
-- A login again, so that it costs the same however long the log is, and so
-- that its row explains it later.
--
-- The policy (oat.passes) looks at facts alone: what is granted here and what
-- is allowed are gathered with the token, in one query. A login has a new
-- connection, where each query and each function costs its preparation, and
-- each partition that a plan names costs some more: the log is planned with
-- bounds that PostgreSQL knows, so that it opens the newest partitions only.
--
-- A refusal keeps the rows that decided it (detail, key decided): last night's
-- refusal is explained by its own row, whatever was changed since. Only
-- refusals pay for it.

alter type oat.facts
    add attribute granted text[],   -- services that grants give here, now
    add attribute allowed text[],   -- within the allowance; null: not limited
    add attribute used_at timestamptz; -- last let in; asked if max_idle is set

create function oat.covering(service text) returns text[]
language sql immutable as $$
    select array['*', service] || case service
        when 'sudo-i' then array['sudo'] when 'su-l' then array['su'] end
$$;
comment on function oat.covering(text) is
    'what a grant may say to cover a PAM service';

create or replace function oat.service_covers(pattern text, service text)
returns boolean language sql immutable as $$
    select pattern = any (oat.covering(service)) or service = 'systemd-user'
$$;

create or replace function oat.any_covers(services text[], service text)
returns boolean language sql immutable as $$
    select services && oat.covering(service)
        or (service = 'systemd-user' and services <> '{}')
$$;

-- Functions of one query that answer a set are planned as part of the query
-- that asks them.
create function oat.services_granted(organization text, token text,
    host oat.hosts, at timestamptz) returns setof text
language sql stable as $$
    select g.service from oat.grants g
    where g.organization = services_granted.organization
        and g.token = services_granted.token
        and oat.has_not_ended(g.expires_at, at)
        and oat.host_covers(g.host, (services_granted.host).name,
            (services_granted.host).labels)
$$;
comment on function oat.services_granted(text, text, oat.hosts, timestamptz)
    is 'the services that a token''s grants give on a host';

create function oat.services_allowed(organization text, host oat.hosts)
returns setof text[]
language sql stable as $$
    select case
        when count(*) = 0 and not exists (
            select from oat.delegates d
            where d.organization = services_allowed.organization) then null
        else coalesce(array_agg(a.service) filter (where
            oat.host_covers(a.host, (services_allowed.host).name,
                (services_allowed.host).labels)), '{}') end
    from oat.allowances a
    where a.organization = services_allowed.organization
$$;
comment on function oat.services_allowed(text, oat.hosts) is
    'one row: the services within an organization''s allowance on a host; null '
    'when the organization is not limited';

create or replace function oat.allowed_services(organization text,
    host oat.hosts) returns text[] language sql stable as $$
    select s from oat.services_allowed(organization, host) s
$$;

create or replace function oat.is_granted(f oat.facts, service text)
returns boolean language sql stable as $$
    select case when service is null then (f).granted <> '{}'
        else oat.any_covers((f).granted, service) end
$$;

create or replace function oat.idle_since(token oat.tokens)
returns timestamptz
language plpgsql stable as $$
begin
    return greatest(token.created_at, token.rotated_at, (
        select u.at from oat.last_use u
        where u.organization = token.organization and u.token = token.name));
end
$$;

create or replace function oat.used_just_now(f oat.facts) returns boolean
language plpgsql stable as $$
declare
    since constant timestamptz := f.at - interval '10 minutes';
    until constant timestamptz := f.at + interval '1 day';
begin
    return f.event = 'access' and exists (
        select from oat.uses u
        where u.organization = (f.token).organization
            and u.token = (f.token).name
            and u.host = (f.host).name and u.event = 'login'
            and u.at > f.at - interval '60 seconds'
            and u.recorded_at > since and u.recorded_at < until);
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
                f.used_at), (f.token).max_idle) > f.at
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

-- f.allowed null means "not limited", so it is never left to chance: facts
-- that were not gathered have nothing granted, and nobody is let in.
create or replace function oat.token_failure(checks text[], token oat.tokens,
    organization oat.organizations, at timestamptz) returns text
language plpgsql stable as $$
declare
    f oat.facts;
begin
    f.at := at;
    f.event := 'login';
    f.token := token;
    f.organization := organization;
    if token.max_idle is not null and 'idle' = any (checks) then
        f.used_at := oat.idle_since(token);
    end if;
    return oat.first_failure(checks, f);
end
$$;

create or replace function oat.report_facts(token oat.tokens,
    organization oat.organizations, host oat.hosts, service text,
    at timestamptz) returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts;
begin
    f.at := at;
    f.event := 'login';
    f.login := token.login;
    f.service := service;
    f.rhost := '-';
    f.ruser := token.login; -- so that addresses do not count
    f.proof := 'right';
    f.secret := 'current';
    f.host := host;
    f.token := token;
    f.organization := organization;
    return oat.facts_of_place(f);
end
$$;

create function oat.facts_of_place(base oat.facts) returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts := base;
begin
    f.granted := array(select s from oat.services_granted(
        (f.token).organization, (f.token).name, f.host, f.at) s);
    f.allowed := oat.allowed_services((f.token).organization, f.host);
    if (f.token).max_idle is not null then
        f.used_at := oat.idle_since(f.token);
    end if;
    return f;
end
$$;
comment on function oat.facts_of_place(oat.facts) is
    'completes the facts that a report asks about, in the name of who asks';

create or replace function oat.explain_facts(login text, host text,
    service text, rhost inet, at timestamptz) returns oat.facts
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    f oat.facts;
begin
    f.at := at;
    f.event := case when rhost is null and service in
        ('cron', 'crond', 'atd', 'systemd-user') then 'access' else 'login' end;
    f.login := login;
    f.service := service;
    f.rhost := coalesce(host(rhost), '-');
    f.ruser := case when service in ('sudo', 'sudo-i') then login else '-' end;
    f.proof := 'right';
    f.secret := 'current';
    select h into f.host from oat.hosts h where h.name = explain_facts.host;
    select t into f.token from oat.tokens t
    where t.login = explain_facts.login;
    select o into f.organization from oat.organizations o
    where o.name = (f.token).organization;
    return oat.facts_of_place(f);
end
$$;

-- For a login, in the owner's name. What the partitions before the tail say is
-- in oat.last_uses.
create function oat.last_let_in(organization text, token text)
returns timestamptz
language plpgsql stable as $$
declare
    since constant timestamptz := oat.tail_month();
    until constant timestamptz := now() + interval '1 day';
begin
    return greatest((
        select max(l.at) from oat.last_uses l
        where l.organization = last_let_in.organization
            and l.token = last_let_in.token), (
        select a.at from oat.activity a
        where a.organization = last_let_in.organization
            and a.token = last_let_in.token and a.outcome = 'success'
            and a.recorded_at >= since and a.recorded_at < until
        order by a.at desc limit 1));
end
$$;
comment on function oat.last_let_in(text, text) is
    'when a token was last let in anywhere; null for never';

create or replace function oat.attempt(host oat.hosts, kind text, login text,
    service text, rhost text, tty text, ruser text, selector text, proof text)
returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts;
begin
    select now() as at, kind as event,
        coalesce(left(login, 256), '-') as login,
        coalesce(left(service, 256), '-') as service,
        coalesce(nullif(left(rhost, 256), ''), '-') as rhost,
        left(tty, 256) as tty,
        coalesce(left(ruser, 256), '-') as ruser,
        case kind when 'login' then coalesce(left(selector, 64), '-') end
            as selector,
        coalesce(proof, 'none') as proof, null as secret, host into f;
    return oat.gather(f);
end
$$;

create or replace function oat.gather(base oat.facts) returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts := base;
begin
    if f.selector is null then
        select t, o, array(select s from oat.services_granted(t.organization,
                t.name, f.host, f.at) s),
            (select s from oat.services_allowed(t.organization, f.host) s)
        into f.token, f.organization, f.granted, f.allowed
        from oat.tokens t
        join oat.organizations o on o.name = t.organization
        where t.login = f.login;
    else
        select t, o, array(select s from oat.services_granted(t.organization,
                t.name, f.host, f.at) s),
            (select s from oat.services_allowed(t.organization, f.host) s)
        into f.token, f.organization, f.granted, f.allowed
        from oat.secrets s
        join oat.tokens t on t.organization = s.organization
            and t.name = s.token
        join oat.organizations o on o.name = t.organization
        where s.selector = f.selector and s.verifier is not null;
        if found then
            f.secret := oat.secret_state(f.token, f.selector, f.at);
        end if;
    end if;
    if (f.token).max_idle is not null then
        f.used_at := oat.last_let_in((f.token).organization, (f.token).name);
    end if;
    return f;
end
$$;

create or replace function oat.denial_message(reason text, f oat.facts)
returns text
language plpgsql stable as $$
declare
    name constant text := format('oat: %s/%s', (f.token).organization,
        (f.token).name);
begin
    return left(case reason
        when 'organization_suspended' then format('%s: organization %s is '
            'suspended', name, (f.organization).name)
        when 'deactivated' then format('%s was deactivated %s', name,
            oat.utc((f.token).deactivated_at))
        when 'not_yet_valid' then format('%s is not valid before %s', name,
            oat.utc((f.token).not_before))
        when 'expired' then format('%s expired %s', name,
            oat.utc((f.token).expires_at))
        when 'idle' then format('%s was not used since %s, too long', name,
            oat.utc(greatest((f.token).created_at, (f.token).rotated_at,
                f.used_at)))
        when 'used_up' then format('%s has no uses left', name)
        when 'service_not_granted' then format('%s is not granted %s on %s',
            name, f.service, (f.host).name)
        when 'not_allowed' then format('%s: %s on %s is outside the allowance '
            'of %s', name, f.service, (f.host).name, (f.organization).name)
        when 'address_not_allowed' then format('%s is not allowed from %s',
            name, case f.rhost when '-' then 'an unknown address'
            else f.rhost end)
        when 'host_suspended' then format('%s: host %s is suspended', name,
            (f.host).name)
    end, 250);
end
$$;

revoke all on all functions in schema oat from public;
grant execute on function oat.covering(text),
    oat.services_granted(text, text, oat.hosts, timestamptz),
    oat.services_allowed(text, oat.hosts), oat.facts_of_place(oat.facts)
    to oat_admin, oat_auditor, oat_delegate;
