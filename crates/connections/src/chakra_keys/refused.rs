//! Marks a stored Chakra key that Chakra refused, and tells the tenant, off the path of the call.

use std::sync::Arc;

use portico_auth::{Origin, TenantScope};
use portico_core::audit::Change;
use portico_core::{Core, Error};
use portico_domain::{ChakraKeyId, ChakraKeyStatus, Event, TenantId};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};

use super::credentials::OpenChakraKey;

/// How many refusals wait to be written. When many come at once, some are passed over: they say the same.
const CAPACITY: usize = 64;

/// Chakra answered 401 or 403 to a stored key.
#[derive(Debug, Clone)]
struct KeyRefusal {
    tenant: TenantId,
    key: ChakraKeyId,
    /// Of which token: the key may have another one by the time this is written.
    fingerprint: Box<[u8]>,
    /// The request in which it happened; none for what Portico does by itself.
    request_id: Option<Arc<str>>,
}

/// Takes note of keys that Chakra refused. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RefusedKeys {
    core: Core,
    queue: mpsc::Sender<KeyRefusal>,
}

impl RefusedKeys {
    /// The service on that core; a task writes what it notes.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        let (queue, refused) = mpsc::channel(CAPACITY);
        let (refused, writer) = (Arc::new(Mutex::new(refused)), core.clone());
        core.tasks.service("refused_chakra_keys", move |stop| {
            let (refused, core) = (Arc::clone(&refused), writer.clone());
            async move {
                let mut refused = refused.lock().await;
                loop {
                    tokio::select! {
                        refusal = refused.recv() => match refusal {
                            Some(refusal) => write(&core, &refusal).await,
                            None => return,
                        },
                        () = stop.cancelled() => return,
                    }
                }
            }
        });
        Self { core: core.clone(), queue }
    }

    /// Notes that Chakra refused this key in a call of that scope.
    pub fn note(&self, scope: &TenantScope, key: &OpenChakraKey) {
        self.core.metrics.keys_refused.inc();
        let _ = self.queue.try_send(KeyRefusal {
            tenant: scope.tenant(),
            key: key.id,
            fingerprint: key.fingerprint.clone(),
            request_id: scope.origin().request_id.clone(),
        });
    }
}

async fn write(core: &Core, refusal: &KeyRefusal) {
    if let Err(error) = write_one(core, refusal).await {
        tracing::warn!(tenant.id = %refusal.tenant, %error, "a refused Chakra key could not be marked");
    }
}

async fn write_one(core: &Core, refusal: &KeyRefusal) -> Result<(), Error> {
    let mut tx = core.db.begin_system(refusal.tenant).await?;
    if tx.mark_chakra_key_refused(refusal.key, &refusal.fingerprint).await? {
        let data = json!({ "chakra_key_id": refusal.key, "request_id": refusal.request_id });
        tx.insert_event(&Event::new(refusal.tenant, "chakra_key.refused", core.clock.now(), data)).await?;
        let change = Change::of("chakra_key.refused").to("chakra_key", refusal.key);
        let change = change.into(&json!({ "status": ChakraKeyStatus::Refused }));
        let origin = Origin { address: None, request_id: refusal.request_id.clone() };
        core.audit.record_by(&mut tx, None, &origin, change).await?;
        let request_id = refusal.request_id.as_deref().unwrap_or_default();
        tracing::warn!(request.id = request_id, tenant.id = %refusal.tenant, chakra_key.id = %refusal.key, "Chakra refuses a stored key");
    }
    Ok(tx.commit().await?)
}
