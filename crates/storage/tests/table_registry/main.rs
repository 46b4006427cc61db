//! `table_registry`, which says of every table what erasing and exporting a tenant do with it, held
//! against the catalog of a real Postgres; and what the functions that read it do.

mod erasing;
mod schema;

use sqlx::{AssertSqlSafe, PgPool};

use crate::schema::{Schema, looks_like_a_secret};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_table_is_registered_and_its_line_fits_the_catalog(owner: PgPool) {
    let schema = Schema::read(&mut owner.acquire().await.expect("connects")).await;
    let faults = schema.faults();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    // Something was read.
    for (erasure, least) in [("at_once", 10), ("in_batches", 9), ("last", 2), ("tenant_row", 1), ("not_tenant_data", 6)]
    {
        assert!(schema.count(erasure) >= least, "{erasure}: only {}", schema.count(erasure));
    }
}

/// What a developer may get wrong, and a part of the sentence that the test above then says.
const MISTAKES: &[(&str, &str)] = &[
    (
        "create table t (tenant_id uuid references tenants)",
        "t is not registered: add to the migration that makes it, as migrations/README.md explains: insert into \
         table_registry (table_name, erasure, step, is_exported, reason) values ('t', 'in_batches', 140, true, 'why so');",
    ),
    (
        "create table t (tenant_id uuid, id uuid, foreign key (tenant_id, id) references plugins)",
        "values ('t', 'in_batches', 120, true, 'why so');",
    ),
    (
        "create table t (tenant_id uuid, id uuid, foreign key (tenant_id, id) references api_keys)",
        "values ('t', 'at_once', 30, true, 'why so');",
    ),
    ("create table t (at timestamptz) partition by range (at)", "values ('t', 'not_tenant_data', null, false,"),
    ("create materialized view t as select * from customers", "t is not registered"),
    ("delete from table_registry where table_name = 'customers'", "customers is not registered"),
    ("drop table learned_ids", "learned_ids is registered and does not exist"),
    (
        "update table_registry set erasure = 'not_tenant_data', step = null, is_exported = false where table_name = 'roles'",
        "roles has a tenant_id and is registered as not_tenant_data",
    ),
    (
        "update table_registry set erasure = 'last', step = 1 where table_name = 'operator'",
        "operator has no tenant_id and is registered as a tenant's",
    ),
    (
        "delete from table_registry where table_name = 'tenants';
         update table_registry set erasure = 'tenant_row', step = null where table_name = 'requests'",
        "requests is registered as tenant_row",
    ),
    (
        "alter table data_key_rolls add column customer uuid, add column of uuid,
            add foreign key (of, customer) references customers",
        "data_key_rolls refers to customers, so its rows are a tenant's",
    ),
    (
        "update table_registry set step = 140 where table_name = 'plugins'",
        "plugins refers to customers: it needs a step below 140, that of customers",
    ),
    (
        "update table_registry set step = 40 where table_name = 'member_sessions'",
        "member_sessions refers to members: it needs a step below",
    ),
    (
        "update table_registry set erasure = 'last', step = 1 where table_name = 'wabas'",
        "wabas refers to plugins: it needs a step below",
    ),
    (
        "update table_registry set erasure = 'in_batches' where table_name = 'api_key_uses'",
        "api_key_uses refers to api_keys, whose rows go at once, so that all of api_key_uses would go in the same request",
    ),
    (
        "alter table roles add column parent uuid, add foreign key (tenant_id, parent) references roles",
        "roles refers to itself: it needs `on delete set null`",
    ),
    (
        "alter table tenants add column role_id uuid, add foreign key (tenant_id, role_id) references roles",
        "tenants refers to roles",
    ),
    ("alter table requests add column body bytea", "requests.body looks like a secret and its rows wait for the purge"),
    ("alter table requests add column body bytea", "requests.body looks like a secret and is exported"),
    (
        "alter table chakra_keys add column refresh_token text",
        "chakra_keys.refresh_token looks like a secret and is exported",
    ),
    (
        "update table_registry set kept_columns = '{}' where table_name = 'audit_heads'",
        "audit_heads.mac looks like a secret",
    ),
    (
        "update table_registry set unexported_columns = '{secret}' where table_name = 'api_keys'",
        "api_keys.secret is registered and does not exist",
    ),
    (
        "update table_registry set cleared_columns = '{method}' where table_name = 'requests'",
        "requests.method is to be cleared",
    ),
    (
        "revoke update on requests from portico_service;
         update table_registry set cleared_columns = '{code}' where table_name = 'requests'",
        "grant update (code) on requests to portico_eraser;",
    ),
];

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_line_that_is_missing_or_wrong_is_named_with_what_to_do(owner: PgPool) {
    for (mistake, sentence) in MISTAKES {
        let mut tx = owner.begin().await.expect("begins");
        sqlx::raw_sql(*mistake).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{mistake}: {error}"));
        let faults = Schema::read(&mut tx).await.faults();
        assert!(faults.iter().any(|fault| fault.contains(sentence)), "{mistake}: {faults:#?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn partitions_go_with_their_table_and_a_row_may_forget_another_of_its_table(owner: PgPool) {
    let mut tx = owner.begin().await.expect("begins");
    let sound = "
        create table later_events (tenant_id uuid references tenants, at timestamptz, id uuid, before uuid, payload bytea,
            primary key (tenant_id, at, id)) partition by range (at);
        create table later_events_2026 partition of later_events for values from ('2026-01-01') to ('2027-01-01');
        insert into table_registry (table_name, erasure, step, kept_columns, is_exported, unexported_columns, reason)
            values ('later_events', 'in_batches', 140, '{payload}', true, '{payload}', 'sealed with the data keys');
        alter table roles add column parent uuid,
            add foreign key (tenant_id, parent) references roles on delete set null (parent)";
    sqlx::raw_sql(sound).execute(&mut *tx).await.expect("runs");
    assert_eq!(Schema::read(&mut tx).await.faults(), Vec::<String>::new());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_the_readme_of_the_migrations_shows_is_sound(owner: PgPool) {
    let mut tx = owner.begin().await.expect("begins");
    let readme = include_str!("../../../../migrations/README.md");
    let examples: Vec<_> = readme.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 4, "{examples:?}");
    for example in examples {
        sqlx::raw_sql(example).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{example}\n{error}"));
    }
    assert_eq!(Schema::read(&mut tx).await.faults(), Vec::<String>::new());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lines_that_contradict_themselves_are_refused(owner: PgPool) {
    let insert = async |values: &str| {
        let statement = format!(
            "insert into table_registry (table_name, erasure, step, cleared_columns, kept_columns, is_exported, unexported_columns, reason) values {values}"
        );
        sqlx::query(AssertSqlSafe(statement)).execute(&owner).await
    };
    insert("('sound', 'in_batches', 1, '{x}', '{y}', true, '{x,y}', 'why')").await.expect("a sound line is taken");
    for (constraint, values) in [
        ("pkey", "('sound', 'in_batches', 1, '{}', '{}', true, '{}', 'registered already')"),
        ("erasure_check", "('t', 'sometime', null, '{}', '{}', true, '{}', 'no such decision')"),
        ("step", "('t', 'in_batches', null, '{}', '{}', true, '{}', 'no step')"),
        ("step", "('t', 'not_tenant_data', 1, '{}', '{}', false, '{}', 'a step')"),
        ("cleared", "('t', 'at_once', 1, '{x}', '{}', true, '{}', 'the row goes: nothing to clear')"),
        ("kept", "('t', 'at_once', 1, '{}', '{x}', true, '{}', 'the row goes: nothing to keep')"),
        ("exported", "('t', 'not_tenant_data', null, '{}', '{}', true, '{}', 'exported, and of no tenant')"),
        ("unexported", "('t', 'in_batches', 1, '{}', '{}', false, '{x}', 'nothing is exported anyway')"),
        ("tenant_row", "('t', 'tenant_row', null, '{}', '{}', true, '{}', 'a second one')"),
        ("reason_check", "('t', 'in_batches', 1, '{}', '{}', true, '{}', '')"),
    ] {
        let refused = insert(values).await.expect_err(values);
        let by = refused.as_database_error().and_then(sqlx::error::DatabaseError::constraint).unwrap_or_default();
        assert_eq!(by, format!("table_registry_{constraint}"), "{values}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_acts_on_tenants_reads_the_registry_and_nobody_but_the_owner_changes_it(owner: PgPool) {
    for role in ["portico_service", "portico_eraser", "portico_resolver"] {
        for right in ["select", "insert", "update", "delete", "truncate", "references", "trigger"] {
            let has: bool = sqlx::query_scalar(
                "select has_table_privilege($1, 'table_registry', $2)
                    or ($2 not in ('delete', 'truncate', 'trigger') and has_any_column_privilege($1, 'table_registry', $2))",
            )
            .bind(role)
            .bind(right)
            .fetch_one(&owner)
            .await
            .expect("asks");
            assert_eq!(has, right == "select" && role != "portico_resolver", "{role}: {right}");
        }
    }
    let owned: bool = sqlx::query_scalar(
        "select bool_or(pg_has_role(r.rolname, c.relowner, 'member')) from pg_class c, pg_roles r
         where c.oid = 'table_registry'::regclass and r.rolname like 'portico\\_%' and not r.rolcanlogin",
    )
    .fetch_one(&owner)
    .await
    .expect("asks");
    assert!(!owned, "a role of the service owns the registry");
}

#[test]
fn bytes_and_whatever_is_named_like_a_secret_looks_like_one() {
    for (column, kind) in
        [("wrapped", "bytea"), ("password_hash", "text"), ("access_token", "text"), ("client_secret", "text")]
    {
        assert!(looks_like_a_secret(column, kind), "{column}");
    }
    for (column, kind) in [
        ("name", "text"),
        ("token_id", "uuid"),
        ("password_changed_at", "timestamptz"),
        ("tokens_not_before", "timestamp with time zone"),
    ] {
        assert!(!looks_like_a_secret(column, kind), "{column}");
    }
}
