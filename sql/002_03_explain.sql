-- SPDX-License-Identifier: MIT
--
-- Why, and who: the policy of 001_10_policy.sql asked without a login. All in
-- the name of who asks, so that nobody is told more than rows show them.

create function oat.report_facts(token oat.tokens,
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
    return f;
end
$$;
comment on function oat.report_facts(oat.tokens, oat.organizations, oat.hosts,
    text, timestamptz) is
    'the facts of a login with the right secret from an allowed address';

-- A grant of * or sudo means less where the allowance names less: those
-- services stand in the matrix by name.
create view oat.access with (security_barrier) as
    select distinct t.organization, t.name as token, t.login,
        h.name as host, c.service
    from oat.grants g
    join oat.tokens t on t.organization = g.organization and t.name = g.token
    join oat.organizations o on o.name = t.organization
    join oat.hosts h on oat.host_covers(g.host, h.name, h.labels)
    cross join lateral (
        select g.service
        union
        select a.service from oat.allowances a
        where a.organization = g.organization
            and oat.host_covers(a.host, h.name, h.labels)
            and oat.service_covers(g.service, a.service)) c
    where oat.sees(t.organization) and oat.refusal(
        oat.report_facts(t, o, h, c.service, now())) is null;
comment on view oat.access is
    'who may do what on every enrolled host, now, from an allowed address';

create function oat.who_can(host text, service text)
returns table (organization text, token text, login text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select t.organization, t.name, t.login
    from oat.hosts h
    cross join lateral (
        select distinct g.organization, g.token from oat.grants_on(h) g) g
    join oat.tokens t on t.organization = g.organization and t.name = g.token
    join oat.organizations o on o.name = t.organization
    where h.name = who_can.host and oat.refusal(
        oat.report_facts(t, o, h, who_can.service, now())) is null
    order by 1, 2
$$;
comment on function oat.who_can(text, text) is
    'the tokens that are let in to a service on a host, now';

create function oat.grants_in_words(f oat.facts) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(string_agg(format('%s on %s%s', g.service, g.host,
        case when g.expires_at <= (f).at then ' until ' || oat.utc(g.expires_at)
        else '' end), ', ' order by g.host, g.service), 'none')
    from oat.grants g
    where g.organization = ((f).token).organization
        and g.token = ((f).token).name
$$;
comment on function oat.grants_in_words(oat.facts) is
    'the grants of a token in one line';

create function oat.allowances_in_words(organization text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(string_agg(format('%s on %s', a.service, a.host), ', '
        order by a.host, a.service), 'none')
    from oat.allowances a
    where a.organization = allowances_in_words.organization
$$;
comment on function oat.allowances_in_words(text) is
    'the allowances of an organization in one line';

create function oat.explain_detail(check_name text, f oat.facts) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    name constant text := (f.token).organization || '/' || (f.token).name;
begin
    return case check_name
        when 'unknown_token' then coalesce('token ' || name,
            format('no token has the login %s', f.login))
        when 'host_not_granted' then case when (f.host).name is null
            then 'no such host is enrolled'
            else 'grants: ' || oat.grants_in_words(f) end
        when 'bad_verifier' then 'assumed: the verifier is sound'
        when 'wrong_secret' then 'assumed: the secret is right'
        when 'retired_secret' then format('current selector %s%s',
            (f.token).selector, case when (f.token).overlap_until > f.at
            then format(', and %s until %s', (f.token).previous_selector,
                oat.utc((f.token).overlap_until)) else '' end)
        when 'wrong_identity' then 'login ' || (f.token).login
        when 'organization_suspended' then coalesce('suspended since '
            || oat.utc((f.organization).suspended_at), 'not suspended')
        when 'deactivated' then coalesce('deactivated '
            || oat.utc((f.token).deactivated_at), 'active')
        when 'not_yet_valid' then coalesce('valid from '
            || oat.utc((f.token).not_before), 'no beginning set')
        when 'expired' then coalesce('expires '
            || oat.utc((f.token).expires_at), 'never expires')
        when 'idle' then coalesce(format('used or made %s, max_idle ',
            oat.utc(oat.idle_since(f.token))) || (f.token).max_idle,
            'no max_idle')
        when 'used_up' then coalesce((f.token).uses_left || ' uses left',
            'uses are not limited')
        when 'service_not_granted' then 'grants: ' || oat.grants_in_words(f)
        when 'not_allowed' then case
            when oat.allowed_services((f.token).organization, f.host) is null
            then 'the organization is not limited'
            else 'allowances: '
                || oat.allowances_in_words((f.token).organization) end
        when 'address_not_allowed' then format('from %s, allowed from %s',
            case f.rhost when '-' then 'no remote address' else f.rhost end,
            coalesce(array_to_string((f.token).allowed_from, ', '),
                'anywhere'))
        when 'host_suspended' then coalesce('suspended since '
            || oat.utc((f.host).suspended_at), 'not suspended')
    end;
end
$$;
comment on function oat.explain_detail(text, oat.facts) is
    'the row that decides a check, in words';

create function oat.explain_token_fix(check_name text, f oat.facts)
returns text language sql stable
set search_path = pg_catalog, pg_temp as $$
    select format('update oat.tokens set %s where organization = %L and '
        'name = %L', case check_name
        when 'deactivated' then 'deactivated_at = null'
        when 'not_yet_valid' then 'not_before = null'
        when 'expired' then 'expires_at = now() + interval ''90 days'''
        when 'idle' then 'max_idle = null'
        when 'used_up' then 'uses_left = 1'
        when 'address_not_allowed' then format('allowed_from = allowed_from '
            '|| %L::cidr', coalesce(nullif((f).rhost, '-'), '10.0.0.0/8'))
        end, ((f).token).organization, ((f).token).name)
$$;
comment on function oat.explain_token_fix(text, oat.facts) is
    'the UPDATE of the token that mends a check';

create function oat.explain_fix(check_name text, f oat.facts, host text)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return case check_name
        when 'unknown_token' then format('insert into oat.tokens '
            '(organization, name, verifier) values (%L, %L, :''verifier'')',
            split_part(f.login, '-', 2), regexp_replace(f.login,
                '^oat-[^-]*-?', ''))
        when 'host_not_granted' then case when (f.host).name is null
            then format('select oat.enroll_host(%L)', host)
            else oat.grant_fix(f) end
        when 'organization_suspended' then format('update oat.organizations '
            'set suspended_at = null where name = %L', (f.organization).name)
        when 'service_not_granted' then oat.grant_fix(f)
        when 'not_allowed' then format('insert into oat.allowances values '
            '(%L, %L, %L)', (f.token).organization, (f.host).name, f.service)
        when 'host_suspended' then format('update oat.hosts set '
            'suspended_at = null where name = %L', (f.host).name)
        else oat.explain_token_fix(check_name, f)
    end;
end
$$;
comment on function oat.explain_fix(text, oat.facts, text) is
    'the SQL that mends a check';

create function oat.grant_fix(f oat.facts) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select format('insert into oat.grants (organization, token, host, '
        'service) values (%L, %L, %L, %L) on conflict (organization, token, '
        'host, service) do update set expires_at = null',
        ((f).token).organization, ((f).token).name, ((f).host).name,
        (f).service)
$$;
comment on function oat.grant_fix(oat.facts) is
    'the SQL that grants what was asked for';

-- What has no remote address and no secret: account checks of daemons.
create function oat.explain_facts(login text, host text, service text,
    rhost inet, at timestamptz) returns oat.facts
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
    return f;
end
$$;
comment on function oat.explain_facts(text, text, text, inet, timestamptz) is
    'the facts that oat.explain() asks about';

create function oat.can_ask(check_name text, f oat.facts) returns boolean
language sql immutable as $$
    select case
        when check_name = 'unknown_token' then true
        when ((f).token).name is null then false
        else ((f).host).name is not null or check_name not in
            ('service_not_granted', 'not_allowed', 'host_suspended') end
$$;
comment on function oat.can_ask(text, oat.facts) is
    'does the check mean anything, when token or host may not exist?';

create function oat.explain(login text, host text, service text,
    rhost inet default null, at timestamptz default now())
returns table (check_name text, passed boolean, detail text, fix text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    f constant oat.facts := oat.explain_facts(login, host, service, rhost, at);
    reason constant text := oat.refusal(f);
begin
    foreach check_name in array oat.checks() loop
        passed := case when oat.can_ask(check_name, f)
            then coalesce(oat.passes(check_name, f), false) end;
        detail := case when passed is null then 'not asked'
            else oat.explain_detail(check_name, f) end;
        fix := case when not passed
            then oat.explain_fix(check_name, f, host) end;
        return next;
    end loop;
    check_name := 'allowed';
    passed := reason is null;
    detail := coalesce('refused: ' || reason, 'let in');
    fix := null;
    return next;
end
$$;
comment on function oat.explain(text, text, text, inet, timestamptz) is
    'each check of the policy, with the row that decides and the SQL that '
    'mends it; the last row says what a login would be told';

revoke all on all functions in schema oat from public;
grant select on oat.access to oat_admin, oat_auditor, oat_delegate;
grant execute on function
    oat.report_facts(oat.tokens, oat.organizations, oat.hosts, text,
        timestamptz),
    oat.grants_on(oat.hosts), oat.who_can(text, text),
    oat.grants_in_words(oat.facts), oat.allowances_in_words(text),
    oat.explain_detail(text, oat.facts),
    oat.explain_token_fix(text, oat.facts), oat.grant_fix(oat.facts),
    oat.explain_fix(text, oat.facts, text),
    oat.explain_facts(text, text, text, inet, timestamptz),
    oat.can_ask(text, oat.facts),
    oat.explain(text, text, text, inet, timestamptz)
    to oat_admin, oat_auditor, oat_delegate;
