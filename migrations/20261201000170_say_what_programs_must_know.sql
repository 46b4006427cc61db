-- Programs older than the schema serve on it, because migrations are backward compatible. One that is not, as the last step of
-- dropping something, says here which programs can no longer serve:
--   update schema_support set oldest_known = <version of the migration since which programs do without the thing>;
create table schema_support (
    -- There is one row.
    only_row boolean primary key default true check (only_row),
    -- A program that does not have this migration inside it refuses to start.
    oldest_known bigint not null
);
insert into schema_support (oldest_known) values (20261201000170);

grant select on schema_support to portico_service;

insert into table_registry (table_name, erasure, is_exported, reason) values
    ('schema_support', 'not_tenant_data', false, 'which programs can serve on the schema');
