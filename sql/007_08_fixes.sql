-- SPDX-License-Identifier: MIT
--
-- Ways out that lead out: of a full range, a full plan, a count that is not
-- what is there, a host whose role is not called after it.

-- As much again above the last number; nobody has uids above 2147483647.
create function oat.wider_range(first bigint, last bigint) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select case when last < 2147483647
        then format('widen it here and as uid_range in each oat.conf: update '
            'oat.settings set value = ''%s-%s'' where key = ''uid_range''',
            first, least(last + 100000, 2147483647))
        else 'there are no higher numbers: install oat into another database, '
            'with hosts and a uid_range of its own' end
$$;
comment on function oat.wider_range(bigint, bigint) is
    'the SQL that makes room above the last number, in words';

create or replace function oat.next_id() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    span text[];
    candidate bigint;
begin
    select a.last into candidate from oat.allocator a for update;
    select regexp_split_to_array(s.value, '-') into span
    from oat.settings s where s.key = 'uid_range';
    select greatest(candidate, max(t.uid), span[1]::bigint - 1) + 1
    into candidate from oat.tokens t;
    if candidate > span[2]::bigint then
        raise exception using
            errcode = 'OA009',
            message = format('no uid or gid is left in %s-%s',
                span[1], span[2]),
            detail = 'Numbers are never given twice, deleted tokens keep '
                'theirs.',
            hint = oat.wider_range(span[1]::bigint, candidate - 1);
    end if;
    return candidate;
end
$$;

-- The smallest plan that is large enough; of two, the first by name.
create function oat.larger_plan(organization text, needed bigint)
returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select coalesce((
        select format('update oat.organizations set plan = %L where name = %L',
            p.name, organization)
        from oat.plans p
        where p.max_tokens >= needed or p.max_tokens is null
        order by p.max_tokens, p.name limit 1), (
        select format('update oat.plans set max_tokens = %s where name = %L',
            needed, o.plan)
        from oat.organizations o where o.name = larger_plan.organization))
$$;
comment on function oat.larger_plan(text, bigint) is
    'the SQL by which an organization may hold so many tokens';

create or replace function oat.refuse_full(organization text, added bigint)
returns void
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
            'name = ...; or a larger plan: %s', organization,
            oat.larger_plan(organization, counted.held + added));
end
$$;

-- Under the lock of the count: who adds tokens at the same moment has not
-- counted them yet, or has committed.
create function oat.recount(organization text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    counted oat.token_counts;
    there bigint;
begin
    select c.* into counted from oat.token_counts c
    where c.organization = recount.organization for update;
    if not found then
        raise exception using
            errcode = 'OA008',
            message = format('there is no organization %s to count',
                left(organization, 64)),
            detail = 'Its tokens would be counted.',
            hint = 'select name from oat.organizations';
    end if;
    select count(*) into there from oat.tokens t
    where t.organization = recount.organization;
    if there > counted.max_tokens then
        perform oat.refuse_plan(organization, (
            select o.plan from oat.organizations o
            where o.name = recount.organization), counted.max_tokens,
            there::integer);
    end if;
    if there <> counted.held then
        update oat.token_counts c set held = there
        where c.organization = recount.organization;
        perform oat.log_action('tokens.recounted', null, jsonb_build_object(
            'organization', organization, 'was', counted.held, 'is', there));
    end if;
    return there;
end
$$;
comment on function oat.recount(text) is
    'counts the tokens of an organization again, as after a restore in parts; '
    'returns how many';

-- By enrolling a host, the role that is made is called after it.
create or replace function oat.roles_without_rights()
returns table (subject text, problem text, fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select format('host %s', h.name), format('role %s is missing or not a '
        'host''s', h.role),
        case when h.role = 'oat_' || h.name
            then format('select oat.enroll_host(%L, password => ...)', h.name)
            else format('select oat.make_host_role(%L, ...)', h.role) end
    from oat.hosts h where not oat.is_host_role(h.role)
    union all
    select format('delegate %s of %s', d.role, d.organization),
        'the role is missing', format('create role %I login; grant '
        'oat_delegate to %I', d.role, d.role)
    from oat.delegates d
    where not exists (select from pg_roles r where r.rolname = d.role)
$$;

create or replace function oat.restore_check()
returns table (check_name text, passed boolean, subject text, detail text,
    fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    with problem as (
        select 'generation' as check_name, format('host %s', s.host) as subject,
            format('it knew generation %s, newer than this database', greatest(
                s.ahead_generation, s.known_generation)) as detail,
            'select oat.new_generation(); and on the host look at the highest '
            'uid: select oat.skip_ids(...)' as fix
        from oat.host_state s
        where s.ahead_generation is not null
            or s.known_generation > oat.generation()
        union all
        select 'roles', r.subject, r.problem, r.fix
        from oat.roles_without_rights() r
        union all
        select 'revocations', l.subject, l.problem, l.fix
        from oat.lost_revocations() l
        union all
        select 'secrets', format('token %s/%s', t.organization, t.name),
            'its verifier is not here',
            format('select oat.rotate_token(%L, %L, :''verifier'', ''0'')',
                t.organization, t.name)
        from oat.tokens t
        where not exists (
            select from oat.secrets s
            where s.selector = t.selector and s.verifier is not null)
        union all
        select 'ids', i.name, format('%s is above the allocator''s mark', i.id),
            format('select oat.skip_ids(%s)', i.id)
        from oat.identities i where i.id > (select a.last from oat.allocator a)
        union all
        select 'counts', format('organization %s', c.organization),
            format('%s counted, %s held', c.held, n.held),
            format('select oat.recount(%L)', c.organization)
        from oat.token_counts c
        cross join lateral (
            select count(*) as held from oat.tokens t
            where t.organization = c.organization) n
        where n.held <> c.held
        union all
        select 'log', p.subject, p.problem, p.fix
        from oat.log_problems() p
    )
    select n.check_name, p.check_name is null, p.subject, p.detail, p.fix
    from unnest(array['ids', 'counts', 'secrets', 'roles', 'generation',
        'revocations', 'log']) with ordinality n (check_name, ord)
    left join problem p using (check_name)
    order by n.ord, p.subject
$$;

revoke all on all functions in schema oat from public;
grant execute on function oat.recount(text) to oat_admin;
