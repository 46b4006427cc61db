-- What Chakra posts: where to, signed with what, and what it said.

-- Addresses that Chakra posts the events of a plugin to. Two at once while one replaces the other.
create table hooks (
    tenant_id uuid not null references tenants on delete cascade,
    hook_id uuid not null,
    plugin_id uuid not null,
    -- SHA-256 of the last segment of the address, by which it is found.
    address_hash bytea not null,
    -- That segment, sealed with the tenant's data key.
    address bytea not null,
    created_at timestamptz not null default now(),
    -- Null: in force until it is replaced.
    expires_at timestamptz,
    -- Null: nothing came yet.
    first_event_at timestamptz,
    primary key (tenant_id, hook_id),
    foreign key (tenant_id, plugin_id) references plugins on delete cascade
);
create index hooks_plugin on hooks (tenant_id, plugin_id);
create index hooks_address_hash on hooks (address_hash);

-- What Chakra signs the events of the tenant's team with. Two at once while one replaces the other.
create table webhook_secrets (
    tenant_id uuid not null references tenants on delete cascade,
    webhook_secret_id uuid not null,
    -- Sealed with the tenant's data key.
    secret bytea not null,
    -- By which people tell two apart: the first 16 digits of a keyed fingerprint.
    fingerprint text not null,
    created_at timestamptz not null default now(),
    -- Null: in force until it is replaced.
    expires_at timestamptz,
    primary key (tenant_id, webhook_secret_id)
);

-- How a tenant's hooks judge what comes; a tenant without a row has the defaults.
create table webhook_settings (
    tenant_id uuid not null references tenants on delete cascade,
    -- Until when what is not signed rightly is taken all the same, and marked; null: never.
    log_only_until timestamptz,
    updated_at timestamptz not null default now(),
    primary key (tenant_id)
);

-- Everything that happened, one row for each message, status or change. The id is a UUID of version 7, which says when
-- it was received.
create table events (
    tenant_id uuid not null references tenants on delete cascade,
    event_id uuid not null,
    event_type text not null,
    -- meta, chakra or unknown: how `raw` is written. portico: one of Portico's own, which has `data`.
    format text not null check (format in ('meta', 'chakra', 'unknown', 'portico')),
    -- Meta's `field` or Chakra's `event`.
    field text not null default '',
    -- routed or quarantined; the latter belongs to no customer.
    state text not null check (state in ('routed', 'quarantined')),
    customer_id uuid,
    plugin_id uuid,
    waba_id text,
    phone_number_id text,
    -- What order is kept within, at its phone number.
    conversation text,
    message_id text,
    status text,
    -- Who the other side is: user_id, parent_user_id, phone, username, where known.
    person jsonb,
    -- The same in every copy; within one plugin.
    dedupe_key text,
    occurred_at timestamptz not null,
    received_at timestamptz not null,
    -- valid, absent or wrong; null where nothing is signed. The latter two only while a tenant's hooks take such.
    signature text check (signature in ('valid', 'absent', 'wrong')),
    -- The body with this event alone: JSON, as bytes of UTF-8 that no jsonb could hold (NUL, half a surrogate pair).
    raw text,
    -- Of Portico's own.
    data jsonb,
    primary key (tenant_id, event_id),
    check ((format = 'portico') = (raw is null)),
    check (state <> 'quarantined' or customer_id is null)
) partition by range (event_id);
create index events_message on events (tenant_id, message_id) where message_id is not null;

-- Which events were received in this week and the one before: what a copy is recognised by. Around the end of a week
-- a key is written for both, so that copies that come at the same moment meet in one of them.
create table event_keys (
    tenant_id uuid not null references tenants on delete cascade,
    -- Weeks since 1970-01-01 UTC.
    generation integer not null,
    -- The first 16 bytes of SHA-256 of plugin and dedupe key.
    key uuid not null,
    event_id uuid not null,
    primary key (tenant_id, generation, key)
) partition by range (generation);

-- Copies that were received and not passed on.
create table event_copies (
    tenant_id uuid not null references tenants on delete cascade,
    copy_id uuid not null,
    -- What it is a copy of.
    event_id uuid not null,
    format text not null check (format in ('meta', 'chakra', 'unknown')),
    received_at timestamptz not null,
    -- Where the copy is in the other format, the body with this event alone; else null: it says the same.
    raw text,
    primary key (tenant_id, copy_id)
) partition by range (copy_id);
create index event_copies_event on event_copies (tenant_id, event_id);

-- Events that are not passed on, because it is not certain whose they are.
create table quarantined_events (
    tenant_id uuid not null references tenants on delete cascade,
    event_id uuid not null,
    -- The plugin whose hook it came to.
    plugin_id uuid not null,
    -- Why: ambiguous, too_many, unknown_owner, other_plugin, mismatch, names_no_owner.
    reason text not null,
    event_type text not null,
    waba_id text,
    phone_number_id text,
    received_at timestamptz not null,
    primary key (tenant_id, event_id)
);
create index quarantined_events_unknown on quarantined_events (tenant_id) where reason = 'unknown_owner';

call portico_fence('hooks');
call portico_fence('webhook_secrets');
call portico_fence('webhook_settings');
call portico_fence('events', 'select, insert, update');
call portico_fence('event_keys', 'select, insert');
call portico_fence('event_copies', 'select, insert');
call portico_fence('quarantined_events');
call portico_announce('hooks');
call portico_announce('webhook_secrets');
call portico_announce('webhook_settings');

call portico_partition('events', 'uuid7', 'event_id', 30);
call portico_partition('event_copies', 'uuid7', 'copy_id', 30);
-- A key is asked for until the end of the week after its own.
call portico_partition('event_keys', 'week', 'generation', 8);

insert into table_registry (table_name, erasure, step, is_exported, unexported_columns, reason) values
    ('hooks', 'at_once', 30, true, '{address_hash,address}', 'address is sealed and address_hash recognises it: an address that is known lets events in'),
    ('webhook_secrets', 'at_once', 30, true, '{secret}', 'secret is sealed, and proves what Chakra sends'),
    ('webhook_settings', 'in_batches', 140, true, '{}', 'no secret'),
    ('events', 'in_batches', 140, true, '{}', 'no secret; grows with traffic'),
    ('event_keys', 'in_batches', 140, false, '{}', 'no secret; not exported: hashes of what the events say'),
    ('event_copies', 'in_batches', 140, true, '{}', 'no secret; grows with traffic'),
    ('quarantined_events', 'in_batches', 140, true, '{}', 'no secret');

create policy resolver on hooks for select to portico_resolver using (true);
grant select (tenant_id, hook_id, address_hash) on hooks to portico_resolver;
create policy resolver on quarantined_events for select to portico_resolver using (true);
grant select (tenant_id, reason) on quarantined_events to portico_resolver;

-- Whose hook has the address with this hash?
create function resolve_hook(hash bytea) returns table (tenant_id uuid, hook_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select h.tenant_id, h.hook_id from hooks h where h.address_hash = hash $$;

-- Which tenants have events that wait for their owner to become known?
create function resolve_tenants_with_unknown_events() returns table (tenant_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select distinct q.tenant_id from quarantined_events q where q.reason = 'unknown_owner' $$;

call portico_own_functions('portico_resolver', 'resolve_hook(bytea)', 'resolve_tenants_with_unknown_events()');

-- What is put into the outbox, also by a replica of the version before, is an event.
create function portico_outbox_event() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
    as $$
declare
    happened timestamptz := coalesce((new.payload->>'timestamp')::timestamptz, new.created_at);
begin
    insert into events (tenant_id, event_id, event_type, format, state, occurred_at, received_at, data)
    values (
        new.tenant_id, new.outbox_id, new.event_type, 'portico', 'routed', happened, new.created_at,
        coalesce(new.payload->'data', '{}')
    );
    return null;
end
$$;
create trigger event after insert on outbox for each row execute function portico_outbox_event();
