-- SPDX-License-Identifier: MIT
--
-- What a grant or allowance names need not exist yet, so a mistyped name is no
-- error: it would only never count. Who types it is told.

create function oat.names_in_words(names text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select array_to_string(names[:5], ', ') || case
        when cardinality(names) > 5
        then format(' and %s more', cardinality(names) - 5) else '' end
$$;
comment on function oat.names_in_words(text[]) is
    'the first five of them, and how many more there are';

create index grants_service_ix on oat.grants (service);

-- In the name of who inserts: hosts that are not theirs to see are no hosts.
-- Of the rows that name a service, no more are counted than it takes to see
-- that others do; by the index, also where PostgreSQL takes them for frequent.
create function oat.notice_of_typos() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off as $$
declare
    names text[];
begin
    if exists (select from oat.hosts) then
        select array_agg(f.host order by f.host) into names
        from (select distinct n.host from inserted n) f
        where not exists (select from oat.hosts h where h.name = f.host)
            and (f.host !~ '^@|[*?]' or not exists (
                select from oat.hosts h
                where oat.host_covers(f.host, h.name, h.labels)));
    end if;
    if names is not null then
        raise notice using
            message = format('%s: no enrolled host is %s', tg_table_name,
                oat.names_in_words(names)),
            detail = 'What names it counts as soon as there is one.',
            hint = 'select name, labels from oat.hosts';
    end if;
    select array_agg(f.service order by f.service) into names
    from (select n.service, count(*) as rows from inserted n
        where n.service not in ('*', 'sshd', 'sudo', 'sudo-i', 'su', 'su-l',
            'login', 'cron', 'atd', 'systemd-user')
        group by n.service) f
    where f.rows >= (
        select count(*) from (
            (select from oat.grants g where g.service = f.service
                limit f.rows + 1)
            union all
            (select from oat.allowances a where a.service = f.service
                limit f.rows + 1)) n);
    if names is not null then
        raise notice using
            message = format('%s: nothing named service %s before',
                tg_table_name, oat.names_in_words(names)),
            detail = 'Hosts ask for the name of the file in /etc/pam.d that '
                'calls pam_oat: sshd, sudo, su, login, cron or another.',
            hint = format('if it was mistyped: delete from oat.%I where '
                'service = %L', tg_table_name, names[1]);
    end if;
    return null;
end
$$;
comment on function oat.notice_of_typos() is
    'trigger: names that no host and no other row has';
create trigger grants_typos after insert on oat.grants
    referencing new table as inserted
    for each statement execute function oat.notice_of_typos();
create trigger allowances_typos after insert on oat.allowances
    referencing new table as inserted
    for each statement execute function oat.notice_of_typos();

revoke all on all functions in schema oat from public;
grant execute on function oat.names_in_words(text[])
    to oat_admin, oat_delegate;
