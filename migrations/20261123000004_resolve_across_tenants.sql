-- The only ways across tenants. Each function runs as portico_resolver, whose policies let it read
-- (never write) the tables named here, and answers one narrow question.

create policy resolver on tenants for select to portico_resolver using (true);
create policy resolver on api_keys for select to portico_resolver using (true);
create policy resolver on plugins for select to portico_resolver using (true);
create policy resolver on chakra_keys for select to portico_resolver using (true);
grant select on tenants, api_keys, plugins to portico_resolver;
grant select (tenant_id, fingerprint, team_fingerprint) on chakra_keys to portico_resolver;

-- Whose key has this hash? Nothing when there is none or it is revoked.
create function resolve_api_key(hash bytea) returns table (tenant_id uuid, api_key_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select k.tenant_id, k.api_key_id from api_keys k where k.secret_hash = hash and k.revoked_at is null $$;

-- The operator's list of tenants, in order of their ids.
create function resolve_tenants(after uuid, most integer) returns setof tenants
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select * from tenants t where after is null or t.tenant_id > after order by t.tenant_id limit most $$;

-- Does a tenant other than this one own the plugin?
create function resolve_plugin_taken(plugin uuid, tenant uuid) returns boolean
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select exists (select 1 from plugins p where p.plugin_id = plugin and p.tenant_id <> tenant) $$;

-- Does a tenant other than this one hold a key of the same Chakra team, or the very same token?
create function resolve_team_shared(team bytea, tenant uuid) returns boolean
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select exists (select 1 from chakra_keys k where k.team_fingerprint = team and k.tenant_id <> tenant)
            or exists (
                select 1 from chakra_keys mine join chakra_keys theirs on theirs.fingerprint = mine.fingerprint
                where mine.tenant_id = tenant and mine.team_fingerprint = team and theirs.tenant_id <> tenant
            )
    $$;

-- Tells the replicas about every tenant that holds a key of that team: whether it is shared may have changed.
create function resolve_team_changed(team bytea) returns void
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $$ select pg_notify('portico_changed', t.id) from (select distinct k.tenant_id::text as id from chakra_keys k where k.team_fingerprint = team) t $$;

do $$
declare
    name text;
    was_member boolean := pg_has_role(current_user, 'portico_resolver', 'usage');
begin
    grant create on schema public to portico_resolver;
    if not was_member then
        execute format('grant portico_resolver to %I', current_user);
    end if;
    foreach name in array array[
        'resolve_api_key(bytea)', 'resolve_tenants(uuid, integer)', 'resolve_plugin_taken(uuid, uuid)',
        'resolve_team_shared(bytea, uuid)', 'resolve_team_changed(bytea)'
    ] loop
        execute format('revoke all on function %s from public', name);
        execute format('grant execute on function %s to portico_service', name);
        execute format('alter function %s owner to portico_resolver', name);
    end loop;
    if not was_member then
        execute format('revoke portico_resolver from %I', current_user);
    end if;
    revoke create on schema public from portico_resolver;
end
$$;
