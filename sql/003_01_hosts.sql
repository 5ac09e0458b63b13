-- SPDX-License-Identifier: MIT
--
-- What a host tells of itself when it asks for its snapshot, at each sync: its
-- version, what waits in its spool, its clock. Words of a host are bounded and
-- never an error: a sync must not fail because of what it reports.
--
-- Thousands of hosts ask every minute and mostly hear "same". That costs one
-- row of host_state, written in place (no index but its key's, and half of
-- each page free), and nothing else. What it says is kept as it came and is
-- looked at by who reads it (oat.host_status).

alter table oat.host_state
    add column given_generation bigint,
    add column behind_since timestamptz,
    add column reported_at timestamptz,
    add column spooled_since timestamptz,
    add column report jsonb not null default '{}',
    set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.5);
comment on table oat.host_state is
    'when each host was last seen, which generation it said it has, and what '
    'else it said of itself';
comment on column oat.host_state.given_generation is
    'the generation of the last answer: what it should know by the next time';
comment on column oat.host_state.behind_since is
    'since when it comes back with an older generation than it was given';
comment on column oat.host_state.reported_at is
    'when it last said something of itself';
comment on column oat.host_state.spooled_since is
    'since when it always had events that wait';
comment on column oat.host_state.report is
    'what it said: version, spooled, clock (microseconds since 1970), '
    'certificate_end (seconds), problem, and keys of newer versions';

-- Words from outside, shown to people: bounded, no control characters.
create function oat.reported_text(said jsonb, most integer) returns text
language sql immutable as $$
    select case when jsonb_typeof(said) = 'string' then nullif(regexp_replace(
        left(said #>> '{}', most), '[[:cntrl:]]', '?', 'g'), '') end
$$;
comment on function oat.reported_text(jsonb, integer) is
    'a string of a report, bounded and without control characters, or null';

create function oat.reported_number(said jsonb, most bigint) returns bigint
language sql immutable as $$
    select case when jsonb_typeof(said) <> 'number' then null
        when said::numeric between 0 and most
            then trunc(said::numeric)::bigint end
$$;
comment on function oat.reported_number(jsonb, bigint) is
    'a number of a report, if it is between 0 and the most; else null';

-- Year 9999: later than any time that is meant, and within a timestamptz.
create function oat.reported_time(said jsonb, units_in_second bigint)
returns timestamptz language sql immutable as $$
    select timestamptz 'epoch' + oat.reported_number(said,
        253402300799 * units_in_second) * (interval '1 s' / units_in_second)
$$;
comment on function oat.reported_time(jsonb, bigint) is
    'a number of a report as a time since 1970, or null';

create function oat.cut_report(report jsonb) returns jsonb
language sql immutable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'version', oat.reported_text(report -> 'version', 64),
        'spooled', oat.reported_number(report -> 'spooled',
            9223372036854775807),
        'clock', oat.reported_number(report -> 'clock', 9223372036854775807),
        'certificate_end', oat.reported_number(report -> 'certificate_end',
            253402300799),
        'problem', oat.reported_text(report -> 'problem', 500),
        'cut', true))
$$;
comment on function oat.cut_report(jsonb) is
    'what is kept of a report that is too long: what this version knows';

-- A report that is no object says nothing; null is a host that cannot report.
-- A problem, and a generation that this database never gave, are told once,
-- when they begin: a row of activity, and an alert.
create function oat.note_report(host text, known bigint, newest bigint,
    report jsonb) returns void
language plpgsql as $$
declare
    said constant jsonb := case
        when jsonb_typeof(report) is distinct from 'object' then '{}'
        when pg_column_size(report) > 8192 then oat.cut_report(report)
        else report end;
    waits constant boolean := coalesce(said ->> 'spooled', '0') <> '0';
    problem constant text := left(nullif(said ->> 'problem', ''), 500);
    before oat.host_state;
begin
    select s.* into before from oat.host_state s
    where s.host = note_report.host;
    insert into oat.host_state as s (host, seen_at, known_generation,
        ahead_at, ahead_generation, given_generation, reported_at,
        spooled_since, report)
    values (host, now(), known, case when known > newest then now() end,
        case when known > newest then known end, newest,
        case when report is not null then now() end,
        case when waits then now() end, said)
    on conflict on constraint host_state_pk do update set
        seen_at = excluded.seen_at,
        known_generation = excluded.known_generation,
        ahead_at = coalesce(s.ahead_at, excluded.ahead_at),
        ahead_generation = greatest(excluded.ahead_generation,
            s.ahead_generation),
        given_generation = excluded.given_generation,
        behind_since = case
            when coalesce(excluded.known_generation, 0) < s.given_generation
                then coalesce(s.behind_since, excluded.seen_at) end,
        reported_at = excluded.reported_at,
        spooled_since = case when waits
            then coalesce(s.spooled_since, excluded.seen_at) end,
        report = excluded.report;
    if known > newest and before.ahead_at is null then
        perform oat.alert(oat.log_action('host.ahead', host,
            jsonb_build_object('knows', known, 'newest', newest)));
    end if;
    if problem is not null
            and coalesce(before.report ->> 'problem', '') = '' then
        perform oat.alert(oat.log_action('host.problem', host,
            jsonb_build_object('problem', problem)));
    end if;
end
$$;
comment on function oat.note_report(text, bigint, bigint, jsonb) is
    'remembers when a host asked, what it had, and what it says of itself';

-- The generation is read before the rows: rows may be newer than it says, and
-- are then fetched again, never older.
create function oat.host_sync(known_generation bigint, known_as_of bigint,
    report jsonb)
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    host constant oat.hosts := oat.this_host();
    newest constant bigint := oat.generation();
    as_of constant bigint := extract(epoch from now()) * 1000000;
    primary_here constant boolean := not pg_is_in_recovery();
    here oat.presence[];
begin
    if primary_here then
        perform oat.note_report(host.name, known_generation, newest, report);
    end if;
    if known_generation = newest and known_as_of <= as_of
            and not oat.crossed_boundary(host, timestamptz 'epoch'
                + known_as_of * interval '1 microsecond', now()) then
        return query select 'same', null::text, newest, null::text,
            null::text, null::text, null::boolean, as_of, null::text;
        return;
    end if;
    here := array(select p from oat.tokens_on(host, now()) p);
    if primary_here then
        perform oat.serve(host.name, here);
    end if;
    return query
        with entry as materialized (
            select * from oat.snapshot_rows(host.name, here))
        select 'begin', host.name, newest, null::text, null::text, null::text,
            null::boolean, as_of, (select count(*)::text from entry)
        union all select * from entry
        union all select 'end', null, newest, null, null, null, null, null,
            null;
end
$$;
comment on function oat.host_sync(bigint, bigint, jsonb) is
    'hosts: the snapshot, between a begin and an end row, or one row same when '
    'nothing changed since the generation and time that the host knows; keeps '
    'what the host reports of itself (version, spooled, clock, '
    'certificate_end, problem and further keys)';

create or replace function oat.host_identities(known_generation bigint,
    known_as_of bigint)
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language sql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
    select * from oat.host_sync(known_generation, known_as_of, null)
$$;
comment on function oat.host_identities(bigint, bigint) is
    'hosts: as oat.host_sync(), for hosts that do not report yet';
drop function oat.note_sync(text, bigint, bigint);

revoke all on all functions in schema oat from public;
grant execute on function oat.host_sync(bigint, bigint, jsonb) to oat_host;
