//! The wall between tenants, asked of Postgres itself as the service's role. The tables come from
//! Postgres' catalog: a new one is covered by itself, and fails here until it is fenced and seeded.

use portico_domain::TenantId;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};
use uuid::Uuid;

/// What the service may not even try: statements on tables that are only added to.
const FORBIDDEN: &[(&str, &str)] = &[
    ("audit_log", "update"),
    ("audit_log", "delete"),
    ("audit_heads", "delete"),
    ("chakra_teams", "update"),
    ("chakra_teams", "delete"),
    ("team_sharing", "update"),
    ("events", "delete"),
    ("event_keys", "update"),
    ("event_keys", "delete"),
    ("event_copies", "update"),
    ("event_copies", "delete"),
];

#[path = "wall/backup.rs"]
mod backup;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A pool that acts as the service does.
async fn service(owner: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
        })
        .connect_with((*owner.connect_options()).clone())
        .await
        .expect("the service's role can be taken")
}

async fn tenant_tables(owner: &PgPool) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
         where a.attname = 'tenant_id' and not a.attisdropped and c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
         order by 1",
    )
    .fetch_all(owner)
    .await
    .expect("the catalog can be read");
    assert!(tables.len() >= 13, "found only {tables:?}");
    tables
}

/// Postgres' code for a statement that the role may not run.
fn is_forbidden(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "42501")
}

/// The columns of a table that a statement may write: all but those that Postgres generates.
async fn written_columns(owner: &PgPool, table: &str) -> String {
    sqlx::query_scalar(
        "select string_agg(quote_ident(attname), ', ') from pg_attribute
         where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
    )
    .bind(table)
    .fetch_one(owner)
    .await
    .expect("the catalog can be read")
}

/// One row in every table for a tenant.
async fn seed(owner: &PgPool) -> TenantId {
    let tenant = TenantId::generate();
    let id = Uuid::now_v7();
    let seeds = [
        "insert into tenants (tenant_id, name) values ($1, 'T')",
        "insert into data_keys (tenant_id, version, master_key, wrapped) values ($1, 1, 'k1', '\\x00')",
        "insert into chakra_keys (tenant_id, chakra_key_id, name, access_token, fingerprint, last4) values ($1, $2, 'K', '\\x00', decode(md5($2::text), 'hex'), 'abcd')",
        "insert into customers (tenant_id, customer_id, external_id, name) values ($1, $2, 'x', 'C')",
        "insert into plugins (tenant_id, plugin_id, customer_id, name) values ($1, $2, $2, 'P')",
        "insert into wabas (tenant_id, waba_id, plugin_id) values ($1, '1', $2)",
        "insert into phone_numbers (tenant_id, phone_number_id, waba_id, plugin_id) values ($1, '2', '1', $2)",
        "insert into roles (tenant_id, role_id, name, permissions) values ($1, $2, 'r', '{}')",
        "insert into api_keys (tenant_id, api_key_id, name, built_in_role, secret_hash, prefix) values ($1, $2, 'A', 'owner', decode(md5($2::text), 'hex'), 'ptc')",
        "insert into api_key_customers (tenant_id, api_key_id, customer_id) values ($1, $2, $2)",
        "insert into api_key_uses (tenant_id, api_key_id, last_used_at) values ($1, $2, now())",
        "insert into api_key_old_secrets (tenant_id, old_secret_id, api_key_id, secret_hash, prefix, created_at, rotated_at, expires_at, notice_at) values ($1, $2, $2, decode(repeat('00', 32), 'hex'), 'ptc', now(), now(), now(), now())",
        "insert into api_key_old_secret_uses (tenant_id, old_secret_id, address, operation, use_id, uses, first_used_at, last_used_at) values ($1, $2, '', 'o', $2, 1, now(), now())",
        "insert into requests (tenant_id, at, request_id, entry_id, operation, method, status, duration_us) values ($1, now(), 'r', $2, 'o', 'GET', 200, 1)",
        "insert into outbox (tenant_id, outbox_id, event_type, payload) values ($1, $2, 'e', '{}')",
        "insert into audit_log (tenant_id, seq, at, entry, previous, hash) values ($1, 1, now(), '{\"action\": \"a\", \"outcome\": \"done\"}', decode(repeat('00', 32), 'hex'), decode(repeat('01', 32), 'hex'))",
        "insert into audit_heads (tenant_id, seq, hash, mac) values ($1, 1, decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'))",
        "insert into chakra_key_uses (tenant_id, chakra_key_id, day, caller_kind, caller_id, last_at) values ($1, $2, '2026-11-26', 'operator', $2, now())",
        "insert into members (tenant_id, member_id, email, built_in_role) values ($1, $2, 'a@example.com', 'owner')",
        "insert into invitations (tenant_id, invitation_id, email, built_in_role, role_name, token_hash, invited_by, expires_at) values ($1, $2, 'b@example.com', 'viewer', 'viewer', decode(repeat('03', 32), 'hex'), 'operator', now())",
        "insert into member_sessions (tenant_id, session_id, member_id, token_hash, expires_at) values ($1, $2, $2, decode(repeat('04', 32), 'hex'), now())",
        "insert into learned_ids (tenant_id, kind, id, plugin_id) values ($1, 'message', 'w', $2)",
        "insert into chakra_teams (tenant_id, team_fingerprint) values ($1, decode(md5($2::text), 'hex'))",
        "insert into team_sharing (tenant_id, with_tenant_id) values ($1, $2)",
        "insert into hooks (tenant_id, hook_id, plugin_id, address_hash, address) values ($1, $2, $2, decode(md5($2::text), 'hex'), '\\x00')",
        "insert into webhook_secrets (tenant_id, webhook_secret_id, secret, fingerprint) values ($1, $2, '\\x00', 'f')",
        "insert into webhook_settings (tenant_id) values ($1)",
        // The row of `events` is the one that the outbox's becomes.
        "insert into event_keys (tenant_id, generation, key, event_id) values ($1, extract(epoch from now())::bigint / 604800, $2, $2)",
        "insert into event_copies (tenant_id, copy_id, event_id, format, received_at) values ($1, $2, $2, 'meta', now())",
        "insert into quarantined_events (tenant_id, event_id, plugin_id, reason, event_type, received_at) values ($1, $2, $2, 'mismatch', 'e', now())",
    ];
    for statement in seeds {
        let query = sqlx::query(statement).bind(tenant.uuid());
        let query = if statement.contains("$2") { query.bind(id) } else { query };
        query.execute(owner).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tenant
}

async fn count(pool: &PgPool, tenant: Option<&str>, table: &str) -> Result<i64, sqlx::Error> {
    let mut tx = pool.begin().await?;
    if let Some(tenant) = tenant {
        sqlx::query("select set_config('portico.tenant_id', $1, true)").bind(tenant).execute(&mut *tx).await?;
    }
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(&mut *tx).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_tenant_table_is_fenced_by_force_and_not_the_services_own(owner: PgPool) {
    for table in tenant_tables(&owner).await {
        let row = sqlx::query(
            "select c.relrowsecurity, c.relforcerowsecurity, pg_has_role('portico_service', c.relowner, 'member'),
                exists (select 1 from pg_policy p where p.polrelid = c.oid and 'portico_service'::regrole = any(p.polroles)
                        and p.polqual is not null and p.polwithcheck is not null),
                (select count(*) from pg_policy p where p.polrelid = c.oid and ('portico_service'::regrole = any(p.polroles) or 0::oid = any(p.polroles)))
             from pg_class c where c.oid = $1::regclass",
        )
        .bind(&table)
        .fetch_one(&owner)
        .await
        .expect("the table exists");
        assert!(row.get::<bool, _>(0), "{table}: row-level security is off");
        assert!(row.get::<bool, _>(1), "{table}: row-level security is not forced");
        assert!(!row.get::<bool, _>(2), "{table}: the service owns it");
        assert!(row.get::<bool, _>(3), "{table}: no policy for the service");
        assert_eq!(row.get::<i64, _>(4), 1, "{table}: another policy lets the service through");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn without_a_tenant_the_service_sees_nothing(owner: PgPool) {
    seed(&owner).await;
    let service = service(&owner).await;
    for table in tenant_tables(&owner).await {
        assert_eq!(count(&owner, None, &table).await.expect("the owner reads"), 1, "{table} is not seeded");
        assert_eq!(count(&service, None, &table).await.expect("the service reads"), 0, "{table}");
        assert_eq!(count(&service, Some(""), &table).await.expect("the service reads"), 0, "{table}");
        for hostile in ["*", "' or true --", "null", "system", "00000000-0000-0000-0000-000000000000"] {
            let seen = count(&service, Some(hostile), &table).await.unwrap_or(0);
            assert_eq!(seen, 0, "{table} with {hostile}");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_tenant_neither_reads_nor_writes_anothers_rows(owner: PgPool) {
    let (mine, theirs) = (seed(&owner).await, seed(&owner).await);
    let service = service(&owner).await;
    for table in tenant_tables(&owner).await {
        assert_eq!(count(&owner, None, &table).await.expect("the owner reads"), 2, "{table} is not seeded for both");
        assert_eq!(count(&service, Some(&mine.uuid().to_string()), &table).await.expect("reads"), 1, "{table}");
        let row: Value =
            sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(t) from {table} t where tenant_id = $1")))
                .bind(theirs.uuid())
                .fetch_one(&owner)
                .await
                .expect("the row is seeded");
        let columns = written_columns(&owner, &table).await;

        let mut tx = service.begin().await.expect("begins");
        sqlx::query("select set_config('portico.tenant_id', $1, true)")
            .bind(mine.uuid().to_string())
            .execute(&mut *tx)
            .await
            .expect("sets the tenant");
        for (verb, statement) in [
            ("update", format!("update {table} set tenant_id = tenant_id where tenant_id = $1")),
            ("delete", format!("delete from {table} where tenant_id = $1")),
        ] {
            sqlx::query("savepoint before").execute(&mut *tx).await.expect("saves");
            let done = sqlx::query(AssertSqlSafe(statement)).bind(theirs.uuid()).execute(&mut *tx).await;
            if FORBIDDEN.contains(&(&table, verb)) {
                assert!(done.is_err_and(|error| is_forbidden(&error)), "{table} can be changed");
                sqlx::query("rollback to savepoint before").execute(&mut *tx).await.expect("rolls back");
            } else {
                assert_eq!(done.expect("runs").rows_affected(), 0, "{table}");
            }
        }
        sqlx::query("savepoint before").execute(&mut *tx).await.expect("saves");
        for (what, statement) in [
            (
                "insert",
                format!(
                    "insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, $1)"
                ),
            ),
            ("move", format!("update {table} set tenant_id = ($1->>'tenant_id')::uuid")),
        ] {
            let refused = sqlx::query(AssertSqlSafe(statement)).bind(&row).execute(&mut *tx).await;
            let code =
                refused.err().and_then(|error| error.into_database_error()?.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some("42501"), "{table}: {what} of another tenant's row");
            sqlx::query("rollback to savepoint before").execute(&mut *tx).await.expect("rolls back");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_service_cannot_become_a_role_with_more_rights(owner: PgPool) {
    let mut connection = service(&owner).await.acquire().await.expect("connects").detach();
    // `set role` is judged by the session's role, which in this test is a superuser's; membership tells.
    let member: bool = sqlx::query_scalar("select pg_has_role('portico_service', 'portico_resolver', 'member')")
        .fetch_one(&mut connection)
        .await
        .expect("asks");
    assert!(!member, "portico_service must not be a member of portico_resolver");
    let has_more_rights: bool = sqlx::query_scalar(
        "select bool_or(rolsuper or rolbypassrls or rolcreaterole or rolcanlogin) from pg_roles where rolname in ('portico_service', 'portico_resolver')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("asks");
    assert!(!has_more_rights);
    for statement in
        ["alter table tenants disable row level security", "drop policy tenant on tenants", "create table x (id int)"]
    {
        assert!(sqlx::query(statement).execute(&mut connection).await.is_err(), "{statement}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn tenant_id_leads_every_primary_unique_and_foreign_key(owner: PgPool) {
    let bad: Vec<String> = sqlx::query_scalar(
        "select c.conrelid::regclass || '.' || c.conname from pg_constraint c
         join pg_attribute t on t.attrelid = c.conrelid and t.attname = 'tenant_id'
         where c.contype in ('p', 'u', 'f') and c.conkey[1] <> t.attnum",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    assert_eq!(bad, Vec::<String>::new());
}

/// What a function of the schema answers to the service in a transaction of that tenant.
async fn asked(service: &PgPool, tenant: TenantId, question: &'static str) -> Value {
    let mut tx = service.begin().await.expect("begins");
    sqlx::query("select set_config('portico.tenant_id', $1, true)")
        .bind(tenant.uuid().to_string())
        .execute(&mut *tx)
        .await
        .expect("sets the tenant");
    let answer = sqlx::query_scalar(question).fetch_one(&mut *tx).await.expect(question);
    tx.commit().await.expect("commits");
    answer
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_erased_tenant_is_unseen_at_once_and_then_leaves_nothing_behind(owner: PgPool) {
    let (erased, other) = (seed(&owner).await, seed(&owner).await);
    let service = service(&owner).await;
    let rows = async |table: &str| -> (i64, i64) {
        let count = "select count(*) filter (where tenant_id = $1), count(*) filter (where tenant_id = $2) from";
        sqlx::query_as(AssertSqlSafe(format!("{count} {table}")))
            .bind(erased.uuid())
            .bind(other.uuid())
            .fetch_one(&owner)
            .await
            .expect("the owner reads")
    };
    sqlx::query("insert into requests (tenant_id, at, request_id, entry_id, operation, method, status, duration_us) select $1, now(), 'r', gen_random_uuid(), 'o', 'GET', 200, 1 from generate_series(1, 9)")
        .bind(erased.uuid())
        .execute(&owner)
        .await
        .expect("is seeded");

    let purge = "select to_jsonb(purge_tenant(4))";
    assert_eq!(asked(&service, erased, "select coalesce(to_jsonb(purge_tenant(4)), 'null')").await, Value::Null);
    assert_eq!(asked(&service, erased, "select to_jsonb(erase_tenant())").await, true);
    assert_eq!(asked(&service, erased, "select to_jsonb(erase_tenant())").await, false);
    assert_eq!(asked(&service, erased, "select to_jsonb(count(*)) from tenants").await, 0);
    for table in
        ["data_keys", "chakra_keys", "api_keys", "api_key_uses", "api_key_customers", "members", "member_sessions"]
    {
        assert_eq!(rows(table).await, (0, 1), "{table}");
    }
    for table in ["tenants", "customers", "audit_log"] {
        assert_eq!(rows(table).await, (1, 1), "{table}");
    }
    // Of every table, exactly what is registered so is gone at once.
    for table in tenant_tables(&owner).await {
        let at_once: bool = sqlx::query_scalar("select erasure = 'at_once' from table_registry where table_name = $1")
            .bind(&table)
            .fetch_one(&owner)
            .await
            .expect("the table is registered");
        assert_eq!(rows(&table).await.0 == 0, at_once, "{table}");
    }
    let listed = |question: &'static str| asked(&service, other, question);
    assert_eq!(listed("select to_jsonb(count(*)) from resolve_tenants(null, 10)").await, 1);
    let taken = "select to_jsonb(resolve_plugin_taken((select plugin_id from plugins), gen_random_uuid()))";
    assert_eq!(listed(taken).await, true);
    assert_eq!(asked(&service, erased, taken).await, false);

    // A step takes at most so many rows away, and the audit log goes after all else.
    let mut steps = 0;
    loop {
        let gone = asked(&service, erased, purge).await.as_i64().expect("is a number");
        assert!(gone <= 4, "{gone}");
        if gone == 0 {
            break;
        }
        steps += 1;
        if rows("audit_log").await.0 == 0 {
            assert_eq!((rows("customers").await.0, rows("requests").await.0), (0, 0));
        }
    }
    assert!(steps > 5, "{steps}");
    for table in tenant_tables(&owner).await {
        assert_eq!(rows(&table).await, (0, 1), "{table}");
    }
    assert_eq!(listed("select to_jsonb(count(*)) from resolve_erased(null, 10)").await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_seals_while_the_tenant_is_erased_ends_first_and_neither_fails(owner: PgPool) {
    let tenant = seed(&owner).await;
    let service = service(&owner).await;
    let mut sealing = service.begin().await.expect("begins");
    sqlx::query("select set_config('portico.tenant_id', $1, true)")
        .bind(tenant.uuid().to_string())
        .execute(&mut *sealing)
        .await
        .expect("sets the tenant");
    sqlx::query("update data_keys set seals = seals + 1").execute(&mut *sealing).await.expect("counts a seal");
    let erasing = {
        let service = service.clone();
        tokio::spawn(async move { asked(&service, tenant, "select to_jsonb(erase_tenant())").await })
    };
    let waits = "select exists (select 1 from pg_locks where not granted
                 and pid in (select pid from pg_stat_activity where datname = current_database()))";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&owner).await.expect("the owner asks") {
        tokio::task::yield_now().await;
    }
    let sealed = sqlx::query("update chakra_keys set access_token = '\\x01'").execute(&mut *sealing).await;
    assert_eq!(sealed.expect("waits for nobody").rows_affected(), 1);
    sealing.commit().await.expect("commits");
    assert_eq!(erasing.await.expect("ends"), true);
}
