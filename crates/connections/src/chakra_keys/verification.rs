//! What Chakra says of a key: whether it takes it, and whose team it is.
//!
//! Other tenants' fences depend on whose team a key is, so a token is stored only once Chakra has told its team. Keys
//! that an earlier version stored may lack it: the first use of such a key learns it, and the uses that come meanwhile
//! wait. This is a step of its own before a call is judged: no check asks Chakra.

use std::sync::Arc;

use portico_auth::TenantScope;
use portico_chakra::router::API_KEY_MARK;
use portico_chakra::{CallError, Client, operation};
use portico_core::audit::Change;
use portico_core::{Core, Error as CoreError, Thing, code};
use portico_domain::{ChakraKey, ChakraKeyId, ChakraKeyStatus, TenantId};
use portico_storage::{ChakraTeam, TenantTx};
use portico_vault::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::single_flight::SingleFlight;

use super::credentials::{ChakraCredentials, OpenChakraKey};

use crate::Error;

/// How often Chakra is asked about a key whose token somebody replaces at the same moment.
const ATTEMPTS: u32 = 3;

/// Asks Chakra about keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChakraKeyVerifier {
    core: Core,
    chakra: Client,
    credentials: ChakraCredentials,
    first_uses: Arc<SingleFlight<TenantId>>,
}

impl ChakraKeyVerifier {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core, chakra: &Client, credentials: &ChakraCredentials) -> Self {
        Self {
            core: core.clone(),
            chakra: chakra.clone(),
            credentials: credentials.clone(),
            first_uses: Arc::default(),
        }
    }

    /// The key that a tenant's calls use. One whose team is not known is verified first; when Chakra cannot be
    /// asked now, it serves all the same, and the next minute's first use asks again.
    ///
    /// # Errors
    ///
    /// [`Error::NoChakraKey`]; [`CoreError::VaultUnavailable`]; [`CoreError::Database`].
    pub async fn default_key(&self, scope: &TenantScope) -> Result<Arc<OpenChakraKey>, Error> {
        let tenant = scope.tenant();
        if let Some(key) = self.credentials.cached(tenant) {
            return Ok(key);
        }
        if let Ok(key) = self.credentials.default_of_known_team(scope).await? {
            return Ok(key);
        }
        let first_use = self.first_uses.of(tenant);
        let _one_at_a_time = first_use.lock().await;
        if let Some(key) = self.credentials.cached(tenant) {
            return Ok(key);
        }
        if let Err(id) = self.credentials.default_of_known_team(scope).await?
            && let Err(error) = self.verify(scope, id).await
        {
            tracing::debug!(tenant.id = %tenant, %error, "the team of a Chakra key is not known yet");
        }
        self.credentials.default(scope).await
    }

    /// The team of a token that is to be stored, as Chakra tells it.
    ///
    /// # Errors
    ///
    /// [`CoreError::Invalid`], naming `/access_token`, when Chakra refuses the token or does not let it see its team;
    /// [`Error::Upstream`] or [`Error::UpstreamMalformed`] when Chakra cannot be asked or tells no team.
    pub(super) async fn team_of(&self, token: &SecretString) -> Result<ChakraTeam, Error> {
        let refused = |detail: String| Error::from(CoreError::invalid("/access_token", detail));
        if token.expose_secret().contains(API_KEY_MARK) {
            return Err(refused("is an API key of Portico's; send the access token that Chakra issued".into()));
        }
        match self.chakra.call(operation("fetch_config"), &[], &[], None, token).await {
            Ok(config) => self.team_in(&config).ok_or(Error::UpstreamMalformed),
            Err(CallError::KeyRefused) => {
                Err(refused("is refused by Chakra; send the access token as Chakra issued it".into()))
            }
            // Whose team it is decides about what is whose; a key that cannot tell is of no use.
            Err(CallError::LacksPermission(_)) => Err(refused(
                "may not read its team's configuration there; send the access token as Chakra issued it, of a user who may"
                    .into(),
            )),
            Err(CallError::Rejected { text, .. }) => Err(refused(format!("is refused by Chakra: {text}"))),
            // What cannot be read, also because it quotes the token.
            Err(CallError::Malformed(400..=499)) => Err(refused("is refused by Chakra".into())),
            Err(CallError::NotFound) => Err(Error::UpstreamMalformed),
            Err(error) => Err(error.into()),
        }
    }

    /// The team that a configuration of Chakra's is of.
    fn team_in(&self, config: &Value) -> Option<ChakraTeam> {
        let id = match config.pointer("/team/id")? {
            Value::String(id) if !id.is_empty() => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        let name = config.pointer("/team/name").and_then(Value::as_str).map(str::to_owned);
        Some(ChakraTeam { fingerprint: self.core.fingerprints.fingerprint("chakra-team", &id).0, name })
    }

    /// Asks Chakra whether it takes the key, and whose team it is. A key whose role may not be told the team is taken all
    /// the same.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::Upstream`] or [`Error::UpstreamMalformed`] when Chakra cannot be asked.
    pub async fn verify(&self, scope: &TenantScope, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(key) = self.verify_present(scope, id).await? {
                return Ok(key);
            }
        }
        Err(CoreError::Conflict {
            code: code::CHANGED_MEANWHILE,
            pointer: None,
            detail: "the key's token is being replaced; read the key again and repeat the call",
        }
        .into())
    }

    /// Asks about the token that the key has now; none when it had another one when Chakra had answered.
    async fn verify_present(&self, scope: &TenantScope, id: ChakraKeyId) -> Result<Option<ChakraKey>, Error> {
        let key = self.credentials.open(scope, id).await?.ok_or(CoreError::Missing(Thing::ChakraKey))?;
        let token = self.credentials.token(scope, &key);
        let asked = self.chakra.call(operation("fetch_config"), &[], &[], None, token).await;

        let mut tx = self.core.db.begin(scope).await?;
        let before = stored_key(&mut tx, id).await?;
        match asked {
            Ok(_) | Err(CallError::KeyRefused | CallError::LacksPermission(_))
                if !tx.lock_chakra_token(id, &key.fingerprint).await? =>
            {
                return Ok(None);
            }
            Ok(config) => {
                tx.mark_chakra_key_verified(id, &key.fingerprint, self.team_in(&config).as_ref()).await?;
            }
            // Chakra takes the key, and does not tell its role whose team it is. That is no news each time it is asked.
            Err(CallError::LacksPermission(_)) if before.status == ChakraKeyStatus::Verified => {
                return Ok(Some(before));
            }
            Err(CallError::LacksPermission(_)) => {
                tx.mark_chakra_key_verified(id, &key.fingerprint, None).await?;
            }
            Err(CallError::KeyRefused) => {
                tx.mark_chakra_key_refused(id, &key.fingerprint).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let key = stored_key(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("chakra_key.verify").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(Some(key))
    }
}

/// The stored key with that id, as it is shown.
pub(super) async fn stored_key(tx: &mut TenantTx, id: ChakraKeyId) -> Result<ChakraKey, Error> {
    tx.chakra_key(id).await?.ok_or(CoreError::Missing(Thing::ChakraKey).into())
}
