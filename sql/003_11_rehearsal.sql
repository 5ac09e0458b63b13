-- SPDX-License-Identifier: MIT
--
-- A new session reads catalogs and plans statements when it is first asked to
-- decide: several milliseconds of a login. A host has it do so beforehand,
-- while it computes Argon2 of the verifier that it was given.
--
-- Nothing is decided, recorded, counted or locked by a rehearsal, and no
-- number is drawn.

-- An entry that is null is none: everything but the row itself is made ready.
create or replace function oat.record(entry oat.activity) returns void
language plpgsql as $$
begin
    if entry.reason = 'unknown_token' then
        perform oat.record_unknown(entry);
        return;
    end if;
    insert into oat.activity select entry.* where entry.id is not null;
    if entry.reason = 'retired_secret' then
        perform pg_notify('oat_alert', entry.id::text);
    end if;
end
$$;

create function oat.host_rehearse(selector text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    f constant oat.facts := oat.attempt(oat.this_host(), 'login', null, null,
        null, null, null, selector, 'right');
    nothing oat.activity;
begin
    perform oat.refusal(f);
    perform oat.event_detail(f);
    if not pg_is_in_recovery() then
        perform oat.record(nothing);
        -- The newest partition, its indexes and its triggers.
        perform from oat.activity a
        where a.event_id = gen_random_uuid()
            and a.recorded_at >= now() - interval '1 minute'
            and a.recorded_at < now() + interval '1 minute';
    end if;
end
$$;
comment on function oat.host_rehearse(text) is
    'hosts: has the session prepare for oat.host_decide() on this selector; '
    'decides and records nothing';

revoke all on all functions in schema oat from public;
grant execute on function oat.host_rehearse(text) to oat_host;
