-- What erases a tenant at once: also texts that could be secrets, a member's hashed password above all.
-- The tables' rows that go are those with a column of bytes, or with one whose name says so, and what
-- refers to such a table. The audit log stays until the last.
--
-- Only its owner may replace a function.
do $$
declare
    was_eraser boolean := pg_has_role(current_user, 'portico_eraser', 'usage');
begin
    if not was_eraser then
        execute format('grant portico_eraser to %I', current_user);
    end if;
    grant create on schema public to portico_eraser;

    create or replace function erase_tenant() returns boolean
        language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
        as $f$
    declare
        victim text;
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
        for victim in
            with recursive secret as (
                select c.oid, c.relname from pg_class c
                where c.relnamespace = 'public'::regnamespace and c.relname <> 'tenants'
                    and exists (
                        select 1 from pg_attribute a
                        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and (
                            a.atttypid = 'bytea'::regtype
                            -- As `is_left_out` of the export has it.
                            or (
                                a.attname ~ '(secret|password|token|hash|private|verifier|nonce|cookie|csrf)'
                                and a.attname !~ '_(id|at)$'
                            )
                        )
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
    $f$;

    revoke create on schema public from portico_eraser;
    if not was_eraser then
        execute format('revoke portico_eraser from %I', current_user);
    end if;
end
$$;
