//! What is done of itself: partitions made and dropped, and events routed whose owner became known.

use std::time::Duration;

use portico_auth::Reach;
use portico_core::Core;
use portico_core::tasks::Schedule;
use portico_domain::TenantId;

use crate::Error;
use crate::assign::give;

/// How often partitions are looked at. They are made a week ahead, and what another one holds is tried again.
const ROLL: Duration = Duration::from_mins(10);
/// How often it is looked for owners of events in quarantine.
const ROUTE: Duration = Duration::from_secs(5);
/// How many events are routed in one transaction.
const BATCH: u16 = 100;

/// Registers both tasks. Every replica does either; they share the work.
pub(crate) fn register(core: &Core) {
    let roll = core.clone();
    core.tasks.periodic("event_partitions", Schedule::every(ROLL), move || {
        let core = roll.clone();
        async move { core.db.roll_partitions().await.map(|_| ()) }
    });
    let route = core.clone();
    core.tasks.periodic("quarantined_events", Schedule::every(ROUTE), move || {
        let core = route.clone();
        async move { route_known(&core).await }
    });
}

async fn route_known(core: &Core) -> Result<(), Error> {
    for tenant in core.db.tenants_with_unknown_events().await? {
        if let Err(error) = route_of(core, tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, "events in quarantine could not be routed; it is tried again");
        }
    }
    Ok(())
}

async fn route_of(core: &Core, tenant: TenantId) -> Result<(), Error> {
    loop {
        let mut tx = core.db.begin_system(tenant).await?;
        tx.forget_lost_quarantine().await?;
        let known = tx.events_with_known_owner(BATCH).await?;
        for (id, plugin, customer) in &known {
            if tx.release_event(*id).await?
                && let Some(event) = tx.event(&Reach::ALL, *id).await?
            {
                give(&mut tx, &event, *plugin, *customer).await?;
            }
        }
        tx.commit().await?;
        if known.len() < usize::from(BATCH) {
            return Ok(());
        }
    }
}
