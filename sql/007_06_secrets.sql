-- SPDX-License-Identifier: MIT
--
-- Secrets of tokens that are gone, and of hosts that are lost.

-- One statement may delete a token and insert it again, by WITH: its new secret
-- is here before the old ones are wiped.
create or replace function oat.tokens_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    counted record;
begin
    for counted in
        select organization, count(*) as removed from gone
        group by organization order by organization
    loop
        perform oat.count_tokens(counted.organization, -counted.removed);
    end loop;
    update oat.secrets s
    set verifier = null, retired_at = coalesce(s.retired_at, now())
    from gone g
    where s.organization = g.organization and s.token = g.name
        and not exists (select from oat.tokens t where t.selector = s.selector);
    return null;
end
$$;

-- Since null, nothing was ever typed: that would look like good news.
create or replace function oat.exposed_by(host text, since timestamptz)
returns table (organization text, token text, login text, selector text,
    last_typed_at timestamptz, still_works boolean, also_works_on text[],
    contact text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if host is null or since is null then
        raise exception using
            errcode = 'OA001',
            message = 'oat.exposed_by() was given no host, or no time',
            detail = 'It tells the secrets typed on a host since a time.',
            hint = 'select * from oat.exposed_by(''web-1'', now() - interval '
                '''30 days'')';
    end if;
    return query
    select t.organization, t.name, t.login, e.selector, e.at,
        oat.token_state(t, o, now()) = 'active' and (e.selector = t.selector
            or (e.selector = t.previous_selector
                and t.overlap_until > now())),
        array(select distinct a.host from oat.access a
            where a.organization = t.organization and a.token = t.name
                and a.host <> exposed_by.host order by 1),
        coalesce(t.contact, o.contact)
    from (
        select y.organization, y.token, y.selector, max(y.at) as at
        from oat.typed y
        where y.host = exposed_by.host and y.at >= exposed_by.since
        group by 1, 2, 3) e
    join oat.tokens t on t.organization = e.organization and t.name = e.token
    join oat.organizations o on o.name = t.organization
    order by 6 desc, 5 desc;
end
$$;

revoke all on all functions in schema oat from public;
