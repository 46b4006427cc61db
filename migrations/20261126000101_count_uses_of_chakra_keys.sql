-- Who opened and used which Chakra key, a row for each caller and day. It outlives the key: whether an
-- old key was still used is asked after it is gone, too.
create table chakra_key_uses (
    tenant_id uuid not null references tenants on delete cascade,
    chakra_key_id uuid not null,
    day date not null,
    -- api_key, operator, portico, …; the id is nil for kinds of which there is one.
    caller_kind text not null,
    caller_id uuid not null,
    openings bigint not null default 0,
    calls bigint not null default 0,
    last_at timestamptz not null,
    primary key (tenant_id, chakra_key_id, day, caller_kind, caller_id)
);

alter table chakra_key_uses enable row level security;
alter table chakra_key_uses force row level security;
create policy tenant on chakra_key_uses to portico_service
    using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant());
grant select, insert, update, delete on chakra_key_uses to portico_service;
