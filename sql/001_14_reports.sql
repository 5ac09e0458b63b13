-- SPDX-License-Identifier: MIT
--
-- What people read, and the short way to a token. Views are owned by oat_owner
-- and so are not under row-level security; each filters by oat.sees() itself.

create function oat.token_state(token oat.tokens,
    organization oat.organizations, at timestamptz) returns text
language sql stable as $$
    select case coalesce(oat.token_failure(oat.state_checks(), token,
            organization, at), 'active')
        when 'organization_suspended' then 'suspended'
        else coalesce(oat.token_failure(oat.state_checks(), token,
            organization, at), 'active') end
$$;
comment on function oat.token_state(oat.tokens, oat.organizations,
    timestamptz) is
    'active, or the first reason why the token is let in nowhere';

create view oat.token_status with (security_barrier) as
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
    left join lateral (
        select a.at, a.host, a.service, a.rhost
        from oat.activity a
        where a.organization = t.organization and a.token = t.name
            and a.outcome = 'success'
        order by a.at desc limit 1) u on true
    where oat.sees(t.organization);
comment on view oat.token_status is
    'each token: is it good, until when, when and where was it last used';
comment on column oat.token_status.status is
    'active, or the first that applies of suspended, deactivated, '
    'not_yet_valid, expired, idle, used_up';

create function oat.create_token(organization text, name text, verifier text,
    hosts text[], services text[], expires_at timestamptz default null,
    description text default '', allowed_from cidr[] default null)
returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    made text;
begin
    insert into oat.tokens as t (organization, name, verifier, expires_at,
        description, allowed_from)
    values (create_token.organization, create_token.name,
        create_token.verifier, create_token.expires_at,
        create_token.description, create_token.allowed_from)
    returning t.login into made;
    insert into oat.grants (organization, token, host, service)
    select distinct create_token.organization, create_token.name, h, s
    from unnest(hosts) h, unnest(services) s;
    return made;
end
$$;
comment on function oat.create_token(text, text, text, text[], text[],
    timestamptz, text, cidr[]) is
    'a token, and a grant for each host and service; returns its login';

revoke all on all functions in schema oat from public;
