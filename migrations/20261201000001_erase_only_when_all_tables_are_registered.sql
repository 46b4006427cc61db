-- A tenant could be erased while a table with its rows was not in table_registry: what that table held stayed until the
-- purge found it missing, secrets too. Now erasing refuses at once, so that nothing is half erased.
call portico_as_member('portico_eraser', $sql$
-- Erases the transaction's tenant: false when there is none. Destroys what is registered as `at_once`,
-- and the cleared columns, in the order of the steps. Refuses while a table with tenants' rows is not registered,
-- before anything is changed.
create or replace function erase_tenant() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $function$
declare
    line record;
    nulls text;
    missing text;
begin
    select string_agg(t.name, ', ' order by t.name) into missing
    from tenant_tables() t
    where not exists (
        select 1 from table_registry r where r.table_name = t.name and r.erasure <> 'not_tenant_data'
    );
    if missing is not null then
        raise exception 'not registered: %; table_registry must say how a tenant''s rows there are erased', missing
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    update tenants set erased_at = now(), updated_at = now()
    where tenant_id = portico_tenant() and erased_at is null;
    if not found then
        return false;
    end if;
    -- In the order of whoever seals: the data keys' rows, then the values'. Else the two wait for each other.
    perform 1 from data_keys where tenant_id = portico_tenant() order by version for update;
    -- Others that hold a key of the same Chakra team may no longer share it.
    perform resolve_team_changed(team_fingerprint) from chakra_keys
    where tenant_id = portico_tenant() and team_fingerprint is not null;
    for line in
        select r.table_name, r.erasure, r.cleared_columns
        from table_registry r
        where r.erasure = 'at_once' or r.cleared_columns <> '{}'
        order by r.step, r.table_name
    loop
        if line.erasure = 'at_once' then
            execute format('delete from public.%I where tenant_id = portico_tenant()', line.table_name);
        else
            select string_agg(format('%I = null', c), ', ') into nulls from unnest(line.cleared_columns) c;
            execute format('update public.%I set %s where tenant_id = portico_tenant()', line.table_name, nulls);
        end if;
    end loop;
    return true;
end
$function$;
$sql$);
