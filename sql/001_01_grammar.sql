-- SPDX-License-Identifier: MIT
--
-- Words and numbers: what a name, a time, an address and a verifier look like.
-- Nothing here reads a table. What is small and not a security definer stays
-- without a SET clause, so that the planner can inline it.
--
-- Security definers of oat pin their path to pg_catalog, pg_temp. With ''
-- alone, PostgreSQL would look for types in pg_temp first, where a host could
-- leave a domain called text with a CHECK of its own.

comment on schema oat is
    'organization access tokens: see oat-schema(7)';

-- New functions of the owner are nobody's until they are granted.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;

create view oat.errors (sqlstate, meaning) as values
    ('OA001', 'a name or value is not spelled as it must be'),
    ('OA002', 'the login would be longer than 32 characters'),
    ('OA003', 'the verifier is missing or malformed: did oat mint run?'),
    ('OA004', 'the selector belongs to another secret, or to a retired one'),
    ('OA005', 'the plan of the organization is full'),
    ('OA006', 'the plan is smaller than what is in use'),
    ('OA007', 'the column is given once and does not change'),
    ('OA008', 'what the row names does not exist'),
    ('OA009', 'no uid or gid is left in the range'),
    ('OA010', 'the connected role is not an enrolled host'),
    ('OA011', 'the role exists and is of another kind'),
    ('OA012', 'the rows are append-only, or must not be truncated'),
    ('OA013', 'the delegate does not have the right'),
    ('OA014', 'the grant exceeds the allowance of the organization'),
    ('OA015', 'an organization with delegates needs allowances'),
    ('OA016', 'the token would live longer than the organization permits'),
    ('OA017', 'the overlap cannot be as asked'),
    ('OA018', 'there is no such setting, or its value is malformed'),
    ('OA019', 'a host sent what cannot be an event');
comment on view oat.errors is
    'the SQLSTATEs that oat raises; stable, safe for scripts to test';

create function oat.utc(at timestamptz) returns text
language sql immutable as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
$$;
comment on function oat.utc(timestamptz) is
    'a time for people, the same whatever TimeZone and DateStyle say';

create function oat.later(at timestamptz, span interval) returns timestamptz
language sql immutable as $$
    select (at at time zone 'UTC' + span) at time zone 'UTC'
$$;
comment on function oat.later(timestamptz, interval) is
    'a time and so much more, with days of 24 hours whatever TimeZone says';

create function oat.has_begun(not_before timestamptz, at timestamptz)
returns boolean language sql immutable as $$
    select not_before is null or not_before <= at
$$;
comment on function oat.has_begun(timestamptz, timestamptz) is
    'is a beginning reached at that time? null began always';

create function oat.has_not_ended(expires_at timestamptz, at timestamptz)
returns boolean language sql immutable as $$
    select expires_at is null or at < expires_at
$$;
comment on function oat.has_not_ended(timestamptz, timestamptz) is
    'is an end still ahead at that time? null never ends';

-- Patterns hold no character that LIKE treats specially (grants_host_ck).
create function oat.host_covers(pattern text, host text, labels text[])
returns boolean language sql immutable as $$
    select case
        when pattern = '*' then true
        when pattern like '@%' then substr(pattern, 2) = any (labels)
        when pattern ~ '[*?]' then host like translate(pattern, '*?', '%_')
        else pattern = host
    end
$$;
comment on function oat.host_covers(text, text, text[]) is
    'does the host of a grant (a name, glob, @label, *) cover a host?';

create function oat.service_covers(pattern text, service text)
returns boolean language sql immutable as $$
    select pattern in ('*', service) or service = 'systemd-user'
        or (pattern = 'sudo' and service = 'sudo-i')
        or (pattern = 'su' and service = 'su-l')
$$;
comment on function oat.service_covers(text, text) is
    'does a granted service cover a PAM service? sudo covers sudo-i, su covers '
    'su-l, anything covers systemd-user';

-- Outside text becomes an address, or null; it never becomes an error.
create function oat.to_address(rhost text) returns inet
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
    bare text := split_part(rhost, '%', 1); -- the zone of a link-local one
    address inet;
begin
    if length(bare) > 45 or bare !~ '^[0-9A-Fa-f:.]+$' then
        return null;
    end if;
    address := bare::inet;
    if address <<= inet '::ffff:0:0/96' then
        address := inet '0.0.0.0'
            + (address - inet '::ffff:0:0');
    end if;
    return address;
exception when others then
    return null;
end
$$;
comment on function oat.to_address(text) is
    'PAM_RHOST as an address: zone cut, v4-mapped unmapped, else null';

-- Unpadded base64 in its one spelling: spare bits zero, as verifier.h says.
create function oat.is_base64(word text) returns boolean
language sql immutable as $$
    select length(word) % 4 <> 1
        and word ~ '^[A-Za-z0-9+/]+$'
        and rtrim(translate(encode(decode(rpad(word,
            (length(word) + 3) / 4 * 4, '='), 'base64'), 'base64'),
            E'\n', ''), '=') = word
$$;
comment on function oat.is_base64(text) is
    'is this unpadded base64 with zero spare bits?';

create function oat.parameters_problem(parameters text) returns text
language plpgsql immutable as $$
declare
    part constant text[] := regexp_match(parameters,
        '^m=([1-9][0-9]{0,4}),t=([1-9][0-9]?),p=([1-9][0-9]?)$');
begin
    return case
        when part is null then 'its parameters are not m=...,t=...,p=...'
        when part[3]::integer > 4 then 'p is outside of 1 to 4'
        when part[2]::integer > 8 then 't is outside of 1 to 8'
        when part[1]::integer not between 8 * part[3]::integer and 65536
            then 'm is outside of 8p to 65536 KiB' end;
end
$$;
comment on function oat.parameters_problem(text) is
    'why these are no acceptable Argon2 parameters; null when they are';

-- The bounds of common/verifier.h: OAT_ARGON2_*. Never part of a message: what
-- was typed, for it might be a token.
create function oat.verifier_problem(verifier text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
    part text[];
begin
    if verifier is null or verifier = '' then
        return 'there is no verifier';
    elsif length(verifier) > 207 then
        return 'it is longer than any verifier';
    elsif verifier ~ '^oat_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$' then
        return 'this is a token, not its verifier; it is compromised now';
    end if;
    part := string_to_array(verifier, '$');
    return case
        when cardinality(part) <> 6 or part[1] !~ '^[0-9A-Za-z]{12}$'
            or part[2] <> 'argon2id' or part[3] <> 'v=19'
            then 'it does not have the form '
                '<selector>$argon2id$v=19$m=..,t=..,p=..$<salt>$<hash>'
        when oat.parameters_problem(part[4]) is not null
            then oat.parameters_problem(part[4])
        when length(part[5]) not between 11 and 64
            or not oat.is_base64(part[5])
            then 'the salt is not base64 of 8 to 48 bytes'
        when length(part[6]) not between 22 and 86
            or not oat.is_base64(part[6])
            then 'the hash is not base64 of 16 to 64 bytes' end;
end
$$;
comment on function oat.verifier_problem(text) is
    'why this is not an acceptable verifier, in words; null when it is one';

revoke all on all functions in schema oat from public;
