-- SPDX-License-Identifier: MIT
--
-- Anybody who may connect can LISTEN, keep a transaction open and fill the
-- queue of notifications, hosts included. A full one fails whoever commits with
-- another, so that nobody could revoke. What is told there is a row to look at:
-- it goes without saying when the queue is half full. PostgreSQL's own log then
-- names the process that holds it.

create function oat.tell(channel text, payload text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify(channel, payload);
    end if;
end
$$;
comment on function oat.tell(text, text) is
    'notifies listeners of a channel, unless that could fail';

create or replace function oat.alert(activity_id bigint) returns void
language sql as $$
    select oat.tell('oat_alert', activity_id::text)
$$;

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
        perform oat.alert(entry.id);
    end if;
end
$$;

-- Microseconds since 1970, at least: a database restored from a dump goes on
-- above every number that its hosts have seen. Who has to wait for the lock
-- does so with bounds (007_10_waits.sql).
create or replace function oat.draw_generation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    drawn bigint;
begin
    perform from oat.locks l where l.name = 'generation'
    for update skip locked;
    if not found then
        perform oat.await_draw();
    end if;
    drawn := greatest(nextval('oat.generation_number'),
        (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    perform setval('oat.generation_number', drawn);
    insert into oat.generations (value) values (drawn);
    delete from oat.touches t where t.xid = new.xid;
    if current_setting('transaction_isolation') = 'read committed' then
        delete from oat.generations g where g.value < drawn;
    end if;
    perform oat.keep_months_ahead();
    perform oat.tell('oat_changed', '');
    return null;
end
$$;

revoke all on all functions in schema oat from public;
