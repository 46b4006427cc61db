-- The keys that sign short-lived tokens: the operator's own, and of no tenant. The private half is
-- sealed under the master keys; the public half stands beside it to be read, and is believed only where
-- it is the sealed one's.
--
-- Only the operator's transactions (those of the nil UUID) see them: a transaction of a tenant has no
-- business here.
create table signing_keys (
    signing_key_id uuid primary key,
    algorithm text not null default 'EdDSA' check (algorithm = 'EdDSA'),
    public_key bytea not null check (length(public_key) = 32),
    private_key bytea not null,
    -- Published before, signing from here on, until another one does.
    active_from timestamptz not null,
    -- From here on what it signed is refused; null while no other key is to follow it.
    retires_at timestamptz,
    created_at timestamptz not null default now()
);

alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy operator on signing_keys to portico_service
    using (portico_tenant() = '00000000-0000-0000-0000-000000000000')
    with check (portico_tenant() = '00000000-0000-0000-0000-000000000000');
grant select, insert, update, delete on signing_keys to portico_service;

-- Word of a change goes out under the nil UUID.
create function portico_operator_changed() returns trigger
    language plpgsql
    as $$
begin
    perform pg_notify('portico_changed', '00000000-0000-0000-0000-000000000000');
    return null;
end
$$;
create trigger changed after insert or update or delete on signing_keys
    for each statement execute function portico_operator_changed();
