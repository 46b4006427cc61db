//! Sealing and opening with a tenant's data key, and the opened Chakra key of a call.

use std::sync::Arc;

use portico_auth::TenantScope;
use portico_domain::{ChakraKeyId, TenantId};
use portico_storage::{SealedChakraKey, TenantTx};
use portico_vault::{DataKey, DataKeyVersion, Place, SecretString, sealed_version};

use crate::error::{Error, Thing};
use crate::start::App;

/// A data key, opened.
pub(crate) type OpenDataKey = DataKey;

/// A Chakra key, opened: held for a minute at most and wiped when dropped.
#[derive(Debug)]
pub(crate) struct OpenChakraKey {
    pub(crate) id: ChakraKeyId,
    pub(crate) token: SecretString,
    /// Whether another tenant holds a key of the same Chakra team; unknown before Chakra told the team.
    pub(crate) team_shared: Option<bool>,
}

/// Where a Chakra key is sealed.
fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant, table: "chakra_keys", column: "access_token", row }
}

impl App {
    /// Seals a Chakra key's token for its row.
    pub(crate) async fn seal_chakra_key(
        &self,
        tx: &mut TenantTx,
        id: ChakraKeyId,
        token: &SecretString,
    ) -> Result<Vec<u8>, Error> {
        let tenant = tx.tenant();
        let stored = tx.data_key_for_sealing().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let key = self.shared.master_keys.unwrap_data_key(tenant, stored.version, &stored.wrapped)?;
        Ok(key.seal(&place(tenant, &id.to_string()), token, &mut rand::rng()))
    }

    /// Opens a sealed Chakra key.
    pub(crate) async fn open_chakra_key(
        &self,
        tx: &mut TenantTx,
        sealed: &SealedChakraKey,
    ) -> Result<SecretString, Error> {
        let tenant = tx.tenant();
        let key = self.data_key(tx, sealed_version(&sealed.access_token)?).await?;
        Ok(key.open(&place(tenant, &sealed.id.to_string()), &sealed.access_token)?)
    }

    async fn data_key(&self, tx: &mut TenantTx, version: DataKeyVersion) -> Result<Arc<OpenDataKey>, Error> {
        let shared = &self.shared;
        let tenant = tx.tenant();
        if let Some(key) = shared.data_keys.get(&shared.freshness, &(tenant, version)) {
            return Ok(key);
        }
        let stamp = shared.freshness.stamp(tenant);
        let stored = tx.data_key(version).await?.ok_or(portico_vault::OpenError::Forged)?;
        let key = Arc::new(shared.master_keys.unwrap_data_key(tenant, stored.version, &stored.wrapped)?);
        shared.data_keys.put((tenant, version), stamp, Arc::clone(&key));
        Ok(key)
    }

    /// The key that a tenant's calls use.
    pub(crate) async fn default_chakra_key(&self, scope: &TenantScope) -> Result<Arc<OpenChakraKey>, Error> {
        let shared = &self.shared;
        let tenant = scope.tenant();
        if let Some(key) = shared.chakra_keys.get(&shared.freshness, &tenant) {
            return Ok(key);
        }
        let mut stamp = shared.freshness.stamp(tenant);
        let mut sealed = self.sealed_default(scope).await?;
        if sealed.team_fingerprint.is_none() {
            // Other tenants' fences depend on whose team this key is, so its first use learns that. When
            // Chakra cannot be asked now, the next minute's first use asks again.
            if let Err(error) = self.verify(scope, sealed.id).await {
                tracing::debug!(tenant.id = %tenant, %error, "the team of a Chakra key is not known yet");
            }
            stamp = shared.freshness.stamp(tenant);
            sealed = self.sealed_default(scope).await?;
        }
        let mut tx = shared.db.begin(scope).await?;
        let token = self.open_chakra_key(&mut tx, &sealed).await?;
        let team_shared = match &sealed.team_fingerprint {
            Some(team) => Some(tx.team_is_shared(team).await?),
            None => None,
        };
        tx.commit().await?;
        let key = Arc::new(OpenChakraKey { id: sealed.id, token, team_shared });
        shared.chakra_keys.put(tenant, stamp, Arc::clone(&key));
        Ok(key)
    }

    async fn sealed_default(&self, scope: &TenantScope) -> Result<SealedChakraKey, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        tx.sealed_chakra_key(None).await?.ok_or(Error::NoChakraKey)
    }
}
