-- SPDX-License-Identifier: MIT
--
-- A year of activity, at once: :rows rows of 1,000 tokens of 10 organizations,
-- each used on some 20 of 200 hosts; logins, accesses and sessions, one in 33
-- refused. As a superuser; the triggers of the log refuse changes, not rows.

\set ON_ERROR_STOP on
set role oat_owner;
select count(oat.make_month((date_trunc('month', now() at time zone 'UTC')
    - make_interval(months => m))::date))
from generate_series(1, 12) m;
reset role;

insert into oat.activity (event_id, at, recorded_at, organization, token,
    actor, event, host, service, rhost, outcome, reason, detail)
select gen_random_uuid(), r.at, r.at, 'org' || token % 10, 't' || token,
    'oat-org' || token % 10 || '-t' || token,
    case when kind < 55 then 'login' when kind < 70 then 'access'
        when kind < 85 then 'session.opened' else 'session.closed' end,
    'host-' || (token * 7 + (random() * 20)::integer) % 200,
    case when kind % 4 = 0 then 'sudo' else 'sshd' end,
    ('10.' || token % 200 || '.1.' || i % 250)::inet,
    case when kind < 70 then case when i % 33 = 0 then 'failure'
        else 'success' end end,
    case when kind < 70 and i % 33 = 0 then 'wrong_secret' end,
    jsonb_strip_nulls(jsonb_build_object(
        'login', 'oat-org' || token % 10 || '-t' || token, 'tty', 'ssh',
        'selector', case when kind < 55
            then 'sel' || lpad(token::text, 9, '0') end,
        'secret', case when kind < 55 then 'current' end))
from generate_series(1, :rows) i,
    lateral (select (random() * 999)::integer as token, i * 37 % 100 as kind,
        now() - interval '365 days'
            + (i::float8 / :rows) * interval '365 days' as at) r;
vacuum analyze oat.activity;
