//! Backups: every row of every table as it is at one moment, and putting them back.
//!
//! Row-level security is forced on the owner too, so `pg_dump` as the owner fails, or with `--enable-row-security` ends
//! well and holds no tenant's row. A backup is read by a member of `portico_backup`, whose policies show every row; what
//! it would not see is found in the catalog beforehand, and then there is no backup. It holds rows and not the schema,
//! which the migrations make. Secrets in it are sealed as in the database: the master keys are not in it.
//!
//! A new table needs nothing here: it is found in the catalog. What no backup holds stands in [`LEFT_OUT`].

mod format;
mod restore;

use std::collections::BTreeSet;
use std::io;
use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use portico_vault::{MasterKeyId, needed_master_key};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use time::OffsetDateTime;

use crate::migrate::{MIGRATOR, MigrateError, is_migrated};
use format::{Header, TableColumns};

pub use restore::{RestoreError, restore};

/// Tables whose rows the migrations write, or that tell of processes that run.
const LEFT_OUT: &[&str] = &["_sqlx_migrations", "partitioned_tables", "replicas", "schema_support", "table_registry"];

/// How values are written as text: the same whatever the server's or the role's settings say.
const AS_TEXT: &str =
    "set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local intervalstyle = 'postgres';
    set local extra_float_digits = 3; set local bytea_output = 'hex'; set local search_path = public";

/// How many rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTable {
    /// The table's name.
    pub name: String,
    /// How many rows of it.
    pub rows: u64,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSummary {
    /// The moment of which it is.
    pub made_at: OffsetDateTime,
    /// The tables, those that others refer to first.
    pub tables: Vec<HeldTable>,
    /// The master keys without which its secrets do not open.
    pub master_keys: BTreeSet<MasterKeyId>,
}

impl BackupSummary {
    /// How many rows of that table.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|held| held.name == table).map_or(0, |held| held.rows)
    }
}

/// Why there is no backup. What was written until then is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The URL cannot be read, nobody answers, or the schema is not this program's.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// The role would not see every row.
    #[error(
        "DATABASE_URL connects as \"{0}\", which does not see every tenant's rows; run `portico migrate --grant-backup-to {0}` with the owner's URL, or use a role that it was run for"
    )]
    NotReader(String),
    /// Some tables are closed to backups.
    #[error("backups may not read all of {}; run `portico migrate` with the owner's DATABASE_URL", .0.join(", "))]
    Hidden(Vec<String>),
    /// No gateway was started on this database yet, or there is no tenant.
    #[error(
        "the database holds no {0}, so a backup would be worth nothing: see that DATABASE_URL names the right database, or say --allow-empty"
    )]
    Empty(&'static str),
    /// Tables refer to each other in a circle: a fault of the schema.
    #[error("{} refer to each other in a circle", .0.join(", "))]
    Circle(Vec<String>),
    /// The database fails.
    #[error("the database fails: {0}")]
    Database(#[from] sqlx::Error),
    /// The backup cannot be written.
    #[error("cannot write the backup: {0}")]
    Write(#[from] io::Error),
}

/// Lets a login role read backups, with the URL of the owner.
///
/// # Errors
///
/// [`MigrateError::Grant`] when the role does not exist or the owner may not grant.
pub async fn grant_backup(owner_url: &SecretString, role: &str) -> Result<(), MigrateError> {
    crate::migrate::grant(owner_url, "portico_backup", role).await
}

/// Writes every row, as it is at this moment, while others go on writing. Unless an empty backup is allowed, there must
/// be a tenant.
///
/// # Errors
///
/// See [`BackupError`].
pub async fn backup(
    url: &SecretString,
    allow_empty: bool,
    out: &mut (dyn io::Write + Send),
) -> Result<BackupSummary, BackupError> {
    let mut connection = connect(url).await?;
    let mut tx = connection.begin_with("begin isolation level repeatable read read only").await?;
    sqlx::raw_sql(AS_TEXT).execute(&mut *tx).await?;
    // Before the schema is looked at: who may not read it is told that, and not that it is old.
    let bypasses = is_reader(&mut tx).await?;
    is_migrated(&mut tx).await?;
    sees_everything(&mut tx, bypasses).await?;
    if !allow_empty {
        holds_something(&mut tx).await?;
    }
    let tables = tables(&mut tx).await?;
    let made_at = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await?;
    let migrations = MIGRATOR.iter().map(|migration| migration.version).collect();
    let header = Header { made_at, migrations, tables };
    format::write_header(out, &header)?;
    let mut held = Vec::with_capacity(header.tables.len());
    for table in &header.tables {
        held.push(HeldTable { name: table.name.clone(), rows: copy_out(&mut tx, table, out).await? });
    }
    format::write_end(out)?;
    let master_keys = master_keys(&mut tx).await?;
    tx.rollback().await?;
    connection.close().await?;
    Ok(BackupSummary { made_at, tables: held, master_keys })
}

async fn connect(url: &SecretString) -> Result<PgConnection, MigrateError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| MigrateError::Url)?;
    // Poolers refuse settings at the start of a session that they do not know.
    options.extra_float_digits(None).connect().await.map_err(MigrateError::Unreachable)
}

/// Fails unless the role reads backups or bypasses row-level security; whether it does the latter.
async fn is_reader(tx: &mut PgConnection) -> Result<bool, BackupError> {
    let row = sqlx::query(
        "select r.rolname::text, r.rolsuper or r.rolbypassrls,
            coalesce(pg_has_role(to_regrole('portico_backup')::oid, 'usage'), false)
         from pg_roles r where r.rolname = current_user",
    )
    .fetch_one(&mut *tx)
    .await?;
    let (role, bypasses, is_member): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
    if bypasses {
        // Instead of leaving rows out, Postgres fails from here on.
        sqlx::raw_sql("set local row_security = off").execute(&mut *tx).await?;
    } else if !is_member {
        return Err(BackupError::NotReader(role));
    }
    Ok(bypasses)
}

/// Fails if a row of any table is hidden from the role.
async fn sees_everything(tx: &mut PgConnection, bypasses: bool) -> Result<(), BackupError> {
    let hidden: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and (
            not has_table_privilege(c.oid, 'select')
            or c.relrowsecurity and not $1 and (
                not exists (
                    select 1 from pg_policy p
                    where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
                        and 'portico_backup'::regrole = any (p.polroles) and pg_get_expr(p.polqual, c.oid) = 'true'
                )
                or exists (select 1 from pg_policy p where p.polrelid = c.oid and not p.polpermissive)
            )
         )
         order by 1",
    )
    .bind(bypasses)
    .fetch_all(&mut *tx)
    .await?;
    if hidden.is_empty() { Ok(()) } else { Err(BackupError::Hidden(hidden)) }
}

async fn holds_something(tx: &mut PgConnection) -> Result<(), BackupError> {
    for (table, what) in [("operator", "vault"), ("tenants", "tenant")] {
        let exists = AssertSqlSafe(format!("select exists (select 1 from {table})"));
        if !sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut *tx).await? {
            return Err(BackupError::Empty(what));
        }
    }
    Ok(())
}

/// The tables of the schema with the columns that are not generated, each after those that it refers to.
async fn tables(tx: &mut PgConnection) -> Result<Vec<TableColumns>, BackupError> {
    let rows: Vec<(String, Vec<String>, Vec<String>)> = sqlx::query_as(
        "select c.relname::text,
            array(
                select a.attname::text from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                order by a.attnum
            ),
            array(
                select distinct f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
                where k.conrelid = c.oid and k.contype = 'f' and f.oid <> c.oid
            )
         from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and c.relname <> all ($1)
         order by c.relname",
    )
    .bind(LEFT_OUT)
    .fetch_all(&mut *tx)
    .await?;
    let (mut ordered, mut left) = (Vec::<TableColumns>::new(), rows);
    while !left.is_empty() {
        let is_there = |name: &String| ordered.iter().any(|table| table.name == *name);
        let (ready, waiting): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(_, _, refers)| refers.iter().all(is_there));
        if ready.is_empty() {
            return Err(BackupError::Circle(waiting.into_iter().map(|(name, ..)| name).collect()));
        }
        ordered.extend(ready.into_iter().map(|(name, columns, _)| TableColumns { name, columns }));
        left = waiting;
    }
    Ok(ordered)
}

async fn copy_out(
    tx: &mut PgConnection,
    table: &TableColumns,
    out: &mut (dyn io::Write + Send),
) -> Result<u64, BackupError> {
    let statement = format!("copy (select {} from {}) to stdout", table.columns(), table.name());
    let mut rows = 0;
    let mut pieces = tx.copy_out_raw(&statement).await?;
    while let Some(piece) = pieces.try_next().await? {
        // A line break inside of a value is written otherwise.
        rows += piece.split(|byte| *byte == b'\n').count() as u64 - 1;
        format::write_piece(out, &piece)?;
    }
    format::write_rows(out, rows)?;
    Ok(rows)
}

/// The master keys that what is sealed in the database needs.
async fn master_keys(tx: &mut PgConnection) -> Result<BTreeSet<MasterKeyId>, BackupError> {
    let wrapping: Vec<String> =
        sqlx::query_scalar("select distinct master_key from data_keys").fetch_all(&mut *tx).await?;
    let canaries: Vec<Vec<u8>> = sqlx::query_scalar("select canary from operator").fetch_all(&mut *tx).await?;
    let of_canaries = canaries.iter().filter_map(|canary| needed_master_key(canary).ok());
    Ok(wrapping.iter().filter_map(|id| id.parse().ok()).chain(of_canaries).collect())
}
