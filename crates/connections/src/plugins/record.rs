//! The record of a plugin.

use portico_auth::TenantScope;
use portico_core::{Error, Thing};
use portico_domain::PluginId;
use portico_storage::{Db, PluginRecord, TenantTx};

/// The record of a plugin within reach.
pub(super) async fn find(db: &Db, scope: &TenantScope, id: PluginId) -> Result<PluginRecord, Error> {
    let mut tx = db.begin(scope).await?;
    find_in(&mut tx, scope, id).await
}

/// The same in a transaction that goes on.
pub(super) async fn find_in(tx: &mut TenantTx, scope: &TenantScope, id: PluginId) -> Result<PluginRecord, Error> {
    tx.plugin(scope.reach().customers(), id).await?.ok_or(Error::Missing(Thing::Plugin))
}
