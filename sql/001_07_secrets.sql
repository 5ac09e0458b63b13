-- SPDX-License-Identifier: MIT
--
-- Secrets: where verifiers are kept. Only the owner reads this table; hosts
-- get one verifier at a time, by selector (oat.host_verifier).
--
-- A BEFORE trigger on oat.tokens offers a secret here, never over another row.
-- That alone gives it no force: oat.tokens.selector says which one counts. An
-- offer that no row of oat.tokens took up (ON CONFLICT DO NOTHING) goes away
-- at the end of the statement.

create table oat.secrets (
    selector text constraint secrets_pk primary key
        constraint secrets_selector_ck check (selector ~ '^[0-9A-Za-z]{12}$'),
    organization text not null,
    token text not null,
    verifier text
        constraint secrets_verifier_ck check (
            verifier is null or oat.verifier_problem(verifier) is null),
    minted_at timestamptz not null default now(),
    minted_by text not null default session_user,
    adopted boolean not null,
    retired_at timestamptz
);
comment on table oat.secrets is
    'the verifiers of secrets, current and former, by selector; owner only';
comment on column oat.secrets.verifier is
    'null once the token is deleted: its selector is spent, its secret gone';
comment on column oat.secrets.adopted is
    'false only within the statement that offers it';
comment on column oat.secrets.retired_at is
    'when it ceased to be the token''s secret, or to overlap';
create index secrets_token_ix on oat.secrets (organization, token);
create index secrets_offered_ix on oat.secrets (selector) where not adopted;

create function oat.refuse_verifier(organization text, token text,
    problem text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA003',
        message = format('token %s/%s: %s', organization, token, problem),
        detail = 'A verifier is what oat mint prints on its standard output.',
        hint = 'did oat mint run? in psql: \set verifier `oat mint` and then '
            ':''verifier''';
end
$$;
comment on function oat.refuse_verifier(text, text, text) is
    'raises: this is no verifier; never repeats what was typed';

create function oat.refuse_selector(organization text, token text,
    problem text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'OA004',
        message = format('token %s/%s: %s', organization, token, problem),
        detail = 'A secret belongs to one token, once.',
        hint = 'mint another: oat mint';
end
$$;
comment on function oat.refuse_selector(text, text, text) is
    'raises: this secret cannot be the token''s';

-- The same secret again for the same token is no error: scripts run again.
-- Whether it may count again is decided where it is adopted.
create function oat.offer_secret(organization text, token text, verifier text)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    problem constant text := oat.verifier_problem(verifier);
    handle constant text := left(verifier, 12);
begin
    if problem is not null then
        perform oat.refuse_verifier(organization, token, problem);
    end if;
    insert into oat.secrets (selector, organization, token, verifier, adopted)
    values (handle, offer_secret.organization,
        offer_secret.token, offer_secret.verifier, false)
    on conflict do nothing;
    if not found and not exists (
            select from oat.secrets s
            where s.selector = handle
                and s.organization = offer_secret.organization
                and s.token = offer_secret.token
                and coalesce(s.verifier = offer_secret.verifier, true)) then
        perform oat.refuse_selector(organization, token,
            format('selector %s belongs to another secret', handle));
    end if;
    return handle;
end
$$;
comment on function oat.offer_secret(text, text, text) is
    'keeps a verifier for a token and returns its selector';

create function oat.adopt_secret(organization text, token text, selector text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update oat.secrets s set adopted = true
    where s.selector = adopt_secret.selector
        and s.organization = adopt_secret.organization
        and s.token = adopt_secret.token
        and not s.adopted;
    if not found then
        perform oat.refuse_selector(organization, token,
            format('secret %s was retired, or was never minted for it',
                quote_nullable(left(selector, 12))));
    end if;
end
$$;
comment on function oat.adopt_secret(text, text, text) is
    'an offered secret becomes a token''s own; raises when it was before';

revoke all on all functions in schema oat from public;
