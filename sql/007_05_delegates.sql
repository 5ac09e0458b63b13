-- SPDX-License-Identifier: MIT
--
-- What a delegate may do is not a matter of how it is spelled. A backslash in
-- a literal is one only while standard_conforming_strings is on, which any
-- session may change; bodies of functions are read as the session says.

-- rotate: a new secret, with its overlap and a new end. revoke: less only. The
-- same verifier again is no new secret, whatever the row says of its selector.
create or replace function oat.delegate_may_change(old oat.tokens,
    new oat.tokens) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    changed text[] := oat.changed_columns(to_jsonb(old), to_jsonb(new));
    rotates constant boolean := coalesce(left(new.verifier, 12),
        new.selector) <> old.selector;
begin
    if new.organization in (select oat.delegated('{admin}')) then
        return true;
    end if;
    if new.organization in (select oat.delegated('{rotate}')) then
        changed := array_remove(array_remove(array_remove(changed,
            'overlap_until'), 'verifier'), 'selector');
        if rotates then
            changed := array_remove(changed, 'expires_at');
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

-- Every string that the inner pattern matches is matched by the outer one:
-- taken literally, its * is matched by * alone, its ? by * or ?.
create or replace function oat.pattern_within(inner_ text, outer_ text)
returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select case
        when outer_ = '*' or outer_ = inner_ then true
        when inner_ like '@%' then false
        when outer_ like '@%' then exists (
            select from oat.hosts h
            where h.name = inner_ and substr(outer_, 2) = any (h.labels))
        else inner_ ~ ('^' || replace(replace(replace(outer_, '.', '[.]'),
            '*', '.*'), '?', '[^*]') || '$') end
$$;

create or replace function oat.is_scram_verifier(password text) returns boolean
language sql immutable as $$
    select password ~ ('^SCRAM-SHA-256[$][1-9][0-9]{0,6}:'
        '[A-Za-z0-9+/]{4,}={0,2}[$][A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$')
$$;

-- Never part of a message: what was given.
create or replace function oat.check_host_password(role text, password text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if password ~ '^SCRAM-SHA-256[$]'
            and not oat.is_scram_verifier(password) then
        raise exception using
            errcode = 'OA001',
            message = format('the SCRAM verifier for %s is malformed', role),
            detail = 'It would be taken for a password in clear, and lock the '
                'host out.',
            hint = 'give it whole, as oat enroll prints it';
    elsif password ~ '^md5[0-9a-f]{32}$' then
        raise exception using
            errcode = 'OA001',
            message = format('the password for %s is an MD5 hash', role),
            detail = 'Hosts log in with SCRAM, which needs a verifier of its '
                'own kind.',
            hint = 'oat enroll, on the host, prints one';
    elsif password = '' then
        raise exception using
            errcode = 'OA001',
            message = format('the password for %s is empty', role),
            detail = 'PostgreSQL would set none.',
            hint = 'leave it out, or give one';
    end if;
end
$$;

-- Words of hosts go into a file that ssh believes: a key and nothing else.
create or replace function oat.public_key(line text) returns text
language sql immutable as $$
    select array_to_string(regexp_match(line, '^[[:space:]]*'
        '((?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60})[[:space:]]+'
        '([A-Za-z0-9+/]+={0,2})(?:[[:space:]]|$)'), ' ')
$$;

revoke all on all functions in schema oat from public;
