-- SPDX-License-Identifier: MIT
--
-- The policy: who is let in, decided in this file and nowhere else.
--
-- oat.checks() lists the checks in the order in which the first failure
-- decides; its entries are the reasons of refusals. oat.passes() answers one
-- of them from the facts of one attempt, each by a small predicate. Whatever
-- is not answered with true is refused. oat.refusal() is the whole policy.
--
-- Nothing here is a security definer: a login runs it in the owner's name, a
-- report in the name of who asks, who sees what row-level security shows.

create type oat.facts as (
    at timestamptz,     -- the clock
    event text,         -- login: with a secret; access: without
    login text,         -- who they say they are
    service text,       -- PAM_SERVICE
    rhost text,         -- PAM_RHOST as it came, - for none
    tty text,
    ruser text,         -- PAM_RUSER, - for none
    selector text,      -- of the secret that was typed; null for access
    proof text,         -- right, wrong, bad_verifier, none
    secret text,        -- current, overlapping, retired; null when unknown
    host oat.hosts,
    token oat.tokens,
    organization oat.organizations
);
comment on type oat.facts is 'all that the policy knows of one attempt';

create function oat.checks() returns text[] language sql immutable as $$
    select array['unknown_token', 'host_not_granted', 'bad_verifier',
        'wrong_secret', 'retired_secret', 'wrong_identity',
        'organization_suspended', 'deactivated', 'not_yet_valid', 'expired',
        'idle', 'used_up', 'service_not_granted', 'not_allowed',
        'address_not_allowed', 'host_suspended']
$$;
comment on function oat.checks() is
    'the checks in the order in which the first failure decides';

create function oat.state_checks() returns text[] language sql immutable as $$
    select array['organization_suspended', 'deactivated', 'not_yet_valid',
        'expired', 'idle', 'used_up']
$$;
comment on function oat.state_checks() is
    'those of the checks that concern the token alone, in the same order';

create function oat.is_granted(f oat.facts, service text) returns boolean
language sql stable as $$
    select exists (
        select from oat.grants g
        where g.organization = ((f).token).organization
            and g.token = ((f).token).name
            and oat.has_not_ended(g.expires_at, (f).at)
            and oat.host_covers(g.host, ((f).host).name, ((f).host).labels)
            and (is_granted.service is null
                or oat.service_covers(g.service, is_granted.service)))
$$;
comment on function oat.is_granted(oat.facts, text) is
    'has the token a grant on this host for the service, or, if null, at all?';

create function oat.allowed_services(organization text, host oat.hosts)
returns text[] language sql stable as $$
    select case
        when count(*) = 0 and not exists (
            select from oat.delegates d
            where d.organization = allowed_services.organization) then null
        else coalesce(array_agg(a.service) filter (where
            oat.host_covers(a.host, (allowed_services.host).name,
                (allowed_services.host).labels)), '{}') end
    from oat.allowances a
    where a.organization = allowed_services.organization
$$;
comment on function oat.allowed_services(text, oat.hosts) is
    'the services within an organization''s allowance on a host; null when the '
    'organization is not limited';

create function oat.any_covers(services text[], service text)
returns boolean language sql immutable as $$
    select exists (
        select from unnest(services) s where oat.service_covers(s, service))
$$;
comment on function oat.any_covers(text[], text) is
    'does one of these granted or allowed services cover a PAM service?';

create function oat.is_allowed(organization text, host oat.hosts, service text)
returns boolean language sql stable as $$
    select s is null or oat.any_covers(s, service)
    from oat.allowed_services(organization, host) s
$$;
comment on function oat.is_allowed(text, oat.hosts, text) is
    'is the service on this host within the organization''s allowance?';

-- Reports and delegates see the uses of the tokens that they see.
create function oat.sees(organization text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from oat.organizations o where o.name = sees.organization)
$$;
comment on function oat.sees(text) is
    'does row-level security show this organization to who asks?';

create view oat.last_use with (security_barrier) as
    select t.organization, t.name as token, u.at, u.host, u.service, u.rhost
    from oat.tokens t
    cross join lateral (
        select a.at, a.host, a.service, a.rhost
        from oat.activity a
        where a.organization = t.organization and a.token = t.name
            and a.outcome = 'success'
        order by a.at desc limit 1) u
    where oat.sees(t.organization);
comment on view oat.last_use is
    'when and where each token was last let in';

create view oat.uses with (security_barrier) as
    select a.organization, a.token, a.at, a.recorded_at, a.event, a.host,
        a.service, a.rhost, a.detail ->> 'selector' as selector
    from oat.activity a
    where a.outcome = 'success' and oat.sees(a.organization);
comment on view oat.uses is
    'every time that a token was let in';

create function oat.idle_since(token oat.tokens) returns timestamptz
language sql stable as $$
    select greatest((token).created_at, (token).rotated_at, (
        select u.at from oat.last_use u
        where u.organization = (idle_since.token).organization
            and u.token = (idle_since.token).name))
$$;
comment on function oat.idle_since(oat.tokens) is
    'from when max_idle counts: last success, else creation or rotation';

-- Keyboard-interactive sshd and su ask again, without a secret, right after
-- the login that took the last use: that one is still let through.
create function oat.used_just_now(f oat.facts) returns boolean
language sql stable as $$
    select (f).event = 'access' and exists (
        select from oat.uses u
        where u.organization = ((f).token).organization
            and u.token = ((f).token).name
            and u.host = ((f).host).name and u.event = 'login'
            and u.at > (f).at - interval '60 seconds'
            and u.recorded_at > (f).at - interval '10 minutes')
$$;
comment on function oat.used_just_now(oat.facts) is
    'is this the account check of a login that took a use here just now?';

create function oat.address_allowed(f oat.facts) returns boolean
language sql stable as $$
    select case
        when (f).rhost <> '-' then exists (
            select from unnest(((f).token).allowed_from) net
            where oat.to_address((f).rhost) <<= net)
        when (f).event = 'access' then true
        else (f).ruser = (f).login end
$$;
comment on function oat.address_allowed(oat.facts) is
    'does the login come from where the token may? A remote one: from the '
    'networks, an unknown address never. A local one: by the identity itself, '
    'as with sudo. Account checks without an address are not restricted';

-- What most tokens do not limit is answered without a call: a login has a new
-- connection, where each function and each query costs its preparation.
create function oat.passes(check_name text, f oat.facts) returns boolean
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
            or oat.later(oat.idle_since(f.token), (f.token).max_idle) > f.at
        when 'used_up' then (f.token).uses_left is null
            or (f.token).uses_left > 0 or oat.used_just_now(f)
        when 'service_not_granted' then oat.is_granted(f, f.service)
        when 'not_allowed' then oat.is_allowed((f.token).organization, f.host,
            f.service)
        when 'address_not_allowed' then (f.token).allowed_from is null
            or oat.address_allowed(f)
        when 'host_suspended' then (f.host).name is not null
            and (f.host).suspended_at is null
        else false
    end;
end
$$;
comment on function oat.passes(text, oat.facts) is
    'does this attempt pass this check of the policy?';

create function oat.first_failure(checks text[], f oat.facts) returns text
language plpgsql stable as $$
declare
    check_name text;
begin
    foreach check_name in array checks loop
        if not coalesce(oat.passes(check_name, f), false) then
            return check_name;
        end if;
    end loop;
    return null;
end
$$;
comment on function oat.first_failure(text[], oat.facts) is
    'the first of these checks that the attempt does not pass; null for none';

create function oat.refusal(f oat.facts) returns text
language sql stable as $$
    select oat.first_failure(oat.checks(), f)
$$;
comment on function oat.refusal(oat.facts) is
    'the policy: why this attempt is refused; null when it is let in';

-- Reports ask of a token alone: as for a login, without a place.
create function oat.token_failure(checks text[], token oat.tokens,
    organization oat.organizations, at timestamptz) returns text
language plpgsql stable as $$
declare
    f oat.facts;
begin
    f.at := at;
    f.event := 'login';
    f.token := token;
    f.organization := organization;
    return oat.first_failure(checks, f);
end
$$;
comment on function oat.token_failure(text[], oat.tokens, oat.organizations,
    timestamptz) is 'the first of these checks that a token does not pass';

-- What the holder is told: only once the secret proved right.
create function oat.denial_message(reason text, f oat.facts) returns text
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
            oat.utc(oat.idle_since(f.token)))
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
comment on function oat.denial_message(text, oat.facts) is
    'one line for the holder; null for reasons that tell nothing';

create function oat.secret_state(token oat.tokens, selector text,
    at timestamptz) returns text language sql immutable as $$
    select case
        when selector = (token).selector then 'current'
        when selector = (token).previous_selector
            and at < (token).overlap_until then 'overlapping'
        else 'retired' end
$$;
comment on function oat.secret_state(oat.tokens, text, timestamptz) is
    'what one of a token''s secrets is good for at that time';

revoke all on all functions in schema oat from public;
