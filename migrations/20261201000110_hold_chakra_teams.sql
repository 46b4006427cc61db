-- Which tenants hold, or held, a key of which Chakra team. A tenant stays a holder when it replaces or deletes the key,
-- because what it made at Chakra stays in the team; it ceases to be one when it is erased. Two holders of a team
-- are fenced from each other, and so is everybody while a key exists whose team is not known.
create table chakra_teams (
    tenant_id uuid not null references tenants on delete cascade,
    -- Keyed, as chakra_keys.team_fingerprint.
    team_fingerprint bytea not null,
    -- The first to hold a team needs nobody's leave to store further keys of it.
    held_since timestamptz not null default clock_timestamp(),
    primary key (tenant_id, team_fingerprint)
);
create index chakra_teams_team on chakra_teams (team_fingerprint);
create index chakra_keys_team_unknown on chakra_keys (tenant_id) where team_fingerprint is null;

-- The operator lets the tenant store keys of a team that the other one holds. The other's id is kept without a
-- foreign key: no row refers to another tenant's.
create table team_sharing (
    tenant_id uuid not null references tenants on delete cascade,
    with_tenant_id uuid not null check (with_tenant_id <> tenant_id),
    created_at timestamptz not null default now(),
    primary key (tenant_id, with_tenant_id)
);

-- Before the fence stands, and with that of chakra_keys lifted for the statement: the owner sees no rows otherwise.
alter table chakra_keys no force row level security;
insert into chakra_teams (tenant_id, team_fingerprint, held_since)
select tenant_id, team_fingerprint, min(created_at) from chakra_keys
where team_fingerprint is not null
group by tenant_id, team_fingerprint;

-- What lists across a whole team taught was learned as the tenant's own, whoever's it was: forgotten wherever another
-- tenant may be in the team.
alter table learned_ids no force row level security;
delete from learned_ids l
where l.plugin_id is null and l.kind in ('message', 'process')
    and (
        exists (
            select 1 from chakra_teams own join chakra_teams other on other.team_fingerprint = own.team_fingerprint
            where own.tenant_id = l.tenant_id and other.tenant_id <> l.tenant_id
        )
        or exists (select 1 from chakra_keys k where k.team_fingerprint is null)
    );
alter table learned_ids force row level security;
alter table chakra_keys force row level security;

call portico_fence('chakra_teams', 'select, insert');
call portico_fence('team_sharing', 'select, insert, delete');

insert into table_registry (table_name, erasure, step, is_exported, unexported_columns, reason) values
    ('chakra_teams', 'at_once', 60, false, '{}', 'recognises a team across tenants, and whoever holds the team next must not meet an erased holder; not exported: written by Portico to tell tenants apart'),
    ('team_sharing', 'in_batches', 140, false, '{}', 'no secret; not exported: names another tenant');

create policy resolver on chakra_teams for select to portico_resolver using (true);
create policy resolver on team_sharing for select to portico_resolver using (true);
grant select (tenant_id, team_fingerprint, held_since) on chakra_teams to portico_resolver;
grant select (tenant_id, with_tenant_id) on team_sharing to portico_resolver;

-- Does another tenant hold the team to which this one may not join? Not when it held the team first, nor when
-- the operator lets it share the other's.
create function resolve_team_taken(team bytea, tenant uuid) returns boolean
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    as $$
        select exists (
            select 1 from chakra_teams other
            where other.team_fingerprint = team and other.tenant_id <> tenant
                and not exists (
                    select 1 from chakra_teams own
                    where own.team_fingerprint = team and own.tenant_id = tenant and own.held_since <= other.held_since
                )
                and not exists (
                    select 1 from team_sharing s where s.tenant_id = tenant and s.with_tenant_id = other.tenant_id
                )
        )
    $$;

-- Tells the replicas about every tenant that has a Chakra key: a key of unknown team came or went.
create function resolve_team_unknown() returns void
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
    as $$ select pg_notify('portico_changed', t.id) from (select distinct k.tenant_id::text as id from chakra_keys k) t $$;

call portico_own_functions('portico_resolver', 'resolve_team_taken(bytea, uuid)', 'resolve_team_unknown()');

call portico_as_member('portico_resolver', $sql$
    -- May a tenant other than this one be in the team? Its holders are, and so may be whoever has a key of unknown team.
    create or replace function resolve_team_shared(team bytea, tenant uuid) returns boolean
        language sql stable security definer set search_path = pg_catalog, public, pg_temp
        as $$
            select exists (select 1 from chakra_teams t where t.team_fingerprint = team and t.tenant_id <> tenant)
                or exists (select 1 from chakra_keys k where k.team_fingerprint is null and k.tenant_id <> tenant)
        $$;

    -- Tells the replicas about every tenant that holds the team: whether it is shared may have changed.
    create or replace function resolve_team_changed(team bytea) returns void
        language sql volatile security definer set search_path = pg_catalog, public, pg_temp
        as $$ select pg_notify('portico_changed', t.tenant_id::text) from chakra_teams t where t.team_fingerprint = team $$;
$sql$);

-- Whoever writes a key's team makes the tenant a holder of it, also a replica of the version before.
create function portico_team_held() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
    as $$
begin
    if tg_op <> 'DELETE' and new.team_fingerprint is not null then
        insert into chakra_teams (tenant_id, team_fingerprint) values (new.tenant_id, new.team_fingerprint)
        on conflict do nothing;
    end if;
    if (tg_op <> 'DELETE' and new.team_fingerprint is null) or (tg_op <> 'INSERT' and old.team_fingerprint is null) then
        perform resolve_team_unknown();
    end if;
    return null;
end
$$;
create trigger team_held after insert or update of team_fingerprint or delete on chakra_keys
    for each row execute function portico_team_held();

create function portico_team_changed() returns trigger
    language plpgsql set search_path = pg_catalog, public, pg_temp
    as $$
begin
    perform resolve_team_changed(coalesce(new.team_fingerprint, old.team_fingerprint));
    return null;
end
$$;
create trigger team_changed after insert or delete on chakra_teams
    for each row execute function portico_team_changed();
