-- SPDX-License-Identifier: MIT
--
-- oat.explain() for a host: about itself, and about logins that have a grant
-- on it or were served to it. Of any other login it is told the same as of one
-- that does not exist. What other hosts may do, and when they did it, is not
-- in the words either.

create function oat.has_reached(host oat.hosts, token oat.tokens)
returns boolean language sql stable
set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from oat.served s
        where s.host = (has_reached.host).name
            and s.id = (has_reached.token).uid)
    or exists (
        select from oat.grants g
        where g.organization = (has_reached.token).organization
            and g.token = (has_reached.token).name
            and oat.host_covers(g.host, (has_reached.host).name,
                (has_reached.host).labels))
$$;
comment on function oat.has_reached(oat.hosts, oat.tokens) is
    'was the token ever served to this host, or has it a grant there, ended '
    'ones included?';

create function oat.grants_here_in_words(f oat.facts) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 'grants here: ' || coalesce(string_agg(distinct g.service
        || case when g.expires_at <= (f).at then ' until '
            || oat.utc(g.expires_at) else '' end, ', '), 'none')
    from oat.grants g
    where g.organization = ((f).token).organization
        and g.token = ((f).token).name
        and oat.host_covers(g.host, ((f).host).name, ((f).host).labels)
$$;
comment on function oat.grants_here_in_words(oat.facts) is
    'the services that a token is granted on this host, in one line';

create function oat.host_explain_detail(check_name text, f oat.facts)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    services text[];
begin
    if check_name = 'unknown_token' and (f.token).name is null then
        return format('no token has the login %s and has had anything to do '
            'with this host', f.login);
    elsif check_name in ('host_not_granted', 'service_not_granted') then
        return oat.grants_here_in_words(f);
    elsif check_name = 'retired_secret' then
        return 'assumed: the secret is the current one';
    elsif check_name = 'idle' then
        return coalesce('max_idle ' || (f.token).max_idle, 'no max_idle');
    elsif check_name = 'not_allowed' then
        services := oat.allowed_services((f.token).organization, f.host);
        return case when services is null
            then 'the organization is not limited'
            else 'allowances here: ' || coalesce(nullif(array_to_string(
                services, ', '), ''), 'none') end;
    end if;
    return oat.explain_detail(check_name, f);
end
$$;
comment on function oat.host_explain_detail(text, oat.facts) is
    'the row that decides a check, in words for a host';

-- An administrator may know the token. An address that is none is no row's
-- fault.
create function oat.host_explain_fix(check_name text, f oat.facts)
returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select case
        when check_name = 'unknown_token' then format('select * from '
            'oat.explain(%L, %L, %L)', (f).login, ((f).host).name, (f).service)
        when check_name = 'address_not_allowed' and (f).rhost <> '-'
            and oat.to_address((f).rhost) is null then null
        else oat.explain_fix(check_name, f, ((f).host).name) end
$$;
comment on function oat.host_explain_fix(text, oat.facts) is
    'the SQL that mends a check, as a host may be told it';

-- The address stays as it came: one that is none is refused where it counts.
create function oat.host_explain_facts(host oat.hosts, login text,
    service text, rhost text) returns oat.facts
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    f oat.facts := oat.explain_facts(left(login, 256), host.name,
        left(service, 256), oat.to_address(left(rhost, 256)), now());
begin
    f.rhost := coalesce(nullif(left(rhost, 256), ''), '-');
    if not oat.has_reached(host, f.token) then
        f.token := null;
        f.organization := null;
    end if;
    return f;
end
$$;
comment on function oat.host_explain_facts(oat.hosts, text, text, text) is
    'the facts that a host may be told about';

create function oat.host_explain(login text, service text, rhost text)
returns table (check_name text, passed boolean, detail text, fix text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
declare
    here constant oat.hosts := oat.this_host();
    f constant oat.facts := oat.host_explain_facts(here, login, service,
        rhost);
    reason constant text := oat.refusal(f);
begin
    foreach check_name in array oat.checks() loop
        passed := case when oat.can_ask(check_name, f)
            then coalesce(oat.passes(check_name, f), false) end;
        detail := case when passed is null then 'not asked'
            else oat.host_explain_detail(check_name, f) end;
        fix := case when not passed
            then oat.host_explain_fix(check_name, f) end;
        return next;
    end loop;
    check_name := 'allowed';
    passed := reason is null;
    detail := coalesce('refused: ' || reason, 'let in');
    fix := null;
    return next;
end
$$;
comment on function oat.host_explain(text, text, text) is
    'hosts: as oat.explain() for a login on this host, if it has a grant there '
    'or was served to it; nothing about other hosts';

revoke all on all functions in schema oat from public;
grant execute on function oat.host_explain(text, text, text) to oat_host;
