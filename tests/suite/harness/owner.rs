use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::{Portico, pooler};

/// The owner of the private database of a `portico dev`, whom no policy stops.
#[derive(Debug)]
pub(crate) struct Owner(PgConnection);

/// The owner's URL of the database of an instance: of its private cluster, or of the server that the tests share.
pub(super) fn owner_url(portico: &Portico) -> String {
    let service = portico.told("database_url");
    let (_, place) = service.split_once('@').expect("the URL names a user");
    let (at, database) = place.split_once('/').expect("the URL names a database");
    if let Ok(shared) = std::env::var("DATABASE_URL") {
        let (server, _) = shared.rsplit_once('/').expect("the URL names a database");
        // A pooler has an address of its own.
        if pooler().is_some() || server.ends_with(&format!("@{at}")) {
            return format!("{server}/{database}");
        }
    }
    let state = std::fs::read_to_string(portico.data().path().join("state.json")).expect("the state can be read");
    let state: Value = serde_json::from_str(&state).expect("the state is JSON");
    let password = state["owner_password"].as_str().expect("the state has the owner's password");
    format!("postgres://portico_owner:{password}@{place}")
}

impl Owner {
    /// Connects to the database of that instance.
    pub(crate) async fn of(portico: &Portico) -> Self {
        Self(PgConnection::connect(&owner_url(portico)).await.expect("the owner may connect"))
    }

    /// Runs statements.
    pub(crate) async fn run(&mut self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.0)
            .await
            .unwrap_or_else(|e| panic!("{statements}: {e}"));
    }

    /// The first column of the rows, as text.
    pub(crate) async fn texts(&mut self, question: &str) -> Vec<String> {
        let rows = sqlx::query_scalar(AssertSqlSafe(question)).fetch_all(&mut self.0).await;
        rows.unwrap_or_else(|error| panic!("{question}: {error}"))
    }

    /// How many rows of each table belong to a tenant, of those tables that have any.
    pub(crate) async fn rows_of(&mut self, tenant: &str) -> Vec<(String, i64)> {
        let uuid = tenant.parse::<portico_domain::TenantId>().expect("is a tenant's id").uuid();
        let mut found = Vec::new();
        for table in self.texts("select name from tenant_tables()").await {
            let count = format!("select count(*)::text from {table} where tenant_id = '{uuid}'");
            let count = self.texts(&count).await[0].parse().expect("is a number");
            if count > 0 {
                found.push((table, count));
            }
        }
        found
    }
}
