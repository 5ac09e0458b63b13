-- SPDX-License-Identifier: MIT
--
-- The log: in which order rows arrive, which kinds of rows there are, and rows
-- for what is managed although no row of a table shows it.
--
-- What sealing rests on: a transaction has its number before it draws the id
-- of a row, so that "every transaction older than this one has ended" is also
-- "no lower id comes any more"; recorded_at is the clock at that moment, not
-- the beginning of a transaction that a host may hold open.

create function oat.next_activity_id() returns bigint
language sql as $$
    select case when pg_current_xact_id() is not null
        then nextval('oat.activity_id') end
$$;
comment on function oat.next_activity_id() is
    'the id of a new row of activity, for a transaction that has a number';

alter table oat.activity
    alter column id set default oat.next_activity_id(),
    alter column recorded_at set default clock_timestamp();
comment on column oat.activity.recorded_at is
    'when it arrived here, by the clock';

-- Hosts send these, and oat.event_problem() lets no other through.
create function oat.event_kind(event text) returns text
language sql immutable as $$
    select case when event in ('login', 'access') or event like 'session.%'
        then 'logins' else 'management' end
$$;
comment on function oat.event_kind(text) is
    'logins: what tokens did; management: what was done to them, and the rest';

create function oat.month_of(at timestamptz) returns date
language sql immutable as $$
    select date_trunc('month', at at time zone 'UTC')::date
$$;
comment on function oat.month_of(timestamptz) is
    'the first day of a time''s month, in UTC as the partitions of activity';

-- The two exceptions, both in the owner's name: the count of an unknown_token
-- within its minutes, by the clock (now() may be hours old), and what
-- oat.retention() has marked as dropped.
create or replace function oat.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    is_log constant boolean := tg_table_name like 'activity%';
begin
    if is_log and current_user = 'oat_owner' and tg_level = 'ROW'
            and oat.may_change(tg_op, to_jsonb(old), case tg_op
                when 'UPDATE' then to_jsonb(new) end) then
        return coalesce(new, old);
    end if;
    raise exception using
        errcode = 'OA012',
        message = format('%s on %I.%I is refused', lower(tg_op),
            tg_table_schema, tg_table_name),
        detail = case when is_log then 'The activity log is append-only.'
            else 'Truncating would skip the triggers that count and log.' end,
        hint = case when is_log then 'Old activity goes by whole months: '
            'oat.retention().' else 'Use delete.' end;
end
$$;

create function oat.may_change(op text, before jsonb, after jsonb)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if before ? 'digest' then -- a batch
        return op = 'UPDATE' and before ->> 'dropped_at' is null
            and before - 'dropped_at' = after - 'dropped_at';
    elsif op = 'UPDATE' then
        return before ->> 'reason' = 'unknown_token'
            and (before ->> 'recorded_at')::timestamptz
                > clock_timestamp() - interval '5 minutes'
            and before - 'detail' = after - 'detail';
    end if;
    return exists (
        select from oat.activity_batches b
        where b.dropped_at is not null
            and b.kind = oat.event_kind(before ->> 'event')
            and b.month = oat.month_of((before ->> 'recorded_at')::timestamptz)
            and b.after_id < (before ->> 'id')::bigint
            and b.up_to_id >= (before ->> 'id')::bigint);
end
$$;
comment on function oat.may_change(text, jsonb, jsonb) is
    'is this one of the changes that the log permits its owner?';

-- Done by a function, to what is no row of a table that is logged.
create function oat.log_action(event text, host text, detail jsonb)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    logged bigint;
begin
    insert into oat.activity (actor, event, host, detail)
    values (session_user, log_action.event, log_action.host,
        oat.change_detail('action', null, log_action.detail))
    returning id into logged;
    return logged;
end
$$;
comment on function oat.log_action(text, text, jsonb) is
    'one row of activity for what was done by a function; returns its id';

create function oat.alert(activity_id bigint) returns void
language sql as $$
    select pg_notify('oat_alert', activity_id::text)
$$;
comment on function oat.alert(bigint) is
    'tells listeners of oat_alert to look at a row of activity; anybody can '
    'LISTEN, so that they get its id and nothing else';

create or replace function oat.new_generation() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update oat.host_state s set ahead_at = null, ahead_generation = null
    where s.ahead_at is not null;
    perform oat.touch();
    perform oat.log_action('snapshot.renewed', null, '{}');
end
$$;

create or replace function oat.skip_ids(up_to bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.next_id();
    perform oat.take_ids(up_to);
    perform oat.log_action('ids.skipped', null,
        jsonb_build_object('up_to', up_to));
    return oat.next_id();
end
$$;

create function oat.log_password(host text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select oat.log_action('host.updated', host, '{"password": "set"}')
$$;
comment on function oat.log_password(text) is
    'one row of activity for the new password of a host''s role';

create or replace function oat.make_host_role(role text, password text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
set password_encryption = 'scram-sha-256' as $$
begin
    if not exists (select from pg_roles r where r.rolname = role) then
        execute format('create role %I login connection limit 32', role);
        execute format('grant oat_host to %I', role);
        execute format('comment on role %I is %L', role, 'a host of oat');
    elsif not oat.is_host_role(role) then
        raise exception using
            errcode = 'OA011',
            message = format('role %s exists and is not a host''s', role),
            detail = 'A host''s role logs in, is a member of oat_host alone '
                'and has no attribute of power.',
            hint = 'choose another name for the host, or drop the role';
    elsif password is not null then
        perform oat.log_password(substr(role, length('oat_') + 1));
    end if;
    if password is not null then
        execute format('alter role %I password %L', role, password);
    end if;
exception when insufficient_privilege then
    raise exception using
        errcode = 'insufficient_privilege',
        message = format('%s may not make host roles', current_user),
        detail = sqlerrm || '.',
        hint = format('as a superuser: alter role %I createrole; grant '
            'oat_host to %I with admin option', current_user, current_user);
end
$$;

-- Indexes and all, so that attaching it takes no time. It belongs to the log
-- only once it is attached.
create function oat.new_partition(name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format('create table oat.%I (like oat.activity including '
        'defaults including constraints including indexes)', name);
    execute format('create trigger activity_no_truncate before truncate '
        'on oat.%I for each statement execute function oat.refuse_change()',
        name);
end
$$;
comment on function oat.new_partition(text) is
    'makes a table that can become a partition of activity';

create or replace function oat.make_month(first_day date) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
set lock_timeout = '200ms' as $$
declare
    since timestamptz := first_day;
    until timestamptz := first_day + interval '1 month';
    name text := 'activity_' || to_char(first_day, 'YYYY_MM');
begin
    if to_regclass('oat.' || name) is not null or exists (
            select from oat.activity
            where recorded_at >= since and recorded_at < until) then
        return false;
    end if;
    perform oat.new_partition(name);
    execute format('alter table oat.activity attach partition oat.%I '
        'for values from (%L) to (%L)', name, since, until);
    execute format('comment on table oat.%I is %L', name,
        'activity recorded in ' || to_char(first_day, 'YYYY-MM'));
    perform oat.close_partition(name);
    return true;
end
$$;

revoke all on all functions in schema oat from public;
grant execute on function oat.log_password(text) to oat_admin;
