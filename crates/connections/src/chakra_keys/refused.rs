//! Marks a stored Chakra key that Chakra refused, and takes the mark away when a call with it is accepted again. The
//! tenant is told of both, off the path of the call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portico_auth::{Origin, TenantScope};
use portico_core::audit::Change;
use portico_core::{Core, Error};
use portico_domain::{ChakraKeyId, ChakraKeyStatus, Event, TenantId};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};

use super::credentials::OpenChakraKey;

/// How many refusals wait to be written. When many come at once, some are passed over: they say the same.
const CAPACITY: usize = 64;

/// What Chakra said of a stored key.
#[derive(Debug, Clone)]
struct Verdict {
    tenant: TenantId,
    key: ChakraKeyId,
    /// Of which token: the key may have another one by the time this is written.
    fingerprint: Box<[u8]>,
    /// Whether it accepted the token; else it answered 401.
    accepted: bool,
    /// The request in which it happened; none for what Portico does by itself.
    request_id: Option<Arc<str>>,
}

/// Takes note of keys that Chakra refused or accepts again. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RefusedKeys {
    core: Core,
    queue: mpsc::Sender<Verdict>,
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
                        verdict = refused.recv() => match verdict {
                            Some(verdict) => write(&core, &verdict).await,
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
        self.note_verdict(scope, key, false);
    }

    /// Notes that Chakra accepted a call of that scope with this key. Costs nothing unless the key is marked.
    pub fn note_accepted(&self, scope: &TenantScope, key: &OpenChakraKey) {
        if key.marked.load(Ordering::Relaxed) && key.marked.swap(false, Ordering::Relaxed) {
            self.note_verdict(scope, key, true);
        }
    }

    fn note_verdict(&self, scope: &TenantScope, key: &OpenChakraKey, accepted: bool) {
        let _ = self.queue.try_send(Verdict {
            tenant: scope.tenant(),
            key: key.id,
            fingerprint: key.fingerprint.clone(),
            accepted,
            request_id: scope.origin().request_id.clone(),
        });
    }
}

async fn write(core: &Core, verdict: &Verdict) {
    if let Err(error) = write_one(core, verdict).await {
        tracing::warn!(tenant.id = %verdict.tenant, %error, "what Chakra says of a key could not be written");
    }
}

async fn write_one(core: &Core, verdict: &Verdict) -> Result<(), Error> {
    let Verdict { tenant, key, fingerprint, accepted, request_id } = verdict;
    let mut tx = core.db.begin_system(*tenant).await?;
    let (is_news, what, status) = if *accepted {
        let is_news = tx.mark_chakra_key_accepted(*key, fingerprint).await?;
        (is_news, "chakra_key.accepted", ChakraKeyStatus::Verified)
    } else {
        let is_news = tx.mark_chakra_key_refused(*key, fingerprint).await?;
        (is_news, "chakra_key.refused", ChakraKeyStatus::Refused)
    };
    if is_news {
        let data = json!({ "chakra_key_id": key, "request_id": request_id });
        tx.insert_event(&Event::new(*tenant, what, core.clock.now(), data)).await?;
        let change = Change::of(what).to("chakra_key", key).into(&json!({ "status": status }));
        let origin = Origin { address: None, request_id: request_id.clone() };
        core.audit.record_by(&mut tx, None, &origin, change).await?;
        let request_id = request_id.as_deref().unwrap_or_default();
        tracing::warn!(request.id = request_id, tenant.id = %tenant, chakra_key.id = %key, accepted, "Chakra's word on a stored key changed");
    }
    Ok(tx.commit().await?)
}
