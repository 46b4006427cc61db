-- Two roles beside the owner that runs migrations. Neither can log in by itself.
--
-- portico_service   what the gateway acts as: grant it to the login role in DATABASE_URL. It owns
--                   nothing and never bypasses row-level security.
-- portico_resolver  owns the few functions that must look across tenants (an API key's hash to its
--                   tenant, the operator's list of tenants). Nobody is a member of it for good.
--
-- Roles belong to the whole server, so another database may have made them, even at this moment.

do $$
declare
    name text;
begin
    foreach name in array array['portico_service', 'portico_resolver'] loop
        if not exists (select 1 from pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin nosuperuser nocreatedb nocreaterole nobypassrls', name);
            exception
                when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
end
$$;

grant usage on schema public to portico_service, portico_resolver;

-- The tenant of this transaction, set by set_config('portico.tenant_id', …, true); null without one.
create function portico_tenant() returns uuid
    language sql stable parallel safe
    as $$ select nullif(current_setting('portico.tenant_id', true), '')::uuid $$;

-- Tells every replica that something of a tenant changed, so that it forgets what it cached.
create function portico_changed() returns trigger
    language plpgsql
    as $$
begin
    perform pg_notify('portico_changed', coalesce(new.tenant_id, old.tenant_id)::text);
    return null;
end
$$;
