-- SPDX-License-Identifier: MIT
--
-- Who has written and does not commit holds what it wrote, as long as it likes:
-- a delegate its tokens, a host the token whose use it takes, and whoever ends
-- the constraints of a transaction early (SET CONSTRAINTS) the generation, for
-- everybody. None of them keeps an administrator waiting without a word: after
-- five seconds an error names whose process that is, and how it is ended.
--
-- That is for oat.revoke(), oat.end_sessions() and the end of a transaction. A
-- statement that waits for a row does so before any trigger of it: see
-- oat-operations(7) for those.

-- Whoever locked a row has a lock on the table, and waits for nobody; writers
-- of other rows look the same. The oldest first.
create function oat.holders(relation regclass)
returns table (pid integer, role text, fix text)
language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select a.pid, a.usename::text, case when h.role is not null
        then format('select oat.end_connections(%L)', h.role)
        else format('select pg_terminate_backend(%s)', a.pid) end
    from pg_stat_activity a
    left join oat.hosts h on h.role = a.usename::text collate "default"
    where a.pid <> pg_backend_pid() and a.backend_xid is not null
        and exists (
            select from pg_locks l
            where l.pid = a.pid and l.granted
                and l.relation = holders.relation
                and l.mode in ('RowShareLock', 'RowExclusiveLock'))
        and not exists (
            select from pg_locks l where l.pid = a.pid and not l.granted)
    order by age(a.backend_xid) desc
    limit 3
$$;
comment on function oat.holders(regclass) is
    'the connections that may hold rows of a table, and the SQL that ends them';

create function oat.refuse_wait(what text, relation regclass) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    held_by text;
    fixes text;
begin
    select string_agg(format('process %s of %s', h.pid, h.role), ', '),
        string_agg(distinct h.fix, '; ')
    into held_by, fixes
    from oat.holders(relation) h;
    raise exception using
        errcode = 'lock_not_available',
        message = format('%s is held by a transaction that does not end',
            what),
        detail = coalesce('It is one of these: ' || held_by || '.',
            'It has ended by now, or is prepared: see pg_prepared_xacts.')
            || ' Nothing was changed.',
        hint = coalesce(fixes || '; as a superuser or a member of '
            'pg_signal_backend. Then again', 'try again');
end
$$;
comment on function oat.refuse_wait(text, regclass) is
    'raises: somebody holds what is to be changed; says who';

create function oat.await_draw() returns void
language plpgsql set search_path = pg_catalog, pg_temp
set lock_timeout = '5s' as $$
begin
    perform from oat.locks l where l.name = 'generation' for update;
exception when lock_not_available then
    perform oat.refuse_wait('the generation', 'oat.locks');
end
$$;
comment on function oat.await_draw() is
    'waits for who draws a generation; raises when that one does not end';

create or replace function oat.end_sessions(organization text, token text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
set lock_timeout = '5s' as $$
declare
    found_token constant oat.tokens := oat.token_named(organization, token);
begin
    update oat.tokens t set sessions_end_at = now()
    where t.organization = found_token.organization
        and t.name = found_token.name;
    if not found then
        perform oat.refuse_delegate(format('end sessions of %s/%s',
            found_token.organization, found_token.name),
            found_token.organization, 'revoke');
    end if;
exception when lock_not_available then
    perform oat.refuse_wait(format('token %s/%s', found_token.organization,
        found_token.name), 'oat.tokens');
end
$$;

create or replace function oat.revoke(token text, note text default null)
returns setof text
language plpgsql set search_path = pg_catalog, pg_temp
set lock_timeout = '5s' as $$
declare
    revoked constant oat.tokens := oat.find_token(token);
    former_note constant text := current_setting('oat.note', true);
begin
    if note is not null then
        perform set_config('oat.note', note, true);
    end if;
    update oat.tokens t
    set deactivated_at = coalesce(t.deactivated_at, now()),
        overlap_until = null, sessions_end_at = now()
    where t.organization = revoked.organization and t.name = revoked.name;
    if not found then
        perform oat.refuse_delegate(format('revoke token %s/%s',
            revoked.organization, revoked.name), revoked.organization,
            'revoke');
    end if;
    perform set_config('oat.note', coalesce(former_note, ''), true);
    return query
        select u.host from oat.used_on u
        where u.organization = revoked.organization and u.token = revoked.name
        order by 1;
exception when lock_not_available then
    perform oat.refuse_wait(format('token %s/%s', revoked.organization,
        revoked.name), 'oat.tokens');
end
$$;

revoke all on all functions in schema oat from public;
grant execute on function oat.holders(regclass),
    oat.refuse_wait(text, regclass) to oat_admin, oat_delegate;
