-- SPDX-License-Identifier: MIT
--
-- What a decision leaves behind. Every row has the selector and which secret
-- it was; that of a refusal has, under decided, the rows and columns that made
-- it one. A host that asks a standby gets the event to keep: with what was
-- decided about it, and no row about other hosts.

create function oat.grants_decided(f oat.facts, here_only boolean)
returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(n))), '[]')
    from (
        select g.host, g.service, g.expires_at
        from oat.grants g
        cross join lateral oat.host_covers(g.host, ((f).host).name,
            ((f).host).labels) here
        where g.organization = ((f).token).organization
            and g.token = ((f).token).name and (here or not here_only)
        order by here desc, g.host, g.service
        limit case when here_only then 8 else 40 end) n
$$;
comment on function oat.grants_decided(oat.facts, boolean) is
    'the grants of a token, those that cover the host first';

create function oat.allowances_decided(f oat.facts, here_only boolean)
returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(jsonb_agg(to_jsonb(n)), '[]')
    from (
        select a.host, a.service
        from oat.allowances a
        cross join lateral oat.host_covers(a.host, ((f).host).name,
            ((f).host).labels) here
        where a.organization = ((f).token).organization
            and (here or not here_only)
        order by here desc, a.host, a.service
        limit case when here_only then 8 else 40 end) n
$$;
comment on function oat.allowances_decided(oat.facts, boolean) is
    'the allowances of an organization, those that cover the host first';

create function oat.token_decided(reason text, f oat.facts) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    token constant jsonb := to_jsonb(f.token);
    columns constant text[] := case reason
        when 'wrong_secret' then '{selector,rotated_at}'
        when 'bad_verifier' then '{selector,rotated_at}'
        when 'retired_secret' then
            '{selector,previous_selector,overlap_until,rotated_at}'
        when 'wrong_identity' then '{login}'
        when 'deactivated' then '{deactivated_at}'
        when 'not_yet_valid' then '{not_before}'
        when 'expired' then '{expires_at}'
        when 'idle' then '{max_idle,created_at,rotated_at}'
        when 'used_up' then '{uses_left}'
        when 'address_not_allowed' then '{allowed_from}' end;
begin
    return (select jsonb_object_agg(c, token -> c) from unnest(columns) c)
        || case reason when 'idle'
            then jsonb_build_object('used_at', f.used_at) else '{}' end;
end
$$;
comment on function oat.token_decided(text, oat.facts) is
    'the columns of a token that decide a check; null when it is not the token';

-- Settings decide only how times and intervals are spelled.
create function oat.rows_decided(reason text, f oat.facts, here_only boolean)
returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set intervalstyle = 'postgres' as $$
declare
    decided constant jsonb := jsonb_strip_nulls(jsonb_build_object(
        'token', oat.token_decided(reason, f),
        'organization', case reason when 'organization_suspended'
            then jsonb_build_object('suspended_at',
                (f.organization).suspended_at) end,
        'host', case
            when reason = 'host_suspended' then jsonb_build_object(
                'suspended_at', (f.host).suspended_at)
            when reason in ('host_not_granted', 'service_not_granted',
                'not_allowed') then jsonb_build_object(
                'labels', (f.host).labels) end,
        'grants', case when reason in ('host_not_granted',
            'service_not_granted')
            then oat.grants_decided(f, here_only) end,
        'allowances', case reason when 'not_allowed'
            then oat.allowances_decided(f, here_only) end,
        'standby', case reason when 'unavailable' then true end));
begin
    return case when length(decided::text) > case when here_only then 2000
        else 8000 end then '{"cut": true}' else decided end;
end
$$;
comment on function oat.rows_decided(text, oat.facts, boolean) is
    'the rows and columns that decided a refusal, as they were, or that they '
    'are too long: an event has room for 4 KiB (common/reply.h)';

create or replace function oat.event_detail(f oat.facts) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'login', (f).login,
        'selector', (f).selector,
        'secret', (f).secret,
        'tty', nullif((f).tty, '-'),
        'ruser', nullif((f).ruser, '-')))
$$;

create or replace function oat.decision_row(f oat.facts, event_id uuid,
    reason text) returns oat.activity
language plpgsql as $$
declare
    a oat.activity;
    address constant inet := oat.to_address(f.rhost);
    detail jsonb := oat.event_detail(f);
begin
    if address is null and f.rhost <> '-' then
        detail := detail || jsonb_build_object('rhost', f.rhost);
    end if;
    if reason is not null and reason <> 'unknown_token' then
        detail := detail || jsonb_build_object('decided',
            oat.rows_decided(reason, f, false));
    end if;
    select oat.next_activity_id() as id, decision_row.event_id, f.at,
        clock_timestamp() as recorded_at, (f.token).organization,
        (f.token).name, f.login, f.event, (f.host).name, f.service, address,
        case when reason is null then 'success' else 'failure' end, reason,
        detail into a;
    return a;
end
$$;

create or replace function oat.decision_event(f oat.facts, event_id uuid,
    reason text) returns jsonb
language sql stable as $$
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
            'secret', (f).secret, 'standby', true, 'decided',
            case when reason <> 'unknown_token'
                then oat.rows_decided(reason, f, true) end)))
$$;

-- A count is open for four minutes by the clock, less than what
-- oat.refuse_change() permits: now() is as old as the host's transaction.
create or replace function oat.record_unknown(entry oat.activity)
returns void
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
    on conflict on constraint unknown_tokens_pk do update
    set (minute, attempts, activity_id, recorded_at) = (
        select excluded.minute,
            case when is_open then u.attempts + 1 else 1 end,
            case when is_open then u.activity_id
                else excluded.activity_id end,
            case when is_open then u.recorded_at else excluded.recorded_at end
        from (select u.minute = excluded.minute and u.recorded_at
            > clock_timestamp() - interval '4 minutes' as is_open) o)
    returning * into seen;
    if seen.attempts > 1 then
        update oat.activity a
        set detail = a.detail || jsonb_build_object('count', seen.attempts)
        where a.id = seen.activity_id and a.recorded_at = seen.recorded_at;
        if found then
            return;
        end if;
    end if;
    entry.detail := entry.detail || '{"count": 1}';
    insert into oat.activity select entry.*;
end
$$;

create or replace function oat.event_row(host oat.hosts, item jsonb)
returns oat.activity
language plpgsql as $$
declare
    a oat.activity;
    at constant timestamptz := oat.to_time(item ->> 'at');
    known record;
begin
    select i.organization, i.token into known
    from oat.identities i
    where i.name = item ->> 'login' and i.kind = 'token' and (exists (
            select from oat.served s
            where s.host = event_row.host.name and s.id = i.id)
        or exists (
            select from oat.grants g
            where g.organization = i.organization and g.token = i.token
                and oat.host_covers(g.host, event_row.host.name,
                    event_row.host.labels)));
    a.id := oat.next_activity_id();
    a.event_id := (item ->> 'event_id')::uuid;
    a.at := coalesce(oat.clamped(at), now());
    a.recorded_at := clock_timestamp();
    a.organization := known.organization;
    a.token := known.token;
    a.actor := coalesce(left(item ->> 'login', 256), '-');
    a.event := item ->> 'event';
    a.host := host.name;
    a.service := left(item ->> 'service', 256);
    a.rhost := oat.to_address(item ->> 'rhost');
    a.outcome := item ->> 'outcome';
    a.reason := case when a.outcome = 'failure'
        then coalesce(left(item ->> 'reason', 64), 'unavailable') end;
    a.detail := oat.bounded_detail(item) || jsonb_strip_nulls(
        jsonb_build_object(
            'login', left(item ->> 'login', 256),
            'selector', left(item ->> 'selector', 64),
            'tty', nullif(left(item ->> 'tty', 256), '-'),
            'ruser', nullif(left(item ->> 'ruser', 256), '-'),
            'rhost', case when a.rhost is null
                then nullif(left(item ->> 'rhost', 256), '-') end,
            'sent_at', case when a.at is distinct from at
                then left(item ->> 'at', 64) end));
    return a;
end
$$;

revoke all on all functions in schema oat from public;
