//! What is left of erased tenants goes bit by bit, on whichever replica comes first.

use std::time::Duration;

use portico_domain::TenantId;
use portico_storage::{Db, Purge, StorageError};

use portico_core::Core;
use portico_core::tasks::{Schedule, Wake};

/// How often it is looked for erased tenants of which rows are left.
const EVERY: Duration = Duration::from_secs(5);
/// Rows that go in one transaction.
const ROWS: u16 = 1_000;
/// How many tenants are looked at in one round.
const TENANTS: u16 = 100;

/// Registers the task that takes the rows of erased tenants away, and gives what wakes it. A replica that is
/// killed leaves nothing half done: each step is a transaction, and the next round, on any replica, goes on.
pub(super) fn register(core: &Core) -> Wake {
    let (wake, core) = (Wake::default(), core.clone());
    core.tasks.clone().periodic("erased_tenants", Schedule::every(EVERY).woken_by(&wake), move || {
        let db = core.db.clone();
        async move {
            let mut failure = None;
            for tenant in db.erased_tenants(TENANTS).await? {
                if let Err(error) = purge_one(&db, tenant).await {
                    tracing::warn!(tenant.id = %tenant, %error, "an erased tenant's rows stay until the next round");
                    failure = Some(error);
                }
            }
            // The others were served; the round failed all the same, and `/readyz` tells.
            failure.map_or(Ok::<_, StorageError>(()), Err)
        }
    });
    wake
}

async fn purge_one(db: &Db, tenant: TenantId) -> Result<(), StorageError> {
    let mut gone = 0;
    loop {
        let mut tx = db.begin_system(tenant).await?;
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
