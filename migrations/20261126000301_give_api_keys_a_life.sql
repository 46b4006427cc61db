-- What an API key lives through: a rate limit, rotations with an overlap, notices before its end.

alter table api_keys
    add column rate_limit integer check (rate_limit between 1 and 10000),
    -- When the present secret was made; it is the key's own age until the first rotation.
    add column secret_created_at timestamptz not null default now(),
    add column rotated_at timestamptz,
    -- When the next notice of the key's end is due; null: never.
    add column notice_at timestamptz;
-- Whoever runs migrations may see the rows of every tenant for this one statement.
alter table api_keys no force row level security;
update api_keys set secret_created_at = created_at, notice_at = expires_at - interval '30 days' where revoked_at is null;
alter table api_keys force row level security;
create index api_keys_notice on api_keys (notice_at) where notice_at is not null;
create index api_keys_expiry on api_keys (tenant_id, coalesce(expires_at, 'infinity'), api_key_id);

-- Secrets that rotations replaced. They open until they expire, and are forgotten 30 days later.
create table api_key_old_secrets (
    tenant_id uuid not null,
    old_secret_id uuid not null,
    api_key_id uuid not null,
    secret_hash bytea not null check (length(secret_hash) = 32),
    prefix text not null,
    created_at timestamptz not null,
    rotated_at timestamptz not null,
    expires_at timestamptz not null,
    -- When to see next whether it is still used, or to forget it.
    notice_at timestamptz not null,
    primary key (tenant_id, old_secret_id),
    foreign key (tenant_id, api_key_id) references api_keys on delete cascade
);
create index api_key_old_secrets_key on api_key_old_secrets (tenant_id, api_key_id);
create index api_key_old_secrets_secret on api_key_old_secrets (secret_hash);
create index api_key_old_secrets_notice on api_key_old_secrets (notice_at);

-- Who still uses them. Apart from the secrets, because it changes with every call: no replica forgets
-- what it cached for that.
create table api_key_old_secret_uses (
    tenant_id uuid not null,
    old_secret_id uuid not null,
    -- Both empty: everything beyond the first hundred pairs of a secret.
    address text not null,
    operation text not null,
    use_id uuid not null,
    uses bigint not null check (uses > 0),
    first_used_at timestamptz not null,
    last_used_at timestamptz not null,
    primary key (tenant_id, old_secret_id, address, operation),
    foreign key (tenant_id, old_secret_id) references api_key_old_secrets on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['api_key_old_secrets', 'api_key_old_secret_uses'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant on %I to portico_service using (tenant_id = portico_tenant()) with check (tenant_id = portico_tenant())',
            name
        );
        execute format('grant select, insert, update, delete on %I to portico_service', name);
    end loop;
end
$$;
create trigger changed after insert or update or delete on api_key_old_secrets
    for each row execute function portico_changed();

create policy resolver on api_key_old_secrets for select to portico_resolver using (true);
grant select (tenant_id, api_key_id, secret_hash, expires_at, notice_at) on api_key_old_secrets to portico_resolver;

-- Only its owner may replace a function.
do $do$
declare
    was_member boolean := pg_has_role(current_user, 'portico_resolver', 'usage');
begin
    grant create on schema public to portico_resolver;
    if not was_member then
        execute format('grant portico_resolver to %I', current_user);
    end if;
    -- Whose key has this hash, be it of the present secret or of one that still overlaps? Nothing when there
    -- is none or the key is revoked.
    execute $sql$
        create or replace function resolve_api_key(hash bytea) returns table (tenant_id uuid, api_key_id uuid)
            language sql stable security definer set search_path = pg_catalog, public, pg_temp
            as $$
                select k.tenant_id, k.api_key_id from api_keys k where k.secret_hash = hash and k.revoked_at is null
                union all
                select o.tenant_id, o.api_key_id
                from api_key_old_secrets o
                join api_keys k on k.tenant_id = o.tenant_id and k.api_key_id = o.api_key_id
                where o.secret_hash = hash and o.expires_at > now() and k.revoked_at is null
            $$
    $sql$;
    -- The tenants in which a notice about a key is due at that moment: at most so many.
    execute $sql$
        create function resolve_key_notices(at timestamptz, most integer) returns table (tenant_id uuid)
            language sql stable security definer set search_path = pg_catalog, public, pg_temp
            as $$
                select d.tenant_id
                from (
                    select k.tenant_id from api_keys k where k.notice_at <= at
                    union
                    select o.tenant_id from api_key_old_secrets o where o.notice_at <= at
                ) d
                limit most
            $$
    $sql$;
    revoke all on function resolve_key_notices(timestamptz, integer) from public;
    grant execute on function resolve_key_notices(timestamptz, integer) to portico_service;
    alter function resolve_key_notices(timestamptz, integer) owner to portico_resolver;
    if not was_member then
        execute format('revoke portico_resolver from %I', current_user);
    end if;
    revoke create on schema public from portico_resolver;
end
$do$;
