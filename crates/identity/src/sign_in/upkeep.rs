//! Throws away what nobody needs any more: sessions that ended, and old counts of attempts.

use std::time::Duration;

use portico_auth::SESSION_IDLE;
use portico_domain::TenantId;
use portico_storage::StorageError;

use crate::each_tenant::each_tenant;
use portico_core::Core;
use portico_core::tasks::Schedule;

/// How often.
const EVERY: Duration = Duration::from_mins(10);
/// Counts are kept longer than any of them matters.
const ATTEMPTS_KEPT: time::Duration = time::Duration::hours(2);

/// Registers the task that does so. Every replica does; it is little work.
pub(super) fn register(core: &Core) {
    let core = core.clone();
    core.tasks.clone().periodic("ended_sessions", Schedule::every(EVERY), move || {
        let core = core.clone();
        async move { throw_away(&core).await }
    });
}

async fn throw_away(core: &Core) -> Result<(), StorageError> {
    core.db.forget_attempts(ATTEMPTS_KEPT).await?;
    let tenants = core.db.tenants_with_dead_sessions(SESSION_IDLE).await?;
    each_tenant("deletion of ended sessions", tenants, |tenant| throw_away_of(core, tenant)).await;
    Ok(())
}

async fn throw_away_of(core: &Core, tenant: TenantId) -> Result<(), StorageError> {
    let mut tx = core.db.begin_system(tenant).await?;
    tx.delete_dead_sessions(core.clock.now() - SESSION_IDLE).await?;
    tx.commit().await
}
