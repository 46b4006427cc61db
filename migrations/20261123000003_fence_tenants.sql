-- Row-level security on every table that holds a tenant's rows, forced even for the owner; the
-- service's rights; and word to every replica when something that it caches changes.

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
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant on %I to portico_service using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant())',
            name
        );
        execute format('grant select, insert, update, delete on %I to portico_service', name);
    end loop;

    foreach name in array array[
        'tenants', 'data_keys', 'chakra_keys', 'customers', 'plugins', 'wabas', 'phone_numbers',
        'roles', 'api_keys', 'api_key_customers'
    ] loop
        execute format(
            'create trigger changed after insert or update or delete on %I for each row execute function portico_changed()',
            name
        );
    end loop;
end
$$;

grant select, insert on operator to portico_service;
-- _sqlx_migrations is how the service knows that it fits the schema.
grant select on _sqlx_migrations to portico_service;
