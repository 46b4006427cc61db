//! Tests of the session variable that row-level security reads: whatever an earlier user of the
//! connection left in it, a transaction sees its own tenant and nothing else.

use portico_domain::TenantId;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::Db;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// The service on one connection, so that every transaction gets the same.
async fn service(owner: &PgPool) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
    });
    pool.connect_with((*owner.connect_options()).clone()).await.expect("the service's role can be taken")
}

async fn tenant(owner: &PgPool) -> TenantId {
    let tenant = TenantId::generate();
    let made = sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')").bind(tenant.uuid());
    made.execute(owner).await.expect("a tenant can be made");
    tenant
}

/// Sets the variable for the session, beyond the transaction.
async fn poison(pool: &PgPool, value: &str) {
    let set = sqlx::query("select set_config('portico.tenant_id', $1, false)").bind(value);
    set.execute(pool).await.expect("anyone may set it");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_left_in_the_session_variable_opens_no_other_tenant(owner: PgPool) {
    let (mine, theirs) = (tenant(&owner).await, tenant(&owner).await);
    let pool = service(&owner).await;
    let db = Db::of(pool.clone());
    let their_id = theirs.uuid().to_string();
    for left in [their_id.as_str(), "", "*", "' or true --", "00000000-0000-0000-0000-000000000000"] {
        poison(&pool, left).await;
        let mut tx = db.begin_system(mine).await.expect("begins");
        let seen: Vec<uuid::Uuid> =
            sqlx::query_scalar("select tenant_id from tenants").fetch_all(&mut *tx.tx).await.expect("reads");
        assert_eq!(seen, [mine.uuid()], "after {left:?}");
        assert!(tx.tenant_row().await.expect("reads").is_some());
        // A transaction that changes the variable in its middle has left the code that sets it; the
        // statements still name their tenant.
        sqlx::query("select set_config('portico.tenant_id', $1, true)")
            .bind(&their_id)
            .execute(&mut *tx.tx)
            .await
            .expect("anyone may set it");
        assert!(tx.tenant_row().await.expect("reads").is_none(), "a statement followed the variable after {left:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_variable_of_a_transaction_ends_with_it(owner: PgPool) {
    let mine = tenant(&owner).await;
    let pool = service(&owner).await;
    let db = Db::of(pool.clone());
    db.begin_system(mine).await.expect("begins").commit().await.expect("commits");
    let seen: i64 = sqlx::query_scalar("select count(*) from tenants").fetch_one(&pool).await.expect("reads");
    assert_eq!(seen, 0, "the tenant outlived its transaction");
}
