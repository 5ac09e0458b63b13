-- SPDX-License-Identifier: MIT
--
-- The generation: a number that grows with every management change, so that a
-- host can ask "anything new?" and be answered from one index.
--
-- It is drawn at the very end of the writing transaction, by a deferred
-- trigger, under a row lock. So numbers are visible in the order in which they
-- were drawn (a host that saw 7 has seen all up to 7), and an administrator
-- who leaves a transaction open over lunch keeps nobody from revoking. The
-- lock is a row that only the owner can lock: hosts may take any advisory
-- lock, and would hold up everybody. It is never updated, and numbers are
-- inserted, so that it also works above READ COMMITTED.

create table oat.locks (
    name text constraint locks_pk primary key
);
comment on table oat.locks is 'rows to lock, never to change';
insert into oat.locks values ('generation');

create sequence oat.generation_number;
comment on sequence oat.generation_number is
    'the last generation drawn; drawn under the lock, not yet visible perhaps';

create table oat.generations (
    value bigint constraint generations_pk primary key,
    at timestamptz not null default clock_timestamp()
);
comment on table oat.generations is 'the generations of the rows, newest last';

create table oat.touches (
    xid xid8 constraint touches_pk primary key
);
comment on table oat.touches is
    'transactions under way that will draw a generation; always empty outside';

-- Microseconds since 1970, at least: a database restored from a dump goes on
-- above every number that its hosts have seen.
create function oat.draw_generation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    drawn bigint;
begin
    perform from oat.locks l where l.name = 'generation' for update;
    drawn := greatest(nextval('oat.generation_number'),
        (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    perform setval('oat.generation_number', drawn);
    insert into oat.generations (value) values (drawn);
    delete from oat.touches t where t.xid = new.xid;
    if current_setting('transaction_isolation') = 'read committed' then
        delete from oat.generations g where g.value < drawn;
    end if;
    perform oat.keep_months_ahead();
    perform pg_notify('oat_changed', '');
    return null;
end
$$;
comment on function oat.draw_generation() is
    'trigger: gives the ending transaction its generation, tells listeners';

create constraint trigger touches_draw after insert on oat.touches
    deferrable initially deferred
    for each row execute function oat.draw_generation();

create function oat.touch() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from oat.touches t
            where t.xid = pg_current_xact_id()) then
        insert into oat.touches values (pg_current_xact_id());
    end if;
end
$$;
comment on function oat.touch() is
    'this transaction changes something that hosts or reports show';

create function oat.generation() returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(max(value), 0) from oat.generations
$$;
comment on function oat.generation() is 'the newest generation visible here';

-- Management events. One function for all tables: TG_ARGV[0] is the noun.
create function oat.change_event(noun text, op text, before jsonb, after jsonb)
returns text language sql immutable as $$
    select noun || '.' || case
        when op = 'INSERT' then
            case noun when 'host' then 'enrolled' else 'created' end
        when op = 'DELETE' then
            case noun when 'host' then 'removed' else 'deleted' end
        when noun = 'token' and before -> 'selector' <> after -> 'selector'
            then 'rotated'
        when noun = 'token' and before ->> 'deactivated_at' is null
                and after ->> 'deactivated_at' is not null then 'deactivated'
        when noun = 'token' and before ->> 'deactivated_at' is not null
                and after ->> 'deactivated_at' is null then 'activated'
        else 'updated' end
$$;
comment on function oat.change_event(text, text, jsonb, jsonb) is
    'what a change of a row is called in the log';

create function oat.only_changed(one jsonb, other jsonb) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    from jsonb_each(one) e
    where e.value is distinct from other -> e.key
$$;
comment on function oat.only_changed(jsonb, jsonb) is
    'of one row, the columns that the other has not got alike';

create function oat.change_detail(noun text, before jsonb, after jsonb)
returns jsonb
language plpgsql stable as $$
declare
    this constant jsonb := coalesce(after, before);
    detail constant jsonb := jsonb_strip_nulls(jsonb_build_object(
        'row', case when noun in ('plan', 'setting')
            then coalesce(this ->> 'name', this ->> 'key') end,
        'role', case noun when 'delegate' then this ->> 'role' end,
        'set_role', nullif(current_setting('role', true), 'none'),
        'note', nullif(current_setting('oat.note', true), '')));
begin
    if before is null then
        return detail || jsonb_build_object('new', after);
    elsif after is null then
        return detail || jsonb_build_object('old', before);
    end if;
    return detail || jsonb_build_object(
        'old', oat.only_changed(before, after),
        'new', oat.only_changed(after, before));
end
$$;
comment on function oat.change_detail(text, jsonb, jsonb) is
    'what the log keeps of a change: old and new values, who as whom, the note';

-- The time zone only decides how times are spelled in detail.
create function oat.log_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    noun constant text := tg_argv[0];
    before constant jsonb := case when tg_op <> 'INSERT'
        then to_jsonb(old) - 'verifier' end;
    after constant jsonb := case when tg_op <> 'DELETE'
        then to_jsonb(new) - 'verifier' end;
    this constant jsonb := coalesce(after, before);
begin
    insert into oat.activity (organization, token, actor, event, host, service,
        detail)
    values (
        case noun when 'organization' then this ->> 'name'
            else this ->> 'organization' end,
        case noun when 'token' then this ->> 'name'
            else this ->> 'token' end,
        session_user,
        oat.change_event(noun, tg_op, before, after),
        case noun when 'host' then this ->> 'name' else this ->> 'host' end,
        this ->> 'service',
        oat.change_detail(noun, before, after));
    perform oat.touch();
    return null;
end
$$;
comment on function oat.log_change() is
    'trigger: one row of activity for one changed row, with old and new values';

do $log$
declare
    kind text[];
begin
    foreach kind slice 1 in array array[
        ['settings', 'setting'], ['plans', 'plan'],
        ['organizations', 'organization'], ['hosts', 'host'],
        ['grants', 'grant'], ['allowances', 'allowance'],
        ['delegates', 'delegate'], ['tokens', 'token']]
    loop
        execute format('create trigger %I after insert or delete on oat.%I '
            'for each row execute function oat.log_change(%L)',
            kind[1] || '_log', kind[1], kind[2]);
        -- Not a change: a statement that leaves the row as it was, and the use
        -- that a login takes off uses_left (in the owner's name).
        execute format('create trigger %I after update on oat.%I '
            'for each row when (old.* is distinct from new.*%s) '
            'execute function oat.log_change(%L)',
            kind[1] || '_log_update', kind[1], case kind[1]
            when 'tokens' then ' and (current_user <> ''oat_owner'' or to_jsonb'
                '(old) - ''uses_left'' <> to_jsonb(new) - ''uses_left'')'
            else '' end, kind[2]);
    end loop;
end
$log$;

revoke all on all functions in schema oat from public;
