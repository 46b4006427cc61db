-- A tenant is erased in two steps. The first is one transaction: whatever opens or proves anything is
-- destroyed, and the tenant is marked; from then on the service's role does not see its row. The second
-- takes the other rows away, a batch at a time, until the row in `tenants` itself goes.
--
-- portico_eraser owns the functions that do so. It is a member of portico_service, so the same policies
-- fence it; beyond that it may delete from every tenant table, also from those that the service may only
-- add to. Nobody is a member of it for good.
alter table tenants add column erased_at timestamptz;
create index tenants_erased on tenants (tenant_id) where erased_at is not null;

do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'portico_eraser') then
        begin
            create role portico_eraser nologin nosuperuser nocreatedb nocreaterole nobypassrls;
        exception
            when duplicate_object or unique_violation then null;
        end;
    end if;
    if not pg_has_role('portico_eraser', 'portico_service', 'usage') then
        begin
            grant portico_service to portico_eraser;
        exception
            -- Another database of this server is being migrated at this moment.
            when unique_violation or internal_error then null;
        end;
    end if;
end
$$;

-- An erased tenant's row is there for the eraser alone.
alter policy tenant on tenants
    using (tenant_id = portico_tenant() and erased_at is null)
    with check (tenant_id = portico_tenant() and erased_at is null);
create policy eraser on tenants to portico_eraser using (true) with check (true);

grant usage on schema public to portico_eraser;
do $$
declare
    name text;
begin
    for name in
        select c.relname
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
    loop
        execute format('grant select, delete on %I to portico_eraser', name);
    end loop;
end
$$;
-- And from the tables that later migrations make.
alter default privileges in schema public grant select, delete on tables to portico_eraser;

-- The tables that hold tenants' rows. Those that refer to others come before them: `depth` is the
-- longest way to a table that refers to none.
create function tenant_tables() returns table (name text, depth integer)
    language sql stable security invoker set search_path = pg_catalog, public, pg_temp
    as $$
        with recursive fenced as (
            select c.oid, c.relname::text as name
            from pg_class c
            join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
            where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
        ),
        refers as (
            select distinct conrelid as child, confrelid as parent
            from pg_constraint
            where contype = 'f' and conrelid <> confrelid
        ),
        -- `union`, so that tables which refer to each other end it.
        way (oid, depth) as (
            select oid, 0 from fenced
            union
            select refers.child, way.depth + 1 from way join refers on refers.parent = way.oid where way.depth < 32
        )
        select fenced.name, max(way.depth) from fenced join way using (oid)
        group by fenced.name
        order by max(way.depth) desc, fenced.name
    $$;

-- Erases the transaction's tenant: false when there is none. Goes at once: every table with a column of
-- bytes (wrapped keys, sealed tokens, hashes of secrets) and what refers to such a table. The audit log
-- stays until the last.
create function erase_tenant() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $$
declare
    victim text;
begin
    update tenants set erased_at = now(), updated_at = now()
    where tenant_id = portico_tenant() and erased_at is null;
    if not found then
        return false;
    end if;
    -- Others that hold a key of the same Chakra team may no longer share it.
    perform resolve_team_changed(team_fingerprint) from chakra_keys
    where tenant_id = portico_tenant() and team_fingerprint is not null;
    for victim in
        with recursive secret as (
            select c.oid, c.relname from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relname <> 'tenants'
                and exists (
                    select 1 from pg_attribute a
                    where a.attrelid = c.oid and a.atttypid = 'bytea'::regtype and a.attnum > 0 and not a.attisdropped
                )
            union
            select c.oid, c.relname from secret
            join pg_constraint f on f.confrelid = secret.oid and f.contype = 'f'
            join pg_class c on c.oid = f.conrelid
        )
        select t.name from tenant_tables() t join secret on secret.relname = t.name
        where t.name not in ('audit_log', 'audit_heads')
        order by t.depth desc, t.name
    loop
        execute format('delete from %I where tenant_id = portico_tenant()', victim);
    end loop;
    return true;
end
$$;

-- Takes away at most so many rows of one table of the transaction's tenant, which must be erased: how
-- many. 0: the tenant is gone altogether. Null: it is not erased, or someone else is at it.
create function purge_tenant(most integer) returns bigint
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $$
declare
    victim text;
    gone bigint;
    is_left boolean;
begin
    perform 1 from tenants
    where tenant_id = portico_tenant() and erased_at is not null
    for no key update skip locked;
    if not found then
        return null;
    end if;
    for victim in
        select t.name from tenant_tables() t
        where t.name <> 'tenants'
        order by t.name in ('audit_log', 'audit_heads'), t.depth desc, t.name desc
    loop
        execute format(
            'delete from %1$I where tenant_id = portico_tenant() and ctid = any (array(select ctid from %1$I where tenant_id = portico_tenant() limit $1))',
            victim
        ) using most;
        get diagnostics gone = row_count;
        if gone > 0 then
            return gone;
        end if;
    end loop;
    -- Whoever still adds something for this tenant holds its row: wait for it, and look again.
    perform 1 from tenants where tenant_id = portico_tenant() for update;
    for victim in select t.name from tenant_tables() t where t.name <> 'tenants' loop
        execute format('select exists (select 1 from %I where tenant_id = portico_tenant())', victim) into is_left;
        if is_left then
            return 1;
        end if;
    end loop;
    delete from tenants where tenant_id = portico_tenant();
    return 0;
end
$$;

-- Which tenants are erased and not gone yet?
create function resolve_erased(after uuid, most integer) returns table (tenant_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select t.tenant_id from tenants t
        where t.erased_at is not null and (after is null or t.tenant_id > after)
        order by t.tenant_id limit most
    $$;

-- Which tenants' chains of audit entries are there, or ought to be? Every tenant but the erased ones, and
-- every chain that has entries or a head, whether or not there is such a tenant. The operator's own, under
-- the nil UUID, is not among them. Jumps from one to the next, so that long chains cost no more.
create function resolve_audit_chains(after uuid, most integer) returns table (tenant_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        with recursive next (id, number) as (
            select coalesce(after, '00000000-0000-0000-0000-000000000000'), 0
            union all
            select (
                select min(found.id::text)::uuid from (
                    (select t.tenant_id as id from tenants t
                     where t.tenant_id > next.id and t.erased_at is null order by t.tenant_id limit 1)
                    union all
                    (select h.tenant_id from audit_heads h where h.tenant_id > next.id order by h.tenant_id limit 1)
                    union all
                    (select l.tenant_id from audit_log l where l.tenant_id > next.id order by l.tenant_id limit 1)
                ) found
            ), next.number + 1
            from next where next.number < most and next.id is not null
        )
        select next.id from next where next.number > 0 and next.id is not null order by next.id
    $$;

create policy resolver on audit_log for select to portico_resolver using (true);
create policy resolver on audit_heads for select to portico_resolver using (true);
grant select (tenant_id) on audit_log, audit_heads to portico_resolver;

-- The rest of the ways across tenants pass over erased ones.
do $$
declare
    name text;
    was_resolver boolean := pg_has_role(current_user, 'portico_resolver', 'usage');
    was_eraser boolean := pg_has_role(current_user, 'portico_eraser', 'usage');
begin
    if not was_resolver then
        execute format('grant portico_resolver to %I', current_user);
    end if;
    if not was_eraser then
        execute format('grant portico_eraser to %I', current_user);
    end if;
    grant create on schema public to portico_resolver, portico_eraser;

    create or replace function resolve_tenants(after uuid, most integer) returns setof tenants
        language sql stable security definer set search_path = pg_catalog, public, pg_temp
        as $f$
            select * from tenants t
            where (after is null or t.tenant_id > after) and t.erased_at is null
            order by t.tenant_id limit most
        $f$;
    create or replace function resolve_plugin_taken(plugin uuid, tenant uuid) returns boolean
        language sql stable security definer set search_path = pg_catalog, public, pg_temp
        as $f$
            select exists (
                select 1 from plugins p join tenants t using (tenant_id)
                where p.plugin_id = plugin and p.tenant_id <> tenant and t.erased_at is null
            )
        $f$;
    foreach name in array array['resolve_erased(uuid, integer)', 'resolve_audit_chains(uuid, integer)'] loop
        execute format('revoke all on function %s from public', name);
        execute format('grant execute on function %s to portico_service', name);
        execute format('alter function %s owner to portico_resolver', name);
    end loop;
    foreach name in array array['erase_tenant()', 'purge_tenant(integer)'] loop
        execute format('revoke all on function %s from public', name);
        execute format('grant execute on function %s to portico_service', name);
        execute format('alter function %s owner to portico_eraser', name);
    end loop;
    execute 'revoke all on function tenant_tables() from public';
    execute 'grant execute on function tenant_tables() to portico_service';

    revoke create on schema public from portico_resolver, portico_eraser;
    if not was_resolver then
        execute format('revoke portico_resolver from %I', current_user);
    end if;
    if not was_eraser then
        execute format('revoke portico_eraser from %I', current_user);
    end if;
end
$$;

-- Whoever looks for what one actor did, or for a day.
create index audit_log_actor on audit_log (tenant_id, actor_id, seq) where actor_id is not null;
create index audit_log_at on audit_log (tenant_id, at);
