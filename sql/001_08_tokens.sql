-- SPDX-License-Identifier: MIT
--
-- Tokens: what an INSERT, UPDATE or DELETE of a row means. BEFORE triggers
-- fill and check, in the order: names, secret, and last the uid; AFTER
-- triggers, which see only rows that are really there, count and take.

create function oat.check_token_name(organization text, name text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    room constant integer := 32 - length('oat-' || organization || '-');
begin
    if organization is null or name is null
            or name !~ '^[a-z0-9]+(-[a-z0-9]+)*$' then
        raise exception using
            errcode = 'OA001',
            message = format('a token cannot be called %s/%s',
                coalesce(left(organization, 64), '(null)'),
                coalesce(left(name, 64), '(null)')),
            detail = 'Names are lower-case letters and digits, in parts '
                'joined by single hyphens.',
            hint = 'choose a name like ci or nightly-backup';
    elsif length(name) > room then
        raise exception using
            errcode = 'OA002',
            message = format('login oat-%s-%s has %s characters, 32 are '
                'allowed', organization, left(name, 64),
                32 - room + length(name)),
            detail = format('Organization %s leaves %s for the name, this one '
                'has %s.', organization, greatest(room, 0), length(name)),
            hint = 'choose a shorter name; put the rest into description';
    end if;
end
$$;
comment on function oat.check_token_name(text, text) is
    'raises: the token''s name is malformed, or its login too long';

create function oat.check_token_values(new oat.tokens) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    label constant text := new.organization || '/' || new.name;
    wrong text;
begin
    wrong := case
        when length(new.description) > 200 then format('description has %s '
            'characters, 200 are allowed', length(new.description))
        when length(new.contact) > 200 then format('contact has %s '
            'characters, 200 are allowed', length(new.contact))
        when new.shell !~ '^(/[A-Za-z0-9_+][A-Za-z0-9._+-]*)+$'
            or length(new.shell) > 128 then 'shell is not an absolute path of '
            'letters, digits and . _ + -'
        when not isfinite(new.expires_at) or not isfinite(new.not_before)
            then 'a time is infinite; leave expires_at null for never'
        when new.expires_at <= new.not_before then format('expires_at (%s) is '
            'not after not_before (%s)', oat.utc(new.expires_at),
            oat.utc(new.not_before))
        when new.max_idle <= interval '0' then 'max_idle is not positive'
        when new.uses_left < 0 then 'uses_left is negative'
        when array_position(new.allowed_from, null) is not null
            then 'allowed_from contains null' end;
    if wrong is not null then
        raise exception using
            errcode = 'OA001',
            message = format('token %s: %s', label, wrong),
            detail = 'The row was not written.',
            hint = 'see oat-schema(7), oat.tokens';
    end if;
end
$$;
comment on function oat.check_token_values(oat.tokens) is
    'raises: a column of the token is out of its bounds';

-- An upsert of a token that is there may leave its verifier out.
create function oat.first_selector(organization text, name text, verifier text)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    known text;
begin
    if verifier is null then
        select t.selector into known from oat.tokens t
        where t.organization = first_selector.organization
            and t.name = first_selector.name;
    end if;
    return coalesce(known, oat.offer_secret(organization, name, verifier));
end
$$;
comment on function oat.first_selector(text, text, text) is
    'the selector of a row to insert: of its verifier, which is offered';

create function oat.token_fill() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    given constant bigint := new.uid;
begin
    perform oat.check_token_name(new.organization, new.name);
    perform oat.check_token_values(new);
    if not exists (select from oat.organizations o
            where o.name = new.organization) then
        raise exception using
            errcode = 'OA008',
            message = format('token %s/%s: there is no organization %s',
                new.organization, new.name, new.organization),
            detail = 'A token belongs to an organization.',
            hint = format('insert into oat.organizations (name) values (%L)',
                new.organization);
    end if;
    new.login := 'oat-' || new.organization || '-' || new.name;
    new.selector := oat.first_selector(new.organization, new.name,
        new.verifier);
    new.verifier := null;
    new.previous_selector := null;
    new.overlap_until := null;
    new.created_at := now();
    new.created_by := session_user;
    new.rotated_at := null;
    new.rotated_by := null;
    new.uid := oat.uid_for(new.login);
    if given <> new.uid then
        raise exception using
            errcode = 'OA007',
            message = format('token %s/%s: uid %s cannot be chosen',
                new.organization, new.name, given),
            detail = 'Uids are given once, and never to another.',
            hint = 'leave uid out';
    end if;
    return new;
end
$$;
comment on function oat.token_fill() is
    'trigger: derives and checks a new token''s columns';
create trigger tokens_20_fill before insert on oat.tokens
    for each row execute function oat.token_fill();

-- Set-based, so that a COPY of many tokens stays linear.
create function oat.tokens_made() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    counted record;
    token record;
begin
    for counted in
        select organization, count(*) as added from made
        group by organization order by organization
    loop
        perform oat.count_tokens(counted.organization, counted.added);
    end loop;
    insert into oat.identities (id, name, kind, organization, token)
    select m.uid, m.login, 'token', m.organization, m.name from made m
    where not exists (select from oat.identities i where i.id = m.uid);
    perform oat.take_ids((select max(uid) from made));
    for token in select organization, name, selector from made loop
        perform oat.adopt_secret(token.organization, token.name,
            token.selector);
    end loop;
    delete from oat.secrets s where not s.adopted;
    return null;
end
$$;
comment on function oat.tokens_made() is
    'trigger: counts new tokens, takes their uids, adopts their secrets';
create trigger tokens_made after insert on oat.tokens
    referencing new table as made
    for each statement execute function oat.tokens_made();

create function oat.tokens_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    counted record;
begin
    for counted in
        select organization, count(*) as removed from gone
        group by organization order by organization
    loop
        perform oat.count_tokens(counted.organization, -counted.removed);
    end loop;
    update oat.secrets s
    set verifier = null, retired_at = coalesce(s.retired_at, now())
    from gone g
    where s.organization = g.organization and s.token = g.name;
    return null;
end
$$;
comment on function oat.tokens_gone() is
    'trigger: counts deleted tokens and wipes their verifiers';
create trigger tokens_gone after delete on oat.tokens
    referencing old table as gone
    for each statement execute function oat.tokens_gone();

create function oat.check_token_fixed(old oat.tokens, new oat.tokens)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if (new.organization, new.name, new.login, new.uid, new.created_at,
            new.created_by)
        is distinct from (old.organization, old.name, old.login, old.uid,
            old.created_at, old.created_by) then
        raise exception using
            errcode = 'OA007',
            message = format('token %s/%s keeps its organization, name, login, '
                'uid and creation', old.organization, old.name),
            detail = 'They are its identity on every host.',
            hint = 'insert another token with its own secret, then delete '
                'this one';
    end if;
end
$$;
comment on function oat.check_token_fixed(oat.tokens, oat.tokens) is
    'raises: a column that is given once would change';

create function oat.secret_was_used(token oat.tokens) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from oat.activity a
        where a.organization = token.organization and a.token = token.name
            and a.outcome = 'success' and a.event = 'login'
            and a.at >= coalesce(token.rotated_at, token.created_at)
            and a.detail ->> 'selector' = token.selector)
$$;
comment on function oat.secret_was_used(oat.tokens) is
    'has the token''s present secret let anybody in yet?';

-- A rotation keeps one secret beside the new one: the former, or, when the
-- former was never used, the one before it.
create function oat.rotate(old oat.tokens, new oat.tokens) returns oat.tokens
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.adopt_secret(new.organization, new.name, new.selector);
    new.rotated_at := now();
    new.rotated_by := session_user;
    if new.overlap_until is not distinct from old.overlap_until
            or new.overlap_until <= now() then
        new.overlap_until := null;
    end if;
    new.previous_selector := case
        when new.overlap_until is null then null
        when old.overlap_until > now() and not oat.secret_was_used(old)
            then old.previous_selector
        else old.selector end;
    return new;
end
$$;
comment on function oat.rotate(oat.tokens, oat.tokens) is
    'the row after a change of its secret; the overlap is what the UPDATE says';

create function oat.move_overlap(old oat.tokens, new oat.tokens)
returns oat.tokens
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.overlap_until is null or new.overlap_until <= now() then
        new.overlap_until := null;
        new.previous_selector := null;
    elsif old.overlap_until is null or old.overlap_until <= now() then
        raise exception using
            errcode = 'OA017',
            message = format('token %s/%s has no overlap to prolong',
                old.organization, old.name),
            detail = 'A retired secret does not come back.',
            hint = 'overlap_until is set together with a new verifier; see '
                'oat.rotate_token()';
    end if;
    return new;
end
$$;
comment on function oat.move_overlap(oat.tokens, oat.tokens) is
    'the row after overlap_until was moved, or ended';

create function oat.token_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.check_token_fixed(old, new);
    perform oat.check_token_values(new);
    if new.verifier is not null then
        new.selector := oat.offer_secret(new.organization, new.name,
            new.verifier);
        new.verifier := null;
    end if;
    new.rotated_at := old.rotated_at;
    new.rotated_by := old.rotated_by;
    new.previous_selector := old.previous_selector;
    if new.selector is distinct from old.selector then
        new := oat.rotate(old, new);
    elsif new.overlap_until is distinct from old.overlap_until then
        new := oat.move_overlap(old, new);
    end if;
    update oat.secrets s set retired_at = now()
    where s.organization = new.organization and s.token = new.name
        and s.adopted and s.retired_at is null and s.verifier is not null
        and s.selector is distinct from new.selector
        and s.selector is distinct from new.previous_selector;
    return new;
end
$$;
comment on function oat.token_change() is
    'trigger: checks a changed token; a new secret is a rotation';
-- Not for the use that a login takes off, in the owner's name.
create trigger tokens_20_change before update on oat.tokens
    for each row when (current_user <> 'oat_owner'
        or to_jsonb(old) - 'uses_left' <> to_jsonb(new) - 'uses_left')
    execute function oat.token_change();

revoke all on all functions in schema oat from public;
