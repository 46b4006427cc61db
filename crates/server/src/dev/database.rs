//! The database of `portico dev`: on the server of `DATABASE_URL`, or on the private cluster.

use std::str::FromStr as _;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::postgres::Cluster;
use super::state::State;
use portico_storage::MigrateError;

/// The database on the private cluster.
const NAME: &str = "portico";
/// The gateway's login role on the private cluster.
const ROLE: &str = "portico_app";

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// Making the login role or the database on the private cluster failed.
    #[error("the private Postgres refuses to be set up: {0}")]
    Private(#[source] sqlx::Error),
    /// The URL names no server.
    #[error("DATABASE_URL names no host; write it like postgres://user:password@host:5432/database")]
    NoHost,
    /// The server of `DATABASE_URL` does not let us in.
    #[error("DATABASE_URL: cannot connect to Postgres: {0}")]
    Connect(#[source] sqlx::Error),
    /// The role of `DATABASE_URL` may not make the gateway's login role.
    #[error(
        "DATABASE_URL: cannot make the login role \"{role}\": {source}; let its user make roles, or leave DATABASE_URL out to get a private Postgres"
    )]
    Role { role: String, source: sqlx::Error },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// Sets up the database on the private cluster and gives its URL for the gateway.
pub(super) async fn on_cluster(cluster: &Cluster, state: &State) -> Result<SecretString, DatabaseError> {
    let mut maintenance = connect(&cluster.owner_url("postgres")).await.map_err(DatabaseError::Private)?;
    let exists = sqlx::query_scalar::<_, i32>("select 1 from pg_database where datname = $1").bind(NAME);
    if exists.fetch_optional(&mut maintenance).await.map_err(DatabaseError::Private)?.is_none() {
        execute(&mut maintenance, format!("create database {NAME}")).await.map_err(DatabaseError::Private)?;
    }
    ensure_login(&mut maintenance, ROLE, &state.service_password.0).await.map_err(DatabaseError::Private)?;
    drop(maintenance.close().await);
    migrate(&cluster.owner_url(NAME), ROLE).await?;
    Ok(cluster.url(ROLE, &state.service_password.0, NAME))
}

/// Sets up the database that `DATABASE_URL` names as its owner, and gives its URL for the gateway.
pub(super) async fn on_server(owner_url: &SecretString, state: &State) -> Result<SecretString, DatabaseError> {
    let (role, password) = (&state.guest_role, &state.service_password.0);
    let url = for_role(owner_url, role, password).ok_or(DatabaseError::NoHost)?;
    let mut owner = connect(owner_url).await.map_err(DatabaseError::Connect)?;
    let made = ensure_login(&mut owner, role, password).await;
    made.map_err(|source| DatabaseError::Role { role: role.clone(), source })?;
    drop(owner.close().await);
    migrate(owner_url, role).await?;
    Ok(url)
}

async fn migrate(owner_url: &SecretString, role: &str) -> Result<(), DatabaseError> {
    portico_storage::migrate(owner_url).await?;
    Ok(portico_storage::grant_service(owner_url, role).await?)
}

/// The same database for another role.
fn for_role(url: &SecretString, role: &str, password: &SecretString) -> Option<SecretString> {
    let mut url = Url::parse(url.expose_secret()).ok()?;
    url.set_username(role).ok()?;
    url.set_password(Some(password.expose_secret())).ok()?;
    // These would win over what was just set.
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "user" && name != "password")
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Some(String::from(url).into())
}

async fn connect(url: &SecretString) -> Result<PgConnection, sqlx::Error> {
    // The statements hold passwords, so they are not logged.
    PgConnectOptions::from_str(url.expose_secret())?
        // A pooler by session may stand before the server, and refuses settings that it does not know.
        .extra_float_digits(None)
        .disable_statement_logging()
        .connect()
        .await
}

/// Makes the login role, or gives the one that is there this password. Both are our own words:
/// letters, digits and underscores.
async fn ensure_login(owner: &mut PgConnection, role: &str, password: &SecretString) -> Result<(), sqlx::Error> {
    let exists = sqlx::query_scalar::<_, i32>("select 1 from pg_roles where rolname = $1").bind(role);
    let verb = if exists.fetch_optional(&mut *owner).await?.is_some() { "alter" } else { "create" };
    let password = password.expose_secret();
    execute(owner, format!("{verb} role \"{role}\" login password '{password}'")).await
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(url: &str) -> Option<String> {
        for_role(&url.into(), "portico_dev_1", &"secret".into()).map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn the_url_of_the_service_differs_in_user_and_password_only() {
        assert_eq!(
            rewritten("postgres://owner:pw@db.example.com:5433/app?sslmode=require&user=x&password=y").as_deref(),
            Some("postgres://portico_dev_1:secret@db.example.com:5433/app?sslmode=require")
        );
        assert_eq!(
            rewritten("postgres://%2Frun%2Fpostgresql/app").as_deref(),
            Some("postgres://portico_dev_1:secret@%2Frun%2Fpostgresql/app")
        );
    }

    #[test]
    fn a_url_without_a_host_is_refused() {
        assert_eq!(rewritten("postgres:///app?host=/run/postgresql"), None);
    }
}
