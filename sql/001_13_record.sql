-- SPDX-License-Identifier: MIT
--
-- Events that a host sends later: sessions, and what a standby decided. An
-- event_id counts once, so a host sends again until it is answered. A host
-- adds events of its own only: the column host is who is connected, and a
-- token is named only where the host was told of it, or it is granted.

create function oat.to_time(said text) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp
set datestyle = 'ISO' set timezone = 'UTC' as $$
begin
    return case when said ~ '^[0-9]{4}-' then said::timestamptz end;
exception when others then
    return null;
end
$$;
comment on function oat.to_time(text) is
    'RFC 3339 text as a time, or null; never an error';

create function oat.clamped(at timestamptz) returns timestamptz
language sql stable as $$
    select least(greatest(at, now() - interval '90 days'),
        now() + interval '5 minutes')
$$;
comment on function oat.clamped(timestamptz) is
    'a host''s clock, kept between 90 days ago and in 5 minutes';

create function oat.is_recorded(host text, event_id uuid) returns boolean
language sql stable as $$
    select exists (
        select from oat.activity a
        where a.event_id = is_recorded.event_id
            and a.host = is_recorded.host)
$$;
comment on function oat.is_recorded(text, uuid) is
    'is this event of this host here already?';

create function oat.bounded_detail(item jsonb) returns jsonb
language sql immutable as $$
    select case
        when jsonb_typeof(item -> 'detail') is distinct from 'object' then '{}'
        when length(item ->> 'detail') > 4096 then '{"cut": true}'
        else item -> 'detail' end
$$;
comment on function oat.bounded_detail(jsonb) is
    'what a host says in detail, if it is an object of a sane size';

create function oat.event_row(host oat.hosts, item jsonb)
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
    a.id := nextval('oat.activity_id');
    a.event_id := (item ->> 'event_id')::uuid;
    a.at := coalesce(oat.clamped(at), now());
    a.recorded_at := now();
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
comment on function oat.event_row(oat.hosts, jsonb) is
    'the row of activity that an event of a host becomes';

create function oat.event_problem(item jsonb) returns text
language sql immutable as $$
    select case
        when jsonb_typeof(item) is distinct from 'object'
            then 'it is not an object'
        when coalesce(item ->> 'event_id', '') !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]'
            '{4}){3}-[0-9a-fA-F]{12}$' then 'event_id is not a uuid'
        when item ->> 'event' is null or item ->> 'event' not in ('login',
            'access', 'session.opened', 'session.closed',
            'session.terminated') then 'event is none that hosts send'
        when item ->> 'event' in ('login', 'access')
            and coalesce(item ->> 'outcome', '')
                not in ('success', 'failure')
            then 'outcome is neither success nor failure'
        when item ->> 'event' like 'session.%'
            and item ->> 'outcome' is not null
            then 'a session event has no outcome' end
$$;
comment on function oat.event_problem(jsonb) is
    'why this cannot be an event of a host; null when it can';

create function oat.record_item(host oat.hosts, item jsonb) returns boolean
language plpgsql as $$
declare
    problem text := oat.event_problem(item);
begin
    if problem is null then
        if oat.is_recorded(host.name, (item ->> 'event_id')::uuid) then
            return false;
        end if;
        perform oat.record(oat.event_row(host, item));
        return true;
    end if;
    raise warning using
        errcode = 'OA019',
        message = format('event %s of host %s was refused: %s',
            coalesce(quote_literal(left(item ->> 'event_id', 36)),
                'without id'), host.name, problem);
    return false;
exception when others then
    raise warning using
        errcode = 'OA019',
        message = format('event %s of host %s was refused: %s',
            quote_nullable(left(item ->> 'event_id', 36)), host.name,
            'a value of it is malformed (' || sqlstate || ')');
    return false;
end
$$;
comment on function oat.record_item(oat.hosts, jsonb) is
    'records one event; false when it is known already, or refused by name';

-- One sender a host at a time: its own row of host_state is the lock.
create function oat.host_record(events jsonb) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    host constant oat.hosts := oat.this_host();
    item jsonb;
    recorded integer := 0;
begin
    if jsonb_typeof(events) is distinct from 'array'
            or jsonb_array_length(events) > 1000 then
        raise exception using
            errcode = 'OA019',
            message = format('host %s sent no array of at most 1000 events',
                host.name),
            detail = 'Nothing of it was recorded.',
            hint = 'send fewer at a time';
    end if;
    insert into oat.host_state as s (host, seen_at) values (host.name, now())
    on conflict on constraint host_state_pk do update
        set seen_at = excluded.seen_at;
    for item in select * from jsonb_array_elements(events) loop
        if oat.record_item(host, item) then
            recorded := recorded + 1;
        end if;
    end loop;
    return recorded;
end
$$;
comment on function oat.host_record(jsonb) is
    'hosts: records up to 1000 events, each once by its event_id; returns how '
    'many were new';

revoke all on all functions in schema oat from public;
