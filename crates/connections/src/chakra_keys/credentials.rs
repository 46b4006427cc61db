//! Sealing and opening with a tenant's data key, and the opened Chakra key of a call.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portico_auth::TenantScope;
use portico_domain::{ChakraKeyId, TenantId};
use portico_storage::{SealedChakraKey, StoredDataKey, TenantTx};
use portico_vault::{DataKey, ExposeSecret as _, SealedLocation, SecretString, sealed_version};

use portico_core::Core;
use portico_core::cache::{Cache, Stamp};
use portico_core::write_behind::KeyUse;
use portico_core::{Error as CoreError, Thing};

use crate::Error;

/// How often a key is looked for that somebody replaces at the same moment.
const ATTEMPTS: u32 = 5;

/// A Chakra key, opened: held for a minute at most and wiped when dropped.
#[derive(Debug)]
pub struct OpenChakraKey {
    pub(super) id: ChakraKeyId,
    /// By which the token is recognised, so that what Chakra says of it is not noted of its successor.
    pub(super) fingerprint: Box<[u8]>,
    /// Only [`ChakraCredentials::token`] gives it out, so that no use goes uncounted.
    token: SecretString,
    /// Whether the key is marked as refused, and nobody noted since that a call with it was accepted.
    pub(super) marked: AtomicBool,
    /// Whether the key's Chakra team is known, and no other tenant may be in it.
    pub(crate) team_is_own: bool,
}

impl OpenChakraKey {
    /// Whether the key stands in these bytes: then nobody may see them.
    #[must_use]
    pub fn stands_in(&self, bytes: &[u8]) -> bool {
        portico_chakra::client::shows(&self.token, bytes)
    }

    /// How many of the last of these bytes could be the beginning of the key, which more bytes would complete.
    #[must_use]
    pub fn begins_at_end_of(&self, bytes: &[u8]) -> usize {
        let key = self.token.expose_secret().as_bytes();
        let most = bytes.len().min(key.len().saturating_sub(1));
        (1..=most).rev().find(|length| bytes.ends_with(&key[..*length])).unwrap_or(0)
    }
}

/// A Chakra key as it stands, with what opens it.
struct Found {
    sealed: SealedChakraKey,
    /// None: the data key was deleted between two statements, because the value had been sealed anew.
    data_key: Option<StoredDataKey>,
    team_is_own: bool,
    stamp: Stamp,
}

/// Where a Chakra key is sealed.
fn location(tenant: TenantId, row: &str) -> SealedLocation<'_> {
    SealedLocation { tenant, table: "chakra_keys", column: "access_token", row }
}

/// Seals a Chakra key's token for its row.
pub(super) fn seal_chakra_key(key: &DataKey, tenant: TenantId, id: ChakraKeyId, token: &SecretString) -> Vec<u8> {
    key.seal(&location(tenant, &id.to_string()), token, &mut rand::rng())
}

/// Chakra keys, sealed and opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChakraCredentials {
    core: Core,
    opened: Arc<Cache<TenantId, Arc<OpenChakraKey>>>,
}

impl ChakraCredentials {
    /// The service on that core. Opened keys are wiped when they are dropped, so a task drops them in time.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        let opened = core.caches.add_secret("chakra_keys");
        Self { core: core.clone(), opened }
    }

    /// A transaction in which one value is sealed and stored, and the key to seal it with. The seal is
    /// counted already, which keeps the key from being deleted before the value is there.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] when the tenant has no data key; [`CoreError::VaultUnavailable`].
    pub(super) async fn begin_sealing(&self, scope: &TenantScope) -> Result<(TenantTx, Arc<DataKey>), Error> {
        Ok(self.core.vault.begin_sealing(scope.tenant()).await?)
    }

    /// The token of an opened key, for one call to Chakra on behalf of the scope.
    #[must_use]
    pub fn token<'k>(&self, scope: &TenantScope, key: &'k OpenChakraKey) -> &'k SecretString {
        self.core.write_behind.count_key_use(scope, key.id, KeyUse::Call);
        &key.token
    }

    /// The key that a tenant's calls use, if it is open already.
    #[must_use]
    pub fn cached(&self, tenant: TenantId) -> Option<Arc<OpenChakraKey>> {
        self.opened.get(&self.core.validity, &tenant)
    }

    /// The key that a tenant's calls use, whether or not its team is known.
    ///
    /// # Errors
    ///
    /// [`Error::NoChakraKey`]; [`Error::NoDefaultChakraKey`]; [`CoreError::VaultUnavailable`]; [`CoreError::Database`].
    pub async fn default(&self, scope: &TenantScope) -> Result<Arc<OpenChakraKey>, Error> {
        if let Some(key) = self.cached(scope.tenant()) {
            return Ok(key);
        }
        let found = self.find_default(scope).await?;
        self.open_and_keep(scope, found).await
    }

    /// The key that a tenant's calls use; its id alone while Chakra has not told its team.
    pub(super) async fn default_of_known_team(
        &self,
        scope: &TenantScope,
    ) -> Result<Result<Arc<OpenChakraKey>, ChakraKeyId>, Error> {
        let found = self.find_default(scope).await?;
        if found.sealed.team_fingerprint.is_none() {
            return Ok(Err(found.sealed.id));
        }
        Ok(Ok(self.open_and_keep(scope, found).await?))
    }

    /// Opens a stored key by its id; none if there is no such key.
    pub(super) async fn open(&self, scope: &TenantScope, id: ChakraKeyId) -> Result<Option<OpenChakraKey>, Error> {
        match self.find(scope, Some(id)).await? {
            Some(found) => Ok(Some(self.open_found(scope, found).await?.0)),
            None => Ok(None),
        }
    }

    async fn open_and_keep(&self, scope: &TenantScope, found: Found) -> Result<Arc<OpenChakraKey>, Error> {
        let (key, stamp) = self.open_found(scope, found).await?;
        let key = Arc::new(key);
        self.opened.put(scope.tenant(), stamp, Arc::clone(&key));
        Ok(key)
    }

    async fn find_default(&self, scope: &TenantScope) -> Result<Found, Error> {
        if let Some(found) = self.find(scope, None).await? {
            return Ok(found);
        }
        let mut tx = self.core.db.begin(scope).await?;
        Err(if tx.has_chakra_key_beside(None).await? { Error::NoDefaultChakraKey } else { Error::NoChakraKey })
    }

    async fn find(&self, scope: &TenantScope, id: Option<ChakraKeyId>) -> Result<Option<Found>, Error> {
        let stamp = self.core.validity.stamp(scope.tenant());
        let mut tx = self.core.db.begin(scope).await?;
        let Some(sealed) = tx.sealed_chakra_key(id).await? else { return Ok(None) };
        let data_key = tx.data_key(sealed_version(&sealed.access_token)?).await?;
        let team_is_own = match &sealed.team_fingerprint {
            Some(team) => !tx.team_is_shared(team).await?,
            None => false,
        };
        tx.commit().await?;
        Ok(Some(Found { sealed, data_key, team_is_own, stamp }))
    }

    async fn open_found(&self, scope: &TenantScope, mut found: Found) -> Result<(OpenChakraKey, Stamp), Error> {
        let tenant = scope.tenant();
        for _ in 0..ATTEMPTS {
            let Found { sealed, data_key, team_is_own, stamp } = found;
            if let Some(data_key) = data_key {
                let data_key = self.core.vault.open(tenant, &data_key).await?;
                let token = data_key.open(&location(tenant, &sealed.id.to_string()), &sealed.access_token)?;
                self.core.write_behind.count_key_use(scope, sealed.id, KeyUse::Opening);
                let fingerprint = sealed.fingerprint.into_boxed_slice();
                let marked = AtomicBool::new(sealed.is_refused);
                return Ok((OpenChakraKey { id: sealed.id, fingerprint, token, marked, team_is_own }, stamp));
            }
            let again = self.find(scope, Some(sealed.id)).await?;
            found = again.ok_or(CoreError::Missing(Thing::ChakraKey))?;
        }
        Err(Error::DataKeyReplaced)
    }
}
