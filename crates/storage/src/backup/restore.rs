//! Putting a backup back: all of it, into a database without rows, or nothing.

use std::collections::BTreeSet;
use std::io::BufRead;

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::format::{self, Malformed, TableColumns};
use super::{AS_TEXT, BackupSummary, HeldTable, LEFT_OUT, connect, master_keys};
use crate::backup::BackupError;
use crate::migrate::{MIGRATOR, MigrateError, migrate, migrate_to};

/// Why nothing was put back. The database is migrated then, and empty.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The URL cannot be read, nobody answers, or a migration fails.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// The file is no backup, or not whole.
    #[error("this is no backup that can be put back: {0}; nothing was put back")]
    Malformed(String),
    /// A newer version made it.
    #[error("a newer version of Portico made this backup; restore it with that version")]
    Newer,
    /// The database is in use.
    #[error(
        "the database holds rows already (in {0}); restore into a new one, as after `createdb`: what is there is not touched"
    )]
    NotEmpty(String),
    /// A table has another number of rows than the backup says.
    #[error("{table} has {found} rows now, and the backup says {said}; nothing was put back")]
    Miscounted {
        /// The table.
        table: String,
        /// How many rows the backup says it holds.
        said: u64,
        /// How many came.
        found: u64,
    },
    /// The database fails.
    #[error("the database fails: {0}; nothing was put back")]
    Database(#[from] sqlx::Error),
}

impl From<Malformed> for RestoreError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Puts a backup into a database without rows, with the URL of its owner: migrates it as far as the backup's was, writes
/// every row in one transaction, and migrates on.
///
/// # Errors
///
/// See [`RestoreError`].
pub async fn restore(owner_url: &SecretString, from: &mut (dyn BufRead + Send)) -> Result<BackupSummary, RestoreError> {
    let header = format::read_header(from)?;
    if header.migrations.iter().any(|version| !MIGRATOR.version_exists(*version)) {
        return Err(RestoreError::Newer);
    }
    let last = header.migrations.last().ok_or(Malformed::Damaged("it names no migration"))?;
    migrate_to(owner_url, *last).await?;
    let mut connection = connect(owner_url).await?;
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(AS_TEXT).execute(&mut *tx).await?;
    let fenced = open(&mut tx).await?;
    let mut tables = Vec::with_capacity(header.tables.len());
    for table in &header.tables {
        tables.push(copy_in(&mut tx, table, from).await?);
    }
    format::read_end(from)?;
    let master_keys = master_keys(&mut tx).await.map_err(|error| match error {
        BackupError::Database(error) => RestoreError::Database(error),
        other => RestoreError::Malformed(other.to_string()),
    })?;
    close(&mut tx, &fenced).await?;
    tx.commit().await?;
    connection.close().await?;
    migrate(owner_url).await?;
    Ok(BackupSummary { made_at: header.made_at, tables, master_keys })
}

/// Lets the owner write every table, without the triggers that tell replicas, and gives the names of those whose
/// row-level security is forced. Fails when one of them has rows.
async fn open(tx: &mut PgConnection) -> Result<BTreeSet<String>, RestoreError> {
    let tables: Vec<(String, String, bool)> = sqlx::query_as(
        "select c.relname::text, c.oid::regclass::text, c.relforcerowsecurity from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all ($1)
         order by c.relname",
    )
    .bind(LEFT_OUT)
    .fetch_all(&mut *tx)
    .await?;
    let mut fenced = BTreeSet::new();
    for (name, quoted, is_forced) in tables {
        let statement = format!("alter table {quoted} no force row level security, disable trigger user");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
        let exists = AssertSqlSafe(format!("select exists (select 1 from {quoted})"));
        if sqlx::query_scalar(exists).fetch_one(&mut *tx).await? {
            return Err(RestoreError::NotEmpty(name));
        }
        if is_forced {
            fenced.insert(quoted.clone());
        }
    }
    Ok(fenced)
}

async fn copy_in(
    tx: &mut PgConnection,
    table: &TableColumns,
    from: &mut (dyn BufRead + Send),
) -> Result<HeldTable, RestoreError> {
    let statement = format!("copy {} ({}) from stdin", table.name(), table.columns());
    let mut copy = tx.copy_in_raw(&statement).await?;
    loop {
        match format::read_piece(from) {
            Ok(Some(piece)) => {
                copy.send(piece).await?;
            }
            Ok(None) => break,
            Err(error) => {
                copy.abort("the backup is not whole").await?;
                return Err(error.into());
            }
        }
    }
    let (found, said) = (copy.finish().await?, format::read_rows(from)?);
    if found == said {
        Ok(HeldTable { name: table.name.clone(), rows: found })
    } else {
        Err(RestoreError::Miscounted { table: table.name.clone(), said, found })
    }
}

/// Puts force and triggers back.
async fn close(tx: &mut PgConnection, fenced: &BTreeSet<String>) -> Result<(), RestoreError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all ($1)",
    )
    .bind(LEFT_OUT)
    .fetch_all(&mut *tx)
    .await?;
    for table in tables {
        let force = if fenced.contains(&table) { "force row level security, " } else { "" };
        let statement = format!("alter table {table} {force}enable trigger user");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    }
    Ok(())
}
