-- People of a tenant: members, the invitations by which they come, and their signed-in browsers.

create table members (
    tenant_id uuid not null references tenants on delete cascade,
    member_id uuid not null,
    -- In lower case.
    email text not null,
    name text,
    -- A role that every tenant has, or one of the tenant's own.
    built_in_role text check (built_in_role in ('owner', 'admin', 'developer', 'messaging', 'onboarding', 'viewer')),
    role_id uuid,
    -- A PHC string (argon2id); null: no password.
    password_hash text,
    -- The account at the identity provider; null: not bound yet.
    oidc_issuer text,
    oidc_subject text,
    last_signed_in_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, member_id),
    constraint members_one_role check ((built_in_role is null) <> (role_id is null)),
    constraint members_whole_identity check ((oidc_issuer is null) = (oidc_subject is null)),
    constraint members_role foreign key (tenant_id, role_id) references roles,
    constraint members_email unique (tenant_id, email),
    constraint members_identity unique (tenant_id, oidc_issuer, oidc_subject)
);
create index members_by_email on members (email);
create index members_by_identity on members (oidc_subject, oidc_issuer) where oidc_subject is not null;

create table invitations (
    tenant_id uuid not null references tenants on delete cascade,
    invitation_id uuid not null,
    email text not null,
    name text,
    built_in_role text check (built_in_role in ('owner', 'admin', 'developer', 'messaging', 'onboarding', 'viewer')),
    -- Null once the invitation is over, so that it holds no role back from deletion.
    role_id uuid,
    -- The role's name when the invitation was made.
    role_name text not null,
    token_hash bytea not null check (length(token_hash) = 32),
    -- 'operator', or the id of an API key or a member.
    invited_by text not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (tenant_id, invitation_id),
    constraint invitations_one_role check (
        num_nonnulls(built_in_role, role_id) = 1 or accepted_at is not null or revoked_at is not null
    ),
    constraint invitations_role foreign key (tenant_id, role_id) references roles
);
create unique index invitations_open on invitations (tenant_id, email) where accepted_at is null and revoked_at is null;
create index invitations_by_email on invitations (email) where accepted_at is null and revoked_at is null;
create index invitations_token on invitations (token_hash);

create table member_sessions (
    tenant_id uuid not null,
    session_id uuid not null,
    member_id uuid not null,
    token_hash bytea not null check (length(token_hash) = 32),
    created_at timestamptz not null default now(),
    -- To the minute.
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (tenant_id, session_id),
    foreign key (tenant_id, member_id) references members on delete cascade
);
create index member_sessions_token on member_sessions (token_hash);
create index member_sessions_member on member_sessions (tenant_id, member_id);

-- Attempts to sign in, by keyed fingerprints of e-mail addresses and of network addresses: shared by
-- all replicas, and nobody's in particular, because an attempt may name somebody whom no tenant has.
create table sign_in_attempts (
    bucket bytea primary key check (length(bucket) = 32),
    attempts integer not null,
    last_at timestamptz not null default now(),
    blocked_until timestamptz
);
create index sign_in_attempts_age on sign_in_attempts (last_at);

do $$
declare
    name text;
begin
    foreach name in array array['members', 'invitations', 'member_sessions'] loop
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

-- Whatever decides who a session's bearer is and what it may do is cached.
create trigger changed after insert or update or delete on members
    for each row execute function portico_changed();
-- But not that a session was seen again.
create trigger changed after delete on member_sessions
    for each row execute function portico_changed();

grant select, insert, update, delete on sign_in_attempts to portico_service;

-- The ways across tenants that signing in needs: from a token or a proved identity to its rows.
create policy resolver on members for select to portico_resolver using (true);
create policy resolver on invitations for select to portico_resolver using (true);
create policy resolver on member_sessions for select to portico_resolver using (true);
grant select (tenant_id, member_id, email, oidc_issuer, oidc_subject) on members to portico_resolver;
grant select (tenant_id, invitation_id, email, token_hash, expires_at, accepted_at, revoked_at) on invitations to portico_resolver;
grant select (tenant_id, session_id, member_id, token_hash, last_seen_at, expires_at) on member_sessions to portico_resolver;

-- Whose session has this hash?
create function resolve_session(hash bytea) returns table (tenant_id uuid, session_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select s.tenant_id, s.session_id from member_sessions s where s.token_hash = hash and s.expires_at > now() $$;

-- Whose invitation has this hash?
create function resolve_invitation(hash bytea) returns table (tenant_id uuid, invitation_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select i.tenant_id, i.invitation_id from invitations i where i.token_hash = hash $$;

-- Who signs in with this address? A person may be a member of several tenants.
create function resolve_members_by_email(address text) returns table (tenant_id uuid, member_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select m.tenant_id, m.member_id from members m where m.email = address order by m.tenant_id limit 50 $$;

-- Who is bound to this account at the identity provider?
create function resolve_members_by_identity(issuer text, subject text) returns table (tenant_id uuid, member_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select m.tenant_id, m.member_id from members m
        where m.oidc_issuer = issuer and m.oidc_subject = subject order by m.tenant_id limit 50
    $$;

-- Which invitations wait for this address?
create function resolve_invitations_by_email(address text) returns table (tenant_id uuid, invitation_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select i.tenant_id, i.invitation_id from invitations i
        where i.email = address and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
        order by i.tenant_id limit 50
    $$;

-- In which tenants are sessions that nobody can use any more?
create function resolve_dead_sessions(idle interval) returns table (tenant_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$ select distinct s.tenant_id from member_sessions s where s.expires_at <= now() or s.last_seen_at <= now() - idle $$;

do $$
declare
    name text;
    was_member boolean := pg_has_role(current_user, 'portico_resolver', 'usage');
begin
    grant create on schema public to portico_resolver;
    if not was_member then
        execute format('grant portico_resolver to %I', current_user);
    end if;
    foreach name in array array[
        'resolve_session(bytea)', 'resolve_invitation(bytea)', 'resolve_members_by_email(text)',
        'resolve_members_by_identity(text, text)', 'resolve_invitations_by_email(text)',
        'resolve_dead_sessions(interval)'
    ] loop
        execute format('revoke all on function %s from public', name);
        execute format('grant execute on function %s to portico_service', name);
        execute format('alter function %s owner to portico_resolver', name);
    end loop;
    if not was_member then
        execute format('revoke portico_resolver from %I', current_user);
    end if;
    revoke create on schema public from portico_resolver;
end
$$;
