//! Word from Postgres that something of a tenant changed, on whatever replica.

use portico_domain::TenantId;
use sqlx::postgres::PgListener;

use crate::db::Db;
use crate::error::StorageError;

/// A change that caches must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something of this tenant.
    Tenant(TenantId),
    /// The connection was lost and is back: anything may have changed meanwhile.
    Anything,
}

/// A connection that listens.
#[derive(Debug)]
pub struct Changes {
    listener: PgListener,
}

impl Db {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn changes(&self) -> Result<Changes, StorageError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        // A lost connection must be seen at once: until it is back, caches may not be trusted.
        listener.eager_reconnect(false);
        listener.listen("portico_changed").await?;
        Ok(Changes { listener })
    }
}

impl Changes {
    /// Waits for the next change.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost: begin anew, and take it for [`Change::Anything`].
    pub async fn next(&mut self) -> Result<Change, StorageError> {
        let Some(notification) = self.listener.try_recv().await? else {
            return Err(StorageError::Unavailable(sqlx::Error::PoolClosed));
        };
        let tenant = notification.payload().parse().map(TenantId::from_uuid);
        Ok(tenant.map_or(Change::Anything, Change::Tenant))
    }
}
