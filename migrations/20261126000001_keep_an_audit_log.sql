-- What was changed and what was refused, one chain of hashes for each tenant. Entries are only ever
-- added: the service may neither change nor delete one.
--
-- `entry` is kept as the very text that was hashed: hash = SHA-256(previous || entry). The columns
-- beside it are drawn from it, so that they cannot say anything else.
--
-- Under the nil UUID stands the operator's own chain, so there is no reference to tenants.
create table audit_log (
    tenant_id uuid not null,
    seq bigint not null check (seq > 0),
    at timestamptz not null,
    entry json not null,
    action text not null generated always as (entry ->> 'action') stored,
    outcome text not null generated always as (entry ->> 'outcome') stored,
    actor_id text generated always as (entry -> 'actor' ->> 'id') stored,
    target_id text generated always as (entry -> 'target' ->> 'id') stored,
    previous bytea not null check (length(previous) = 32),
    hash bytea not null check (length(hash) = 32),
    primary key (tenant_id, seq)
);
create index audit_log_target on audit_log (tenant_id, target_id, seq) where target_id is not null;

-- The end of each chain. `mac` is made with a key that is not in the database, so that nobody who can
-- only write here can cut a chain short or make up another one.
create table audit_heads (
    tenant_id uuid primary key,
    seq bigint not null,
    hash bytea not null check (length(hash) = 32),
    mac bytea not null check (length(mac) = 32)
);

do $$
declare
    name text;
begin
    foreach name in array array['audit_log', 'audit_heads'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant on %I to portico_service using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant())',
            name
        );
    end loop;
end
$$;

grant select, insert on audit_log to portico_service;
grant select, insert, update on audit_heads to portico_service;
