//! Chakra keys: stored sealed, verified against Chakra, never shown.
//!
//! `credentials` seals and opens them, `verification` asks Chakra about them, `refused` marks those that Chakra
//! refuses; this file is what the management API does with them.

mod credentials;
mod refused;
mod verification;

use portico_auth::Scope;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId, ChakraKeyUse, Description, KeyUseCursor, Name};
use portico_storage::{ChakraTeam, NewChakraKey, TenantTx};
use portico_vault::{ExposeSecret, SecretString};

use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};

pub use credentials::{ChakraCredentials, OpenChakraKey};
pub use refused::RefusedKeys;
pub use verification::ChakraKeyVerifier;

use credentials::seal_chakra_key;
use verification::stored_key;

use crate::Error;

/// A key to store.
#[derive(Debug)]
pub struct StoreChakraKey {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// The token, visible ASCII.
    pub access_token: SecretString,
    /// Whether calls use it from now on.
    pub is_default: bool,
}

/// What changes of a key.
#[derive(Debug, Clone, Default)]
pub struct PatchChakraKey {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
}

fn last4(token: &SecretString) -> String {
    let token = token.expose_secret();
    token.chars().skip(token.chars().count().saturating_sub(4)).collect()
}

/// Chakra keys: stored sealed, verified against Chakra, never shown.
#[derive(Debug)]
pub struct ChakraKeys {
    core: Core,
    credentials: ChakraCredentials,
    verifier: ChakraKeyVerifier,
}

impl ChakraKeys {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core, credentials: &ChakraCredentials, verifier: &ChakraKeyVerifier) -> Self {
        Self { core: core.clone(), credentials: credentials.clone(), verifier: verifier.clone() }
    }

    /// Asks Chakra about a key, seals it and stores it. Nothing is stored of a key that Chakra does not accept, or while
    /// Chakra cannot be asked.
    ///
    /// # Errors
    ///
    /// [`CoreError::Conflict`] when the name or the token is there already, or another tenant holds the key's team;
    /// [`CoreError::Invalid`] when Chakra refuses the token; [`Error::Upstream`] or [`Error::UpstreamMalformed`] when
    /// Chakra cannot be asked.
    pub async fn create(&self, scope: &Scope<perm::ChakraKeysWrite>, new: StoreChakraKey) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let id = ChakraKeyId::generate();
        let team = self.verifier.team_of(&new.access_token).await?;
        let (mut tx, key) = self.credentials.begin_sealing(scope).await?;
        not_taken(&mut tx, &team).await?;
        let access_token = seal_chakra_key(&key, scope.tenant(), id, &new.access_token);
        tx.insert_chakra_key(&NewChakraKey {
            id,
            name: new.name,
            description: new.description,
            access_token,
            fingerprint: fingerprint(&self.core, &new.access_token),
            last4: last4(&new.access_token),
            is_default: new.is_default,
            team,
        })
        .await?;
        let key = stored_key(&mut tx, id).await?;
        self.core.audit.record(&mut tx, scope, Change::of("chakra_key.create").to("chakra_key", id).into(&key)).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(key)
    }

    /// A page of the stored keys, oldest first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller.
    pub async fn list(
        &self,
        scope: &Scope<perm::ChakraKeysRead>,
        page: PageRequest<ChakraKeyId>,
    ) -> Result<Paged<ChakraKey>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        Ok(paged(tx.chakra_keys(page.into()).await?, |key| key.id.to_string()))
    }

    /// One stored key.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited caller.
    pub async fn get(&self, scope: &Scope<perm::ChakraKeysRead>, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        stored_key(&mut self.core.db.begin(scope).await?, id).await
    }

    /// Renames a key or describes it anew.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] when the name is taken.
    pub async fn patch(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
        patch: PatchChakraKey,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        tx.lock_chakra_key(id).await?;
        let before = stored_key(&mut tx, id).await?;
        tx.patch_chakra_key(id, patch.name.as_ref(), patch.description.as_ref().map(Option::as_ref)).await?;
        let key = stored_key(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("chakra_key.change").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Puts another token in a key's place, so that everything that uses the key uses the new token. Chakra is asked
    /// about it first, as for a new key; until then the old token and its team stand.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] when another key holds the token; the rest as
    /// [`ChakraKeys::create`].
    pub async fn replace(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
        token: SecretString,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        // A key that is not there is told before Chakra is asked, so that no answer depends on the token.
        stored_key(&mut self.core.db.begin(scope).await?, id).await?;
        let team = self.verifier.team_of(&token).await?;
        let (mut tx, key) = self.credentials.begin_sealing(scope).await?;
        tx.lock_chakra_key(id).await?;
        let before = stored_key(&mut tx, id).await?;
        not_taken(&mut tx, &team).await?;
        let sealed = seal_chakra_key(&key, scope.tenant(), id, &token);
        tx.replace_chakra_key(id, &sealed, &fingerprint(&self.core, &token), &last4(&token), &team).await?;
        let key = stored_key(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("chakra_key.replace").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(key)
    }

    /// Makes a key the one that calls use.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn set_default(&self, scope: &Scope<perm::ChakraKeysWrite>, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        // Two defaults at once would each wait for the other's key; the settings show which it is.
        tx.lock_tenant().await?;
        let before = stored_key(&mut tx, id).await?;
        if !tx.set_default_chakra_key(id).await? {
            return Err(CoreError::Missing(Thing::ChakraKey).into());
        }
        let key = stored_key(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("chakra_key.set_default").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(key)
    }

    /// Deletes a key. The one that calls use goes only by force if others are stored or calls used it in the last
    /// day: without a default, every call fails. The tenant still counts as a holder of its team.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] for the key that calls use.
    pub async fn delete(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
        force: bool,
    ) -> Result<(), Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        // Nobody makes it the default meanwhile.
        tx.lock_tenant().await?;
        tx.lock_chakra_key(id).await?;
        let before = stored_key(&mut tx, id).await?;
        if before.is_default && !force {
            let is_used_now = self.core.write_behind.has_key_uses(scope.tenant(), id);
            spare_default(&mut tx, id, is_used_now).await?;
        }
        if !tx.delete_chakra_key(id).await? {
            return Err(CoreError::Missing(Thing::ChakraKey).into());
        }
        self.core
            .audit
            .record(&mut tx, scope, Change::of("chakra_key.delete").to("chakra_key", id).from(&before))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }

    /// Asks Chakra whether it takes the key, and whose team it is. A refusal is an answer, not a
    /// failure: the key comes back with the status `refused`.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::Upstream`] or [`Error::UpstreamMalformed`] when Chakra cannot be asked.
    pub async fn verify(&self, scope: &Scope<perm::ChakraKeysWrite>, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        self.verifier.verify(scope, id).await
    }

    /// A page of who used a key, the latest days first: a row for each caller and day. What a replica
    /// counted in the last quarter of a second may be missing.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited key, because others' uses are told.
    pub async fn uses(
        &self,
        scope: &Scope<perm::ChakraKeysRead>,
        id: ChakraKeyId,
        page: PageRequest<KeyUseCursor>,
    ) -> Result<Paged<ChakraKeyUse>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        stored_key(&mut tx, id).await?;
        Ok(paged(tx.chakra_key_uses(id, page.into()).await?, |one| one.cursor.to_string()))
    }
}

/// Fails if calls would miss the default key.
async fn spare_default(tx: &mut TenantTx, id: ChakraKeyId, is_used_now: bool) -> Result<(), Error> {
    let detail = if tx.has_chakra_key_beside(Some(id)).await? {
        "this is the default key, which calls use, and no other takes its place by itself; make another one the default with POST /api/v1/chakra-keys/{id}/set-default, or repeat the call with ?force=true"
    } else if is_used_now || tx.is_chakra_key_in_use(id).await? {
        "this is the only Chakra key, and calls used it in the last 24 hours; without it every call fails. Store another one and make it the default, or repeat the call with ?force=true"
    } else {
        return Ok(());
    };
    Err(CoreError::Conflict { code: code::CHAKRA_KEY_IN_USE, pointer: None, detail }.into())
}

/// Refuses a team that another tenant holds, without a word of whose it is.
async fn not_taken(tx: &mut TenantTx, team: &ChakraTeam) -> Result<(), Error> {
    if tx.team_is_taken(&team.fingerprint).await? {
        return Err(CoreError::Conflict {
            code: code::TEAM_IN_USE,
            pointer: Some("/access_token"),
            detail: "is of a Chakra team that is in use; use a team of your own, or ask whoever runs this Portico to let you share it",
        }
        .into());
    }
    Ok(())
}

fn fingerprint(core: &Core, token: &SecretString) -> [u8; 32] {
    core.fingerprints.fingerprint("chakra-key", token.expose_secret()).0
}
