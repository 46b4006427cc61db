//! Secrets that leaked: whoever finds one may end it, with nothing but the secret.

use std::time::Duration;

use portico_auth::Origin;
use portico_domain::{ApiKeyId, Event, TenantId};
use portico_storage::{Ownership, SecretStatus};
use portico_vault::{SecretHash, SecretString};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{ApiKeys, find};
use portico_core::Error;
use portico_core::audit::Change;

/// How long an answer takes at the least. Longer than the work takes, so that it says nothing about it.
const FLOOR: Duration = Duration::from_millis(150);

impl ApiKeys {
    /// Revokes the key of which `secret` is the present secret, or an old one that still opens, whatever
    /// is left of owners; the tenant may be suspended. Any other text changes nothing, and the caller
    /// cannot tell: the outcome is the same, and so are the queries and the time.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn revoke_leaked(&self, secret: &SecretString, origin: &Origin) -> Result<(), Error> {
        let answer_at = tokio::time::Instant::now() + FLOOR;
        let outcome = self.end_leaked(SecretHash::of(secret.expose_secret()), origin).await;
        tokio::time::sleep_until(answer_at).await;
        outcome
    }

    async fn end_leaked(&self, hash: SecretHash, origin: &Origin) -> Result<(), Error> {
        let found = self.core.db.resolve_api_key(&hash.0).await?;
        // Nobody's secret is looked for at nobody's key, to do the same either way.
        let (tenant, id) = found.unwrap_or_else(|| (TenantId::generate(), ApiKeyId::generate()));
        let mut tx = self.core.db.begin_system(tenant).await?;
        tx.lock_grants().await?;
        let standing = tx.secret_status(id, &hash.0).await?;
        let before = find(&mut tx, id).await?;
        let owners = tx.ownership().await?;
        let now = self.core.clock.now();
        let old_secret = match standing {
            Some(SecretStatus::Present) => None,
            Some(SecretStatus::Old { id, expires_at }) if expires_at > now => Some(id),
            Some(SecretStatus::Old { .. }) | None => return Ok(()),
        };
        let Some(before) = before else { return Ok(()) };
        tx.revoke_api_key(id).await?;
        let after = find(&mut tx, id).await?;
        let data = json!({
            "api_key_id": id,
            "name": before.name,
            "old_secret_id": old_secret,
            "no_owner_left": owners != Ownership::None && tx.ownership().await? == Ownership::None,
        });
        tx.insert_event(&Event::new(tenant, "api_key.leaked", now, data)).await?;
        let change = Change::of("api_key.revoke_leaked").to("api_key", id).from(&before).into(&after);
        self.core.audit.record_by(&mut tx, None, origin, change).await?;
        tx.commit().await?;
        self.core.validity.changed(tenant);
        tracing::warn!(tenant.id = %tenant, api_key.id = %id, "a leaked secret was reported; its key is revoked");
        Ok(())
    }
}
