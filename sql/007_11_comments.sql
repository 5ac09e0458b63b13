-- SPDX-License-Identifier: MIT
--
-- What each column, trigger and policy is for, where \d+ and other programs
-- show it. Of partitions nothing is said again: they are activity's.

do $columns$
declare
    said record;
begin
    for said in
        select * from (values
        ('token_status', 'organization', 'whose it is'),
        ('token_status', 'token', 'its name within the organization'),
        ('token_status', 'login', 'oat-<organization>-<token>'),
        ('token_status', 'uid', 'on every host'),
        ('token_status', 'selector',
            'the public handle of the secret that counts'),
        ('token_status', 'expires_at',
            'not let in from then on; null = never expires'),
        ('token_status', 'days_left',
            'whole days until expires_at, negative after it'),
        ('token_status', 'last_used_at',
            'when it was last let in; null = never'),
        ('token_status', 'last_used_host', 'the host that let it in then'),
        ('token_status', 'last_used_from',
            'the address it came from; null = none, or not an address'),
        ('token_status', 'last_used_service', 'the PAM service'),
        ('token_status', 'overlap_until',
            'how long the previous secret works too'),
        ('token_status', 'previous_selector',
            'the secret before it, which works until overlap_until'),
        ('access', 'organization', 'whose token'),
        ('access', 'token', 'which token'),
        ('access', 'login', 'what it logs in as'),
        ('access', 'host', 'an enrolled host, by name'),
        ('access', 'service', 'as in the grant: a PAM service or *'),
        ('usage_daily', 'day', 'by UTC'),
        ('usage_daily', 'organization', 'whose token'),
        ('usage_daily', 'token', 'which token'),
        ('usage_daily', 'host', 'where'),
        ('usage_daily', 'service', 'the PAM service'),
        ('usage_daily', 'successes', 'logins and accesses that were let in'),
        ('usage_daily', 'failures', 'those that were refused'),
        ('usage_days', 'day', 'by UTC'),
        ('usage_days', 'organization', 'whose token'),
        ('usage_days', 'token', 'which token'),
        ('usage_days', 'host', 'where'),
        ('usage_days', 'service', 'the PAM service'),
        ('usage_days', 'successes',
            'sealed logins and accesses that were let in'),
        ('usage_days', 'failures', 'those that were refused'),
        ('host_status', 'host', 'which host'),
        ('host_status', 'last_seen_at', 'when it last asked; null = never'),
        ('host_status', 'version', 'of its program, as it says'),
        ('host_status', 'spooled', 'events that wait there, as it says'),
        ('host_status', 'certificate_end',
            'of its client certificate, if it has one'),
        ('rotation_status', 'organization', 'whose token'),
        ('rotation_status', 'token', 'which token'),
        ('rotation_status', 'login', 'what it logs in as'),
        ('rotation_status', 'selector', 'the new secret'),
        ('rotation_status', 'previous_selector',
            'the old one, which works until overlap_until'),
        ('rotation_status', 'overlap_until',
            'when the old one stops working'),
        ('rotation_status', 'host',
            'that let the old one in; null = none did'),
        ('rotation_status', 'old_last_used_at',
            'when it last let the old one in'),
        ('rotation_status', 'old_last_used_from', 'from which address'),
        ('rotation_status', 'new_last_used_at',
            'when it last let the new one in; null = not yet'),
        ('last_use', 'organization', 'whose token'),
        ('last_use', 'token', 'which token'),
        ('last_use', 'at', 'when it was last let in'),
        ('last_use', 'host', 'where'),
        ('last_use', 'service', 'the PAM service'),
        ('last_use', 'rhost', 'from where, if it came as an address'),
        ('last_uses', 'organization', 'whose token'),
        ('last_uses', 'token', 'which token'),
        ('last_uses', 'host', 'where'),
        ('last_uses', 'at', 'when it was last let in there, as far as sealed'),
        ('last_uses', 'service', 'the PAM service'),
        ('last_uses', 'rhost', 'from where, if it came as an address'),
        ('uses', 'organization', 'whose token'),
        ('uses', 'token', 'which token'),
        ('uses', 'at', 'when it happened'),
        ('uses', 'recorded_at', 'when it arrived here, by the clock'),
        ('uses', 'event', 'login, with the secret; or access, without'),
        ('uses', 'host', 'where'),
        ('uses', 'service', 'the PAM service'),
        ('uses', 'rhost', 'from where, if it came as an address'),
        ('uses', 'selector', 'the secret that was typed; null for an access'),
        ('used_on', 'organization', 'whose token'),
        ('used_on', 'token', 'which token'),
        ('used_on', 'host', 'that ever let it in'),
        ('typed', 'organization', 'whose token'),
        ('typed', 'token', 'which token'),
        ('typed', 'host', 'where it was typed'),
        ('typed', 'at', 'when it happened'),
        ('typed', 'outcome', 'success or failure'),
        ('typed', 'reason', 'why it was refused'),
        ('typed', 'selector', 'the secret that was typed'),
        ('secret_history', 'selector', 'its public handle'),
        ('secret_history', 'organization', 'whose token'),
        ('secret_history', 'token', 'which token'),
        ('secret_history', 'minted_at', 'when it came here'),
        ('secret_history', 'minted_by', 'the database role that brought it'),
        ('secret_history', 'retired_at',
            'when it ceased to count, or to overlap; null = it counts'),
        ('secret_owners', 'selector', 'its public handle'),
        ('secret_owners', 'organization', 'whose token, deleted or not'),
        ('secret_owners', 'token', 'which token'),
        ('secret_owners', 'minted_at', 'when it came here'),
        ('secret_owners', 'minted_by', 'the database role that brought it'),
        ('secret_owners', 'retired_at',
            'when it ceased to count, or to overlap; null = it counts'),
        ('secrets', 'selector', 'its public handle; spent for good'),
        ('secrets', 'organization', 'whose token'),
        ('secrets', 'token', 'which token'),
        ('secrets', 'minted_at', 'when it came here'),
        ('secrets', 'minted_by', 'the database role that brought it'),
        ('told', 'organization', 'whose token'),
        ('told', 'token', 'which token'),
        ('told', 'host', 'that was ever told of it'),
        ('told', 'active', 'was it told that the token has access there?'),
        ('told', 'confirmed_at',
            'since when the host says that it has no access and no session '
            'there'),
        ('told', 'confirmed_generation', 'and what it knew then'),
        ('told', 'seen_at', 'when the host last asked'),
        ('told', 'known_generation', 'what it said then that it has'),
        ('told', 'told_generation', 'the last whole answer that it was given'),
        ('told', 'applied_generation',
            'what it last said that it has applied'),
        ('told', 'applied_at', 'when it first said so'),
        ('told', 'sessions_left',
            'processes of the token that it could not, or must not, end'),
        ('told', 'changed_generation',
            'what the token, its organization or the host last changed with'),
        ('errors', 'sqlstate', 'OA001 and on'),
        ('errors', 'meaning', 'in words'),
        ('activity_seal', 'one', 'true: there is one row'),
        ('allocator', 'one', 'true: there is one row'),
        ('allocator', 'last', 'the highest number ever given'),
        ('changes', 'organization',
            'of a token, or by itself; empty for a host'),
        ('changes', 'token', 'empty for an organization or a host'),
        ('changes', 'host', 'empty for a token or an organization'),
        ('changes', 'xid', 'the transaction that changed it last'),
        ('changes', 'generation', 'null until that transaction ends'),
        ('generations', 'value', 'microseconds since 1970, or more'),
        ('generations', 'at', 'when it was drawn'),
        ('touches', 'xid', 'a transaction under way'),
        ('host_state', 'host', 'which host'),
        ('host_state', 'seen_at', 'when it last asked'),
        ('host_state', 'known_generation', 'what it said then that it has'),
        ('host_state', 'ahead_at',
            'when it came with ahead_generation; null = it did not'),
        ('host_state', 'told_as_of',
            'the time that answer was true at, in microseconds since 1970'),
        ('host_state', 'applied_as_of',
            'the time of that answer, in microseconds since 1970'),
        ('identities', 'id', 'the uid or gid, given once'),
        ('identities', 'name', 'of the user or group on hosts'),
        ('identities', 'kind', 'token, organization or group'),
        ('identities', 'organization', 'whose it is, or was'),
        ('identities', 'token', 'of a token, its name'),
        ('identities', 'created_at', 'when the number was given'),
        ('locks', 'name', 'what is locked with it'),
        ('migrations', 'version', 'from 1, without gaps'),
        ('migrations', 'name', 'what it brought'),
        ('migrations', 'applied_at', 'when this schema had it'),
        ('served', 'host', 'that was told'),
        ('served', 'id', 'of the user or group: oat.identities'),
        ('served', 'first_at', 'when it was first told'),
        ('token_counts', 'organization', 'whose tokens'),
        ('token_counts', 'held', 'how many there are, of any status'),
        ('token_counts', 'max_tokens', 'by its plan; null = unlimited'),
        ('unknown_tokens', 'host', 'where they were typed'),
        ('unknown_tokens', 'login', 'for whom'),
        ('unknown_tokens', 'minute', 'that the row of activity counts'),
        ('unknown_tokens', 'attempts', 'how many so far'),
        ('unknown_tokens', 'activity_id', 'the row: its id'),
        ('unknown_tokens', 'recorded_at', 'the row: its partition'),
        ('facts', 'at', 'the clock'),
        ('facts', 'event', 'login, with a secret; or access, without'),
        ('facts', 'login', 'who they say they are'),
        ('facts', 'service', 'the PAM service'),
        ('facts', 'rhost', 'PAM_RHOST as it came, - for none'),
        ('facts', 'tty', 'PAM_TTY, - for none'),
        ('facts', 'ruser', 'PAM_RUSER, - for none'),
        ('facts', 'selector',
            'of the secret that was typed; null for an access'),
        ('facts', 'proof', 'right, wrong, bad_verifier or none'),
        ('facts', 'secret', 'current, overlapping, retired; null = unknown'),
        ('facts', 'host', 'the host that asks'),
        ('facts', 'token', 'of the selector; for an access, of the login'),
        ('facts', 'organization', 'the organization of the token'),
        ('facts', 'granted', 'services that its grants here name'),
        ('facts', 'allowed',
            'services that allowances name here; null = not limited'),
        ('facts', 'used_at',
            'since when it is idle; null = it has no max_idle'),
        ('presence', 'uid', 'of the token'),
        ('presence', 'active', 'is it let in here, by anything, now?'),
        ('presence', 'expires_at', 'when that ends, or ended by itself'),
        ('presence', 'groups', 'full names'),
        ('dropped_month', 'month', 'of the partition'),
        ('dropped_month', 'kinds', 'of events that go: logins, management'),
        ('dropped_month', 'events', 'how many of each kind'),
        ('dropped_month', 'copy',
            'the table with what stays; null = in activity_default'),
        ('dropped_month', 'copied', 'how many rows that has'),
        ('dropped_month', 'size', 'bytes that dropping it frees'),
        ('usage_line', 'organization', 'which organization'),
        ('usage_line', 'plan', 'its plan; null = it was deleted'),
        ('usage_line', 'token_limit', 'of the plan; null = unlimited'),
        ('usage_line', 'tokens_held', 'how many tokens it holds now'),
        ('usage_line', 'active', 'of those, let in now'),
        ('usage_line', 'unused', 'of those, never let in in that time'),
        ('usage_line', 'logins', 'logins and accesses that were let in'),
        ('usage_line', 'failures', 'those that were refused'),
        ('usage_line', 'sudo', 'of those let in, by sudo'),
        ('usage_line', 'hosts', 'on how many any was let in')
        ) s (relation, name, comment)
    loop
        execute format('comment on column oat.%I.%I is %L', said.relation,
            said.name, said.comment);
    end loop;
end
$columns$;

-- A trigger does what its function is for.
do $triggers$
declare
    made record;
begin
    for made in
        select t.tgname as name, t.tgrelid::regclass as relation,
            regexp_replace(obj_description(t.tgfoid, 'pg_proc'),
                '^trigger: ', '') as comment
        from pg_trigger t
        join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'oat'::regnamespace and not t.tgisinternal
            and not c.relispartition
    loop
        execute format('comment on trigger %I on %s is %L', made.name,
            made.relation, made.comment);
    end loop;
end
$triggers$;

-- Where all rows are meant, who may do what with them is all there is to say.
do $policies$
declare
    made record;
begin
    for made in
        select p.polname as name, p.polrelid::regclass as relation,
            (select string_agg(r.rolname, ' and ' order by r.rolname)
                from pg_roles r where r.oid = any (p.polroles))
            || case p.polcmd when 'r' then ' may read' else ' may change' end
            || ' every row, as far as granted' as comment
        from pg_policy p
        join pg_class c on c.oid = p.polrelid
        where c.relnamespace = 'oat'::regnamespace
            and pg_get_expr(p.polqual, p.polrelid) = 'true'
    loop
        execute format('comment on policy %I on %s is %L', made.name,
            made.relation, made.comment);
    end loop;
end
$policies$;

comment on policy organizations_delegate on oat.organizations is
    'delegates read the organizations that they look after';
comment on policy delegates_delegate on oat.delegates is
    'delegates read the rows of the roles that they have';
comment on policy allowances_delegate on oat.allowances is
    'delegates read the ceilings of their organizations';
comment on policy hosts_delegate on oat.hosts is
    'delegates read the hosts that an allowance of theirs covers';
comment on policy tokens_delegate on oat.tokens is
    'delegates read the tokens of their organizations';
comment on policy tokens_delegate_insert on oat.tokens is
    'delegates that may admin make tokens of their organizations';
comment on policy tokens_delegate_update on oat.tokens is
    'delegates change tokens of their organizations, and of each what the '
    'trigger tokens_10_rights lets them';
comment on policy tokens_delegate_delete on oat.tokens is
    'delegates that may admin delete tokens of their organizations';
comment on policy grants_delegate on oat.grants is
    'delegates read the grants of their organizations';
comment on policy grants_delegate_write on oat.grants is
    'delegates that may admin change the grants of their organizations';
comment on policy activity_delegate on oat.activity is
    'delegates that may audit read the log of their organizations';
