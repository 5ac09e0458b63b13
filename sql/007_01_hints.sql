-- SPDX-License-Identifier: MIT
--
-- Hints that mend when they are typed as they are printed, and take nothing
-- away; explain takes a token in every form that oat.revoke() does.

create or replace function oat.check_delegate() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from pg_roles r where r.rolname = new.role) then
        raise exception using
            errcode = 'OA008',
            message = format('delegate %s of %s: there is no such role',
                left(new.role, 64), left(new.organization, 64)),
            detail = 'A delegate is a role of the database.',
            hint = format('create role %I login', left(new.role, 63));
    elsif not exists (select from oat.allowances a
            where a.organization = new.organization) then
        raise exception using
            errcode = 'OA015',
            message = format('organization %s has no allowance, so it can '
                'have no delegate', left(new.organization, 64)),
            detail = 'Delegates grant within what an administrator allowed. '
                'The first allowance limits all that the organization has.',
            hint = oat.allowance_hint(new.organization);
    elsif not pg_has_role(new.role, 'oat_delegate', 'usage') then
        raise notice using
            message = format('role %s does not have oat_delegate yet',
                new.role),
            hint = format('grant oat_delegate to %I', new.role);
    end if;
    new.may := array(select distinct unnest(new.may) order by 1);
    return new;
end
$$;

-- What is granted now goes on; what was granted once is nobody's ceiling.
create function oat.allowance_hint(organization text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select case when exists (select from oat.grants g
            where g.organization = allowance_hint.organization
                and oat.has_not_ended(g.expires_at, now()))
        then format('for what it has now: insert into oat.allowances '
            '(organization, host, service) select distinct organization, host, '
            'service from oat.grants where organization = %L and '
            '(expires_at is null or expires_at > now())',
            left(organization, 64))
        else format('insert into oat.allowances values (%L, %L, %L)',
            left(organization, 64), 'web-*', 'sshd') end
$$;
comment on function oat.allowance_hint(text) is
    'the SQL that gives an organization a first allowance and costs it nothing';

-- The login that is meant; of a name that nobody has, the one it would have.
create function oat.login_of(handle text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce((
        select t.login from oat.tokens t where t.login = handle), (
        select t.login from oat.tokens t
        where t.organization || '/' || t.name = handle), (
        select t.login from oat.secret_history s
        join oat.tokens t on t.organization = s.organization
            and t.name = s.token
        where s.selector = handle limit 1),
        case when handle ~ '^[^/]+/[^/]+$'
            then 'oat-' || replace(handle, '/', '-') else handle end)
$$;
comment on function oat.login_of(text) is
    'the login of a token by login, organization/name, or a selector that it '
    'has or had';

create or replace function oat.explain(login text, host text, service text,
    rhost inet default null, at timestamptz default now())
returns table (check_name text, passed boolean, detail text, fix text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    f oat.facts := oat.explain_facts(oat.login_of(login), host, service,
        rhost, at);
    reason text;
begin
    -- By login and by name the current secret is meant.
    if f.login <> login and position('/' in login) = 0 then
        f.secret := oat.secret_state(f.token, login, at);
    end if;
    reason := oat.refusal(f);
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

-- A name that no token can have is none to insert. No row mends a secret that
-- is typed: it takes the right one, and the login it belongs to. A remote login
-- without an address is to be asked about with one; where there never is one,
-- no network in allowed_from would mend it.
create or replace function oat.explain_fix(check_name text, f oat.facts,
    host text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return case check_name
        when 'unknown_token' then case
            when f.login ~ '^oat-[a-z][a-z0-9]{1,15}(-[a-z0-9]+)+$'
                and length(f.login) <= 32
            then format('insert into oat.tokens (organization, name, '
                'verifier) values (%L, %L, :''verifier'')',
                split_part(f.login, '-', 2),
                regexp_replace(f.login, '^oat-[^-]*-', '')) end
        when 'host_not_granted' then case when (f.host).name is null
            then format('select oat.enroll_host(%L)', host)
            else oat.grant_fix(f) end
        when 'organization_suspended' then format('update oat.organizations '
            'set suspended_at = null where name = %L', (f.organization).name)
        when 'service_not_granted' then oat.grant_fix(f)
        when 'not_allowed' then format('insert into oat.allowances values '
            '(%L, %L, %L)', (f.token).organization, (f.host).name, f.service)
        when 'address_not_allowed' then case
            when f.rhost <> '-' then oat.explain_token_fix(check_name, f)
            when f.service = 'sshd' and cardinality((f.token).allowed_from) > 0
            then format('select * from oat.explain(%L, %L, %L, %L)', f.login,
                host, f.service, host((f.token).allowed_from[1]))
            else format('update oat.tokens set allowed_from = null where '
                'organization = %L and name = %L', (f.token).organization,
                (f.token).name) end
        when 'host_suspended' then format('update oat.hosts set '
            'suspended_at = null where name = %L', (f.host).name)
        when 'bad_verifier' then null
        when 'wrong_secret' then null
        when 'retired_secret' then null
        when 'wrong_identity' then null
        else oat.explain_token_fix(check_name, f)
    end;
end
$$;

-- Networks are of the address that a login is compared as.
create or replace function oat.explain_token_fix(check_name text, f oat.facts)
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
            '|| %L::cidr', coalesce(host(oat.to_address((f).rhost)),
            '10.0.0.0/8'))
        end, ((f).token).organization, ((f).token).name)
$$;

-- A job that trusts nobody for a mistyped name would only fail later.
create or replace function oat.known_hosts(organization text,
    domain text default null)
returns setof text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from oat.organizations o
            where o.name = known_hosts.organization) then
        raise exception using
            errcode = 'OA008',
            message = format('there is no organization %s',
                left(known_hosts.organization, 64)),
            detail = 'Or it is not yours to see.',
            hint = 'select name from oat.organizations';
    end if;
    return query
    select n.name || ' ' || oat.public_key(k.line)
    from oat.hosts h
    cross join lateral (
        select h.name
        union all
        select h.name || '.' || ltrim(domain, '.')
        where h.name not like '%.%' and domain is not null) n
    cross join unnest(h.ssh_host_keys) with ordinality k (line, position)
    where oat.public_key(k.line) is not null
        and coalesce(domain, '') !~ '[^a-z0-9.-]'
        and exists (
            select from oat.grants g
            where g.organization = known_hosts.organization
                and oat.has_not_ended(g.expires_at, now())
                and oat.host_covers(g.host, h.name, h.labels))
        and oat.allowed_services(known_hosts.organization, h)
            is distinct from '{}'
    order by h.name, n.name, k.position;
end
$$;

revoke all on all functions in schema oat from public;
grant execute on function oat.allowance_hint(text) to oat_admin;
grant execute on function oat.login_of(text),
    oat.secret_state(oat.tokens, text, timestamptz)
    to oat_admin, oat_auditor, oat_delegate;
