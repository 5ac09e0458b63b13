-- SPDX-License-Identifier: MIT
--
-- Proof of revocation, host by host. A host is told who has access there; it
-- publishes that, ends the sessions of those without, and says so by asking
-- again with the state that it has applied: report.applied is true, and
-- report.left names those of whom processes are left. So for each token and
-- host it is known what the host was last told, and since when it is done.
--
-- What is applied is the last whole answer that was given, or, where another
-- server gave it (a standby, this one before a failover), one that still holds.
-- Both are told by generation and time, which never repeat for one host.

-- --- which generation a change got ------------------------------------------

create table oat.changes (
    organization text not null,
    token text not null,
    host text not null,
    xid xid8 not null,
    generation bigint,
    constraint changes_pk primary key (organization, token, host, xid)
);
comment on table oat.changes is
    'the generation that a token, an organization ('''' for the token) or a '
    'host last changed with; null until its transaction ends';
create index changes_host_ix on oat.changes (host) where host <> '';
create index changes_xid_ix on oat.changes (xid) where generation is null;
alter table oat.changes enable row level security;
alter table oat.changes force row level security;
create policy changes_owner on oat.changes to oat_owner
    using (true) with check (true);

create function oat.mark_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    this constant jsonb := case when tg_op = 'DELETE' then to_jsonb(old)
        else to_jsonb(new) end;
begin
    insert into oat.changes (organization, token, host, xid)
    values (
        case tg_argv[0] when 'host' then '' when 'organization'
            then this ->> 'name' else this ->> 'organization' end,
        case tg_argv[0] when 'token' then this ->> 'name' when 'grant'
            then this ->> 'token' else '' end,
        case tg_argv[0] when 'host' then this ->> 'name' else '' end,
        pg_current_xact_id())
    on conflict do nothing;
    return null;
end
$$;
comment on function oat.mark_change() is
    'trigger: what a row concerns changes with this transaction';

do $mark$
declare
    kind text[];
begin
    foreach kind slice 1 in array array[
        ['organizations', 'organization'], ['tokens', 'token'],
        ['grants', 'grant'], ['allowances', 'allowance'],
        ['delegates', 'delegate'], ['hosts', 'host']]
    loop
        execute format('create trigger %I after insert%s on oat.%I '
            'for each row execute function oat.mark_change(%L)',
            kind[1] || '_mark', case kind[1] when 'hosts' then ''
            else ' or delete' end, kind[1], kind[2]);
        -- Not the use that a login takes off, in the owner's name.
        execute format('create trigger %I after update on oat.%I '
            'for each row when (old.* is distinct from new.*%s) '
            'execute function oat.mark_change(%L)',
            kind[1] || '_mark_update', kind[1], case kind[1]
            when 'tokens' then ' and (current_user <> ''oat_owner'' or to_jsonb'
                '(old) - ''uses_left'' <> to_jsonb(new) - ''uses_left'')'
            else '' end, kind[2]);
    end loop;
end
$mark$;

-- Under the lock of the draw, so nobody else numbers or removes these rows.
create function oat.number_changes() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    drawn constant bigint := oat.generation();
begin
    if current_setting('transaction_isolation') = 'read committed' then
        delete from oat.changes c using oat.changes n
        where n.xid = new.xid and n.generation is null
            and c.organization = n.organization and c.token = n.token
            and c.host = n.host and c.generation < drawn;
    end if;
    update oat.changes c set generation = drawn
    where c.xid = new.xid and c.generation is null;
    return null;
end
$$;
comment on function oat.number_changes() is
    'trigger: what changed in the ending transaction gets its generation';

-- After touches_draw, by its name.
create constraint trigger touches_number after insert on oat.touches
    deferrable initially deferred
    for each row execute function oat.number_changes();

-- --- what hosts were told, and have applied ---------------------------------

alter table oat.served
    add column active boolean,
    add column confirmed_at timestamptz,
    add column confirmed_generation bigint,
    add constraint served_confirmed_ck check (
        confirmed_at is null or active is not distinct from false);
comment on column oat.served.active is
    'was it told that the token has access there? null for groups';
comment on column oat.served.confirmed_at is
    'since when the host says that it has no access and no session there';
comment on column oat.served.confirmed_generation is
    'and what it knew then';
create index served_unconfirmed_ix on oat.served (host)
    where not active and confirmed_at is null;
-- What hosts were told before is not known: as if they all had access.
update oat.served s set active = true
from oat.identities i where i.id = s.id and i.kind = 'token';

alter table oat.host_state
    add column told_generation bigint,
    add column told_as_of bigint,
    add column applied_generation bigint,
    add column applied_as_of bigint,
    add column applied_at timestamptz,
    add column sessions_left jsonb not null default '{}';
comment on column oat.host_state.told_generation is
    'with told_as_of: the last whole answer that it was given';
comment on column oat.host_state.applied_generation is
    'with applied_as_of: what it last said that it has applied';
comment on column oat.host_state.applied_at is
    'when it first said so';
comment on column oat.host_state.sessions_left is
    'processes by login that it could not, or must not, end';

-- No nested loops: the planner takes what is in the array for ten rows.
create or replace function oat.serve(host text, here oat.presence[])
returns void
language sql set enable_nestloop = off as $$
    with here_now as materialized (
        select p.uid, p.active, p.groups from unnest(here) p
    ), named as materialized (
        select i.id from oat.identities i
        where i.name in ('oat-users', 'oat-sudo') or i.name = any (array(
            select unnest(d.groups) from (
                select distinct h.groups from here_now h where h.active) d))
    ), known as materialized (
        select s.id, s.active, h.active is true as active_now
        from oat.served s left join here_now h on h.uid = s.id
        where s.host = serve.host
    ), changed as (
        update oat.served s
        set active = k.active_now, confirmed_at = null,
            confirmed_generation = null
        from known k
        where s.host = serve.host and s.id = k.id and k.active <> k.active_now
    )
    insert into oat.served (host, id, active)
    select serve.host, n.id, n.active from (
        select h.uid as id, h.active from here_now h
        union all select n.id, null from named n) n
    where not exists (select from known k where k.id = n.id)
    on conflict do nothing
$$;
comment on function oat.serve(text, oat.presence[]) is
    'remembers what a host is told, and when that changes';

create function oat.note_told(host text, generation bigint, as_of bigint)
returns void
language sql as $$
    update oat.host_state s
    set told_generation = generation, told_as_of = as_of
    where s.host = note_told.host
$$;
comment on function oat.note_told(text, bigint, bigint) is
    'remembers the last whole answer that a host was given';

create function oat.was_told(host text, generation bigint, as_of bigint)
returns boolean language sql stable as $$
    select exists (
        select from oat.host_state s
        where s.host = was_told.host and s.told_generation = generation
            and s.told_as_of = as_of)
$$;
comment on function oat.was_told(text, bigint, bigint) is
    'is this the last whole answer that the host was given?';

create function oat.has_applied(report jsonb) returns boolean
language sql immutable as $$
    select coalesce(report -> 'applied' = 'true'
        and jsonb_typeof(report -> 'left') = 'array'
        and length(report::text) <= 8192, false)
$$;
comment on function oat.has_applied(jsonb) is
    'does a host say that what it has is published and sessions have ended?';

create function oat.reported_left(report jsonb) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_object_agg(l[1], l[2]::integer), '{}')
    from jsonb_array_elements(report -> 'left') e,
        regexp_match(e #>> '{}', '^(oat-[a-z0-9-]{1,28}) ([1-9][0-9]{0,8})$') l
    where l is not null
$$;
comment on function oat.reported_left(jsonb) is
    'the processes that a host says are left, by login';

create function oat.note_applied(host text, generation bigint, as_of bigint,
    sessions_left jsonb) returns void
language plpgsql as $$
begin
    update oat.served s
    set confirmed_at = now(), confirmed_generation = generation
    where s.host = note_applied.host and not s.active
        and s.confirmed_at is null and not exists (
            select from oat.identities i
            where i.id = s.id and sessions_left ? i.name);
    update oat.host_state s
    set applied_at = case when (s.applied_generation, s.applied_as_of)
            is distinct from (generation, as_of) then now()
            else s.applied_at end,
        applied_generation = generation, applied_as_of = as_of,
        sessions_left = note_applied.sessions_left
    where s.host = note_applied.host
        and (s.applied_generation, s.applied_as_of, s.sessions_left)
            is distinct from (generation, as_of, note_applied.sessions_left);
end
$$;
comment on function oat.note_applied(text, bigint, bigint, jsonb) is
    'a host has applied what it was last told; of some, sessions are left';

-- `here` is what the host is told now, or null for "same". An answer that it
-- has from elsewhere and that still holds is as good as one that was given here.
create function oat.note_state(at_host oat.hosts, generation bigint,
    as_of bigint, here oat.presence[], report jsonb) returns void
language plpgsql as $$
declare
    applied constant boolean := oat.has_applied(report);
    was_told boolean := oat.was_told(at_host.name, generation, as_of);
begin
    if applied and here is null and not was_told then
        perform oat.serve(at_host.name,
            array(select p from oat.tokens_on(at_host, now()) p));
        perform oat.note_told(at_host.name, generation, as_of);
        was_told := true;
    end if;
    if applied and was_told then
        perform oat.note_applied(at_host.name, generation, as_of,
            oat.reported_left(report));
    end if;
    if here is not null then
        perform oat.serve(at_host.name, here);
    end if;
end
$$;
comment on function oat.note_state(oat.hosts, bigint, bigint, oat.presence[],
    jsonb) is
    'remembers what a host has applied, and what it is told next';

-- The generation is read before the rows: rows may be newer than it says, and
-- are then fetched again, never older. Plans are for the sizes at hand, also in
-- a connection that is kept.
create or replace function oat.host_sync(known_generation bigint,
    known_as_of bigint, report jsonb)
returns table (kind text, name text, id bigint, organization text, token text,
    shell text, active boolean, expires_at bigint, groups text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off
set plan_cache_mode = force_custom_plan as $$
declare
    host constant oat.hosts := oat.this_host();
    newest constant bigint := oat.generation();
    as_of constant bigint := extract(epoch from now()) * 1000000;
    primary_here constant boolean := not pg_is_in_recovery();
    same boolean;
    here oat.presence[];
begin
    if primary_here then
        perform oat.note_report(host.name, known_generation, newest, report);
    end if;
    same := known_generation = newest and known_as_of <= as_of
        and not oat.crossed_boundary(host, timestamptz 'epoch'
            + known_as_of * interval '1 microsecond', now());
    if same is not true then
        here := array(select p from oat.tokens_on(host, now()) p);
    end if;
    if primary_here then
        perform oat.note_state(host, known_generation, known_as_of, here,
            report);
    end if;
    if same then
        return query select 'same', null::text, newest, null::text,
            null::text, null::text, null::boolean, as_of, null::text;
        return;
    end if;
    if primary_here then
        perform oat.note_told(host.name, newest, as_of);
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
    'certificate_end, problem and further keys), and, with applied and left, '
    'that it has applied what it knows';

revoke all on all functions in schema oat from public;
