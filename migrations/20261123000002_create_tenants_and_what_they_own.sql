-- The operator's own row: what proves the master key, and the key of all fingerprints, both sealed.
create table operator (
    singleton boolean primary key default true check (singleton),
    canary bytea not null,
    fingerprint_key bytea not null,
    created_at timestamptz not null default now()
);

create table tenants (
    tenant_id uuid primary key,
    name text not null,
    status text not null default 'active' check (status in ('active', 'suspended')),
    limits jsonb not null default '{}',
    allowed_origins text[] not null default '{}',
    branding jsonb not null default '{}',
    graph_version text,
    retention_days integer not null default 30 check (retention_days between 1 and 3650),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- A tenant's data keys, wrapped by a master key. Deleting them is what makes a tenant unreadable.
create table data_keys (
    tenant_id uuid not null references tenants on delete cascade,
    version integer not null check (version > 0),
    master_key text not null,
    wrapped bytea not null,
    seals bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (tenant_id, version)
);

create table chakra_keys (
    tenant_id uuid not null references tenants on delete cascade,
    chakra_key_id uuid not null,
    name text not null,
    description text,
    access_token bytea not null,
    fingerprint bytea not null,
    last4 text not null,
    is_default boolean not null default false,
    status text not null default 'unverified' check (status in ('unverified', 'verified', 'refused')),
    team_fingerprint bytea,
    team_name text,
    verified_at timestamptz,
    refused_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, chakra_key_id),
    constraint chakra_keys_name unique (tenant_id, name),
    constraint chakra_keys_fingerprint unique (tenant_id, fingerprint)
);
create unique index chakra_keys_default on chakra_keys (tenant_id) where is_default;
create index chakra_keys_team on chakra_keys (team_fingerprint);
create index chakra_keys_token on chakra_keys (fingerprint);

create table customers (
    tenant_id uuid not null references tenants on delete cascade,
    customer_id uuid not null,
    external_id text not null,
    name text not null,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, customer_id),
    constraint customers_external_id unique (tenant_id, external_id)
);

create table plugins (
    tenant_id uuid not null,
    plugin_id uuid not null,
    customer_id uuid not null,
    name text not null,
    status text not null default 'created' check (status in ('created', 'connected', 'disconnected', 'missing')),
    is_active boolean not null default false,
    -- What the tenant wants of Chakra's configuration, and what Chakra last said.
    desired jsonb not null default '{}',
    observed jsonb,
    -- Counts changes of what the tenant wants: the entity tag.
    version bigint not null default 1,
    synced_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, plugin_id),
    foreign key (tenant_id, customer_id) references customers on delete cascade
);
create index plugins_customer on plugins (tenant_id, customer_id);

create table wabas (
    tenant_id uuid not null,
    waba_id text not null,
    plugin_id uuid not null,
    name text,
    status text,
    observed_at timestamptz not null default now(),
    primary key (tenant_id, waba_id),
    foreign key (tenant_id, plugin_id) references plugins on delete cascade
);
create index wabas_plugin on wabas (tenant_id, plugin_id);

create table phone_numbers (
    tenant_id uuid not null,
    phone_number_id text not null,
    waba_id text not null,
    plugin_id uuid not null,
    display_phone_number text,
    verified_name text,
    status text,
    quality_rating text,
    messaging_limit_tier text,
    name_status text,
    is_active boolean not null default true,
    observed_at timestamptz not null default now(),
    primary key (tenant_id, phone_number_id),
    foreign key (tenant_id, waba_id) references wabas on delete cascade,
    foreign key (tenant_id, plugin_id) references plugins on delete cascade
);
create index phone_numbers_plugin on phone_numbers (tenant_id, plugin_id);

create table roles (
    tenant_id uuid not null references tenants on delete cascade,
    role_id uuid not null,
    name text not null,
    description text,
    permissions text[] not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, role_id),
    constraint roles_name unique (tenant_id, name)
);

create table api_keys (
    tenant_id uuid not null references tenants on delete cascade,
    api_key_id uuid not null,
    name text not null,
    description text,
    -- A role that every tenant has, or one of the tenant's own.
    built_in_role text check (built_in_role in ('owner', 'admin', 'developer', 'messaging', 'onboarding', 'viewer')),
    role_id uuid,
    -- Null: no limit.
    phone_numbers text[],
    allowed_ips text[],
    is_limited boolean not null default false,
    expires_at timestamptz,
    secret_hash bytea not null,
    prefix text not null,
    revoked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, api_key_id),
    constraint api_keys_one_role check ((built_in_role is null) <> (role_id is null)),
    constraint api_keys_role foreign key (tenant_id, role_id) references roles
);
create index api_keys_secret on api_keys (secret_hash);

-- The customers that a limited key may reach. A limited key whose customers are all gone reaches none.
create table api_key_customers (
    tenant_id uuid not null,
    api_key_id uuid not null,
    customer_id uuid not null,
    primary key (tenant_id, api_key_id, customer_id),
    foreign key (tenant_id, api_key_id) references api_keys on delete cascade,
    constraint api_key_customers_customer foreign key (tenant_id, customer_id) references customers on delete cascade
);

-- Apart from the keys, because it changes with every call.
create table api_key_uses (
    tenant_id uuid not null,
    api_key_id uuid not null,
    last_used_at timestamptz not null,
    last_address text,
    last_operation text,
    primary key (tenant_id, api_key_id),
    foreign key (tenant_id, api_key_id) references api_keys on delete cascade
);

-- Proxied calls: metadata only.
create table requests (
    tenant_id uuid not null references tenants on delete cascade,
    at timestamptz not null,
    request_id text not null,
    -- Tells apart rows of one request id, which callers may repeat.
    entry_id uuid not null,
    operation text not null,
    method text not null,
    status smallint not null,
    upstream_status smallint,
    code text,
    has_errors boolean not null default false,
    duration_us bigint not null,
    api_key_id uuid,
    customer_id uuid,
    plugin_id uuid,
    primary key (tenant_id, at, entry_id)
);

-- What must be told to the outside, written in the transaction that made it true.
create table outbox (
    tenant_id uuid not null references tenants on delete cascade,
    outbox_id uuid not null,
    event_type text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, outbox_id)
);
