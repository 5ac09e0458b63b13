-- SPDX-License-Identifier: MIT
--
-- The tables an administrator works with. Natural keys, so that SQL typed by
-- hand reads well; each invariant a CHECK. Triggers say most of it first, in
-- words; the CHECKs hold when triggers are off, as during a restore.

create table oat.settings (
    key text constraint settings_pk primary key,
    value text not null
);
comment on table oat.settings is
    'uid_range: first and last uid and gid that oat gives out, as 70000-99999';
comment on column oat.settings.key is 'which setting';
comment on column oat.settings.value is 'its value, as text';
insert into oat.settings values ('uid_range', '70000-99999');

create table oat.plans (
    name text constraint plans_pk primary key
        constraint plans_name_ck check (name ~ '^[a-z][a-z0-9-]{0,30}$'),
    max_tokens integer
        constraint plans_max_tokens_ck check (max_tokens >= 0)
);
comment on table oat.plans is 'how many tokens an organization may hold';
comment on column oat.plans.name is 'what organizations name';
comment on column oat.plans.max_tokens is 'null = unlimited';
insert into oat.plans values
    ('team', 10), ('business', 100), ('unlimited', null);

create table oat.organizations (
    name text constraint organizations_pk primary key
        constraint organizations_name_ck check (
            name ~ '^[a-z][a-z0-9]{1,15}$' and name not in ('sudo', 'users')),
    plan text not null default 'team'
        constraint organizations_plan_fk references oat.plans
            on update cascade,
    max_lifetime interval
        constraint organizations_max_lifetime_ck
            check (max_lifetime > interval '0'),
    contact text
        constraint organizations_contact_ck check (length(contact) <= 200),
    suspended_at timestamptz,
    created_at timestamptz not null default now(),
    created_by text not null default session_user
);
comment on table oat.organizations is 'who owns tokens';
comment on column oat.organizations.name is
    'part of every login and group; does not change';
comment on column oat.organizations.plan is 'how many tokens it may hold';
comment on column oat.organizations.contact is
    'who to tell, where a token names nobody';
comment on column oat.organizations.created_at is 'when, by trigger';
comment on column oat.organizations.created_by is
    'by which database role, by trigger';
comment on column oat.organizations.max_lifetime is
    'no token of it may live longer after it was created or rotated';
comment on column oat.organizations.suspended_at is
    'not null: none of its tokens is let in anywhere';

create table oat.hosts (
    name text constraint hosts_pk primary key
        constraint hosts_name_ck check (name ~ '^[a-z0-9][a-z0-9.-]{0,58}$'),
    role text not null constraint hosts_role_key unique,
    labels text[] not null default '{}'
        constraint hosts_labels_ck check (
            array_position(labels, null) is null
            and (labels = '{}' or array_to_string(labels, ',')
                ~ '^[a-z0-9][a-z0-9_.-]{0,62}(,[a-z0-9][a-z0-9_.-]{0,62})*$')),
    ssh_host_keys text[] not null default '{}'
        constraint hosts_ssh_host_keys_ck check (
            array_position(ssh_host_keys, null) is null),
    suspended_at timestamptz
);
comment on table oat.hosts is
    'the machines that may ask; made by oat.enroll_host()';
comment on column oat.hosts.name is 'what grants name; does not change';
comment on column oat.hosts.ssh_host_keys is
    'its public keys, for known_hosts';
comment on column oat.hosts.role is
    'the database role the host connects as; who it connected as is who it is';
comment on column oat.hosts.labels is 'grants name them as @label';
comment on column oat.hosts.suspended_at is
    'not null: nobody is let in on this host';

create table oat.tokens (
    organization text not null
        constraint tokens_organization_fk references oat.organizations
            on delete cascade,
    name text not null
        constraint tokens_name_ck check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    login text not null constraint tokens_login_key unique
        constraint tokens_login_ck check (
            login = 'oat-' || organization || '-' || name
            and length(login) <= 32),
    uid bigint not null constraint tokens_uid_key unique
        constraint tokens_uid_ck check (uid between 65536 and 2147483647),
    description text not null default ''
        constraint tokens_description_ck check (length(description) <= 200),
    contact text
        constraint tokens_contact_ck check (length(contact) <= 200),
    shell text not null default '/bin/sh'
        constraint tokens_shell_ck check (
            shell ~ '^(/[A-Za-z0-9_+][A-Za-z0-9._+-]*)+$'
            and length(shell) <= 128),
    verifier text
        constraint tokens_verifier_ck check (verifier is null),
    selector text not null constraint tokens_selector_key unique,
    previous_selector text,
    not_before timestamptz
        constraint tokens_not_before_ck check (isfinite(not_before)),
    expires_at timestamptz
        constraint tokens_expires_at_ck check (
            isfinite(expires_at) and (not_before is null
                or not_before < expires_at)),
    max_idle interval
        constraint tokens_max_idle_ck check (max_idle > interval '0'),
    allowed_from cidr[]
        constraint tokens_allowed_from_ck check (
            array_position(allowed_from, null) is null),
    uses_left integer
        constraint tokens_uses_left_ck check (uses_left >= 0),
    deactivated_at timestamptz,
    overlap_until timestamptz
        constraint tokens_overlap_until_ck check (
            (overlap_until is null) = (previous_selector is null)),
    sessions_end_at timestamptz,
    created_at timestamptz not null default now(),
    created_by text not null default session_user,
    rotated_at timestamptz,
    rotated_by text,
    constraint tokens_pk primary key (organization, name)
);
comment on table oat.tokens is 'organization access tokens, one row each';
comment on column oat.tokens.organization is 'whose it is; does not change';
comment on column oat.tokens.name is
    'what it is for, within the organization; does not change';
comment on column oat.tokens.description is 'for people';
comment on column oat.tokens.contact is 'who to tell before it ends';
comment on column oat.tokens.shell is
    'where the host has it in /etc/shells; nologin elsewhere';
comment on column oat.tokens.created_at is 'when, by trigger';
comment on column oat.tokens.created_by is
    'by which database role, by trigger';
comment on column oat.tokens.rotated_at is
    'when its secret last changed, by trigger';
comment on column oat.tokens.rotated_by is
    'by which database role, by trigger';
comment on column oat.tokens.login is
    'oat-<organization>-<name>: derived, immutable';
comment on column oat.tokens.uid is
    'given once, also after the token is deleted and made again; never reused';
comment on column oat.tokens.verifier is
    'write-only: what oat mint printed; goes to oat.secrets, reads as null. In '
    'ON CONFLICT DO UPDATE write set selector = excluded.selector instead';
comment on column oat.tokens.selector is
    'the public handle of the secret that counts';
comment on column oat.tokens.previous_selector is
    'the secret before it, which works until overlap_until';
comment on column oat.tokens.not_before is 'not let in before; null = now';
comment on column oat.tokens.expires_at is
    'not let in from then on; null = never expires';
comment on column oat.tokens.max_idle is
    'not let in when unused for so long; null = no limit';
comment on column oat.tokens.allowed_from is
    'let in from these networks only; null = anywhere, {} = nowhere remote';
comment on column oat.tokens.uses_left is
    'successful logins it is still good for; null = unlimited';
comment on column oat.tokens.deactivated_at is
    'not null: not let in; set to null again to activate';
comment on column oat.tokens.overlap_until is
    'how long the previous secret works too; may be moved, or ended with null';
comment on column oat.tokens.sessions_end_at is
    'hosts end sessions opened before this time; see oat.end_sessions()';
-- What a snapshot asks: has a boundary been crossed since the last one?
create index tokens_expires_at_ix on oat.tokens (expires_at)
    where expires_at is not null;
create index tokens_not_before_ix on oat.tokens (not_before)
    where not_before is not null;
create index tokens_sessions_end_at_ix on oat.tokens (sessions_end_at)
    where sessions_end_at is not null;

create table oat.grants (
    organization text not null,
    token text not null,
    host text not null
        constraint grants_host_ck check (
            host ~ '^(@[a-z0-9][a-z0-9_.-]{0,62}|[a-z0-9.*?-]{1,64})$'),
    service text not null
        constraint grants_service_ck check (
            service ~ '^([*]|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$'),
    groups text[] not null default '{}'
        constraint grants_groups_ck check (
            array_position(groups, null) is null
            and (groups = '{}' or array_to_string(groups, ',')
                ~ '^[a-z0-9]+(-[a-z0-9]+)*(,[a-z0-9]+(-[a-z0-9]+)*)*$')),
    expires_at timestamptz
        constraint grants_expires_at_ck check (isfinite(expires_at)),
    constraint grants_pk primary key (organization, token, host, service),
    constraint grants_token_fk foreign key (organization, token)
        references oat.tokens on delete cascade
);
comment on table oat.grants is
    'what a token may do where; without a row here it may do nothing';
comment on column oat.grants.organization is 'whose token';
comment on column oat.grants.token is 'which token';
comment on column oat.grants.host is
    'a name, a glob of * and ?, a label as @prod, or *';
comment on column oat.grants.service is
    'a PAM service or *; sudo covers sudo-i, su covers su-l';
comment on column oat.grants.groups is
    'member of oat-g-<name> for each, on the hosts of this grant';
comment on column oat.grants.expires_at is
    'the grant''s own end; null = as long as the token';
create index grants_host_ix on oat.grants (host);
create index grants_glob_ix on oat.grants (host) where host ~ '[*?]';
create index grants_expires_at_ix on oat.grants (expires_at)
    where expires_at is not null;

create table oat.allowances (
    organization text not null
        constraint allowances_organization_fk references oat.organizations
            on delete cascade,
    host text not null
        constraint allowances_host_ck check (
            host ~ '^(@[a-z0-9][a-z0-9_.-]{0,62}|[a-z0-9.*?-]{1,64})$'),
    service text not null
        constraint allowances_service_ck check (
            service ~ '^([*]|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$'),
    constraint allowances_pk primary key (organization, host, service)
);
comment on table oat.allowances is
    'the ceiling of an organization: access = grant and allowance. Without '
    'allowances and without delegates it is not limited';
comment on column oat.allowances.organization is 'whose ceiling';
comment on column oat.allowances.host is 'as in grants';
comment on column oat.allowances.service is 'as in grants';

create table oat.delegates (
    organization text not null
        constraint delegates_organization_fk references oat.organizations
            on delete cascade,
    role text not null,
    may text[] not null
        constraint delegates_may_ck check (
            may <@ array['admin', 'rotate', 'revoke', 'audit']
            and array_position(may, null) is null and may <> '{}'),
    constraint delegates_pk primary key (organization, role)
);
comment on table oat.delegates is
    'database roles that look after one organization, and what they may';
comment on column oat.delegates.organization is 'which organization';
comment on column oat.delegates.role is
    'a role of this database cluster, by name';
comment on column oat.delegates.may is
    'admin: tokens and grants; rotate: secrets; revoke: deactivate, end '
    'sessions; audit: read its activity';
