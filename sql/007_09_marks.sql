-- SPDX-License-Identifier: MIT
--
-- A dump has the numbers of transactions that another cluster gave; here they
-- come again. A row that has a generation already is one of those, or of this
-- transaction before it ended its constraints early: it gets another one. The
-- second change of a transaction writes nothing.

create or replace function oat.mark_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    this constant jsonb := case when tg_op = 'DELETE' then to_jsonb(old)
        else to_jsonb(new) end;
begin
    insert into oat.changes (organization, token, host, xid)
    values (
        case tg_argv[0] when 'host' then '' when 'organization'
            then this ->> 'name' else this ->> 'organization' end,
        case tg_argv[0] when 'token' then this ->> 'name' when 'grant'
            then this ->> 'token' else '' end,
        case tg_argv[0] when 'host' then this ->> 'name' else '' end,
        pg_current_xact_id())
    on conflict on constraint changes_pk do update set generation = null
    where changes.generation is not null;
    return null;
end
$$;

revoke all on all functions in schema oat from public;
