-- SPDX-License-Identifier: MIT
--
-- Grants, allowances and hosts: checks in words, groups with numbers, and the
-- enrolment of a host.

create function oat.check_pattern(label text, host text, service text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if host is null or host !~
            '^(@[a-z0-9][a-z0-9_.-]{0,62}|[a-z0-9.*?-]{1,64})$' then
        raise exception using
            errcode = 'OA001',
            message = format('%s: %s names no host', label,
                quote_nullable(left(host, 80))),
            detail = 'A host is a name of a-z 0-9 . and -, a glob with * and '
                '?, a label as @prod, or *.',
            hint = 'for example web-1, web-*, @prod';
    elsif service is null
            or service !~ '^([*]|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$' then
        raise exception using
            errcode = 'OA001',
            message = format('%s: %s names no PAM service', label,
                quote_nullable(left(service, 80))),
            detail = 'A service is the name of a file in /etc/pam.d, or *.',
            hint = 'for example sshd, sudo, su, *';
    end if;
end
$$;
comment on function oat.check_pattern(text, text, text) is
    'raises: host or service of a grant or allowance is malformed';

create function oat.check_grant() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    label constant text := format('grant of %s/%s',
        left(new.organization, 64), left(new.token, 64));
begin
    perform oat.check_pattern(label, new.host, new.service);
    if exists (select from unnest(new.groups) g
            where g is null or g !~ '^[a-z0-9]+(-[a-z0-9]+)*$'
                or length('oat-g-' || g) > 32) then
        raise exception using
            errcode = 'OA001',
            message = format('%s on %s for %s: a group''s name is malformed',
                label, new.host, new.service),
            detail = 'Groups are spelled like token names, at most 26 '
                'characters; on hosts they are called oat-g-<name>.',
            hint = 'for example {deploy,web-restart}';
    elsif not isfinite(new.expires_at) then
        raise exception using
            errcode = 'OA001',
            message = format('%s on %s for %s: expires_at is infinite',
                label, new.host, new.service),
            detail = 'A grant without an end has null there.',
            hint = 'leave expires_at out';
    end if;
    new.groups := array(select distinct unnest(new.groups) order by 1);
    return new;
end
$$;
comment on function oat.check_grant() is 'trigger: a grant''s columns';
create trigger grants_20_check before insert or update on oat.grants
    for each row execute function oat.check_grant();

-- The key would refuse it too, but would not say what to do.
create function oat.check_grant_token() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from oat.tokens t
            where t.organization = new.organization and t.name = new.token)
    then
        raise exception using
            errcode = 'OA008',
            message = format('there is no token %s/%s to grant %s on %s to',
                new.organization, new.token, new.service, new.host),
            detail = 'A grant belongs to a token.',
            hint = 'insert the token first, or oat.create_token()';
    end if;
    return new;
end
$$;
comment on function oat.check_grant_token() is
    'trigger: the token of a grant exists';
create trigger grants_30_token before insert on oat.grants
    for each row execute function oat.check_grant_token();

create function oat.grant_groups() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    name text;
begin
    foreach name in array new.groups loop
        perform oat.make_group('oat-g-' || name, 'group', null);
    end loop;
    return null;
end
$$;
comment on function oat.grant_groups() is
    'trigger: groups named for the first time get their gid';
create trigger grants_groups after insert or update of groups on oat.grants
    for each row when (new.groups <> '{}')
    execute function oat.grant_groups();

create function oat.check_allowance() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.check_pattern(format('allowance of %s',
        left(new.organization, 64)), new.host, new.service);
    return new;
end
$$;
comment on function oat.check_allowance() is 'trigger: an allowance''s columns';
create trigger allowances_20_check before insert or update on oat.allowances
    for each row execute function oat.check_allowance();

create function oat.check_host() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'UPDATE' and new.name is distinct from old.name then
        raise exception using
            errcode = 'OA007',
            message = format('host %s keeps its name', old.name),
            detail = 'Grants, snapshots and the log go by the name.',
            hint = format('select oat.enroll_host(%L), then delete the old one',
                left(new.name, 64));
    elsif new.name is null or new.name !~ '^[a-z0-9][a-z0-9.-]{0,58}$' then
        raise exception using
            errcode = 'OA001',
            message = format('a host cannot be called %s',
                quote_nullable(left(new.name, 80))),
            detail = 'Names are at most 59 of a-z 0-9 . and -, a letter or '
                'digit first.',
            hint = 'for example web-1 or web-1.example.org';
    elsif exists (select from unnest(new.labels) l
            where l is null or l !~ '^[a-z0-9][a-z0-9_.-]{0,62}$') then
        raise exception using
            errcode = 'OA001',
            message = format('host %s: a label is malformed', new.name),
            detail = 'Labels are at most 63 of a-z 0-9 _ . and -, without the '
                '@ by which grants name them.',
            hint = 'for example {prod,eu-west}';
    end if;
    new.role := coalesce(new.role, 'oat_' || new.name);
    return new;
end
$$;
comment on function oat.check_host() is 'trigger: a host''s columns';
create trigger hosts_20_check before insert or update on oat.hosts
    for each row execute function oat.check_host();

create function oat.host_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    delete from oat.grants g where g.host = old.name;
    return null;
end
$$;
comment on function oat.host_gone() is
    'trigger: grants that name a removed host exactly go with it';
create trigger hosts_gone after delete on oat.hosts
    for each row execute function oat.host_gone();

-- Never a role of another kind: one that is a host's logs in, is a member of
-- oat_host and of nothing else, and has no power of its own.
create function oat.is_host_role(role text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from pg_roles r
        where r.rolname = role and r.rolcanlogin
            and not (r.rolsuper or r.rolcreaterole or r.rolcreatedb
                or r.rolreplication or r.rolbypassrls)
            and (select array_agg(distinct m.roleid::regrole::text)
                from pg_auth_members m where m.member = r.oid)
                = array['oat_host'])
$$;
comment on function oat.is_host_role(text) is
    'is this existing role one that enroll_host made?';

create function oat.make_host_role(role text, password text) returns void
language plpgsql set search_path = pg_catalog, pg_temp
set password_encryption = 'scram-sha-256' as $$
begin
    if not exists (select from pg_roles r where r.rolname = role) then
        execute format('create role %I login connection limit 32', role);
        execute format('grant oat_host to %I', role);
        execute format('comment on role %I is %L', role, 'a host of oat');
    elsif not oat.is_host_role(role) then
        raise exception using
            errcode = 'OA011',
            message = format('role %s exists and is not a host''s', role),
            detail = 'A host''s role logs in, is a member of oat_host alone '
                'and has no attribute of power.',
            hint = 'choose another name for the host, or drop the role';
    end if;
    if password is not null then
        execute format('alter role %I password %L', role, password);
    end if;
exception when insufficient_privilege then
    raise exception using
        errcode = 'insufficient_privilege',
        message = format('%s may not make host roles', current_user),
        detail = sqlerrm || '.',
        hint = format('as a superuser: alter role %I createrole; grant '
            'oat_host to %I with admin option', current_user, current_user);
end
$$;
comment on function oat.make_host_role(text, text) is
    'the login role of a host; raises when it exists and is of another kind';

-- Given again, labels and keys replace; left out, they stay.
create function oat.enroll_host(name text, labels text[] default '{}',
    password text default null, ssh_host_keys text[] default '{}')
returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    role constant text := 'oat_' || name;
begin
    insert into oat.hosts (name, role, labels, ssh_host_keys)
    values (enroll_host.name, 'oat_' || enroll_host.name, enroll_host.labels,
        enroll_host.ssh_host_keys)
    on conflict on constraint hosts_pk do update
    set labels = case when excluded.labels = '{}' then hosts.labels
            else excluded.labels end,
        ssh_host_keys = case when excluded.ssh_host_keys = '{}'
            then hosts.ssh_host_keys else excluded.ssh_host_keys end;
    perform oat.make_host_role(role, password);
    return role;
end
$$;
comment on function oat.enroll_host(text, text[], text, text[]) is
    'the host''s row and its login role oat_<name>, which it returns; again '
    'changes nothing but what is given. The caller needs CREATEROLE, and since '
    'PostgreSQL 16 oat_host with admin option';

revoke all on all functions in schema oat from public;
