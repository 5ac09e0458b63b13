-- SPDX-License-Identifier: MIT
--
-- The seal: rows of activity, in the order of their ids, in batches; of each
-- batch a SHA-256 digest that contains the one before. Changing, adding or
-- removing a sealed row, or a batch, breaks the chain where it was done.
--
-- What it proves, and against whom. Nobody but the owner of the schema (and a
-- superuser) can change the log at all. Against those the chain alone proves
-- nothing: whoever can rewrite rows can compute every digest again, or cut the
-- end off. It proves something from the moment that a digest is kept where
-- they cannot reach: the answer of oat.seal_activity(), or the line that it
-- writes to the server's log. Everything up to an anchored digest is then as
-- it was when the digest was made; rows that were not sealed yet, and whatever
-- was wrong before it was written, are not covered. The digests are plain
-- SHA-256 of plain text (oat.batch_lines, oat.batch_header), so that they can
-- be computed without trusting this database's functions.
--
-- A batch has rows of one kind and one month, so that oat.retention() can drop
-- one and leave the others verifiable: of a dropped batch the digest of its
-- rows stays.
--
-- Sealing never waits for a login, nor a login for it. It seals up to a mark:
-- an id, and a transaction number newer than every transaction that can have
-- drawn that id or a lower one. Once all older transactions have ended, no row
-- with a lower id can appear (003_02_log.sql). A transaction that stays open
-- holds back the seal, never a login; after ten minutes the seal says whose.

create table oat.activity_batches (
    number bigint constraint activity_batches_pk primary key
        constraint activity_batches_number_ck check (number > 0),
    kind text not null
        constraint activity_batches_kind_ck check (
            kind in ('logins', 'management')),
    month date not null,
    after_id bigint not null,
    up_to_id bigint not null,
    events bigint not null
        constraint activity_batches_events_ck check (events > 0),
    sealed_at timestamptz not null,
    content bytea not null
        constraint activity_batches_content_ck check (length(content) = 32),
    digest bytea not null
        constraint activity_batches_digest_ck check (length(digest) = 32),
    dropped_at timestamptz,
    constraint activity_batches_ids_ck check (after_id < up_to_id)
);
comment on table oat.activity_batches is
    'the seal of activity: its rows in batches, each with a digest that '
    'contains the one before; append-only';
comment on column oat.activity_batches.number is 'from 1, without gaps';
comment on column oat.activity_batches.kind is
    'logins (login, access, session.*) or management (all others)';
comment on column oat.activity_batches.month is
    'the month of recorded_at of its rows';
comment on column oat.activity_batches.after_id is
    'its rows have ids above this one';
comment on column oat.activity_batches.up_to_id is
    '... and up to this one';
comment on column oat.activity_batches.events is 'how many rows it has';
comment on column oat.activity_batches.sealed_at is 'when it was sealed';
comment on column oat.activity_batches.content is
    'SHA-256 of oat.batch_lines(number)';
comment on column oat.activity_batches.digest is
    'SHA-256 of oat.batch_header(number), which has content and the digest '
    'before: the one to keep elsewhere';
comment on column oat.activity_batches.dropped_at is
    'when its rows were dropped by oat.retention()';
create index activity_batches_up_to_ix on oat.activity_batches (up_to_id);
create trigger activity_append_only
    before update or delete on oat.activity_batches
    for each row execute function oat.refuse_change();
create trigger activity_no_truncate before truncate on oat.activity_batches
    for each statement execute function oat.refuse_change();

create table oat.activity_seal (
    one boolean constraint activity_seal_pk primary key default true
        constraint activity_seal_one_ck check (one),
    number bigint not null default 0,
    digest bytea,
    sealed_id bigint not null default 0,
    tail_since timestamptz not null default '-infinity',
    mark_id bigint,
    mark_xid xid8,
    mark_at timestamptz
) with (fillfactor = 10);
comment on table oat.activity_seal is
    'how far activity is sealed; its one row is the lock of the seal';
comment on column oat.activity_seal.number is 'of the newest batch';
comment on column oat.activity_seal.digest is 'of the newest batch';
comment on column oat.activity_seal.sealed_id is
    'rows up to this id are sealed, and in oat.usage_days and oat.last_uses';
comment on column oat.activity_seal.tail_since is
    'rows that are not sealed were recorded after this time';
comment on column oat.activity_seal.mark_id is
    'the last id that was drawn when the mark was made';
comment on column oat.activity_seal.mark_xid is
    'a transaction newer than all that drew ids up to mark_id';
comment on column oat.activity_seal.mark_at is 'when the mark was made';
insert into oat.activity_seal (one) values (true);

-- The same bytes on every release, in every session and database encoding.
create function oat.microseconds(at timestamptz) returns bigint
language sql immutable as $$
    select case when isfinite(at)
        then (extract(epoch from at) * 1000000)::bigint end
$$;
comment on function oat.microseconds(timestamptz) is
    'a time as microseconds since 1970, exactly';

create function oat.activity_line(a oat.activity) returns text
language sql stable as $$
    select json_build_array((a).id, (a).event_id, oat.microseconds((a).at),
        oat.microseconds((a).recorded_at), (a).organization, (a).token,
        (a).actor, (a).event, (a).host, (a).service, (a).rhost, (a).outcome,
        (a).reason, (a).detail)::text
$$;
comment on function oat.activity_line(oat.activity) is
    'a row of activity as one line of JSON: every column, in their order, '
    'times in microseconds since 1970';

-- A database without an encoding may hold what is no UTF-8: that must not keep
-- it from being sealed.
create function oat.sha256_of(words text) returns bytea
language sql stable as $$
    select sha256(convert_to(words, case getdatabaseencoding()
        when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end))
$$;
comment on function oat.sha256_of(text) is 'SHA-256 of a text, in UTF-8';

create function oat.batch_rows(b oat.activity_batches)
returns setof oat.activity
language plpgsql stable rows 10000 set search_path = pg_catalog, pg_temp as $$
declare
    since constant timestamptz := (b.month)::timestamp at time zone 'UTC';
    until constant timestamptz := (b.month + interval '1 month')
        at time zone 'UTC';
begin
    return query
        select a.* from oat.activity a
        where a.id > b.after_id and a.id <= b.up_to_id
            and a.recorded_at >= since and a.recorded_at < until
            and oat.event_kind(a.event) = b.kind;
end
$$;
comment on function oat.batch_rows(oat.activity_batches) is
    'the rows that a batch has now';

create function oat.batch_lines(number bigint) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select string_agg(oat.activity_line(a), E'\n' order by a.id, a.recorded_at)
    from oat.activity_batches b, oat.batch_rows(b) a
    where b.number = batch_lines.number
$$;
comment on function oat.batch_lines(bigint) is
    'what the content of a batch is the SHA-256 of, when its rows are as they '
    'were sealed: one line a row';

create function oat.header_of(b oat.activity_batches, former bytea)
returns text language sql immutable as $$
    select concat_ws(' ', 'oat', 1, (b).number, (b).kind,
        to_char((b).month, 'YYYY-MM'), (b).after_id, (b).up_to_id, (b).events,
        oat.microseconds((b).sealed_at), coalesce(encode(former, 'hex'), '-'),
        encode((b).content, 'hex'))
$$;
comment on function oat.header_of(oat.activity_batches, bytea) is
    'what the digest of a batch is the SHA-256 of, given the digest before';

create function oat.batch_header(number bigint) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select oat.header_of(b, (
        select f.digest from oat.activity_batches f
        where f.number = b.number - 1))
    from oat.activity_batches b where b.number = batch_header.number
$$;
comment on function oat.batch_header(bigint) is
    'what the digest of a batch is the SHA-256 of';

-- The number of a subtransaction is newer than all that were given before.
-- Rolled back, it has ended, and what the next snapshot begins with is newer.
create function oat.newer_xid() returns xid8
language plpgsql as $$
begin
    begin
        update oat.activity_seal set one = true;
        raise no_data_found;
    exception when no_data_found then
        null;
    end;
    return pg_snapshot_xmax(pg_current_snapshot());
end
$$;
comment on function oat.newer_xid() is
    'a transaction number above every one that was given until now';

create function oat.have_ended(older_than xid8) returns boolean
language sql as $$
    select older_than is not null and not exists (
        select from pg_snapshot_xip(pg_current_snapshot()) running
        where running < older_than)
$$;
comment on function oat.have_ended(xid8) is
    'have all transactions older than this one ended, but for our own?';

-- Up to the id before the first count of unknown tokens that may still change.
create function oat.sealable(sealed bigint, drawn bigint, at timestamptz)
returns bigint
language plpgsql as $$
declare
    since constant timestamptz := at - interval '5 minutes';
    first_open bigint;
begin
    select min(a.id) into first_open from oat.activity a
    where a.id > sealed and a.id <= drawn and a.recorded_at > since
        and a.reason = 'unknown_token';
    return coalesce(first_open - 1, drawn);
end
$$;
comment on function oat.sealable(bigint, bigint, timestamptz) is
    'up to which id the rows below a mark are final';

create function oat.next_up_to(after bigint, goal bigint, most bigint)
returns bigint
language plpgsql as $$
declare
    up_to bigint;
    rows bigint;
begin
    select max(n.id), count(*) into up_to, rows from (
        select a.id from oat.activity a where a.id > after and a.id <= goal
        order by a.id limit most) n;
    return case when rows < most then goal else up_to end;
end
$$;
comment on function oat.next_up_to(bigint, bigint, bigint) is
    'up to which id there are at most so many rows after another, or the goal';

create function oat.seal_range(state oat.activity_seal, up_to bigint)
returns setof oat.activity_batches
language plpgsql as $$
declare
    b oat.activity_batches;
begin
    b.after_id := state.sealed_id;
    b.up_to_id := up_to;
    b.number := state.number;
    b.digest := state.digest;
    for b.month, b.kind, b.events, b.content in
        select oat.month_of(a.recorded_at), oat.event_kind(a.event), count(*),
            oat.sha256_of(string_agg(oat.activity_line(a), E'\n'
                order by a.id, a.recorded_at))
        from oat.activity a
        where a.id > state.sealed_id and a.id <= up_to
        group by 1, 2 order by 1, 2
    loop
        b.number := b.number + 1;
        b.sealed_at := clock_timestamp();
        b.digest := oat.sha256_of(oat.header_of(b, b.digest));
        insert into oat.activity_batches select b.*;
        raise log 'oat: activity batch % up to id % has digest %', b.number,
            b.up_to_id, encode(b.digest, 'hex');
        return next b;
    end loop;
end
$$;
comment on function oat.seal_range(oat.activity_seal, bigint) is
    'seals the rows from where the seal is up to an id; returns the batches';

-- The clock before the id: what is drawn later is recorded later.
create function oat.fresh_mark(out id bigint, out xid xid8,
    out at timestamptz)
language plpgsql as $$
begin
    at := clock_timestamp();
    select case when q.is_called then q.last_value else 0 end into id
    from oat.activity_id q;
    xid := oat.newer_xid();
end
$$;
comment on function oat.fresh_mark() is
    'an id, and a transaction newer than all that drew it or a lower one';

create function oat.refuse_isolation() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'invalid_transaction_state',
        message = format('activity is not sealed under %s',
            current_setting('transaction_isolation')),
        detail = 'The seal must see what was committed meanwhile.',
        hint = 'begin isolation level read committed';
end
$$;
comment on function oat.refuse_isolation() is
    'raises: the transaction cannot see which others have ended';

-- A mark whose transactions have not ended yet is kept for a later call: a
-- writer that is always busy delays the seal by one call, not for good.
create function oat.seal_activity(most bigint default 100000)
returns table (batch bigint, kind text, month date, events bigint,
    up_to_id bigint, digest text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set jit = off set lock_timeout = '10s' as $$
declare
    s oat.activity_seal;
    began_at bigint;
    fresh record;
    b oat.activity_batches;
    goal bigint;
    up_to bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        perform oat.refuse_isolation();
    end if;
    perform oat.keep_months_ahead();
    select q.* into s from oat.activity_seal q for update;
    began_at := s.sealed_id;
    fresh := oat.fresh_mark();
    goal := case
        when oat.have_ended(fresh.xid) then
            oat.sealable(s.sealed_id, fresh.id, fresh.at)
        when oat.have_ended(s.mark_xid) then
            oat.sealable(s.sealed_id, s.mark_id, s.mark_at)
        else s.sealed_id end;
    while s.sealed_id < goal and most > 0 loop
        up_to := oat.next_up_to(s.sealed_id, goal, least(most, 10000));
        for b in select r.* from oat.seal_range(s, up_to) r loop
            s.number := b.number;
            s.digest := b.digest;
            return query select b.number, b.kind, b.month, b.events,
                b.up_to_id, encode(b.digest, 'hex');
        end loop;
        s.sealed_id := up_to;
        most := most - 10000;
    end loop;
    perform oat.roll_up(began_at, s.sealed_id);
    perform oat.keep_seal(s, fresh.id, fresh.xid, fresh.at);
end
$$;
comment on function oat.seal_activity(bigint) is
    'seals the rows of activity that are final, at most about so many, and '
    'adds them to the reports; returns the batches, whose digests also go to '
    'the server''s log. Anchor them elsewhere';

create function oat.warn_held_back(since timestamptz) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    holder record;
begin
    select a.usename, a.pid into holder from pg_stat_activity a
    where a.backend_xid is not null and a.pid <> pg_backend_pid()
    order by age(a.backend_xid) desc limit 1;
    raise warning using
        message = format('oat: activity after %s is not sealed: a transaction '
            'of %s is open', oat.utc(since), coalesce(holder.usename,
            'nobody that is connected')),
        hint = format('select pg_terminate_backend(%s); or look at '
            'pg_prepared_xacts', coalesce(holder.pid::text, '...'));
end
$$;
comment on function oat.warn_held_back(timestamptz) is
    'says whose open transaction holds back the seal';

create function oat.keep_seal(s oat.activity_seal, id bigint, xid xid8,
    at timestamptz) returns void
language plpgsql as $$
begin
    if s.mark_at < at - interval '10 minutes'
            and not oat.have_ended(s.mark_xid) then
        perform oat.warn_held_back(s.mark_at);
    end if;
    if s.mark_id is null or s.sealed_id >= s.mark_id
            or s.mark_xid > xid then -- restored from another cluster
        s.tail_since := coalesce(case when s.sealed_id >= s.mark_id
            then s.mark_at end, s.tail_since);
        s.mark_id := id;
        s.mark_xid := xid;
        s.mark_at := at;
    end if;
    if s.sealed_id >= id then
        s.tail_since := at;
    end if;
    update oat.activity_seal q
    set number = s.number, digest = s.digest, sealed_id = s.sealed_id,
        tail_since = s.tail_since, mark_id = s.mark_id, mark_xid = s.mark_xid,
        mark_at = s.mark_at;
end
$$;
comment on function oat.keep_seal(oat.activity_seal, bigint, xid8,
    timestamptz) is
    'remembers how far the seal is, and the mark to reach next';

revoke all on all functions in schema oat from public;
grant execute on function oat.seal_activity(bigint) to oat_admin, oat_auditor;
