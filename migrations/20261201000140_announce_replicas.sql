-- Which replicas run, and which master keys each of them can use, so that a rotation does not move everything under a
-- key that one of them lacks.
create table replicas (
    -- Made anew at each start of `portico serve`.
    replica_id uuid primary key,
    -- For each master key that it can use, a value without meaning that it sealed under that key. Whoever lists the
    -- key opens it, and so sees that both have the same bytes under this id.
    proofs bytea[] not null,
    -- Set anew every few seconds, and the row goes when it stops in order. One that was killed leaves its row behind.
    seen_at timestamptz not null default now()
);
grant select, insert, update, delete on replicas to portico_service;

insert into table_registry (table_name, erasure, is_exported, reason) values
    ('replicas', 'not_tenant_data', false, 'the processes that serve; their rows are deleted by age');
