-- SPDX-License-Identifier: MIT
--
-- Delegates: database roles that look after one organization. Row-level
-- security limits them to its rows, by policies for oat_delegate; a trigger
-- limits them to what their rights say. The checks here run before those that
-- look at other rows, so that no error tells one organization of another.
--
-- Nothing here is a security definer: the question is who is asking.

create function oat.is_acting(role text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from pg_roles r
        where r.rolname = role and pg_has_role(r.oid, 'usage'))
$$;
comment on function oat.is_acting(text) is
    'has who asks the privileges of this role? A role that is gone: nobody';

create function oat.delegated(rights text[]) returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select d.organization from oat.delegates d
    where d.may && rights and oat.is_acting(d.role)
$$;
comment on function oat.delegated(text[]) is
    'the organizations for which who asks has one of these rights';

create function oat.is_administrator() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select current_user = 'oat_owner' or pg_has_role('oat_admin', 'usage')
$$;
comment on function oat.is_administrator() is
    'is who asks an administrator, or a trigger of oat''s own?';

create function oat.reads_all() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select oat.is_administrator() or pg_has_role('oat_auditor', 'usage')
$$;
comment on function oat.reads_all() is
    'may who asks read the activity of every organization?';

-- The use of a token is read by those who may read the log.
create or replace view oat.uses with (security_barrier) as
    select a.organization, a.token, a.at, a.recorded_at, a.event, a.host,
        a.service, a.rhost, a.detail ->> 'selector' as selector
    from oat.activity a
    where a.outcome = 'success' and ((select oat.reads_all())
        or a.organization in (select oat.delegated('{audit}')));

create function oat.refuse_delegate(what text, organization text, needed text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA013',
        message = format('%s may not %s', current_user, what),
        detail = format('That takes the right %s for organization %s.', needed,
            left(organization, 64)),
        hint = 'ask an administrator of oat: see oat.delegates';
end
$$;
comment on function oat.refuse_delegate(text, text, text) is
    'raises: the delegate has not got the right; the same for an organization '
    'that does not exist';

create function oat.changed_columns(before jsonb, after jsonb) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(e.key), '{}') from jsonb_each(after) e
    where e.value is distinct from before -> e.key
$$;
comment on function oat.changed_columns(jsonb, jsonb) is
    'the columns in which two rows differ';

-- rotate: a new secret, with its overlap and a new end. revoke: less only.
create function oat.delegate_may_change(old oat.tokens, new oat.tokens)
returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    changed text[] := oat.changed_columns(to_jsonb(old), to_jsonb(new));
    rotates constant boolean := new.verifier is not null
        or new.selector <> old.selector;
begin
    if new.organization in (select oat.delegated('{admin}')) then
        return true;
    end if;
    if new.organization in (select oat.delegated('{rotate}')) then
        changed := array_remove(changed, 'overlap_until');
        if rotates then
            changed := array_remove(array_remove(array_remove(changed,
                'verifier'), 'selector'), 'expires_at');
        end if;
    end if;
    if new.organization in (select oat.delegated('{revoke}')) then
        changed := array_remove(changed, 'sessions_end_at');
        if new.deactivated_at is not null then
            changed := array_remove(changed, 'deactivated_at');
        end if;
        if new.overlap_until is null
                or new.overlap_until < old.overlap_until then
            changed := array_remove(changed, 'overlap_until');
        end if;
    end if;
    return changed = '{}';
end
$$;
comment on function oat.delegate_may_change(oat.tokens, oat.tokens) is
    'do the rights of who asks cover this change of a token?';

create function oat.check_token_rights() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if oat.is_administrator() then
        return new;
    elsif tg_op = 'INSERT' and (new.organization is null
            or new.organization not in (select oat.delegated('{admin}'))) then
        perform oat.refuse_delegate(format('insert token %s/%s',
            left(new.organization, 64), left(new.name, 64)),
            new.organization, 'admin');
    elsif tg_op = 'UPDATE' and not oat.delegate_may_change(old, new) then
        perform oat.refuse_delegate(format('change %s of token %s/%s',
            array_to_string(oat.changed_columns(to_jsonb(old), to_jsonb(new)),
                ', '), old.organization, old.name), old.organization,
            'admin (rotate: a new secret; revoke: deactivate, end overlap and '
            'sessions)');
    end if;
    return new;
end
$$;
comment on function oat.check_token_rights() is
    'trigger: what a delegate may do to a token';
create trigger tokens_10_rights before insert or update on oat.tokens
    for each row execute function oat.check_token_rights();

-- Every string that the inner pattern matches is matched by the outer one:
-- taken literally, its * is matched by * alone, its ? by * or ?.
create function oat.pattern_within(inner_ text, outer_ text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select case
        when outer_ = '*' or outer_ = inner_ then true
        when inner_ like '@%' then false
        when outer_ like '@%' then exists (
            select from oat.hosts h
            where h.name = inner_ and substr(outer_, 2) = any (h.labels))
        else inner_ ~ ('^' || replace(replace(replace(outer_, '.', '\.'),
            '*', '.*'), '?', '[^*]') || '$') end
$$;
comment on function oat.pattern_within(text, text) is
    'is every host of one pattern a host of the other?';

create function oat.within_allowance(g oat.grants) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from oat.allowances a
        where a.organization = (g).organization
            and oat.pattern_within((g).host, a.host)
            and oat.service_covers(a.service, (g).service))
$$;
comment on function oat.within_allowance(oat.grants) is
    'does an allowance of its organization contain this grant?';

create function oat.check_grant_rights() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if oat.is_administrator() then
        return new;
    elsif new.organization is null
            or new.organization not in (select oat.delegated('{admin}')) then
        perform oat.refuse_delegate(format('grant to token %s/%s',
            left(new.organization, 64), left(new.token, 64)),
            new.organization, 'admin');
    elsif not oat.within_allowance(new) then
        raise exception using
            errcode = 'OA014',
            message = format('grant of %s/%s on %s for %s exceeds the '
                'allowance of organization %s', new.organization, new.token,
                left(new.host, 64), left(new.service, 64), new.organization),
            detail = format('It is allowed: %s.', coalesce((
                select string_agg(format('%s on %s', a.service, a.host), ', '
                    order by a.host, a.service)
                from oat.allowances a
                where a.organization = new.organization), 'nothing')),
            hint = format('grant less, or ask an administrator for: insert '
                'into oat.allowances values (%L, %L, %L)', new.organization,
                left(new.host, 64), left(new.service, 64));
    end if;
    return new;
end
$$;
comment on function oat.check_grant_rights() is
    'trigger: a delegate grants within the allowance only';
create trigger grants_10_rights before insert or update on oat.grants
    for each row execute function oat.check_grant_rights();

create function oat.check_delegate() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from pg_roles r where r.rolname = new.role) then
        raise exception using
            errcode = 'OA008',
            message = format('delegate %s of %s: there is no such role',
                left(new.role, 64), left(new.organization, 64)),
            detail = 'A delegate is a role of the database.',
            hint = format('create role %I login', left(new.role, 63));
    elsif not exists (select from oat.allowances a
            where a.organization = new.organization) then
        raise exception using
            errcode = 'OA015',
            message = format('organization %s has no allowance, so it can '
                'have no delegate', left(new.organization, 64)),
            detail = 'Delegates grant within what an administrator allowed.',
            hint = format('insert into oat.allowances values (%L, %L, %L)',
                left(new.organization, 64), 'web-*', 'sshd');
    elsif not pg_has_role(new.role, 'oat_delegate', 'usage') then
        raise notice using
            message = format('role %s does not have oat_delegate yet',
                new.role),
            hint = format('grant oat_delegate to %I', new.role);
    end if;
    new.may := array(select distinct unnest(new.may) order by 1);
    return new;
end
$$;
comment on function oat.check_delegate() is
    'trigger: a delegate is a role, and its organization has allowances';
create trigger delegates_20_check before insert or update on oat.delegates
    for each row execute function oat.check_delegate();

create policy organizations_delegate on oat.organizations for select
    to oat_delegate
    using (name in (select oat.delegated('{admin,rotate,revoke,audit}')));
create policy delegates_delegate on oat.delegates for select
    to oat_delegate using (oat.is_acting(role));
create policy allowances_delegate on oat.allowances for select
    to oat_delegate using (organization in (
        select oat.delegated('{admin,rotate,revoke,audit}')));
create policy plans_delegate on oat.plans for select
    to oat_delegate using (true);
-- The hosts that an allowance of theirs covers.
create policy hosts_delegate on oat.hosts for select
    to oat_delegate using (exists (
        select from oat.allowances a
        where a.organization in (
                select oat.delegated('{admin,rotate,revoke,audit}'))
            and oat.host_covers(a.host, name, labels)));

create policy tokens_delegate on oat.tokens for select
    to oat_delegate using (organization in (
        select oat.delegated('{admin,rotate,revoke,audit}')));
create policy tokens_delegate_insert on oat.tokens for insert
    to oat_delegate
    with check (organization in (select oat.delegated('{admin}')));
create policy tokens_delegate_update on oat.tokens for update
    to oat_delegate
    using (organization in (select oat.delegated('{admin,rotate,revoke}')));
create policy tokens_delegate_delete on oat.tokens for delete
    to oat_delegate
    using (organization in (select oat.delegated('{admin}')));

create policy grants_delegate on oat.grants for select
    to oat_delegate using (organization in (
        select oat.delegated('{admin,rotate,revoke,audit}')));
create policy grants_delegate_write on oat.grants
    to oat_delegate
    using (organization in (select oat.delegated('{admin}')))
    with check (organization in (select oat.delegated('{admin}')));

create policy activity_delegate on oat.activity for select
    to oat_delegate
    using (organization in (select oat.delegated('{audit}')));

revoke all on all functions in schema oat from public;

grant select on oat.organizations, oat.delegates, oat.allowances, oat.plans,
    oat.hosts, oat.tokens, oat.grants, oat.activity, oat.token_status,
    oat.last_use, oat.uses, oat.errors
    to oat_delegate;
grant insert (organization, name, description, contact, shell, verifier,
        not_before, expires_at, max_idle, allowed_from, uses_left,
        deactivated_at),
    update (description, contact, shell, verifier, selector, not_before,
        expires_at, max_idle, allowed_from, uses_left, deactivated_at,
        overlap_until, sessions_end_at),
    delete on oat.tokens to oat_delegate;
grant insert, update, delete on oat.grants to oat_delegate;

grant execute on function oat.is_acting(text), oat.delegated(text[]),
    oat.reads_all(),
    oat.is_administrator(), oat.refuse_delegate(text, text, text),
    oat.changed_columns(jsonb, jsonb),
    oat.delegate_may_change(oat.tokens, oat.tokens),
    oat.pattern_within(text, text), oat.within_allowance(oat.grants)
    to oat_admin, oat_auditor, oat_delegate;
