//! Sealing and opening with a tenant's data key, and the opened Chakra key of a call.

use std::sync::Arc;

use portico_auth::TenantScope;
use portico_domain::{ChakraKeyId, TenantId};
use portico_storage::{SealedChakraKey, StoredDataKey, TenantTx};
use portico_vault::{DataKey, OpenError, Place, SecretString, sealed_version};

use crate::cache::Stamp;
use crate::error::{Error, Thing};
use crate::key_uses::{KeyUse, caller};
use crate::start::App;

/// How often a key is looked for that somebody replaces at the same moment.
const ATTEMPTS: u32 = 5;

/// A Chakra key, opened: held for a minute at most and wiped when dropped.
#[derive(Debug)]
pub(crate) struct OpenChakraKey {
    pub(crate) id: ChakraKeyId,
    /// By which the token is recognised, so that what Chakra says of it is not noted of its successor.
    pub(crate) fingerprint: Box<[u8]>,
    /// Only [`App::token`] gives it out, so that no use goes uncounted.
    token: SecretString,
    /// Whether another tenant holds a key of the same Chakra team; unknown before Chakra told the team.
    pub(crate) team_shared: Option<bool>,
}

/// A Chakra key as it stands, with what opens it.
struct Found {
    sealed: SealedChakraKey,
    /// None: the data key was deleted between two statements, because the value had been sealed anew.
    data_key: Option<StoredDataKey>,
    team_shared: Option<bool>,
    stamp: Stamp,
}

/// Where a Chakra key is sealed.
fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant, table: "chakra_keys", column: "access_token", row }
}

/// Seals a Chakra key's token for its row.
pub(crate) fn seal_chakra_key(key: &DataKey, tenant: TenantId, id: ChakraKeyId, token: &SecretString) -> Vec<u8> {
    key.seal(&place(tenant, &id.to_string()), token, &mut rand::rng())
}

impl App {
    /// A transaction in which one value is sealed and stored, and the key to seal it with. The seal is
    /// counted already, which keeps the key from being deleted before the value is there.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the tenant has no data key; [`Error::VaultUnavailable`].
    pub(crate) async fn begin_sealing(&self, scope: &TenantScope) -> Result<(TenantTx, Arc<DataKey>), Error> {
        for _ in 0..ATTEMPTS {
            let key = self.shared.vault.sealing_key(scope.tenant()).await?;
            let mut tx = self.shared.db.begin(scope).await?;
            if tx.count_seals(key.version(), 1).await? {
                return Ok((tx, key));
            }
        }
        Err(Error::Missing(Thing::Tenant))
    }

    /// The token of an opened key, for one call to Chakra on behalf of the scope.
    pub(crate) fn token<'k>(&self, scope: &TenantScope, key: &'k OpenChakraKey) -> &'k SecretString {
        self.shared.key_uses.count(scope.tenant(), key.id, caller(scope), KeyUse::Call);
        &key.token
    }

    /// The key that a tenant's calls use.
    pub(crate) async fn default_chakra_key(&self, scope: &TenantScope) -> Result<Arc<OpenChakraKey>, Error> {
        let shared = &self.shared;
        let tenant = scope.tenant();
        if let Some(key) = shared.chakra_keys.get(&shared.freshness, &tenant) {
            return Ok(key);
        }
        let found = self.find_chakra_key(scope, None).await?.ok_or(Error::NoChakraKey)?;
        if found.sealed.team_fingerprint.is_some() {
            let (key, stamp) = self.open_found(scope, found).await?;
            return Ok(self.remember_key(tenant, stamp, key));
        }
        // Other tenants' fences depend on whose team this key is, so its first use learns that, and the
        // uses that come meanwhile wait. When Chakra cannot be asked now, the next minute's first use
        // asks again.
        let gate = shared.first_uses.of(tenant);
        let _turn = gate.lock().await;
        if let Some(key) = shared.chakra_keys.get(&shared.freshness, &tenant) {
            return Ok(key);
        }
        let mut found = self.find_chakra_key(scope, None).await?.ok_or(Error::NoChakraKey)?;
        if found.sealed.team_fingerprint.is_none() {
            if let Err(error) = self.verify(scope, found.sealed.id).await {
                tracing::debug!(tenant.id = %tenant, %error, "the team of a Chakra key is not known yet");
            }
            found = self.find_chakra_key(scope, None).await?.ok_or(Error::NoChakraKey)?;
        }
        let (key, stamp) = self.open_found(scope, found).await?;
        Ok(self.remember_key(tenant, stamp, key))
    }

    /// Opens a stored key by its id; none if there is no such key.
    pub(crate) async fn open_chakra_key(
        &self,
        scope: &TenantScope,
        id: ChakraKeyId,
    ) -> Result<Option<OpenChakraKey>, Error> {
        match self.find_chakra_key(scope, Some(id)).await? {
            Some(found) => Ok(Some(self.open_found(scope, found).await?.0)),
            None => Ok(None),
        }
    }

    fn remember_key(&self, tenant: TenantId, stamp: Stamp, key: OpenChakraKey) -> Arc<OpenChakraKey> {
        let key = Arc::new(key);
        self.shared.chakra_keys.put(tenant, stamp, Arc::clone(&key));
        key
    }

    async fn find_chakra_key(&self, scope: &TenantScope, id: Option<ChakraKeyId>) -> Result<Option<Found>, Error> {
        let stamp = self.shared.freshness.stamp(scope.tenant());
        let mut tx = self.shared.db.begin(scope).await?;
        let Some(sealed) = tx.sealed_chakra_key(id).await? else { return Ok(None) };
        let data_key = tx.data_key(sealed_version(&sealed.access_token)?).await?;
        let team_shared = match &sealed.team_fingerprint {
            Some(team) => Some(tx.team_is_shared(team).await?),
            None => None,
        };
        tx.commit().await?;
        Ok(Some(Found { sealed, data_key, team_shared, stamp }))
    }

    async fn open_found(&self, scope: &TenantScope, mut found: Found) -> Result<(OpenChakraKey, Stamp), Error> {
        let tenant = scope.tenant();
        for _ in 0..ATTEMPTS {
            let Found { sealed, data_key, team_shared, stamp } = found;
            if let Some(data_key) = data_key {
                let data_key = self.shared.vault.open(tenant, &data_key).await?;
                let token = data_key.open(&place(tenant, &sealed.id.to_string()), &sealed.access_token)?;
                self.shared.key_uses.count(tenant, sealed.id, caller(scope), KeyUse::Opening);
                let fingerprint = sealed.fingerprint.into_boxed_slice();
                return Ok((OpenChakraKey { id: sealed.id, fingerprint, token, team_shared }, stamp));
            }
            let again = self.find_chakra_key(scope, Some(sealed.id)).await?;
            found = again.ok_or(Error::Missing(Thing::ChakraKey))?;
        }
        Err(OpenError::Forged.into())
    }
}
