//! The pool, and transactions that carry a tenant.

use std::str::FromStr;
use std::time::Duration;

use portico_auth::TenantScope;
use portico_domain::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::runtime::Handle;

use crate::error::StorageError;
use crate::migrate::{MigrateError, is_migrated};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// A Postgres URL, of a login role that is a member of `portico_service` and owns nothing.
    pub url: SecretString,
    /// Connections at most.
    pub max_connections: u32,
}

/// Why the service does not start on a database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error("DATABASE_URL is not a Postgres URL; it must look like postgres://user:password@host:5432/database")]
    Url,
    /// Nobody answers, or the log-in fails.
    #[error("DATABASE_URL: cannot connect to Postgres: {0}")]
    Unreachable(sqlx::Error),
    /// The role could see every tenant.
    #[error(
        "DATABASE_URL connects as \"{0}\", which can bypass row-level security or owns tables; use a login role that is only a member of portico_service (see `portico migrate --grant-to`)"
    )]
    TooMighty(String),
    /// The role cannot use the tables.
    #[error(
        "DATABASE_URL connects as \"{0}\", which is not a member of portico_service; run `portico migrate --grant-to {0}` with the owner's URL"
    )]
    NotService(String),
    /// Migrations are missing.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// The database, as the service sees it.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pool: PgPool,
    /// The runtime that connections belong to: the one that outlives the server's worker threads.
    home: Handle,
}

/// A transaction of one tenant: row-level security shows its rows and no others.
#[derive(Debug)]
pub struct TenantTx {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) tenant: TenantId,
}

impl Db {
    /// Connects, and refuses a role that could see past the wall or a database that is not migrated.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]; each text names the setting and the fix.
    pub async fn connect(options: &DbOptions) -> Result<Self, ConnectError> {
        let connect = PgConnectOptions::from_str(options.url.expose_secret())
            .map_err(|_| ConnectError::Url)?
            .application_name("portico");
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .idle_timeout(Duration::from_mins(5))
            .connect_with(connect)
            .await
            .map_err(ConnectError::Unreachable)?;
        is_migrated(&pool).await?;
        let role = sqlx::query!(
            r#"
            select
                current_user::text as "name!",
                (r.rolsuper or r.rolbypassrls or exists (
                    select 1 from pg_class c
                    where c.relnamespace = 'public'::regnamespace and c.relname = 'tenants' and pg_has_role(c.relowner, 'member')
                ) or pg_has_role('portico_resolver', 'member') or pg_has_role('portico_eraser', 'member')) as "mighty!",
                pg_has_role('portico_service', 'usage') as "service!"
            from pg_roles r
            where r.rolname = current_user
            "#
        )
        .fetch_one(&pool)
        .await
        .map_err(ConnectError::Unreachable)?;
        if role.mighty {
            return Err(ConnectError::TooMighty(role.name));
        }
        if !role.service {
            return Err(ConnectError::NotService(role.name));
        }
        Ok(Self { pool, home: Handle::current() })
    }

    /// The database behind a pool that a test opened.
    #[cfg(test)]
    pub(crate) fn of(pool: PgPool) -> Self {
        Self { pool, home: Handle::current() }
    }

    /// Begins a transaction of the scope's tenant.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when no connection is to be had within 5 s.
    pub async fn begin(&self, scope: &TenantScope) -> Result<TenantTx, StorageError> {
        self.begin_for(scope.tenant()).await
    }

    /// Begins a transaction of a tenant for work that no caller asked for.
    pub(crate) async fn begin_for(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        let mut tx = self.at_home(|pool| async move { pool.begin().await }).await?;
        sqlx::query!("select set_config('portico.tenant_id', $1, true)", tenant.uuid().to_string())
            .fetch_one(&mut *tx)
            .await?;
        Ok(TenantTx { tx, tenant })
    }

    /// Begins a transaction of a tenant that only reads, and sees the database as it is at this moment.
    pub(crate) async fn begin_snapshot(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        let begin = "begin isolation level repeatable read read only";
        let mut tx = self.at_home(move |pool| async move { pool.begin_with(begin).await }).await?;
        sqlx::query!("select set_config('portico.tenant_id', $1, true)", tenant.uuid().to_string())
            .fetch_one(&mut *tx)
            .await?;
        Ok(TenantTx { tx, tenant })
    }

    /// A connection of no tenant, for the few statements of [`crate::system`].
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, StorageError> {
        self.at_home(|pool| async move { pool.acquire().await }).await
    }

    /// Opens connections on the home runtime. A connection dies with the runtime that opened it, and a
    /// worker thread's ends while others still serve.
    async fn at_home<T, F>(&self, open: impl FnOnce(PgPool) -> F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    {
        let opened = self.home.spawn(open(self.pool.clone())).await;
        Ok(opened.map_err(|_| sqlx::Error::PoolClosed)??)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl TenantTx {
    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Makes everything that was written true at once.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database is lost; then nothing was written, or all was and the word
    /// of it was lost.
    pub async fn commit(self) -> Result<(), StorageError> {
        Ok(self.tx.commit().await?)
    }
}
