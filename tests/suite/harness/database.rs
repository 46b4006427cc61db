use portico_domain::TenantId;
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::Portico;

/// The database beneath an instance, as the service sees it: for what no call shows yet, and to let time
/// pass for a row.
#[derive(Debug)]
pub(crate) struct Database(PgPool);

impl Database {
    /// The database of that instance.
    pub(crate) async fn of(portico: &Portico) -> Self {
        let pool = PgPoolOptions::new().max_connections(1).connect(portico.told("database_url")).await;
        Self(pool.expect("the instance's database can be reached"))
    }

    /// Runs a statement inside a tenant.
    pub(crate) async fn run(&self, tenant: &str, statement: &'static str) {
        let mut tx = self.0.begin().await.expect("begins");
        enter(&mut tx, tenant).await;
        sqlx::query(statement).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        tx.commit().await.expect("commits");
    }

    /// The tenant's events of that type, oldest first.
    pub(crate) async fn events(&self, tenant: &str, event_type: &str) -> Vec<Value> {
        self.texts(tenant, "select payload::text from outbox where event_type = $1 order by outbox_id", event_type)
            .await
    }

    /// The tenant's audit entries of that action, oldest first.
    pub(crate) async fn audited(&self, tenant: &str, action: &str) -> Vec<Value> {
        self.texts(tenant, "select entry::text from audit_log where action = $1 order by seq", action).await
    }

    async fn texts(&self, tenant: &str, statement: &'static str, argument: &str) -> Vec<Value> {
        let mut tx = self.0.begin().await.expect("begins");
        enter(&mut tx, tenant).await;
        let rows: Vec<String> =
            sqlx::query_scalar(statement).bind(argument).fetch_all(&mut *tx).await.expect("the rows can be read");
        rows.iter().map(|row| serde_json::from_str(row).expect("is JSON")).collect()
    }
}

async fn enter(tx: &mut sqlx::PgConnection, tenant: &str) {
    let id: TenantId = tenant.parse().expect("is a tenant's id");
    sqlx::query("select set_config('portico.tenant_id', $1, true)")
        .bind(id.uuid().to_string())
        .execute(tx)
        .await
        .expect("the tenant can be set");
}
