-- SPDX-License-Identifier: MIT
--
-- Old months go, whole: those of logins sooner than those of management.
--
-- There is one tree of partitions, by month of recorded_at. A month of which
-- the logins go and the management stays is replaced by a new partition that
-- has its management rows alone, usually a thousandth of them, and the old one
-- is dropped: no row is deleted, and no plan, index or key knows of two kinds
-- of partitions. Sub-partitions by kind would double the partitions that each
-- login's insert and each report has to consider, and a second tree would make
-- oat.activity a view; the rows that stay are few and moved once. They keep
-- their ids and their seals: a batch has one kind of rows (003_03_seal.sql).
--
-- Only what is sealed goes, and only as it was sealed: what is not is evidence.
-- The log tells what went (log.dropped). Nobody but the owner and superusers
-- may call it: an administrator would otherwise erase what he did.

create function oat.is_over(month date, span interval) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select span is not null and oat.later((month + interval '1 month')
        at time zone 'UTC', greatest(span, interval '0')) <= now()
$$;
comment on function oat.is_over(date, interval) is
    'did the month end longer ago than this? null: never';

create function oat.droppable(logins interval, management interval)
returns table (month date, kind text, events bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select b.month, b.kind, sum(b.events)::bigint
    from oat.activity_batches b
    where b.dropped_at is null
        and oat.is_over(b.month, case b.kind
            when 'logins' then droppable.logins else droppable.management end)
    group by b.month, b.kind
    order by b.month, b.kind
$$;
comment on function oat.droppable(interval, interval) is
    'the sealed months of each kind that a retention would drop';

create function oat.is_sealed_whole(month date) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    since constant timestamptz := month::timestamp at time zone 'UTC';
    until constant timestamptz := (month + interval '1 month')
        at time zone 'UTC';
    sealed constant bigint := oat.sealed_id();
begin
    return not exists (
        select from oat.activity a
        where a.recorded_at >= since and a.recorded_at < until
            and a.id > sealed);
end
$$;
comment on function oat.is_sealed_whole(date) is
    'is every row of the month sealed?';

create function oat.check_month(month date, kinds text[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    b oat.activity_batches;
    problem text;
begin
    for b in
        select q.* from oat.activity_batches q
        where q.month = check_month.month and q.kind = any (kinds)
            and q.dropped_at is null
        order by q.number
    loop
        problem := oat.rows_problem(b);
        if problem is not null then
            raise exception using
                errcode = 'data_corrupted',
                message = format('%s of %s are not as they were sealed',
                    b.kind, to_char(b.month, 'YYYY-MM')),
                detail = format('Batch %s: %s. Nothing was dropped.',
                    b.number, problem),
                hint = 'select * from oat.verify_activity(); keep a copy, then '
                    'find out who changed it';
        end if;
    end loop;
end
$$;
comment on function oat.check_month(date, text[]) is
    'raises: what would be dropped is not as it was sealed';

create function oat.copy_month(month date, gone text[], copy text)
returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    copied bigint;
begin
    perform oat.new_partition(copy);
    execute format('insert into oat.%I select a.* from oat.activity a '
        'where a.recorded_at >= $1 and a.recorded_at < $2 '
        'and oat.event_kind(a.event) <> all ($3)', copy)
    using month::timestamp at time zone 'UTC',
        (month + interval '1 month') at time zone 'UTC', gone;
    get diagnostics copied = row_count;
    return copied;
end
$$;
comment on function oat.copy_month(date, text[], text) is
    'copies what stays of a month into a table of its own; returns how many';

-- The lock on the log is held from here to the end of the transaction, and
-- waited for a little at a time: logins queue behind who waits for it.
create function oat.lock_log() returns void
language plpgsql set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms' as $$
begin
    for attempt in 1 .. 50 loop
        begin
            lock table oat.activity in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception using
        errcode = 'lock_not_available',
        message = 'the activity log is in use: nothing was dropped',
        detail = 'Somebody reads it in a long transaction.',
        hint = 'try again; see pg_stat_activity';
end
$$;
comment on function oat.lock_log() is
    'the log for oneself, for a moment; raises when it is not to be had';

create function oat.replace_month(month date, copy text, copied bigint)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
set timezone = 'UTC' as $$
declare
    name constant text := 'activity_' || to_char(month, 'YYYY_MM');
begin
    execute format('alter table oat.activity detach partition oat.%I', name);
    execute format('drop table oat.%I', name);
    if copied = 0 then
        execute format('drop table oat.%I', copy);
        return;
    end if;
    execute format('alter table oat.%I rename to %I', copy, name);
    execute format('alter table oat.activity attach partition oat.%I for '
        'values from (%L) to (%L)', name, month, month + interval '1 month');
    execute format('comment on table oat.%I is %L', name, 'what was kept of '
        'the activity recorded in ' || to_char(month, 'YYYY-MM'));
    perform oat.close_partition(name);
end
$$;
comment on function oat.replace_month(date, text, bigint) is
    'puts what stays of a month in the place of its partition, or nothing';

-- Rows of a month that nobody made a partition for: oat.refuse_change() lets
-- them go, because their batches are marked.
create function oat.delete_month(month date, gone text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    since constant timestamptz := month::timestamp at time zone 'UTC';
    until constant timestamptz := (month + interval '1 month')
        at time zone 'UTC';
begin
    delete from oat.activity a
    where a.recorded_at >= since and a.recorded_at < until
        and oat.event_kind(a.event) = any (gone);
end
$$;
comment on function oat.delete_month(date, text[]) is
    'deletes what goes of a month that has no partition of its own';

create function oat.note_dropped(month date, kind text, events bigint)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    last_digest bytea;
begin
    update oat.activity_batches b set dropped_at = clock_timestamp()
    where b.month = note_dropped.month and b.kind = note_dropped.kind
        and b.dropped_at is null;
    select b.digest into last_digest from oat.activity_batches b
    where b.month = note_dropped.month and b.kind = note_dropped.kind
    order by b.number desc limit 1;
    perform oat.alert(oat.log_action('log.dropped', null, jsonb_build_object(
        'kind', kind, 'month', to_char(month, 'YYYY-MM'), 'events', events,
        'digest', encode(last_digest, 'hex'))));
end
$$;
comment on function oat.note_dropped(date, text, bigint) is
    'marks the batches of a month as dropped, and tells of it in the log';

create function oat.forget_usage(older_than interval) returns void
language plpgsql as $$
declare
    before constant date := oat.month_of(oat.later(now(),
        - greatest(older_than, interval '0')));
begin
    delete from oat.usage_days u where u.day < before;
    delete from oat.last_uses u
    where u.at < (before::timestamp at time zone 'UTC')
        and not exists (
            select from oat.tokens t
            where t.organization = u.organization and t.name = u.token);
end
$$;
comment on function oat.forget_usage(interval) is
    'the sums of whole months over, and the last uses of tokens long gone';

create type oat.dropped_month as (
    month date,
    kinds text[],
    events bigint[],
    copy text,      -- the table with what stays; null: in activity_default
    copied bigint,
    size bigint
);
comment on type oat.dropped_month is 'a month under oat.retention()';

create function oat.prepare_months(logins interval, management interval)
returns setof oat.dropped_month
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    m oat.dropped_month;
    name text;
begin
    for m in
        select d.month, array_agg(d.kind order by d.kind),
            array_agg(d.events order by d.kind)
        from oat.droppable(logins, management) d
        where oat.is_sealed_whole(d.month)
        group by d.month order by d.month
    loop
        perform oat.check_month(m.month, m.kinds);
        name := 'activity_' || to_char(m.month, 'YYYY_MM');
        m.size := 0;
        if to_regclass('oat.' || name) is not null then
            m.copy := 'activity_kept_' || to_char(m.month, 'YYYY_MM');
            m.copied := oat.copy_month(m.month, m.kinds, m.copy);
            m.size := pg_total_relation_size(('oat.' || name)::regclass)
                - case when m.copied = 0 then 0 else
                    pg_total_relation_size(('oat.' || m.copy)::regclass) end;
        end if;
        return next m;
    end loop;
end
$$;
comment on function oat.prepare_months(interval, interval) is
    'the months that a retention drops, and copies of what stays of them';

create function oat.retention(logins interval, management interval)
returns table (month date, kind text, events bigint, freed bigint)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
    m oat.dropped_month;
    months oat.dropped_month[];
begin
    perform oat.seal_activity(9223372036854775807);
    months := array(
        select p from oat.prepare_months(logins, management) p);
    if months <> '{}' then
        perform oat.lock_log();
    end if;
    foreach m in array months loop
        freed := m.size;
        for kind, events in select * from unnest(m.kinds, m.events) loop
            perform oat.note_dropped(m.month, kind, events);
            month := m.month;
            return next;
            freed := 0;
        end loop;
        if m.copy is null then
            perform oat.delete_month(m.month, m.kinds);
        else
            perform oat.replace_month(m.month, m.copy, m.copied);
        end if;
    end loop;
    perform oat.forget_usage(f.span)
    from (select case when logins is not null and management is not null
        then greatest(logins, management) end as span) f
    where f.span is not null;
end
$$;
comment on function oat.retention(interval, interval) is
    'drops the months of logins and of management that ended longer ago than '
    'this (null: keeps them), seals what is not sealed, and returns what it '
    'dropped, with the bytes that it freed. For the owner and superusers alone';

revoke all on all functions in schema oat from public;
