-- SPDX-License-Identifier: MIT
--
-- Stop being oat_owner, and leave the installer what it needs to go on: a role
-- that is no superuser becomes an administrator of oat (it could grant itself
-- that anyway, having created the role).

set local role none;

do $owner$
begin
    if current_setting('oat.borrowed_owner', true) = 'yes' then
        execute format('revoke oat_owner from %I', current_user);
    end if;
    if not pg_has_role('oat_admin', 'usage') then
        execute format('grant oat_admin to %I', current_user);
    end if;
end
$owner$;
