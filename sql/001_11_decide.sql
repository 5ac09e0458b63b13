-- SPDX-License-Identifier: MIT
--
-- What a login asks: the verifier, then the decision. Hosts EXECUTE these two
-- and have no right on any table. A host is who it connected as.
--
-- Kept here: the verifier is given out only where its token has a grant; a
-- decision leaves one row of activity, or, on a standby, the event to send
-- later; a login takes no lock but on the row whose uses_left it counts. Plans
-- must not depend on how small a table is: no sequential scans (nor the JIT
-- that their cost would start). session_user has the collation of a name,
-- which no index of a text has.

create function oat.this_host() returns oat.hosts
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
declare
    host oat.hosts;
begin
    select h.* into host from oat.hosts h
    where h.role = session_user::text collate "default";
    if not found then
        raise exception using
            errcode = 'OA010',
            message = format('role %s is not an enrolled host', session_user),
            detail = 'Hosts are known by the role they connect as, in '
                'oat.hosts.',
            hint = 'select oat.enroll_host(...), or correct user= in oat.conf';
    end if;
    return host;
end
$$;
comment on function oat.this_host() is
    'the host that is connected; raises when it is none';

create function oat.host_verifier(selector text) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
    select s.verifier
    from oat.hosts h
    cross join oat.secrets s
    where h.role = session_user::text collate "default"
        and s.selector = host_verifier.selector
        and exists (
            select from oat.grants g
            where g.organization = s.organization and g.token = s.token
                and oat.has_not_ended(g.expires_at, now())
                and oat.host_covers(g.host, h.name, h.labels))
$$;
comment on function oat.host_verifier(text) is
    'hosts: the verifier of a selector; null when it is unknown or its token '
    'has no grant here';

-- Text from a host is bounded once, here. No selector is no secret.
create function oat.attempt(host oat.hosts, kind text, login text,
    service text, rhost text, tty text, ruser text, selector text, proof text)
returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts;
begin
    f.at := now();
    f.event := kind;
    f.login := coalesce(left(login, 256), '-');
    f.service := coalesce(left(service, 256), '-');
    f.rhost := coalesce(nullif(left(rhost, 256), ''), '-');
    f.tty := left(tty, 256);
    f.ruser := coalesce(left(ruser, 256), '-');
    f.proof := coalesce(proof, 'none');
    f.host := host;
    if kind = 'login' then
        f.selector := coalesce(left(selector, 64), '-');
    end if;
    return oat.gather(f);
end
$$;
comment on function oat.attempt(oat.hosts, text, text, text, text, text, text,
    text, text) is 'the facts of what a host asks about';

create function oat.gather(base oat.facts) returns oat.facts
language plpgsql stable as $$
declare
    f oat.facts := base;
    known record;
begin
    if f.selector is null then
        select t into f.token from oat.tokens t where t.login = f.login;
    else
        select s.organization, s.token into known from oat.secrets s
        where s.selector = f.selector and s.verifier is not null;
        select t into f.token from oat.tokens t
        where t.organization = known.organization and t.name = known.token;
        if found then
            f.secret := oat.secret_state(f.token, f.selector, f.at);
        end if;
    end if;
    select o into f.organization from oat.organizations o
    where o.name = (f.token).organization;
    return f;
end
$$;
comment on function oat.gather(oat.facts) is
    'completes the facts of an attempt: token by selector, else by login';

create function oat.spend_use(token oat.tokens) returns boolean
language plpgsql as $$
begin
    update oat.tokens t set uses_left = t.uses_left - 1
    where t.organization = token.organization and t.name = token.name
        and t.uses_left > 0;
    return found;
end
$$;
comment on function oat.spend_use(oat.tokens) is
    'takes one use, exactly; false when another login took the last one';

create function oat.decide(f oat.facts) returns text
language plpgsql as $$
declare
    reason text := oat.refusal(f);
begin
    if reason is not null or f.event <> 'login'
            or (f.token).uses_left is null then
        return reason;
    elsif pg_is_in_recovery() then
        return 'unavailable';
    elsif not oat.spend_use(f.token) then
        return 'used_up';
    end if;
    return null;
end
$$;
comment on function oat.decide(oat.facts) is
    'the policy, and the use that a login takes; uses cannot be taken on a '
    'standby';

create function oat.event_detail(f oat.facts) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'login', (f).login,
        'selector', (f).selector,
        'secret', (f).secret,
        'tty', nullif((f).tty, '-'),
        'ruser', nullif((f).ruser, '-'),
        'rhost', case when oat.to_address((f).rhost) is null
            then nullif((f).rhost, '-') end))
$$;
comment on function oat.event_detail(oat.facts) is
    'what the log keeps of an attempt beside its columns';

create table oat.unknown_tokens (
    host text not null,
    login text not null,
    minute timestamptz not null,
    attempts bigint not null,
    activity_id bigint not null,
    recorded_at timestamptz not null,
    constraint unknown_tokens_pk primary key (host, login)
);
comment on table oat.unknown_tokens is
    'which row of activity counts the unknown tokens of a login on a host';

-- Anybody can make a host send unknown selectors; the log grows by one row a
-- minute for each login that exists, and one for all others.
create function oat.record_unknown(entry oat.activity) returns void
language plpgsql as $$
declare
    known constant boolean := exists (
        select from oat.identities i
        where i.name = entry.actor and i.kind = 'token');
    seen oat.unknown_tokens;
begin
    insert into oat.unknown_tokens as u
        (host, login, minute, attempts, activity_id, recorded_at)
    values (entry.host, case when known then entry.actor else '-' end,
        date_trunc('minute', entry.at), 1, entry.id, entry.recorded_at)
    on conflict on constraint unknown_tokens_pk do update set
        attempts = case when u.minute = excluded.minute
            then u.attempts + 1 else 1 end,
        activity_id = case when u.minute = excluded.minute
            then u.activity_id else excluded.activity_id end,
        recorded_at = case when u.minute = excluded.minute
            then u.recorded_at else excluded.recorded_at end,
        minute = excluded.minute
    returning * into seen;
    if seen.attempts > 1 then
        update oat.activity a
        set detail = a.detail || jsonb_build_object('count', seen.attempts)
        where a.id = seen.activity_id and a.recorded_at = seen.recorded_at
            and a.recorded_at > now() - interval '5 minutes';
        if found then
            return;
        end if;
    end if;
    entry.detail := entry.detail || '{"count": 1}';
    insert into oat.activity select entry.*;
end
$$;
comment on function oat.record_unknown(oat.activity) is
    'records an unknown_token, as a count within its minute';

create function oat.record(entry oat.activity) returns void
language plpgsql as $$
begin
    if entry.reason = 'unknown_token' then
        perform oat.record_unknown(entry);
        return;
    end if;
    insert into oat.activity select entry.*;
    if entry.reason = 'retired_secret' then
        perform pg_notify('oat_alert', entry.id::text);
    end if;
end
$$;
comment on function oat.record(oat.activity) is
    'records an event of a host; a retired secret is told to oat_alert';

create function oat.decision_row(f oat.facts, event_id uuid, reason text)
returns oat.activity
language plpgsql as $$
declare
    a oat.activity;
begin
    a.id := nextval('oat.activity_id');
    a.event_id := event_id;
    a.at := f.at;
    a.recorded_at := f.at;
    a.organization := (f.token).organization;
    a.token := (f.token).name;
    a.actor := f.login;
    a.event := f.event;
    a.host := (f.host).name;
    a.service := f.service;
    a.rhost := oat.to_address(f.rhost);
    a.outcome := case when reason is null then 'success' else 'failure' end;
    a.reason := reason;
    a.detail := oat.event_detail(f);
    return a;
end
$$;
comment on function oat.decision_row(oat.facts, uuid, text) is
    'the row of activity for a decision';

create function oat.decision_event(f oat.facts, event_id uuid, reason text)
returns jsonb language sql stable as $$
    select jsonb_build_object(
        'event_id', event_id,
        'at', to_char((f).at at time zone 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'event', (f).event, 'login', (f).login, 'service', (f).service,
        'rhost', (f).rhost, 'tty', (f).tty, 'ruser', (f).ruser,
        'selector', (f).selector,
        'outcome', case when reason is null then 'success' else 'failure' end,
        'reason', reason,
        'detail', jsonb_strip_nulls(jsonb_build_object(
            'secret', (f).secret, 'standby', true)))
$$;
comment on function oat.decision_event(oat.facts, uuid, text) is
    'the same as an event for the spool of a host that asked a standby';

create function oat.host_decide(event_id uuid, kind text, login text,
    service text, rhost text, tty text, ruser text, selector text, proof text)
returns table (allowed boolean, reason text, message text, organization text,
    token text, expires_at bigint, event jsonb)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    f oat.facts;
begin
    if kind is null or kind not in ('login', 'access') then
        raise exception using
            errcode = 'OA019',
            message = 'a decision is about a login or an access',
            detail = 'The second parameter says which.',
            hint = 'is the host''s oat newer than the database''s schema?';
    end if;
    f := oat.attempt(oat.this_host(), kind, login, service, rhost, tty, ruser,
        selector, proof);
    reason := oat.decide(f);
    allowed := reason is null;
    if not allowed then
        message := oat.denial_message(reason, f);
    end if;
    if allowed or reason not in ('unknown_token', 'host_not_granted')
    then
        organization := (f.token).organization;
        token := (f.token).name;
        expires_at := floor(extract(epoch from (f.token).expires_at));
    end if;
    if pg_is_in_recovery() then
        event := oat.decision_event(f, event_id, reason);
    else
        perform oat.record(oat.decision_row(f, event_id, reason));
    end if;
    return next;
end
$$;
comment on function oat.host_decide(uuid, text, text, text, text, text, text,
    text, text) is
    'hosts: decides on a login or an access and records it; one row. On a '
    'standby nothing is written, event is what oat.host_record() takes later';

revoke all on all functions in schema oat from public;
