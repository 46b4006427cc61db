//! Throws away what nobody needs any more: sessions that ended, and old counts of attempts.

use std::sync::Arc;
use std::time::Duration;

use portico_auth::SESSION_IDLE;
use portico_domain::TenantId;
use portico_storage::StorageError;
use time::OffsetDateTime;

use crate::each_tenant::each_tenant;
use crate::start::Shared;

/// How often.
const EVERY: Duration = Duration::from_mins(10);
/// Counts are kept longer than any of them matters.
const ATTEMPTS_KEPT: time::Duration = time::Duration::hours(2);

/// Does so until the application stops. Every replica does; it is little work.
pub(crate) async fn keep_up(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if let Err(error) = throw_away(&shared).await {
            tracing::warn!(%error, "ended sessions could not be deleted; they stay refused all the same");
        }
    }
}

async fn throw_away(shared: &Shared) -> Result<(), StorageError> {
    shared.db.forget_attempts(ATTEMPTS_KEPT).await?;
    let tenants = shared.db.tenants_with_dead_sessions(SESSION_IDLE).await?;
    each_tenant("deletion of ended sessions", tenants, |tenant| throw_away_of(shared, tenant)).await;
    Ok(())
}

async fn throw_away_of(shared: &Shared, tenant: TenantId) -> Result<(), StorageError> {
    let mut tx = shared.db.begin_system(tenant).await?;
    tx.delete_dead_sessions(OffsetDateTime::now_utc() - SESSION_IDLE).await?;
    tx.commit().await
}
