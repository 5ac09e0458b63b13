-- SPDX-License-Identifier: MIT
--
-- Is the log as it was sealed? Each batch is computed again from its rows, and
-- must follow from the one before; no row may be in no batch. What that proves
-- is said in 003_03_seal.sql: the digest that was kept elsewhere is what makes
-- it a proof.

create function oat.rows_problem(b oat.activity_batches) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    found_rows bigint;
    content bytea;
begin
    select count(*), oat.sha256_of(string_agg(oat.activity_line(a), E'\n'
        order by a.id, a.recorded_at))
    into found_rows, content
    from oat.batch_rows(b) a;
    return case
        when found_rows < b.events then format('cut: %s of its %s rows are '
            'missing', b.events - found_rows, b.events)
        when found_rows > b.events then format('forged: it has %s rows, %s '
            'were sealed', found_rows, b.events)
        when content <> b.content then 'altered: a row of it is not as it was '
            'sealed' end;
end
$$;
comment on function oat.rows_problem(oat.activity_batches) is
    'how the rows of a batch differ from what was sealed; null for not at all';

-- The event that tells of it may have been dropped itself, with its month.
create function oat.dropped_problem(b oat.activity_batches) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return case
        when exists (select from oat.batch_rows(b)) then 'forged: it is '
            'marked as dropped, but rows of it are here'
        when not exists (
            select from oat.activity a
            where a.event = 'log.dropped'
                and a.detail -> 'new' ->> 'kind' = b.kind
                and a.detail -> 'new' ->> 'month' = to_char(b.month, 'YYYY-MM'))
            and not exists (
            select from oat.activity_batches d
            where d.kind = 'management' and d.dropped_at is not null
                and d.month >= oat.month_of(b.dropped_at))
            then 'cut: its rows are gone, but no log.dropped tells of it' end;
end
$$;
comment on function oat.dropped_problem(oat.activity_batches) is
    'what is wrong with a batch that is said to be dropped; null for nothing';

create function oat.batch_problem(b oat.activity_batches, expected bigint,
    former bytea) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return case
        when b.number <> expected then 'cut: the batch is missing'
        when b.digest <> oat.sha256_of(oat.header_of(b, former)) then
            'forged: its digest does not follow from the batch before'
        when b.dropped_at is not null then oat.dropped_problem(b)
        else oat.rows_problem(b) end;
end
$$;
comment on function oat.batch_problem(oat.activity_batches, bigint, bytea) is
    'what is wrong with a batch, given the digest before; null for nothing';

-- Counts first: looking for the row itself is for when there is one.
create function oat.stray_row(after bigint, up_to bigint) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
    with found_rows as (
        select oat.month_of(a.recorded_at) as month,
            oat.event_kind(a.event) as kind, count(*) as events
        from oat.activity a where a.id > after and a.id <= up_to
        group by 1, 2
    ), odd as materialized (
        select f.month, f.kind from found_rows f
        where f.events <> coalesce((
            select sum(b.events) from oat.activity_batches b
            where b.month = f.month and b.kind = f.kind
                and b.dropped_at is null
                and b.after_id >= stray_row.after
                and b.up_to_id <= stray_row.up_to), 0)
    )
    select min(a.id)
    from odd
    join oat.activity a on oat.month_of(a.recorded_at) = odd.month
        and oat.event_kind(a.event) = odd.kind
    where a.id > after and a.id <= up_to and not exists (
        select from oat.activity_batches b
        where b.month = odd.month and b.kind = odd.kind
            and b.after_id < a.id and b.up_to_id >= a.id)
$$;
comment on function oat.stray_row(bigint, bigint) is
    'the first row among sealed ones that is in no batch';

create function oat.head_problem(s oat.activity_seal, newest bigint,
    digest bytea) returns text
language sql immutable as $$
    select case
        when newest < (s).number then 'cut: the batch is missing, and all '
            'after it'
        when newest > (s).number then 'forged: the seal has not come that far'
        when digest is distinct from (s).digest then 'forged: its digest is '
            'not the one that the seal ended with' end
$$;
comment on function oat.head_problem(oat.activity_seal, bigint, bytea) is
    'how the newest batch differs from what the seal ended with';

create function oat.verify_activity(anchor text default null,
    since bigint default 1)
returns table (intact boolean, batch bigint, problem text, verified bigint,
    unsealed bigint, head text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
    b oat.activity_batches;
    s oat.activity_seal;
    former bytea;
    stray bigint;
    first_id bigint;
    whole_id bigint; -- up to here each batch is as it was sealed
begin
    select q.* into s from oat.activity_seal q;
    since := least(greatest(since, 1), s.number + 1);
    select q.digest, q.up_to_id into former, first_id
    from oat.activity_batches q where q.number = since - 1;
    first_id := coalesce(first_id, -9223372036854775808);
    whole_id := first_id;
    batch := since;
    verified := 0;
    for b in select q.* from oat.activity_batches q where q.number >= since
        order by q.number
    loop
        problem := oat.batch_problem(b, batch, former);
        exit when problem is not null;
        verified := verified
            + case when b.dropped_at is null then b.events else 0 end;
        whole_id := b.after_id;
        former := b.digest;
        batch := b.number + 1;
    end loop;
    if problem is null then
        problem := oat.head_problem(s, batch - 1, former);
        batch := case when batch - 1 > s.number then s.number + 1
            when batch - 1 = s.number then s.number else batch end;
    end if;
    stray := oat.stray_row(first_id, case when problem is null
        then s.sealed_id else whole_id end);
    if stray is not null then
        problem := format('forged: row %s is in no batch', stray);
        select min(q.number) into batch from oat.activity_batches q
        where q.up_to_id >= stray;
    elsif problem is null then
        batch := null;
        problem := oat.anchor_problem(anchor);
    end if;
    intact := problem is null;
    select count(*) into unsealed from oat.activity a where a.id > s.sealed_id;
    head := encode(s.digest, 'hex');
    return next;
end
$$;
comment on function oat.verify_activity(text, bigint) is
    'is the log as it was sealed? One row: the first batch that was altered, '
    'cut or forged, how many rows were verified, how many wait for the seal. '
    'Proves nothing against the owner of the schema or a superuser without an '
    'anchor: a digest of oat.seal_activity() that was kept elsewhere';

create function oat.anchor_problem(anchor text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 'cut: no batch has the anchored digest; the log was rewritten, or '
        'restored from before it'
    where anchor is not null and not exists (
        select from oat.activity_batches b
        where encode(b.digest, 'hex') = lower(anchor))
$$;
comment on function oat.anchor_problem(text) is
    'null when a batch has this digest';

revoke all on all functions in schema oat from public;
grant execute on function oat.verify_activity(text, bigint),
    oat.batch_lines(bigint), oat.batch_header(bigint),
    oat.batch_rows(oat.activity_batches),
    oat.activity_line(oat.activity), oat.microseconds(timestamptz),
    oat.header_of(oat.activity_batches, bytea),
    oat.event_kind(text)
    to oat_admin, oat_auditor;
