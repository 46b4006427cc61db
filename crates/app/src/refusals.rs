//! Marks a stored Chakra key that Chakra refused, and tells the tenant, off the path of the call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portico_auth::Origin;
use portico_domain::{ChakraKeyId, ChakraKeyStatus, Event, TenantId};
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::audit::Change;
use crate::error::Error;
use crate::keys::OpenChakraKey;
use crate::start::Shared;

/// Chakra answered 401 or 403 to a stored key.
#[derive(Debug, Clone)]
pub(crate) struct KeyRefusal {
    pub(crate) tenant: TenantId,
    pub(crate) key: ChakraKeyId,
    /// Of which token: the key may have another one by the time this is written.
    pub(crate) fingerprint: Box<[u8]>,
}

impl Shared {
    /// Notes a refusal. When many come at once, some are passed over: they say the same.
    pub(crate) fn key_refused(&self, tenant: TenantId, key: &OpenChakraKey) {
        self.metrics.keys_refused.fetch_add(1, Ordering::Relaxed);
        let _ = self.refusals.try_send(KeyRefusal { tenant, key: key.id, fingerprint: key.fingerprint.clone() });
    }
}

/// Writes refusals down until the application stops.
pub(crate) async fn write(shared: Arc<Shared>, mut refused: mpsc::Receiver<KeyRefusal>) {
    while let Some(refusal) = refused.recv().await {
        if let Err(error) = write_one(&shared, &refusal).await {
            tracing::warn!(tenant.id = %refusal.tenant, %error, "a refused Chakra key could not be marked");
        }
    }
}

async fn write_one(shared: &Shared, refusal: &KeyRefusal) -> Result<(), Error> {
    let mut tx = shared.db.begin_system(refusal.tenant).await?;
    if tx.chakra_key_refused(refusal.key, &refusal.fingerprint).await? {
        let data = json!({ "chakra_key_id": refusal.key });
        tx.insert_event(&Event::new(refusal.tenant, "chakra_key.refused", OffsetDateTime::now_utc(), data)).await?;
        let change = Change::of("chakra_key.refused").to("chakra_key", refusal.key);
        let change = change.into(&json!({ "status": ChakraKeyStatus::Refused }));
        shared.audit(&mut tx, None, &Origin::default(), change).await?;
        tracing::warn!(tenant.id = %refusal.tenant, chakra_key.id = %refusal.key, "Chakra refuses a stored key");
    }
    Ok(tx.commit().await?)
}
