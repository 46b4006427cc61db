//! What Chakra signs the events of the tenant's team with, and what becomes of what is not signed rightly.

use portico_auth::{Scope, TenantScope};
use portico_core::audit::Change;
use portico_core::{Core, Error as CoreError};
use portico_domain::permission::perm;
use portico_domain::{Overlap, WebhookSecretId};
use portico_storage::{NewWebhookSecret, TenantTx};
use portico_vault::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::Error;
use crate::sealed::SECRET;

/// For how long at most what is not signed rightly may be taken.
pub const LONGEST_LOG_ONLY: time::Duration = time::Duration::DAY;

/// A secret that is in force, without the secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookSecret {
    /// Its id.
    pub id: WebhookSecretId,
    /// The first digits of a keyed fingerprint, to tell two apart by.
    #[schema(example = "3f9a6c0b1d2e4f58")]
    pub fingerprint: String,
    /// When it was set.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends; null: it is in force until it is replaced.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// How a tenant's hooks judge what comes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HookSigning {
    /// The secrets in force, newest first: two while one replaces the other. While there is none, everything is refused.
    pub secrets: Vec<WebhookSecret>,
    /// Until when what is not signed rightly is taken all the same, and marked; null: it is refused.
    #[serde(with = "time::serde::rfc3339::option")]
    pub log_only_until: Option<OffsetDateTime>,
}

/// The secrets of tenants' Chakra teams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookSecrets {
    core: Core,
}

impl WebhookSecrets {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// How the tenant's hooks judge what comes.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller.
    pub async fn get(&self, scope: &Scope<perm::WebhooksRead>) -> Result<HookSigning, Error> {
        scope.whole_tenant()?;
        self.shown(&mut self.core.db.begin(scope).await?).await
    }

    /// Sets the secret. The one in force until now ends when the overlap is over, and an older one at once.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller; [`CoreError::VaultUnavailable`].
    pub async fn set(
        &self,
        scope: &Scope<perm::WebhooksWrite>,
        secret: SecretString,
        overlap: Overlap,
    ) -> Result<HookSigning, Error> {
        scope.whole_tenant()?;
        let (id, now) = (WebhookSecretId::generate(), self.core.clock.now());
        let fingerprint = self.core.fingerprints.fingerprint("webhook-secret", secret.expose_secret()).short();
        let (mut tx, key) = self.core.vault.begin_sealing(scope.tenant()).await?;
        tx.end_webhook_secrets(now + overlap.duration(), now).await?;
        let sealed = SECRET.seal(&key, scope.tenant(), &id.to_string(), &secret);
        let change = json!({"fingerprint": fingerprint});
        tx.insert_webhook_secret(&NewWebhookSecret { id, secret: sealed, fingerprint }).await?;
        let change = Change::of("webhook_secret.set").to("webhook_secret", id).into(&change);
        self.finish(scope, tx, change).await
    }

    /// Says until when what is not signed rightly is taken all the same: at most for a day.
    ///
    /// # Errors
    ///
    /// [`CoreError::Invalid`] for a later moment; [`CoreError::Denied`] for a limited caller.
    pub async fn set_log_only(
        &self,
        scope: &Scope<perm::WebhooksWrite>,
        until: Option<OffsetDateTime>,
    ) -> Result<HookSigning, Error> {
        scope.whole_tenant()?;
        if until.is_some_and(|until| until > self.core.clock.now() + LONGEST_LOG_ONLY) {
            let detail = "must not be more than 24 hours from now: what is not signed could be anybody's";
            return Err(CoreError::invalid("/log_only_until", detail).into());
        }
        let mut tx = self.core.db.begin(scope).await?;
        let before = json!({"log_only_until": shown_time(tx.hooks_log_only_until().await?)});
        tx.set_hooks_log_only_until(until).await?;
        let after = json!({"log_only_until": shown_time(until)});
        let change = Change::of("webhook_secret.log_only").to("tenant", scope.tenant()).from(&before).into(&after);
        self.finish(scope, tx, change).await
    }

    async fn finish(&self, scope: &TenantScope, mut tx: TenantTx, change: Change) -> Result<HookSigning, Error> {
        self.core.audit.record(&mut tx, scope, change).await?;
        let signing = self.shown(&mut tx).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(signing)
    }

    async fn shown(&self, tx: &mut TenantTx) -> Result<HookSigning, Error> {
        let now = self.core.clock.now();
        let secrets = tx.webhook_secrets(now).await?.into_iter().map(|secret| WebhookSecret {
            id: secret.id,
            fingerprint: secret.fingerprint,
            created_at: secret.created_at,
            expires_at: secret.expires_at,
        });
        let log_only_until = tx.hooks_log_only_until().await?.filter(|until| *until > now);
        Ok(HookSigning { secrets: secrets.collect(), log_only_until })
    }
}

fn shown_time(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
}
