-- SPDX-License-Identifier: MIT
--
-- Organizations, their plans, and the count of their tokens. The count and
-- its limit stand in one row, and both sides of the race change that row: who
-- adds tokens, and who makes the limit smaller. Counting rows instead would
-- be wrong at every isolation level.

create table oat.token_counts (
    organization text
        constraint token_counts_pk primary key
        constraint token_counts_organization_fk references oat.organizations
            on delete cascade,
    held integer not null default 0
        constraint token_counts_held_ck check (held >= 0),
    max_tokens integer,
    constraint token_counts_limit_ck check (
        max_tokens is null or held <= max_tokens)
);
comment on table oat.token_counts is
    'how many tokens an organization holds, and may hold; by trigger alone';

create function oat.check_setting() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    span text[];
begin
    if new.key is distinct from 'uid_range' then
        raise exception using
            errcode = 'OA018',
            message = format('there is no setting %s', quote_nullable(new.key)),
            detail = 'Settings: uid_range.',
            hint = 'update oat.settings set value = ''70000-99999'' '
                'where key = ''uid_range''';
    end if;
    span := regexp_match(new.value, '^([1-9][0-9]{4,9})-([1-9][0-9]{4,9})$');
    if span is null or span[1]::bigint < 65536
            or span[2]::bigint > 2147483647
            or span[1]::bigint > span[2]::bigint then
        raise exception using
            errcode = 'OA018',
            message = 'uid_range is not a range of uids',
            detail = 'It is <first>-<last> within 65536 to 2147483647.',
            hint = 'for example 70000-99999';
    end if;
    return new;
end
$$;
comment on function oat.check_setting() is
    'trigger: keys and values of settings';
create trigger settings_check before insert or update on oat.settings
    for each row execute function oat.check_setting();

create function oat.keep_setting() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA018',
        message = format('setting %s cannot be deleted', old.key),
        detail = 'oat does not work without it.',
        hint = 'update it instead';
end
$$;
comment on function oat.keep_setting() is 'trigger: settings stay';
create trigger settings_keep before delete on oat.settings
    for each row execute function oat.keep_setting();

create function oat.check_organization() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'UPDATE' and (new.name, new.created_at, new.created_by)
            is distinct from (old.name, old.created_at, old.created_by) then
        raise exception using
            errcode = 'OA007',
            message = format('organization %s keeps its name and its creation',
                old.name),
            detail = 'Logins and groups on every host contain the name.',
            hint = 'make another organization, and tokens in it';
    elsif new.name is null or new.name !~ '^[a-z][a-z0-9]{1,15}$' then
        raise exception using
            errcode = 'OA001',
            message = format('an organization cannot be called %s',
                quote_nullable(left(new.name, 64))),
            detail = 'Names have 2 to 16 lower-case letters and digits, a '
                'letter first, no hyphen.',
            hint = 'choose a name like acme';
    elsif new.name in ('sudo', 'users') then
        raise exception using
            errcode = 'OA001',
            message = format('an organization cannot be called %s', new.name),
            detail = format('oat-%s is a group of oat''s own.', new.name),
            hint = 'choose another name';
    end if;
    if tg_op = 'INSERT' then
        new.created_at := now();
        new.created_by := session_user;
    end if;
    return new;
end
$$;
comment on function oat.check_organization() is
    'trigger: the name of an organization, and what stays';
create trigger organizations_20_check
    before insert or update on oat.organizations
    for each row execute function oat.check_organization();

-- The plan's row is held against a change of max_tokens meanwhile. Above READ
-- COMMITTED that side would not see this organization, so it must fail: there
-- the row is written.
create function oat.plan_limit(plan text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    max_tokens integer;
begin
    if current_setting('transaction_isolation') = 'read committed' then
        select p.max_tokens into max_tokens from oat.plans p
        where p.name = plan for share;
    else
        update oat.plans p set max_tokens = p.max_tokens
        where p.name = plan returning p.max_tokens into max_tokens;
    end if;
    return max_tokens;
end
$$;
comment on function oat.plan_limit(text) is
    'how many tokens a plan allows, and for the rest of this transaction';

create function oat.refuse_plan(organization text, plan text,
    max_tokens integer, held integer) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA006',
        message = format('organization %s holds %s tokens, plan %s allows %s',
            organization, held, plan, max_tokens),
        detail = 'Every token counts until it is deleted.',
        hint = format('delete %s of its tokens first, or choose a larger plan',
            held - max_tokens);
end
$$;
comment on function oat.refuse_plan(text, text, integer, integer) is
    'raises: a plan is smaller than what is in use';

create function oat.organization_made() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into oat.token_counts (organization, max_tokens)
    values (new.name, oat.plan_limit(new.plan));
    perform oat.make_group('oat-' || new.name, 'organization', new.name);
    return null;
end
$$;
comment on function oat.organization_made() is
    'trigger: a new organization gets its count and its group';
create trigger organizations_made after insert on oat.organizations
    for each row execute function oat.organization_made();

create function oat.organization_plan() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    allowed integer := oat.plan_limit(new.plan);
    held integer;
begin
    update oat.token_counts c set max_tokens = allowed
    where c.organization = new.name
        and (allowed is null or c.held <= allowed);
    if not found then
        select c.held into held from oat.token_counts c
        where c.organization = new.name;
        perform oat.refuse_plan(new.name, new.plan, allowed, held);
    end if;
    return null;
end
$$;
comment on function oat.organization_plan() is
    'trigger: an organization changes its plan, if what it holds fits';
create trigger organizations_plan after update of plan on oat.organizations
    for each row when (old.plan is distinct from new.plan)
    execute function oat.organization_plan();

create function oat.plan_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    over record;
begin
    update oat.token_counts c set max_tokens = new.max_tokens
    from oat.organizations o
    where o.name = c.organization and o.plan = new.name
        and (new.max_tokens is null or c.held <= new.max_tokens);
    select c.organization, c.held into over
    from oat.token_counts c join oat.organizations o on o.name = c.organization
    where o.plan = new.name and c.held > new.max_tokens
    order by c.organization limit 1;
    if found then
        perform oat.refuse_plan(over.organization, new.name, new.max_tokens,
            over.held);
    end if;
    return null;
end
$$;
comment on function oat.plan_changed() is
    'trigger: a plan changes its limit, if every organization on it fits';
create trigger plans_changed after update of max_tokens on oat.plans
    for each row when (old.max_tokens is distinct from new.max_tokens)
    execute function oat.plan_changed();

create function oat.refuse_full(organization text, added bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    counted oat.token_counts;
    plan text;
    candidates text;
begin
    select c.* into counted from oat.token_counts c
    where c.organization = refuse_full.organization;
    select o.plan into plan from oat.organizations o
    where o.name = refuse_full.organization;
    select string_agg(t.name, ', ') into candidates from (
        select t.name from oat.tokens t
        where t.organization = refuse_full.organization
            and (t.deactivated_at is not null or t.expires_at <= now())
        order by t.name limit 5) t;
    raise exception using
        errcode = 'OA005',
        message = format('organization %s holds %s of %s tokens of plan %s%s',
            organization, counted.held, counted.max_tokens, plan,
            case when added > 1 then format(', %s more do not fit', added)
                else '' end),
        detail = case when candidates is null
            then 'None of them is expired or deactivated.'
            else 'Expired or deactivated: ' || candidates || '.' end
            || ' Every token counts until it is deleted.',
        hint = format('delete from oat.tokens where organization = %L and '
            'name = ...; or a larger plan: update oat.organizations set plan = '
            '''business'' where name = %L', organization, organization);
end
$$;
comment on function oat.refuse_full(text, bigint) is
    'raises: the plan is full; says which tokens could go';

create function oat.count_tokens(organization text, added bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update oat.token_counts c set held = c.held + added
    where c.organization = count_tokens.organization
        and (c.max_tokens is null or c.held + added <= c.max_tokens);
    if not found and added > 0 then
        perform oat.refuse_full(organization, added);
    end if;
end
$$;
comment on function oat.count_tokens(text, bigint) is
    'counts tokens that came or went; raises when they do not fit';

revoke all on all functions in schema oat from public;
