-- What happens to each table when a tenant is erased or exported, one line a table. The functions below
-- and the export read it; nothing is guessed from types or names of columns. A test holds it against the
-- catalog: a table without a line fails there.
create table table_registry (
    table_name text primary key,
    -- at_once          the tenant's rows go in the transaction that erases it: they open or prove something,
    --                  or refer to rows that do. Few by nature, because a request waits for it.
    -- in_batches       its rows go afterwards, in the purge. Everything else, and whatever may grow large.
    -- last             as in_batches, after all of those.
    -- tenant_row       the row in `tenants`, which goes when nothing else is left.
    -- not_tenant_data  no tenant_id: erasing does not touch it.
    erasure text not null check (erasure in ('at_once', 'in_batches', 'last', 'tenant_row', 'not_tenant_data')),
    -- Lower goes first; a table goes before every table that it refers to. Equal steps are independent.
    step integer,
    -- Columns set to null when the tenant is erased, of rows that go in batches.
    cleared_columns text[] not null default '{}',
    -- Columns that look like a secret (bytes, or a telling name) and stay as long as their row, because
    -- they open and prove nothing once the data keys are gone.
    kept_columns text[] not null default '{}',
    -- Whether a tenant's export holds its rows, and which columns not.
    is_exported boolean not null,
    unexported_columns text[] not null default '{}',
    -- Why so, for whoever reads the line.
    reason text not null check (reason <> ''),
    constraint table_registry_step check ((step is not null) = (erasure in ('at_once', 'in_batches', 'last'))),
    constraint table_registry_cleared check (cleared_columns = '{}' or erasure = 'in_batches'),
    constraint table_registry_kept check (kept_columns = '{}' or erasure in ('in_batches', 'last')),
    constraint table_registry_exported check (not is_exported or erasure <> 'not_tenant_data'),
    constraint table_registry_unexported check (unexported_columns = '{}' or is_exported)
);
create unique index table_registry_tenant_row on table_registry (erasure) where erasure = 'tenant_row';

-- Read by all who act on tenants, changed by migrations alone.
grant select on table_registry to portico_service, portico_eraser;
revoke insert, update, delete, truncate on table_registry from portico_service, portico_eraser;

insert into table_registry (table_name, erasure, step, is_exported, unexported_columns, reason) values
    ('data_keys', 'at_once', 10, false, '{}', 'without the data keys nothing opens that is sealed for the tenant; not exported: wrapped keys and counts, nothing that the tenant put there'),
    ('api_key_old_secret_uses', 'at_once', 20, true, '{}', 'refers to api_key_old_secrets; at most some hundred rows a secret'),
    ('api_key_customers', 'at_once', 30, true, '{}', 'refers to api_keys'),
    ('api_key_old_secrets', 'at_once', 30, true, '{secret_hash}', 'secret_hash recognises a secret that was replaced'),
    ('api_key_uses', 'at_once', 30, true, '{}', 'refers to api_keys; one row a key'),
    ('member_sessions', 'at_once', 30, true, '{token_hash}', 'token_hash recognises a session''s cookie'),
    ('api_keys', 'at_once', 40, true, '{secret_hash}', 'secret_hash recognises a key''s secret'),
    ('invitations', 'at_once', 40, true, '{token_hash}', 'token_hash recognises an invitation''s link'),
    ('members', 'at_once', 40, true, '{password_hash}', 'password_hash recognises a password; and signing in finds members of all tenants by address and account'),
    ('chakra_keys', 'at_once', 50, true, '{access_token,fingerprint,team_fingerprint}', 'access_token is a sealed Chakra key; the fingerprints recognise a key and a team across tenants'),
    ('phone_numbers', 'in_batches', 110, true, '{}', 'no secret'),
    ('learned_ids', 'in_batches', 120, true, '{}', 'no secret; grows with traffic'),
    ('wabas', 'in_batches', 120, true, '{}', 'no secret'),
    ('plugins', 'in_batches', 130, true, '{}', 'no secret'),
    ('chakra_key_uses', 'in_batches', 140, true, '{}', 'no secret'),
    ('customers', 'in_batches', 140, true, '{}', 'no secret'),
    ('outbox', 'in_batches', 140, true, '{}', 'no secret'),
    ('requests', 'in_batches', 140, true, '{}', 'no secret; grows with traffic'),
    ('roles', 'in_batches', 140, true, '{}', 'no secret'),
    ('tenants', 'tenant_row', null, true, '{}', 'marked as erased first, deleted last');

insert into table_registry (table_name, erasure, step, kept_columns, is_exported, reason) values
    ('audit_log', 'last', 210, '{previous,hash}', true, 'says until the end what was done; its hashes prove the chain and open nothing; the export shows them so that it can be verified'),
    ('audit_heads', 'last', 220, '{hash,mac}', false, 'the end of the chain, with Portico''s own proof of it; not exported: the end follows from the entries');

insert into table_registry (table_name, erasure, is_exported, reason) values
    ('_sqlx_migrations', 'not_tenant_data', false, 'which migrations were applied'),
    ('data_key_rolls', 'not_tenant_data', false, 'rolls of all data keys that the operator asked for'),
    ('operator', 'not_tenant_data', false, 'the operator''s own row'),
    ('sign_in_attempts', 'not_tenant_data', false, 'attempts by fingerprints that name no tenant; deleted by age'),
    ('signing_keys', 'not_tenant_data', false, 'the operator''s keys that sign tokens'),
    ('table_registry', 'not_tenant_data', false, 'this table');

call portico_as_member('portico_eraser', $sql$
-- Erases the transaction's tenant: false when there is none. Destroys what is registered as `at_once`,
-- and the cleared columns, in the order of the steps.
create or replace function erase_tenant() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $function$
declare
    line record;
    nulls text;
begin
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

-- Takes away at most so many rows of one table of the transaction's tenant, which must be erased: how
-- many. 0: the tenant is gone altogether. Null: it is not erased, or someone else is at it. Of a
-- partitioned table at most so many rows of each partition.
create or replace function purge_tenant(most integer) returns bigint
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $function$
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
    -- Also those that went at once: somebody may have written to them at that moment.
    for victim in
        select r.table_name from table_registry r
        where r.step is not null
        order by r.erasure = 'last', r.step, r.table_name
    loop
        execute format(
            'delete from public.%1$I where tenant_id = portico_tenant() and ctid = any (array(select ctid from public.%1$I where tenant_id = portico_tenant() limit $1))',
            victim
        ) using most;
        get diagnostics gone = row_count;
        if gone > 0 then
            return gone;
        end if;
    end loop;
    -- Whoever still adds something for this tenant holds its row: wait for it, and look again.
    perform 1 from tenants where tenant_id = portico_tenant() for update;
    for victim in select r.table_name from table_registry r where r.step is not null loop
        execute format('select exists (select 1 from public.%I where tenant_id = portico_tenant())', victim) into is_left;
        if is_left then
            return 1;
        end if;
    end loop;
    -- Rather than leave rows behind, or let them go by a cascade in one piece.
    for victim in
        select t.name from tenant_tables() t
        where not exists (
            select 1 from table_registry r where r.table_name = t.name and r.erasure <> 'not_tenant_data'
        )
    loop
        raise exception 'the table % is not registered: table_registry must say how a tenant''s rows in it are erased', victim
            using errcode = 'object_not_in_prerequisite_state';
    end loop;
    delete from tenants where tenant_id = portico_tenant();
    return 0;
end
$function$;
$sql$);
