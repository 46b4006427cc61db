//! What the functions do with a line, tried on tables as later migrations will make them.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::MIGRATOR;

/// A table that secrets stand in and a large one refers to, and a partitioned one, each with rows of two tenants.
const LATER: &str = "
    create table endpoints (tenant_id uuid not null references tenants on delete cascade, endpoint_id uuid not null,
        url text not null, signing_secret bytea, old_secret bytea, primary key (tenant_id, endpoint_id));
    create table deliveries (tenant_id uuid not null, delivery_id uuid not null, endpoint_id uuid not null,
        primary key (tenant_id, delivery_id), foreign key (tenant_id, endpoint_id) references endpoints);
    create table codes (tenant_id uuid not null references tenants on delete cascade, code_hash bytea);
    create table later_events (tenant_id uuid not null, at date not null) partition by range (at);
    create table later_events_1 partition of later_events for values from ('2026-01-01') to ('2026-02-01');
    create table later_events_2 partition of later_events for values from ('2026-02-01') to ('2026-03-01');
    call portico_fence('endpoints', 'select, insert, delete');
    grant update (signing_secret, old_secret) on endpoints to portico_eraser;
    call portico_fence('deliveries');
    call portico_fence('codes');
    call portico_fence('later_events', 'select, insert');
    insert into table_registry (table_name, erasure, step, cleared_columns, is_exported, reason) values
        ('endpoints', 'in_batches', 100, '{signing_secret,old_secret}', false, 'deliveries refer to it'),
        ('deliveries', 'in_batches', 90, '{}', false, 'many'),
        ('codes', 'at_once', 60, '{}', false, 'a secret'),
        ('later_events', 'in_batches', 80, '{}', false, 'many');
    insert into tenants (tenant_id, name) values
        ('00000000-0000-0000-0000-000000000001', 'Erased'), ('00000000-0000-0000-0000-000000000002', 'Staying');
    insert into endpoints select tenant_id, tenant_id, 'u', '\\x01', '\\x02' from tenants;
    insert into deliveries select tenant_id, gen_random_uuid(), tenant_id from tenants, generate_series(1, 25);
    insert into codes select tenant_id, '\\x03' from tenants;
    insert into later_events select tenant_id, '2026-01-15'::date + n from tenants, generate_series(0, 29) n;";

const ERASED: Uuid = Uuid::from_u128(1);
const STAYING: Uuid = Uuid::from_u128(2);

/// Asks as the service does, in a transaction of the tenant that is to be erased.
async fn asked(owner: &PgPool, question: &'static str) -> Result<Option<i64>, sqlx::Error> {
    let service = PgPoolOptions::new().max_connections(1).connect_with((*owner.connect_options()).clone()).await?;
    let mut tx = service.begin().await?;
    sqlx::query("set local role portico_service").execute(&mut *tx).await?;
    sqlx::query("select set_config('portico.tenant_id', $1, true)").bind(ERASED.to_string()).execute(&mut *tx).await?;
    let answer = sqlx::query_scalar(question).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn count(owner: &PgPool, what: &str, tenant: Uuid) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {what} where tenant_id = $1")))
        .bind(tenant)
        .fetch_one(owner)
        .await
        .expect("the owner reads")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_later_table_goes_as_its_line_says(owner: PgPool) {
    sqlx::raw_sql(LATER).execute(&owner).await.expect("is made");
    assert_eq!(asked(&owner, "select erase_tenant()::int::bigint").await.expect("erases"), Some(1));
    assert_eq!(count(&owner, "codes", ERASED).await, 0);
    for (table, rows) in [("endpoints", 1), ("deliveries", 25), ("later_events", 30)] {
        assert_eq!(count(&owner, table, ERASED).await, rows, "{table} waits for the purge");
    }
    let secrets = async |tenant: Uuid| -> i64 {
        sqlx::query_scalar("select count(signing_secret) + count(old_secret) from endpoints where tenant_id = $1")
            .bind(tenant)
            .fetch_one(&owner)
            .await
            .expect("the owner reads")
    };
    assert_eq!((secrets(ERASED).await, secrets(STAYING).await), (0, 2));

    let mut order = Vec::new();
    loop {
        let before = [count(&owner, "later_events", ERASED).await, count(&owner, "deliveries", ERASED).await];
        let gone = asked(&owner, "select purge_tenant(10)").await.expect("purges").expect("is erased");
        let after = [count(&owner, "later_events", ERASED).await, count(&owner, "deliveries", ERASED).await];
        assert!(gone <= 20, "{gone} rows of two partitions");
        assert_eq!(before.iter().sum::<i64>() - after.iter().sum::<i64>(), if after == before { 0 } else { gone });
        order.push((after, gone));
        if gone == 0 {
            break;
        }
    }
    assert!(order.iter().all(|([later_events, deliveries], _)| *later_events == 0 || *deliveries == 25), "{order:?}");
    for (table, rows) in [("tenants", 1), ("endpoints", 1), ("deliveries", 25), ("codes", 1), ("later_events", 30)] {
        assert_eq!((count(&owner, table, ERASED).await, count(&owner, table, STAYING).await), (0, rows), "{table}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_of_a_tenant_is_erased_while_a_table_with_its_rows_is_not_registered(owner: PgPool) {
    sqlx::raw_sql(LATER).execute(&owner).await.expect("is made");
    forget_codes(&owner).await;
    let refusal = asked(&owner, "select erase_tenant()::int::bigint").await.expect_err("must refuse").to_string();
    assert!(refusal.contains("not registered: codes;"), "{refusal}");
    assert_eq!(asked(&owner, "select purge_tenant(1000)").await.expect("answers"), None, "it is not erased");
    for (table, rows) in [("tenants", 1), ("endpoints", 1), ("deliveries", 25), ("codes", 1), ("later_events", 30)] {
        assert_eq!(count(&owner, table, ERASED).await, rows, "{table}");
    }

    register_codes(&owner).await;
    assert_eq!(asked(&owner, "select erase_tenant()::int::bigint").await.expect("erases"), Some(1));
    assert_eq!(count(&owner, "codes", ERASED).await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_tenants_row_stays_while_a_table_with_its_rows_is_not_registered(owner: PgPool) {
    sqlx::raw_sql(LATER).execute(&owner).await.expect("is made");
    assert_eq!(asked(&owner, "select erase_tenant()::int::bigint").await.expect("erases"), Some(1));
    forget_codes(&owner).await;
    let refusal = loop {
        match asked(&owner, "select purge_tenant(1000)").await {
            Ok(gone) => assert_ne!(gone, Some(0), "the purge ended"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(refusal.contains("the table codes is not registered"), "{refusal}");
    assert_eq!(count(&owner, "tenants", ERASED).await, 1);

    register_codes(&owner).await;
    assert_eq!(asked(&owner, "select purge_tenant(1000)").await.expect("purges"), Some(0));
    assert_eq!(count(&owner, "tenants", ERASED).await, 0);
}

async fn forget_codes(owner: &PgPool) {
    sqlx::query("delete from table_registry where table_name = 'codes'").execute(owner).await.expect("forgets it");
}

async fn register_codes(owner: &PgPool) {
    let line = "insert into table_registry (table_name, erasure, step, is_exported, reason) values ('codes', 'at_once', 60, false, 'a secret')";
    sqlx::query(line).execute(owner).await.expect("is registered");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_functions_that_erase_run_as_the_eraser_with_a_path_of_their_own(owner: PgPool) {
    let sound: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'public'::regnamespace and p.proowner = 'portico_eraser'::regrole and p.prosecdef
            and p.proconfig = array['search_path=pg_catalog, public, pg_temp']
            and has_function_privilege('portico_service', p.oid, 'execute')
            and not exists (select 1 from aclexplode(p.proacl) a where a.grantee not in ('portico_service'::regrole, 'portico_eraser'::regrole))
         order by 1",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    assert_eq!(sound, ["erase_tenant()", "purge_tenant(integer)"]);
}
