//! Migrations: applying them as the owner, and refusing to serve on another version of the schema.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Why the schema is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The URL cannot be read.
    #[error("DATABASE_URL is not a Postgres URL; it must look like postgres://user:password@host:5432/database")]
    Url,
    /// Nobody answers, or the log-in fails.
    #[error("DATABASE_URL: cannot connect to Postgres: {}", words(.0))]
    Unreachable(sqlx::Error),
    /// So many migrations are missing.
    #[error("the database lacks {0} migrations; run `portico migrate` with the owner's DATABASE_URL")]
    Pending(usize),
    /// A newer program migrated it.
    #[error("the database was migrated by a newer version of Portico; start that version")]
    Newer,
    /// A migration failed. It is rolled back; those before it stay.
    #[error("a migration failed: {}", why(.0))]
    Failed(#[from] sqlx::migrate::MigrateError),
    /// The role to grant to does not exist, or may not be granted.
    #[error("cannot grant portico_service to \"{role}\": {}", words(source))]
    Grant {
        /// The login role that should act as the service.
        role: String,
        /// What Postgres answered.
        source: sqlx::Error,
    },
}

/// What Postgres says, without the line of its own source code or of a migration that sqlx adds.
pub(crate) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
}

/// Why a migration failed, and what to do where that is known.
fn why(error: &sqlx::migrate::MigrateError) -> String {
    let (source, which) = match error {
        sqlx::migrate::MigrateError::Execute(source) => (source, String::new()),
        sqlx::migrate::MigrateError::ExecuteMigration(source, version) => (source, format!("{version}: ")),
        other => return other.to_string(),
    };
    let words = words(source);
    let denied = source.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501");
    let hint = if denied && words.contains("create role") {
        "; let a superuser allow it with: alter role <the owner> createrole"
    } else {
        ""
    };
    format!("{which}{words}{hint}")
}

/// Applies every missing migration, with the URL of the owner, and gives how many there were.
///
/// # Errors
///
/// See [`MigrateError`].
pub async fn migrate(owner_url: &SecretString) -> Result<usize, MigrateError> {
    let mut connection = connect(owner_url).await?;
    let before = applied(&mut connection).await;
    MIGRATOR.run(&mut connection).await?;
    let after = applied(&mut connection).await;
    connection.close().await.map_err(MigrateError::Unreachable)?;
    Ok(after.len() - before.len())
}

/// Makes a login role a member of `portico_service`, with the URL of the owner.
///
/// # Errors
///
/// [`MigrateError::Grant`] when the role does not exist or the owner may not grant.
pub async fn grant_service(owner_url: &SecretString, role: &str) -> Result<(), MigrateError> {
    let mut connection = connect(owner_url).await?;
    let statement = format!("grant portico_service to \"{}\"", role.replace('"', "\"\""));
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .map_err(|source| MigrateError::Grant { role: role.to_owned(), source })?;
    connection.close().await.map_err(MigrateError::Unreachable)
}

async fn connect(url: &SecretString) -> Result<sqlx::PgConnection, MigrateError> {
    PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| MigrateError::Url)?
        // Poolers refuse settings at the start of a session that they do not know.
        .extra_float_digits(None)
        .connect()
        .await
        .map_err(MigrateError::Unreachable)
}

async fn applied(connection: &mut sqlx::PgConnection) -> Vec<i64> {
    // The table does not exist before the first migration.
    sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(connection)
        .await
        .unwrap_or_default()
}

/// Fails unless exactly this program's migrations are applied.
pub(crate) async fn is_migrated(connection: &mut sqlx::PgConnection) -> Result<(), MigrateError> {
    let applied = applied(connection).await;
    let missing = MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version)).count();
    if missing > 0 {
        return Err(MigrateError::Pending(missing));
    }
    if applied.len() > MIGRATOR.iter().count() { Err(MigrateError::Newer) } else { Ok(()) }
}
