-- SPDX-License-Identifier: MIT
--
-- Numbers and who has them: uids of tokens and gids of organizations and
-- groups come from one allocator and are never given to another. A row of
-- oat.identities stays when the token is deleted: that is its tombstone.
--
-- Nothing is burnt by a row that is refused or that ON CONFLICT DO NOTHING
-- drops. A BEFORE trigger runs before the conflict is known, so it only looks
-- at the next number (oat.next_id), under a lock that it keeps; the AFTER
-- trigger, which sees the rows that are really there, moves the mark. Between
-- the two, rows of the same statement find each other in oat.tokens, which is
-- why next_id looks there too.

create table oat.allocator (
    one boolean constraint allocator_pk primary key default true
        constraint allocator_one_ck check (one),
    last bigint not null
);
comment on table oat.allocator is
    'the highest number ever given; its one row is the lock of the allocator';
insert into oat.allocator (last) values (0);

create table oat.identities (
    id bigint constraint identities_pk primary key
        constraint identities_id_ck check (id between 65536 and 2147483647),
    name text not null constraint identities_name_key unique
        constraint identities_name_ck check (
            name ~ '^oat(-[a-z0-9]+)+$' and length(name) <= 32),
    kind text not null
        constraint identities_kind_ck check (
            kind in ('token', 'organization', 'group')),
    organization text,
    token text,
    created_at timestamptz not null default now()
);
comment on table oat.identities is
    'every user and group that there ever was, with its number, for good';

create function oat.next_id() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    span text[];
    candidate bigint;
begin
    select a.last into candidate from oat.allocator a for update;
    select regexp_split_to_array(s.value, '-') into span
    from oat.settings s where s.key = 'uid_range';
    select greatest(candidate, max(t.uid), span[1]::bigint - 1) + 1
    into candidate from oat.tokens t;
    if candidate > span[2]::bigint then
        raise exception using
            errcode = 'OA009',
            message = format('no uid or gid is left in %s-%s',
                span[1], span[2]),
            detail = 'Numbers are never given twice, deleted tokens keep '
                'theirs.',
            hint = 'widen it here and as uid_range in each oat.conf: '
                'update oat.settings set value = ''70000-199999'' '
                'where key = ''uid_range''';
    end if;
    return candidate;
end
$$;
comment on function oat.next_id() is
    'the number after the highest ever given, under the allocator''s lock; '
    'it is taken only when oat.take_ids() says so';

create function oat.take_ids(up_to bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    update oat.allocator set last = up_to where last < up_to
$$;
comment on function oat.take_ids(bigint) is
    'numbers up to this one are given now';

-- The second look is under the allocator's lock: somebody else may have made
-- the same one while this transaction waited.
create function oat.uid_for(login text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    candidate bigint;
    known bigint;
begin
    select i.id into known from oat.identities i where i.name = login;
    if known is null then
        candidate := oat.next_id();
        select i.id into known from oat.identities i where i.name = login;
    end if;
    return coalesce(known, candidate);
end
$$;
comment on function oat.uid_for(text) is
    'the uid that a login had, or the next; nothing is taken yet';

create function oat.make_group(name text, kind text, organization text)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    gid bigint := oat.uid_for(name);
begin
    insert into oat.identities (id, name, kind, organization)
    values (gid, make_group.name, make_group.kind, make_group.organization)
    on conflict do nothing;
    perform oat.take_ids(gid);
    return gid;
end
$$;
comment on function oat.make_group(text, text, text) is
    'the gid of a group, which is given one when it has none';

do $groups$
begin
    perform oat.make_group('oat-users', 'group', null);
    perform oat.make_group('oat-sudo', 'group', null);
end
$groups$;

revoke all on all functions in schema oat from public;
