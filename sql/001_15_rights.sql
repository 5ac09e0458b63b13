-- SPDX-License-Identifier: MIT
--
-- Who may do what. Row-level security is enabled and forced on every table,
-- the owner's own included, with a policy for each role that gets rows.

do $rights$
declare
    name text;
begin
    for name in
        select c.relname from pg_catalog.pg_class c
        where c.relnamespace = 'oat'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition
    loop
        execute format('alter table oat.%I enable row level security', name);
        execute format('alter table oat.%I force row level security', name);
        execute format('create policy %I on oat.%I to oat_owner '
            'using (true) with check (true)', name || '_owner', name);
    end loop;
    foreach name in array array['settings', 'plans', 'organizations', 'hosts',
        'tokens', 'grants', 'allowances', 'delegates']
    loop
        execute format('grant select, insert, update, delete on oat.%I '
            'to oat_admin', name);
        execute format('create policy %I on oat.%I to oat_admin '
            'using (true) with check (true)', name || '_admin', name);
    end loop;
    foreach name in array array['settings', 'plans', 'organizations', 'hosts',
        'tokens', 'grants', 'allowances', 'delegates', 'activity',
        'identities', 'served', 'host_state', 'migrations']
    loop
        execute format('grant select on oat.%I to oat_admin, oat_auditor',
            name);
        execute format('create policy %I on oat.%I for select '
            'to oat_admin, oat_auditor using (true)', name || '_auditor', name);
    end loop;
end
$rights$;

grant usage on schema oat to oat_admin, oat_auditor, oat_host, oat_delegate;

grant select on oat.token_status, oat.last_use, oat.uses, oat.errors
    to oat_admin, oat_auditor;

-- Checks and predicates run in the name of who asks.
grant execute on function oat.utc(timestamptz),
    oat.later(timestamptz, interval),
    oat.has_begun(timestamptz, timestamptz),
    oat.has_not_ended(timestamptz, timestamptz),
    oat.host_covers(text, text, text[]), oat.service_covers(text, text),
    oat.to_address(text), oat.checks(), oat.state_checks(), oat.sees(text),
    oat.is_granted(oat.facts, text), oat.allowed_services(text, oat.hosts),
    oat.any_covers(text[], text), oat.is_allowed(text, oat.hosts, text),
    oat.idle_since(oat.tokens),
    oat.used_just_now(oat.facts), oat.address_allowed(oat.facts),
    oat.passes(text, oat.facts), oat.first_failure(text[], oat.facts),
    oat.refusal(oat.facts), oat.denial_message(text, oat.facts),
    oat.token_failure(text[], oat.tokens, oat.organizations, timestamptz),
    oat.token_state(oat.tokens, oat.organizations, timestamptz)
    to oat_admin, oat_auditor, oat_delegate;

grant execute on function
    oat.create_token(text, text, text, text[], text[], timestamptz, text,
        cidr[]),
    oat.check_pattern(text, text, text)
    to oat_admin, oat_delegate;

grant execute on function
    oat.enroll_host(text, text[], text, text[]), oat.is_host_role(text),
    oat.make_host_role(text, text)
    to oat_admin;

grant execute on function
    oat.host_verifier(text),
    oat.host_decide(uuid, text, text, text, text, text, text, text, text),
    oat.host_record(jsonb), oat.host_identities(bigint, bigint)
    to oat_host;
