//! What is left of erased tenants goes bit by bit, on whichever replica comes first.

use std::sync::Arc;
use std::time::Duration;

use portico_domain::TenantId;
use portico_storage::{Purge, StorageError};

use crate::start::Shared;

/// How often it is looked for erased tenants of which rows are left.
const EVERY: Duration = Duration::from_secs(5);
/// Rows that go in one transaction.
const ROWS: u16 = 1_000;
/// How many tenants are looked at in one round.
const TENANTS: u16 = 100;

/// Takes the rows of erased tenants away until the application stops. A replica that is killed leaves
/// nothing half done: each step is a transaction, and the next round, on any replica, goes on.
pub(crate) async fn purge(shared: Arc<Shared>) {
    loop {
        match shared.db.erased_tenants(TENANTS).await {
            Ok(tenants) => {
                for tenant in tenants {
                    if let Err(error) = purge_one(&shared, tenant).await {
                        tracing::warn!(tenant.id = %tenant, %error, "an erased tenant's rows stay until the next round");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "cannot look for erased tenants"),
        }
        // A tenant that is erased here is not kept waiting.
        let _ = tokio::time::timeout(EVERY, shared.erased.notified()).await;
    }
}

async fn purge_one(shared: &Shared, tenant: TenantId) -> Result<(), StorageError> {
    let mut gone = 0;
    loop {
        let mut tx = shared.db.begin_system(tenant).await?;
        let step = tx.purge_tenant(ROWS).await?;
        tx.commit().await?;
        match step {
            Purge::Rows(rows) => gone += rows,
            Purge::Finished => {
                tracing::info!(tenant.id = %tenant, rows = gone, "nothing of the erased tenant is left");
                return Ok(());
            }
            Purge::NotOurs => return Ok(()),
        }
    }
}
