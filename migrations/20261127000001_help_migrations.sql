-- Procedures for migrations: what every migration before this one wrote out by itself. They run with the
-- rights of whoever calls them, which is the owner of the schema, and nobody else may call them.
-- README.md beside this file shows each in use.

-- Fences a table of tenants' rows: row-level security, forced even for the owner; the service sees and
-- writes the rows of the transaction's tenant alone, with these rights; the eraser may delete.
create procedure portico_fence(target regclass, service_rights text default 'select, insert, update, delete')
    language plpgsql set search_path = public, pg_temp
    as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s to portico_service using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant())',
        target
    );
    execute format('grant %s on %s to portico_service', service_rights, target);
    execute format('grant select, delete on %s to portico_eraser', target);
end
$$;

-- Tells every replica of a change of the table's rows, so that it forgets what it cached of their tenant.
create procedure portico_announce(target regclass, events text default 'insert or update or delete')
    language plpgsql set search_path = public, pg_temp
    as $$
begin
    execute format(
        'create trigger changed after %s on %s for each row execute function portico_changed()', events, target
    );
end
$$;

-- Runs statements as somebody who is a member of a role and lets that role create in the schema, and takes
-- both back. Only the owner of a function may replace it, and only a role that may create in the schema may
-- become its owner.
create procedure portico_as_member(owner_role name, statements text)
    language plpgsql set search_path = public, pg_temp
    as $$
declare
    was_member boolean := pg_has_role(current_user, owner_role, 'usage');
begin
    if not was_member then
        execute format('grant %I to %I', owner_role, current_user);
    end if;
    execute format('grant create on schema public to %I', owner_role);
    execute statements;
    execute format('revoke create on schema public from %I', owner_role);
    if not was_member then
        execute format('revoke %I from %I', owner_role, current_user);
    end if;
end
$$;

-- Gives functions to portico_resolver or portico_eraser, as which they run from then on (security definer),
-- and lets the service, and nobody else, call them.
create procedure portico_own_functions(owner_role name, variadic functions regprocedure[])
    language plpgsql set search_path = public, pg_temp
    as $$
declare
    statements text;
begin
    select string_agg(
        format(
            'revoke all on function %1$s from public; grant execute on function %1$s to portico_service; alter function %1$s owner to %2$I;',
            f, owner_role
        ), ' '
    )
    into statements from unnest(functions) f;
    call portico_as_member(owner_role, statements);
end
$$;

revoke all on procedure
    portico_fence(regclass, text), portico_announce(regclass, text), portico_as_member(name, text),
    portico_own_functions(name, regprocedure[])
from public;
