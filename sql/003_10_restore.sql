-- SPDX-License-Identifier: MIT
--
-- After a restore the log goes on where the dump ended; and row-level security
-- on what this version added.

create function oat.log_problems()
returns table (subject text, problem text, fix text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
declare
    s oat.activity_seal;
    newest oat.activity_batches;
    drawn bigint;
    used bigint;
begin
    select q.* into s from oat.activity_seal q;
    select b.* into newest from oat.activity_batches b
    order by b.number desc limit 1;
    select q.last_value into drawn from oat.activity_id q;
    select greatest(max(a.id), s.sealed_id) into used from oat.activity a;
    if used > drawn then
        return query select 'oat.activity', format('rows have ids up to %s, '
            'the next would get %s', used, drawn + 1),
            format('select setval(''oat.activity_id'', %s)', used);
    end if;
    if (newest.number, newest.digest)
            is distinct from (nullif(s.number, 0), s.digest) then
        return query select 'oat.activity_batches', format('the newest batch '
            'is %s, the seal ended with %s', coalesce(newest.number, 0),
            s.number), 'select * from oat.verify_activity()';
    end if;
end
$$;
comment on function oat.log_problems() is
    'where the log cannot go on as it is';

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
            'delete one of its tokens and insert it again'
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

do $rights$
declare
    name text;
begin
    foreach name in array array['activity_batches', 'activity_seal',
        'usage_days', 'last_uses']
    loop
        execute format('alter table oat.%I enable row level security', name);
        execute format('alter table oat.%I force row level security', name);
        execute format('create policy %I on oat.%I to oat_owner '
            'using (true) with check (true)', name || '_owner', name);
    end loop;
end
$rights$;

grant select on oat.activity_batches to oat_admin, oat_auditor;
create policy activity_batches_auditor on oat.activity_batches for select
    to oat_admin, oat_auditor using (true);

revoke all on all functions in schema oat from public;
