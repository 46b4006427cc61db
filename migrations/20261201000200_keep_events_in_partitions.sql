-- Tables that grow with traffic are partitioned by time, and what is too old goes by dropping a partition. The partitions
-- are in a schema of their own, which nobody but the owner may use: they are reached through their table alone, whose
-- policies hold for them.
create schema portico_partitions;
revoke all on schema portico_partitions from public;

-- Which tables, and how long their rows are kept.
create table partitioned_tables (
    table_name text primary key,
    -- uuid7  by a column of UUIDs of version 7, a partition for each day
    -- week   by a column that counts weeks since 1970-01-01 UTC, a partition for each
    bounds text not null check (bounds in ('uuid7', 'week')),
    -- The column that tells partitions apart.
    key_column text not null,
    -- Days after the end of a partition until it is dropped.
    days_kept integer not null check (days_kept > 0)
);
grant select on partitioned_tables to portico_service;
insert into table_registry (table_name, erasure, is_exported, reason) values
    ('partitioned_tables', 'not_tenant_data', false, 'which tables are partitioned, and how long their rows are kept');

-- The lowest UUID of version 7 of that moment.
create function portico_uuid7_at(moment timestamptz) returns uuid
    language sql immutable set search_path = pg_catalog, pg_temp
    as $$
        select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
    $$;

-- Makes the partitions of the days and weeks to come, and drops those that were kept long enough: how many it made or
-- dropped. Rows for which there is no partition are in the default one until they are too old. Waits for nobody: what
-- somebody else holds is left for the next time. Runs as the owner, because only the owner may.
create function portico_roll_partitions() returns integer
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '100ms'
    as $$
declare
    line record;
    part record;
    done integer := 0;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('roll partitions', 0)) then
        return 0;
    end if;
    for line in select * from public.partitioned_tables order by table_name loop
        for part in
            select
                format('%s_%s', line.table_name, to_char(d at time zone 'UTC', 'YYYYMMDD')) as name,
                case line.bounds
                    when 'uuid7' then quote_literal(portico_uuid7_at(d)::text)
                    else floor(extract(epoch from d) / 604800)::text
                end as low,
                case line.bounds
                    when 'uuid7' then quote_literal(portico_uuid7_at(d + interval '1 day')::text)
                    else (floor(extract(epoch from d) / 604800) + 1)::text
                end as high
            from (
                select case line.bounds
                    when 'uuid7' then date_trunc('day', now(), 'UTC') + i * interval '1 day'
                    else to_timestamp(floor(extract(epoch from now()) / 604800) * 604800) + i * interval '7 days'
                end as d
                from generate_series(-1, 7) i
            ) days
        loop
            continue when to_regclass(format('portico_partitions.%I', part.name)) is not null;
            begin
                -- Attaching holds up nobody, as making it in place would.
                execute format('create table portico_partitions.%I (like public.%I including all)', part.name, line.table_name);
                execute format(
                    'alter table public.%I attach partition portico_partitions.%I for values from (%s) to (%s)',
                    line.table_name, part.name, part.low, part.high
                );
                done := done + 1;
            exception
                -- Held by somebody, or the default partition has such rows already: those stay there.
                when lock_not_available or check_violation then null;
            end;
        end loop;
        for part in
            select c.relname as name
            from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = format('public.%I', line.table_name)::regclass and c.relname ~ '_[0-9]{8}$'
                and to_date(right(c.relname, 8), 'YYYYMMDD')
                    + case line.bounds when 'uuid7' then 1 else 7 end + line.days_kept <= (now() at time zone 'UTC')::date
        loop
            begin
                execute format('drop table portico_partitions.%I', part.name);
                done := done + 1;
            exception
                when lock_not_available then null;
            end;
        end loop;
        execute format(
            'delete from portico_partitions.%I where %I < %s',
            line.table_name || '_default', line.key_column,
            case line.bounds
                when 'uuid7' then quote_literal(portico_uuid7_at(now() - line.days_kept * interval '1 day')::text)
                else (floor(extract(epoch from now()) / 604800) - ceil(line.days_kept / 7.0))::text
            end
        );
    end loop;
    return done;
end
$$;
revoke all on function portico_roll_partitions(), portico_uuid7_at(timestamptz) from public;
grant execute on function portico_roll_partitions(), portico_uuid7_at(timestamptz) to portico_service;

-- Has a table that was made with `partition by range` kept in partitions from now on. To be called last, after its
-- indexes are made.
create procedure portico_partition(target text, bounds text, key_column text, days_kept integer)
    language plpgsql set search_path = pg_catalog, public, pg_temp
    as $$
begin
    execute format(
        'create table portico_partitions.%I partition of public.%I default', target || '_default', target
    );
    insert into public.partitioned_tables values (target, bounds, key_column, days_kept);
    perform portico_roll_partitions();
end
$$;
revoke all on procedure portico_partition(text, text, text, integer) from public;
