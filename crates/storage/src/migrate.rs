//! Migrations: applying them as the owner, and refusing to serve on another version of the schema.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// How often a migrator asks whether another one is done.
const TURN: Duration = Duration::from_millis(100);

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
    /// A newer program migrated it, and what this one relies on is gone.
    #[error(
        "the database was migrated by a newer version of Portico, and this version cannot serve on it any more; start a newer version"
    )]
    TooOld,
    /// A migration failed. It is rolled back; those before it stay.
    #[error("a migration failed: {}", why(.0))]
    Failed(#[from] sqlx::migrate::MigrateError),
    /// Backups cannot be given the right to read a table.
    #[error("cannot let backups read every table: {0}; run it as the owner of the tables")]
    Backups(sqlx::Error),
    /// The role to grant to does not exist, or may not be granted.
    #[error("cannot grant {granted} to \"{role}\": {}", words(source))]
    Grant {
        /// The role whose rights are given.
        granted: &'static str,
        /// The login role that should have them.
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
    let hint = match source.as_database_error().and_then(DatabaseError::code).as_deref() {
        Some("42501") if words.contains("create role") => {
            "; let a superuser allow it with: alter role <the owner> createrole"
        }
        // An index that is built concurrently stays behind, invalid, when its migration is interrupted.
        Some("42P07") => "; if an interrupted run left it, drop it and migrate again",
        _ => "",
    };
    format!("{which}{words}{hint}")
}

/// How a schema that serves relates to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// It has exactly this program's migrations.
    Current,
    /// It has so many more, of a newer program; they leave in place what this one needs.
    Newer(usize),
}

/// Applies every missing migration, with the URL of the owner, and gives how many there were. Those of a newer program
/// that were applied are left alone.
///
/// # Errors
///
/// See [`MigrateError`].
pub async fn migrate(owner_url: &SecretString) -> Result<usize, MigrateError> {
    let mut connection = connect(owner_url).await?;
    take_turn(&mut connection).await?;
    let before = applied(&mut connection).await;
    runner().run(&mut connection).await?;
    let after = applied(&mut connection).await;
    sqlx::raw_sql("call portico_let_backups_read()").execute(&mut connection).await.map_err(MigrateError::Backups)?;
    connection.close().await.map_err(MigrateError::Unreachable)?;
    Ok(after.len() - before.len())
}

/// Applies the migrations up to that version, with the URL of the owner, and no others.
pub(crate) async fn migrate_to(owner_url: &SecretString, version: i64) -> Result<(), MigrateError> {
    let mut connection = connect(owner_url).await?;
    MIGRATOR.run_to(version, &mut connection).await?;
    connection.close().await.map_err(MigrateError::Unreachable)
}

/// Makes a login role a member of `portico_service`, with the URL of the owner.
///
/// # Errors
///
/// [`MigrateError::Grant`] when the role does not exist or the owner may not grant.
pub async fn grant_service(owner_url: &SecretString, role: &str) -> Result<(), MigrateError> {
    grant(owner_url, "portico_service", role).await
}

/// Makes a login role a member of one of Portico's roles.
pub(crate) async fn grant(owner_url: &SecretString, granted: &'static str, role: &str) -> Result<(), MigrateError> {
    let mut connection = connect(owner_url).await?;
    let statement = format!("grant {granted} to \"{}\"", role.replace('"', "\"\""));
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.map_err(|source| MigrateError::Grant {
        granted,
        role: role.to_owned(),
        source,
    })?;
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

/// Waits until nobody else migrates the database; the turn lasts as long as the connection. Asked again and again,
/// because sqlx's own lock waits inside of a statement, and an index that is built concurrently would wait for that.
async fn take_turn(connection: &mut sqlx::PgConnection) -> Result<(), MigrateError> {
    loop {
        let taken = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('portico migrate'))")
            .fetch_one(&mut *connection)
            .await
            .map_err(MigrateError::Unreachable)?;
        if taken {
            return Ok(());
        }
        tokio::time::sleep(TURN).await;
    }
}

/// The migrations, to be run on a database that may have more, by whoever has the turn.
fn runner() -> Migrator {
    let mut runner = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    runner.set_ignore_missing(true).set_locking(false);
    runner
}

/// Fails unless all of this program's migrations are applied, and while a newer one says that programs of this age
/// cannot serve.
pub(crate) async fn is_migrated(connection: &mut sqlx::PgConnection) -> Result<Schema, MigrateError> {
    let applied = applied(connection).await;
    let missing = MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version)).count();
    if missing > 0 {
        return Err(MigrateError::Pending(missing));
    }
    let oldest_known: i64 = sqlx::query_scalar("select oldest_known from schema_support")
        .fetch_one(connection)
        .await
        .map_err(MigrateError::Unreachable)?;
    if MIGRATOR.iter().all(|migration| migration.version != oldest_known) {
        return Err(MigrateError::TooOld);
    }
    match applied.len() - MIGRATOR.iter().count() {
        0 => Ok(Schema::Current),
        more => Ok(Schema::Newer(more)),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    const LATER: i64 = 20_991_231_000_001;

    async fn run(pool: &PgPool, statement: &'static str) {
        sqlx::query(statement).bind(LATER).execute(pool).await.expect("the owner may");
    }

    async fn judged(pool: &PgPool) -> Result<Schema, MigrateError> {
        is_migrated(&mut pool.acquire().await.expect("a connection is free")).await
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_program_serves_on_a_newer_schema_until_that_says_otherwise(pool: PgPool) {
        assert_eq!(judged(&pool).await.expect("is migrated"), Schema::Current);
        run(
            &pool,
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             values ($1, 'of a newer program', true, '', 0)",
        )
        .await;
        assert_eq!(judged(&pool).await.expect("goes on"), Schema::Newer(1));
        let mut connection = pool.acquire().await.expect("a connection is free");
        runner().run(&mut *connection).await.expect("an older program migrates nothing");

        run(&pool, "update schema_support set oldest_known = $1").await;
        assert!(matches!(judged(&pool).await, Err(MigrateError::TooOld)));
    }

    #[sqlx::test(migrations = false)]
    async fn two_that_migrate_at_once_take_turns(pool: PgPool) {
        let url = SecretString::from(pool.connect_options().to_url_lossy().to_string());
        let (one, other) = tokio::join!(migrate(&url), migrate(&url));
        let applied = one.expect("one migrates") + other.expect("the other finds it done");
        assert_eq!(applied, MIGRATOR.iter().count());
        assert_eq!(judged(&pool).await.expect("is migrated"), Schema::Current);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_program_does_not_serve_on_an_older_schema(pool: PgPool) {
        run(&pool, "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations where version < $1)").await;
        assert!(matches!(judged(&pool).await, Err(MigrateError::Pending(1))));
    }
}
