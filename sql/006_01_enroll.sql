-- SPDX-License-Identifier: MIT
--
-- Enrolling many hosts. A host's password need not come here: enroll_host and
-- host_password take its SCRAM verifier. A host that is suspended, removed or
-- given a new password loses its connections at once.
--
-- Who may end a connection? A superuser, or who has the privileges of its
-- role. So host roles are granted to oat_owner, whom nobody is: its definer
-- functions then end connections of hosts and of nobody else, for every
-- administrator, from PostgreSQL 13 on and where a provider keeps the
-- superuser to itself. What was granted before this file is granted below, or
-- by enrolling the host again.
--
-- It is not what safety rests on: every host function looks the host up again
-- for each question. A host that connects anew before the change is committed
-- keeps that connection, and gets nothing over it.

-- PostgreSQL takes a verifier as it is, but anything that is not quite one as
-- a password in clear: a host given half of its verifier would be locked out.
create function oat.is_scram_verifier(password text) returns boolean
language sql immutable as $$
    select password ~ ('^SCRAM-SHA-256\$[1-9][0-9]{0,6}:[A-Za-z0-9+/]{4,}={0,2}'
        '\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$')
$$;
comment on function oat.is_scram_verifier(text) is
    'is this what PostgreSQL keeps of a password, rather than one?';

-- Never part of a message: what was given.
create function oat.check_host_password(role text, password text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if password ~ '^SCRAM-SHA-256\$'
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
comment on function oat.check_host_password(text, text) is
    'raises: neither a password nor a whole SCRAM verifier';

create function oat.end_connections(role text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    ended integer;
begin
    select count(*) into ended
    from (
        select pg_terminate_backend(a.pid) as done
        from pg_stat_activity a
        where a.usename = role and a.pid <> pg_backend_pid()) e
    where e.done;
    return ended;
exception when insufficient_privilege then
    raise notice using
        message = format('connections of %s stay open', role),
        detail = 'Whatever is asked over them is checked again, and refused.',
        hint = format('grant %I to oat_owner; or as a superuser: select '
            'pg_terminate_backend(pid) from pg_stat_activity where usename = '
            '%L', role, role);
    return 0;
end
$$;
comment on function oat.end_connections(text) is
    'ends the connections of a host''s role, and returns how many; no others '
    'are in its power';

create function oat.host_lost() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'DELETE' and oat.is_host_role(old.role) then
        begin
            execute format('alter role %I nologin', old.role);
        exception when insufficient_privilege then
            raise notice using
                message = format('role %s can still log in', old.role),
                detail = 'It can call nothing of use any more.',
                hint = format('as who made it: drop role %I', old.role);
        end;
    end if;
    perform oat.end_connections(old.role);
    return null;
end
$$;
comment on function oat.host_lost() is
    'trigger: a host that is suspended, removed or known by another role loses '
    'its connections; the role of a removed one logs in no more';
create trigger hosts_lost after delete on oat.hosts
    for each row execute function oat.host_lost();
create trigger hosts_lost_update after update on oat.hosts
    for each row when (new.role is distinct from old.role
        or (new.suspended_at is not null and old.suspended_at is null))
    execute function oat.host_lost();

-- A host that was removed has such a role, too, that does not log in.
create or replace function oat.is_host_role(role text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select exists (
        select from pg_roles r
        where r.rolname = role and (r.rolcanlogin
                or shobj_description(r.oid, 'pg_authid') = 'a host of oat')
            and not (r.rolsuper or r.rolcreaterole or r.rolcreatedb
                or r.rolreplication or r.rolbypassrls)
            and (select array_agg(distinct m.roleid::regrole::text)
                from pg_auth_members m where m.member = r.oid)
                = array['oat_host'])
$$;

create function oat.own_host_role(role text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role('oat_owner', role, 'usage') then
        execute format('grant %I to oat_owner', role);
    end if;
exception when insufficient_privilege then
    raise notice using
        message = format('%s may not grant %s to oat_owner', current_user,
            role),
        detail = 'When the host is suspended or removed, its connections stay '
            'open; whatever is asked over them is refused.',
        hint = format('as a superuser: grant %I to oat_owner', role);
end
$$;
comment on function oat.own_host_role(text) is
    'lets oat_owner end the connections of a host';

create or replace function oat.make_host_role(role text, password text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
set password_encryption = 'scram-sha-256' as $$
declare
    existed constant boolean := exists (
        select from pg_roles r where r.rolname = role);
begin
    perform oat.check_host_password(role, password);
    if not existed then
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
    elsif not (select r.rolcanlogin from pg_roles r where r.rolname = role)
    then
        execute format('alter role %I login', role);
    end if;
    perform oat.own_host_role(role);
    if password is not null then
        execute format('alter role %I password %L', role, password);
    end if;
    if password is not null and existed then
        perform oat.log_password(substr(role, length('oat_') + 1));
        perform oat.end_connections(role);
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

-- Given again, labels, password and keys replace; left out, they stay.
create or replace function oat.enroll_host(name text,
    labels text[] default '{}', password text default null,
    ssh_host_keys text[] default '{}')
returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    role constant text := 'oat_' || name;
    former_keys text[];
begin
    select h.ssh_host_keys into former_keys from oat.hosts h
    where h.name = enroll_host.name;
    insert into oat.hosts (name, role, labels, ssh_host_keys)
    values (enroll_host.name, 'oat_' || enroll_host.name, enroll_host.labels,
        enroll_host.ssh_host_keys)
    on conflict on constraint hosts_pk do update
    set labels = case when excluded.labels = '{}' then hosts.labels
            else excluded.labels end,
        ssh_host_keys = case when excluded.ssh_host_keys = '{}'
            then hosts.ssh_host_keys else excluded.ssh_host_keys end;
    perform oat.make_host_role(role, password);
    if former_keys <> '{}' and ssh_host_keys <> '{}'
            and not former_keys && ssh_host_keys then
        raise notice using
            message = format('host %s has other ssh keys now', name),
            detail = 'ssh refuses it where the former ones are known.',
            hint = 'give out oat.known_hosts() again; if nobody rebuilt the '
                'host, find out who enrolled another one in its name';
    end if;
    return role;
end
$$;
comment on function oat.enroll_host(text, text[], text, text[]) is
    'the host''s row and its login role oat_<name>, which it returns; again '
    'changes nothing but what is given, as when a machine was rebuilt. The '
    'password is one or a SCRAM verifier, as oat enroll prints it. The caller '
    'needs CREATEROLE, and since PostgreSQL 16 oat_host with admin option';

create function oat.host_password_note(verifier text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    host constant oat.hosts := oat.this_host();
begin
    if not coalesce(oat.is_scram_verifier(verifier), false) then
        raise exception using
            errcode = 'OA001',
            message = 'this is no SCRAM verifier',
            detail = 'A host gives the verifier of its new password.',
            hint = 'oat rotate-host-password does it';
    end if;
    perform oat.log_action('host.updated', host.name,
        '{"password": "rotated"}');
end
$$;
comment on function oat.host_password_note(text) is
    'hosts: oat.host_password() does this first: checks, and records';

-- No security definer: a role may change its own password, and oat_owner
-- could not.
create function oat.host_password(verifier text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform oat.host_password_note(verifier);
    execute format('alter role %I password %L', session_user, verifier);
end
$$;
comment on function oat.host_password(text) is
    'hosts: a new password for the role that is connected, as its SCRAM '
    'verifier; see oat rotate-host-password';

-- Words of hosts go into a file that ssh believes: a key and nothing else.
create function oat.public_key(line text) returns text
language sql immutable as $$
    select array_to_string(regexp_match(line, '^\s*((?:ssh|ecdsa|sk)-'
        '[a-z0-9@.-]{1,60})\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)'), ' ')
$$;
comment on function oat.public_key(text) is
    'type and key of a line of a public key file; null when it is none';

-- One name a line: dropbear's client knows no lists of names.
create function oat.known_hosts(organization text, domain text default null)
returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select n.name || ' ' || oat.public_key(k.line)
    from oat.hosts h
    cross join lateral (
        select h.name
        union all
        select h.name || '.' || ltrim(domain, '.')
        where h.name not like '%.%' and domain is not null) n
    cross join unnest(h.ssh_host_keys) with ordinality k (line, position)
    where oat.public_key(k.line) is not null
        and coalesce(domain, '') !~ '[^a-z0-9.-]'
        and exists (
            select from oat.grants g
            where g.organization = known_hosts.organization
                and oat.has_not_ended(g.expires_at, now())
                and oat.host_covers(g.host, h.name, h.labels))
        and oat.allowed_services(known_hosts.organization, h)
            is distinct from '{}'
    order by h.name, n.name, k.position
$$;
comment on function oat.known_hosts(text, text) is
    'lines for known_hosts: the enrolled hosts where the organization has '
    'access, and their ssh keys; with a domain, names without a dot are also '
    'known within it';

-- The hosts that are there already.
select set_config('oat.host_roles', coalesce((
    select string_agg(h.role, e'\n') from oat.hosts h
    where oat.is_host_role(h.role)), ''), true) \g /dev/null
set local role none;
do $hosts$
declare
    role text;
begin
    foreach role in array string_to_array(
        current_setting('oat.host_roles'), e'\n')
    loop
        begin
            execute format('grant %I to oat_owner', role);
        exception when insufficient_privilege then
            raise warning using
                message = format('%s may not grant %s to oat_owner',
                    current_user, role),
                hint = format('as a superuser: grant %I to oat_owner', role);
        end;
    end loop;
end
$hosts$;
set local role oat_owner;

revoke all on all functions in schema oat from public;
grant execute on function oat.is_scram_verifier(text),
    oat.check_host_password(text, text), oat.end_connections(text),
    oat.own_host_role(text)
    to oat_admin;
grant execute on function oat.public_key(text), oat.known_hosts(text, text)
    to oat_admin, oat_auditor, oat_delegate;
grant execute on function oat.host_password(text),
    oat.host_password_note(text) to oat_host;
