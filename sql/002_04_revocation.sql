-- SPDX-License-Identifier: MIT
--
-- When something went wrong: revoke, end sessions, and the lists of what to
-- rotate. With them the report of use by day.

create view oat.secret_history with (security_barrier) as
    select s.selector, s.organization, s.token, s.minted_at, s.minted_by,
        s.retired_at
    from oat.secrets s
    where s.adopted and oat.sees(s.organization);
comment on view oat.secret_history is
    'every secret that a token ever had: its selector, who minted it, until '
    'when it counted; never its verifier';

-- The holder typed the right secret, or a host saw it that could not ask.
create view oat.typed with (security_barrier) as
    select a.organization, a.token, a.host, a.at, a.outcome, a.reason,
        a.detail ->> 'selector' as selector
    from oat.activity a
    where a.event = 'login' and a.organization is not null
        and coalesce(a.reason, '') not in ('unknown_token', 'bad_verifier',
            'wrong_secret')
        and ((select oat.reads_all())
            or a.organization in (select oat.delegated('{audit}')));
comment on view oat.typed is
    'where and when the secrets of tokens were typed, let in or not; for those '
    'who may read the log';

create view oat.used_on with (security_barrier) as
    select distinct a.organization, a.token, a.host
    from oat.activity a
    where a.outcome = 'success' and oat.sees(a.organization);
comment on view oat.used_on is
    'the hosts where each token was ever let in';

create function oat.find_token(handle text) returns oat.tokens
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    token oat.tokens;
begin
    select t.* into token from oat.tokens t
    where t.login = handle or t.organization || '/' || t.name = handle
        or exists (
            select from oat.secret_history s
            where s.selector = handle and s.organization = t.organization
                and s.token = t.name);
    if not found then
        raise exception using
            errcode = 'OA008',
            message = 'no token has this selector, login or name',
            detail = 'Or it is deleted already, or not yours to see.',
            hint = 'oat inspect shows the selector of a token without sending '
                'it; the name is written organization/name';
    end if;
    return token;
end
$$;
comment on function oat.find_token(text) is
    'a token by a selector it has or had, by login, or as organization/name; '
    'the error does not repeat the word, which may be a token';

create function oat.end_sessions(organization text, token text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found_token constant oat.tokens := oat.token_named(organization, token);
begin
    update oat.tokens t set sessions_end_at = now()
    where t.organization = found_token.organization
        and t.name = found_token.name;
    if not found then
        perform oat.refuse_delegate(format('end sessions of %s/%s',
            found_token.organization, found_token.name),
            found_token.organization, 'revoke');
    end if;
end
$$;
comment on function oat.end_sessions(text, text) is
    'hosts end the token''s sessions that are open now; it stays good';

create function oat.revoke(token text, note text default null)
returns setof text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    revoked constant oat.tokens := oat.find_token(token);
    former_note constant text := current_setting('oat.note', true);
begin
    if note is not null then
        perform set_config('oat.note', note, true);
    end if;
    update oat.tokens t
    set deactivated_at = coalesce(t.deactivated_at, now()),
        overlap_until = null, sessions_end_at = now()
    where t.organization = revoked.organization and t.name = revoked.name;
    if not found then
        perform oat.refuse_delegate(format('revoke token %s/%s',
            revoked.organization, revoked.name), revoked.organization,
            'revoke');
    end if;
    perform set_config('oat.note', coalesce(former_note, ''), true);
    return query
        select u.host from oat.used_on u
        where u.organization = revoked.organization and u.token = revoked.name
        order by 1;
end
$$;
comment on function oat.revoke(text, text) is
    'deactivates a token (by selector, login or organization/name), ends its '
    'overlap and sessions; returns the hosts where it was used';

create function oat.exposed_by(host text, since timestamptz)
returns table (organization text, token text, login text, selector text,
    last_typed_at timestamptz, still_works boolean, also_works_on text[],
    contact text)
language sql stable set search_path = pg_catalog, pg_temp as $$
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
    order by 6 desc, 5 desc
$$;
comment on function oat.exposed_by(text, timestamptz) is
    'the secrets typed on a host since then: rotate those that still work';

create function oat.known_to(role text)
returns table (organization text, token text, login text, selector text,
    minted_at timestamptz, contact text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select t.organization, t.name, t.login, s.selector, s.minted_at,
        coalesce(t.contact, o.contact)
    from oat.secret_history s
    join oat.tokens t on t.organization = s.organization and t.name = s.token
    join oat.organizations o on o.name = t.organization
    where s.minted_by = known_to.role
        and (s.selector = t.selector or (s.selector = t.previous_selector
            and t.overlap_until > now()))
        and oat.has_not_ended(t.expires_at, now())
    order by 1, 2, 5
$$;
comment on function oat.known_to(text) is
    'the live secrets that this role brought here: it may know them still';

create view oat.usage_daily with (security_barrier) as
    select (a.at at time zone 'UTC')::date as day, a.organization, a.token,
        a.host, a.service,
        count(*) filter (where a.outcome = 'success') as successes,
        count(*) filter (where a.outcome = 'failure') as failures
    from oat.activity a
    where a.outcome is not null and a.token is not null
        and ((select oat.reads_all())
            or a.organization in (select oat.delegated('{audit}')))
    group by 1, 2, 3, 4, 5;
comment on view oat.usage_daily is
    'logins and accesses by UTC day, token, host and service';

revoke all on all functions in schema oat from public;
grant select on oat.secret_history, oat.typed, oat.used_on, oat.usage_daily
    to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.find_token(text),
    oat.exposed_by(text, timestamptz), oat.known_to(text)
    to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.end_sessions(text, text),
    oat.revoke(text, text)
    to oat_admin, oat_delegate;
