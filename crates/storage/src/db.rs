//! The pool, and transactions that see the rows of one tenant.
//!
//! Every statement of the service runs inside a transaction, also a single one, and nothing is kept on a
//! connection from one transaction to the next. So a pooler in transaction mode (as pgbouncer) may stand
//! in between: [`Db::connect`] finds out whether one does. A pooler lends a server's connection for one
//! transaction, on which others may have left prepared statements under the same names as ours; so
//! behind one, each transaction begins by clearing those away, and none is looked for later.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use portico_auth::TenantScope;
use portico_domain::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Postgres, Row as _, Transaction};
use tokio::runtime::Handle;
use tracing::Span;

use crate::error::StorageError;
use crate::migrate::{MigrateError, Schema, is_migrated, words};
use crate::turns::{Turn, Turns};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// A Postgres URL, of a login role that is a member of `portico_service` and owns nothing.
    pub url: SecretString,
    /// A URL of the same database without a pooler in between, for listening; none: `url` serves.
    pub listen_url: Option<SecretString>,
    /// Connections of the pool at most; listening and heartbeats take two more.
    pub max_connections: u32,
}

/// Why the service does not start on a database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error("DATABASE_URL is not a Postgres URL; it must look like postgres://user:password@host:5432/database")]
    Url,
    /// Nobody answers, or the log-in fails.
    #[error("DATABASE_URL: cannot connect to Postgres: {}", words(.0))]
    Unreachable(sqlx::Error),
    /// `listen_url` does not lead straight to the database.
    #[error(
        "PORTICO_LISTEN_DATABASE_URL {0}; it must lead to the database of DATABASE_URL by the same role and without a pooler, or be left out"
    )]
    Listen(String),
    /// The role can read every tenant's rows.
    #[error(
        "DATABASE_URL connects as \"{0}\", which can bypass row-level security, reads backups or owns tables; use a login role that is only a member of portico_service (see `portico migrate --grant-to`)"
    )]
    TooPrivileged(String),
    /// The role may not use the tables.
    #[error(
        "DATABASE_URL connects as \"{0}\", which is not a member of portico_service; run `portico migrate --grant-to {0}` with the owner's URL"
    )]
    NotService(String),
    /// Migrations are missing.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// The database, as the service sees it. Clones share the pool.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pool: PgPool,
    /// Whether a pooler may give every transaction another connection.
    pooled: bool,
    /// How to connect for listening, where it is not as for the pool.
    listen: Option<PgConnectOptions>,
    /// How the schema was at the start.
    schema: Schema,
    /// The runtime that connections belong to: the one that outlives the server's worker threads.
    runtime: Handle,
    /// How many transactions of one tenant run at once, so that its rush leaves connections to the others.
    tenants: Arc<Turns<TenantId>>,
    turns: usize,
}

/// What the connections of the pool do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Connections that wait for work.
    pub idle: u64,
    /// Connections that a transaction holds.
    pub used: u64,
}

/// A transaction of one tenant: row-level security shows its rows and no others.
#[derive(Debug)]
pub struct TenantTx {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) tenant: TenantId,
    /// Closed with the transaction, so that traces show how long it held its connection.
    _span: Span,
    _turn: Turn,
}

impl Db {
    /// Connects, and refuses a database that is not migrated and a role that could see other tenants' rows.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]; each text names the setting and the fix.
    pub async fn connect(options: &DbOptions) -> Result<Self, ConnectError> {
        let connect = read(&options.url).map_err(|_| ConnectError::Url)?;
        let pooled = is_pooled(&connect).await.map_err(ConnectError::Unreachable)?;
        let listen = match &options.listen_url {
            Some(url) => Some(direct_options(url).await.map_err(ConnectError::Listen)?),
            None => None,
        };
        let connect = if pooled { connect.statement_cache_capacity(0) } else { connect };
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(CONNECT_TIMEOUT)
            .idle_timeout(Duration::from_mins(5))
            .connect_with(connect)
            .await
            .map_err(ConnectError::Unreachable)?;
        let mut db = Self {
            pool,
            pooled,
            listen,
            schema: Schema::Current,
            runtime: Handle::current(),
            tenants: Arc::default(),
            turns: turns(options.max_connections),
        };
        let mut tx = db.pool.begin_with(db.begin_reading()).await.map_err(ConnectError::Unreachable)?;
        db.schema = is_migrated(&mut tx).await?;
        let role = sqlx::query!(
            r#"
            select
                current_user::text as "name!",
                (r.rolsuper or r.rolbypassrls or exists (
                    select 1 from pg_class c
                    where c.relnamespace = 'public'::regnamespace and c.relname = 'tenants' and pg_has_role(c.relowner, 'member')
                ) or pg_has_role('portico_resolver', 'member') or pg_has_role('portico_eraser', 'member')
                    or pg_has_role('portico_backup', 'member')) as "mighty!",
                pg_has_role('portico_service', 'usage') as "service!"
            from pg_roles r
            where r.rolname = current_user
            "#
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(ConnectError::Unreachable)?;
        drop(tx);
        if role.mighty {
            return Err(ConnectError::TooPrivileged(role.name));
        }
        if !role.service {
            return Err(ConnectError::NotService(role.name));
        }
        if pooled {
            tracing::info!(
                "a pooler stands before Postgres: no statement stays prepared from one transaction to the next"
            );
        }
        if let Schema::Newer(migrations) = db.schema {
            tracing::warn!(
                migrations,
                "a newer version of Portico migrated the database; this one goes on until it is replaced"
            );
        }
        Ok(db)
    }

    /// How the schema was when this connected.
    #[must_use]
    pub const fn schema(&self) -> Schema {
        self.schema
    }

    /// The database behind a pool that a test opened.
    #[cfg(test)]
    pub(crate) fn of(pool: PgPool) -> Self {
        Self {
            pool,
            pooled: false,
            listen: None,
            schema: Schema::Current,
            runtime: Handle::current(),
            tenants: Arc::default(),
            turns: turns(20),
        }
    }

    /// How many connections of the pool do what now.
    #[must_use]
    pub fn pool_state(&self) -> PoolState {
        let (all, idle) = (u64::from(self.pool.size()), self.pool.num_idle() as u64);
        PoolState { idle, used: all.saturating_sub(idle) }
    }

    /// Whether a connection straight to Postgres can be had, so that notifications arrive.
    #[must_use]
    pub const fn can_listen(&self) -> bool {
        !self.pooled || self.listen.is_some()
    }

    /// The options of the connection that listens.
    pub(crate) fn listen_options(&self) -> PgConnectOptions {
        self.listen.clone().unwrap_or_else(|| self.pool.connect_options().as_ref().clone())
    }

    const fn begin_reading(&self) -> &'static str {
        if self.pooled { "begin read only; deallocate all" } else { "begin read only" }
    }

    const fn begin_writing(&self) -> &'static str {
        if self.pooled { "begin; deallocate all" } else { "begin" }
    }

    /// Begins a transaction of the scope's tenant.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when no connection is to be had within 5 s.
    pub async fn begin(&self, scope: &TenantScope) -> Result<TenantTx, StorageError> {
        self.begin_for(scope.tenant()).await
    }

    /// Begins a transaction of a tenant without a scope, for work that no caller asked for.
    pub(crate) async fn begin_for(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        let span = tracing::debug_span!("transaction", tenant.id = %tenant);
        let turn = self.turn(tenant).await?;
        let mut tx = self.writing().await?;
        sqlx::query!("select set_config('portico.tenant_id', $1, true)", tenant.uuid().to_string())
            .fetch_one(&mut *tx)
            .await?;
        Ok(TenantTx { tx, tenant, _span: span, _turn: turn })
    }

    /// Begins a transaction of a tenant that only reads, and sees the database as it is at this moment.
    pub(crate) async fn begin_snapshot(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        let begin = if self.pooled {
            "begin isolation level repeatable read read only; deallocate all"
        } else {
            "begin isolation level repeatable read read only"
        };
        let turn = self.turn(tenant).await?;
        let mut tx = self.on_runtime(move |pool| async move { pool.begin_with(begin).await }).await?;
        sqlx::query!("select set_config('portico.tenant_id', $1, true)", tenant.uuid().to_string())
            .fetch_one(&mut *tx)
            .await?;
        let span = tracing::debug_span!("snapshot", tenant.id = %tenant);
        Ok(TenantTx { tx, tenant, _span: span, _turn: turn })
    }

    /// Waits until the tenant may have one more transaction.
    async fn turn(&self, tenant: TenantId) -> Result<Turn, StorageError> {
        self.tenants
            .take(tenant, self.turns, CONNECT_TIMEOUT)
            .await
            .ok_or(StorageError::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// A transaction of no tenant that can only read, for the few statements of [`crate::system`].
    pub(crate) async fn reading(&self) -> Result<Transaction<'static, Postgres>, StorageError> {
        let begin = self.begin_reading();
        self.on_runtime(move |pool| async move { pool.begin_with(begin).await }).await
    }

    /// A transaction of no tenant that writes, likewise: commit it, or nothing was written.
    pub(crate) async fn writing(&self) -> Result<Transaction<'static, Postgres>, StorageError> {
        let begin = self.begin_writing();
        self.on_runtime(move |pool| async move { pool.begin_with(begin).await }).await
    }

    /// Opens connections on the runtime that outlives the workers. A connection dies with the runtime that
    /// opened it, and a worker thread's ends while others still serve.
    async fn on_runtime<T, F>(&self, open: impl FnOnce(PgPool) -> F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    {
        let opened = self.runtime.spawn(open(self.pool.clone())).await;
        Ok(opened.map_err(|_| sqlx::Error::PoolClosed)??)
    }

    /// Closes the pool: waits for connections that are in use, and every later call fails.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl TenantTx {
    /// The tenant whose rows the transaction sees.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Commits: everything that the transaction wrote takes effect at once.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost; then it is not known whether all or nothing was written.
    pub async fn commit(self) -> Result<(), StorageError> {
        Ok(self.tx.commit().await?)
    }
}

/// How many of so many connections one tenant may use at once: half, so that two tenants can do their worst, and others
/// wait behind no more than that.
fn turns(connections: u32) -> usize {
    usize::try_from(connections / 2).unwrap_or(usize::MAX).max(2)
}

fn read(url: &SecretString) -> Result<PgConnectOptions, sqlx::Error> {
    let options = PgConnectOptions::from_str(url.expose_secret())?.application_name("portico");
    // Poolers refuse settings at the start of a session that they do not know, and no float is read.
    Ok(options.extra_float_digits(None))
}

/// The options of a connection straight to Postgres, or what is wrong with the URL. Whether it leads to the
/// same database is for heartbeats to prove: they are sent by the URL that writes use.
async fn direct_options(url: &SecretString) -> Result<PgConnectOptions, String> {
    let options = read(url).map_err(|_| "is not a Postgres URL".to_owned())?;
    match is_pooled(&options).await {
        Ok(false) => Ok(options),
        Ok(true) => Err("leads through a pooler, or Postgres refuses it".to_owned()),
        Err(error) => Err(format!("cannot be connected to ({error})")),
    }
}

/// Whether settings that a session is opened with fail to reach Postgres. A pooler refuses those that it
/// cannot keep apart for each client, or leaves them out.
async fn is_pooled(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    tokio::time::timeout(CONNECT_TIMEOUT, drops_settings(options)).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn drops_settings(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let with_setting = options.clone().options([("portico.direct", "on")]);
    let mut connection = match with_setting.connect().await {
        Ok(connection) => connection,
        // If it is something else, as a wrong password, connecting without the setting fails for it too.
        Err(sqlx::Error::Database(_)) => return Ok(true),
        Err(error) => return Err(error),
    };
    let row = sqlx::raw_sql("select current_setting('portico.direct', true)").fetch_one(&mut connection).await?;
    let direct = row.try_get::<Option<String>, _>(0)?.is_some_and(|value| value == "on");
    drop(connection.close().await);
    Ok(!direct)
}
