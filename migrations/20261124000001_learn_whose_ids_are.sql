-- Ids that name no owner by themselves (messages, media, templates, groups, calls, chats, photos,
-- processes, jobs, campaigns), learned from what passes through. The customer is the plugin's. Without
-- a plugin the id belongs to the tenant as a whole.
create table learned_ids (
    tenant_id uuid not null references tenants on delete cascade,
    kind text not null,
    id text not null check (length(id) between 1 and 512),
    plugin_id uuid,
    phone_number_id text,
    learned_at timestamptz not null default now(),
    primary key (tenant_id, kind, id),
    foreign key (tenant_id, plugin_id) references plugins on delete cascade,
    check (phone_number_id is null or plugin_id is not null)
);

-- What goes with a plugin is found by it.
create index learned_ids_by_plugin on learned_ids (tenant_id, plugin_id) where plugin_id is not null;

alter table learned_ids enable row level security;
alter table learned_ids force row level security;
create policy tenant on learned_ids to portico_service
    using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant());
grant select, insert, update, delete on learned_ids to portico_service;
