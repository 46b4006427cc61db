-- What `portico vault status` and `portico vault rotate` need, as the service, while it serves.

-- The operator's sealed things are re-sealed under another master key.
grant update (canary, fingerprint_key) on operator to portico_service;

-- Re-wrapping a data key and counting its seals change nothing that is cached: what is inside stays.
-- Only a data key that is gone is news.
drop trigger changed on data_keys;
create trigger changed after insert or delete on data_keys for each row execute function portico_changed();

-- Rolls of all data keys that the operator asked for. One that has no end is resumed by the next.
create table data_key_rolls (
    roll_id uuid primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
create unique index data_key_rolls_open on data_key_rolls ((finished_at is null)) where finished_at is null;
grant select, insert, update on data_key_rolls to portico_service;

-- The ways across tenants, read only: each answers one narrow question, and none gives what opens by itself.
create policy resolver on data_keys for select to portico_resolver using (true);
grant select on data_keys to portico_resolver;

-- How many data keys each master key wraps.
create function resolve_master_keys() returns table (master_key text, data_keys bigint)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select k.master_key, count(*) from data_keys k group by k.master_key order by k.master_key $$;

-- Data keys that another master key than this one wraps, in order.
create function resolve_strays(master text, after_tenant uuid, after_version integer, most integer)
    returns table (tenant_id uuid, version integer, wrapped bytea)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select k.tenant_id, k.version, k.wrapped from data_keys k
        where k.master_key <> master and (after_tenant is null or (k.tenant_id, k.version) > (after_tenant, after_version))
        order by k.tenant_id, k.version
        limit most
    $$;

-- Of every tenant the newest data key: how old, and how often it has sealed, in classes.
create function resolve_data_key_figures() returns table (
    tenants bigint, versions bigint, under_30_days bigint, under_60_days bigint, under_90_days bigint, older bigint,
    under_2_16 bigint, under_2_20 bigint, under_2_24 bigint, more bigint, most_seals bigint, with_old_versions bigint
)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        with newest as (
            select distinct on (k.tenant_id)
                now() - k.created_at as age,
                k.seals,
                count(*) over (partition by k.tenant_id) as versions
            from data_keys k
            order by k.tenant_id, k.version desc
        )
        select
            count(*),
            coalesce(sum(n.versions), 0)::bigint,
            count(*) filter (where age < interval '30 days'),
            count(*) filter (where age >= interval '30 days' and age < interval '60 days'),
            count(*) filter (where age >= interval '60 days' and age < interval '90 days'),
            count(*) filter (where age >= interval '90 days'),
            count(*) filter (where seals < 65536),
            count(*) filter (where seals >= 65536 and seals < 1048576),
            count(*) filter (where seals >= 1048576 and seals < 16777216),
            count(*) filter (where seals >= 16777216),
            coalesce(max(seals), 0),
            count(*) filter (where n.versions > 1)
        from newest n
    $$;

-- Tenants whose newest data key is from before that moment.
create function resolve_tenants_to_roll(before timestamptz, after uuid, most integer) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select k.tenant_id from data_keys k
        where after is null or k.tenant_id > after
        group by k.tenant_id
        having max(k.created_at) < before
        order by k.tenant_id
        limit most
    $$;

-- Tenants that have more than one data key.
create function resolve_tenants_with_old_data_keys(after uuid, most integer) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select k.tenant_id from data_keys k
        where after is null or k.tenant_id > after
        group by k.tenant_id
        having count(*) > 1
        order by k.tenant_id
        limit most
    $$;

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
        'resolve_master_keys()', 'resolve_strays(text, uuid, integer, integer)', 'resolve_data_key_figures()',
        'resolve_tenants_to_roll(timestamptz, uuid, integer)', 'resolve_tenants_with_old_data_keys(uuid, integer)'
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
