-- SPDX-License-Identifier: MIT
--
-- The activity log: append-only, one partition a month of recorded_at, so that
-- whole months can go and rows are in the order in which they arrived.
--
-- at <= recorded_at + 5 minutes and at > recorded_at - 90 days always hold
-- (oat.host_record() clamps): a report over days of `at` knows its partitions.

create sequence oat.activity_id;
comment on sequence oat.activity_id is 'numbers the rows of activity';

create table oat.activity (
    id bigint not null default nextval('oat.activity_id'),
    event_id uuid not null default gen_random_uuid(),
    at timestamptz not null default now(),
    recorded_at timestamptz not null default now(),
    organization text,
    token text,
    actor text not null,
    event text not null
        constraint activity_event_ck check (event ~ '^[a-z]+(\.[a-z]+)?$'),
    host text,
    service text,
    rhost inet,
    outcome text
        constraint activity_outcome_ck check (
            outcome in ('success', 'failure')),
    reason text
        constraint activity_reason_ck check (
            (reason is not null) = (outcome is not distinct from 'failure')),
    detail jsonb not null default '{}',
    constraint activity_pk primary key (id, recorded_at)
) partition by range (recorded_at);
comment on table oat.activity is
    'everything that happened: management by trigger, logins by hosts; append-'
    'only. actor is the database user, for events of hosts the login';
comment on column oat.activity.id is 'in the order of arrival, with gaps';
comment on column oat.activity.event_id is
    'given by the host, so that an event sent twice counts once';
comment on column oat.activity.at is 'when it happened';
comment on column oat.activity.recorded_at is 'when it arrived here';
comment on column oat.activity.organization is 'whose token, if known';
comment on column oat.activity.token is 'which token, if known';
comment on column oat.activity.actor is
    'who: the database role for management, the login for events of hosts';
comment on column oat.activity.event is 'what happened';
comment on column oat.activity.host is
    'where; of a grant or allowance, its pattern';
comment on column oat.activity.service is 'the PAM service';
comment on column oat.activity.rhost is
    'from where, if it came as an address; else it is in detail';
comment on column oat.activity.outcome is
    'success or failure of a login or access; null for other events';
comment on column oat.activity.reason is 'why it was refused';
comment on column oat.activity.detail is
    'selector, tty and what else belongs to the event; never a verifier';
-- Last use, and whether a token is idle: the one index a login may read.
create index activity_use_ix on oat.activity (organization, token, at desc)
    where outcome = 'success';
create index activity_event_ix on oat.activity (event_id);
create index activity_organization_ix on oat.activity (organization, at);
create index activity_host_ix on oat.activity (host, at);

-- A month that nobody made in time still has a place.
create table oat.activity_default partition of oat.activity default;
comment on table oat.activity_default is
    'activity of months without a partition of their own';
create index activity_default_recorded_ix on oat.activity_default (recorded_at);

create function oat.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- The one exception: a count of unknown_token, within its minute.
    if tg_op = 'UPDATE' and current_user = 'oat_owner'
            and tg_table_name like 'activity%' then
        if old.reason = 'unknown_token'
                and old.recorded_at > now() - interval '5 minutes'
                and to_jsonb(old) - 'detail' = to_jsonb(new) - 'detail' then
            return new;
        end if;
    end if;
    raise exception using
        errcode = 'OA012',
        message = format('%s on %I.%I is refused', lower(tg_op),
            tg_table_schema, tg_table_name),
        detail = case when tg_table_name like 'activity%'
            then 'The activity log is append-only.'
            else 'Truncating would skip the triggers that count and log.' end,
        hint = case when tg_table_name like 'activity%'
            then 'Old activity goes by whole months.'
            else 'Use delete.' end;
end
$$;
comment on function oat.refuse_change() is
    'trigger: rows of the log stay as they are; no table is truncated';

create trigger activity_append_only before update or delete on oat.activity
    for each row execute function oat.refuse_change();
create trigger activity_no_truncate before truncate on oat.activity
    for each statement execute function oat.refuse_change();
create trigger activity_no_truncate before truncate on oat.activity_default
    for each statement execute function oat.refuse_change();

do $truncate$
declare
    name text;
begin
    foreach name in array array['settings', 'plans', 'organizations', 'hosts',
        'tokens', 'grants', 'allowances', 'delegates']
    loop
        execute format('create trigger %I before truncate on oat.%I '
            'for each statement execute function oat.refuse_change()',
            name || '_no_truncate', name);
    end loop;
end
$truncate$;

-- Nobody reaches a partition but through oat.activity: no privileges, and
-- forced row-level security without a policy, for the owner too.
create function oat.close_partition(partition text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format('alter table oat.%I enable row level security', partition);
    execute format('alter table oat.%I force row level security', partition);
end
$$;
comment on function oat.close_partition(text) is
    'leaves no way into a partition of the log but the log itself';

-- A month is attached, not created in place: that takes no lock which a login
-- would wait for. When rows of it are in the default partition already, it
-- stays there.
create function oat.make_month(first_day date) returns boolean
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
    execute format('create table oat.%I (like oat.activity including '
        'defaults including constraints)', name);
    execute format('create trigger activity_no_truncate before truncate '
        'on oat.%I for each statement execute function oat.refuse_change()',
        name);
    execute format('alter table oat.activity attach partition oat.%I '
        'for values from (%L) to (%L)', name, since, until);
    execute format('comment on table oat.%I is %L', name,
        'activity recorded in ' || to_char(first_day, 'YYYY-MM'));
    perform oat.close_partition(name);
    return true;
end
$$;
comment on function oat.make_month(date) is
    'makes the partition of activity for the month that begins on this day; '
    'false when there is nothing to make';

create function oat.make_months(ahead integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    made integer := 0;
    step integer;
begin
    for step in 0 .. ahead loop
        if oat.make_month((date_trunc('month', now())
                + make_interval(months => step))::date) then
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;
comment on function oat.make_months(integer) is
    'makes the partitions of activity from this month on; returns how many';

-- A partition that cannot be made now is made by the next change; meanwhile
-- the default partition has room. Never the reason for a failure.
create function oat.keep_months_ahead() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
begin
    if to_regclass('oat.activity_' || to_char(now() + interval '2 months',
            'YYYY_MM')) is null then
        perform oat.make_months(3);
    end if;
exception when others then
    raise warning 'oat: no partition was made ahead: %', sqlerrm;
end
$$;
comment on function oat.keep_months_ahead() is
    'makes the partitions of the next months, unless they are there';

do $months$
begin
    perform oat.close_partition('activity_default');
    perform oat.make_months(3);
end
$months$;

revoke all on all functions in schema oat from public;
