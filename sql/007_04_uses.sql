-- SPDX-License-Identifier: MIT
--
-- A login that takes a use waits for whoever changes its token at that moment.
-- What it had read of the token is old then: it takes the lock first, and
-- decides on what it finds behind it. A row that a login only reads is locked
-- by none, and a login holds one lock, so nobody can wait for it in a circle.

create function oat.gather_locked(base oat.facts) returns oat.facts
language plpgsql as $$
declare
    f oat.facts := base;
begin
    perform from oat.tokens t
    where t.organization = (f.token).organization
        and t.name = (f.token).name
    for no key update;
    f.at := clock_timestamp(); -- what ended meanwhile has ended
    f.host := oat.this_host();
    f.secret := null;
    return oat.gather(f);
end
$$;
comment on function oat.gather_locked(oat.facts) is
    'completes the facts of an attempt again, under the lock of its token';

create or replace function oat.host_decide(event_id uuid, kind text, login text,
    service text, rhost text, tty text, ruser text, selector text, proof text)
returns table (allowed boolean, reason text, message text, organization text,
    token text, expires_at bigint, event jsonb)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    f oat.facts;
begin
    if kind is null or kind not in ('login', 'access') then
        raise exception using
            errcode = 'OA019',
            message = 'a decision is about a login or an access',
            detail = 'The second parameter says which.',
            hint = 'is the host''s oat newer than the database''s schema?';
    end if;
    f := oat.attempt(oat.this_host(), kind, login, service, rhost, tty, ruser,
        selector, proof);
    if f.event = 'login' and f.proof = 'right' and (f.token).uses_left > 0
            and not pg_is_in_recovery() then
        f := oat.gather_locked(f);
    end if;
    reason := oat.decide(f);
    allowed := reason is null;
    if not allowed then
        message := oat.denial_message(reason, f);
    end if;
    if allowed or reason not in ('unknown_token', 'host_not_granted')
    then
        organization := (f.token).organization;
        token := (f.token).name;
        expires_at := floor(extract(epoch from (f.token).expires_at));
    end if;
    if pg_is_in_recovery() then
        event := oat.decision_event(f, event_id, reason);
    else
        perform oat.record(oat.decision_row(f, event_id, reason));
    end if;
    return next;
end
$$;

revoke all on all functions in schema oat from public;
