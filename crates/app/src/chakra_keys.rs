//! Chakra keys: stored sealed, verified against Chakra, never shown.

use portico_auth::{Scope, TenantScope};
use portico_chakra::{CallError, operation};
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId, ChakraKeyUse, Description, KeyUsePlace, Name};
use portico_storage::{NewChakraKey, TenantTx};
use portico_vault::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::audit::Change;
use crate::error::{Error, Thing};
use crate::keys::seal_chakra_key;
use crate::paging::{PageRequest, Paged, paged};
use crate::start::App;

/// How often Chakra is asked about a key whose token somebody replaces at the same moment.
const ATTEMPTS: u32 = 3;

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

impl App {
    /// Seals a key and stores it. Chakra is not asked yet: see [`App::verify_chakra_key`].
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when the name or the token is there already.
    pub async fn store_chakra_key(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        new: StoreChakraKey,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let id = ChakraKeyId::generate();
        let (mut tx, key) = self.begin_sealing(scope).await?;
        let access_token = seal_chakra_key(&key, scope.tenant(), id, &new.access_token);
        tx.insert_chakra_key(&NewChakraKey {
            id,
            name: new.name,
            description: new.description,
            access_token,
            fingerprint: self.fingerprint(&new.access_token),
            last4: last4(&new.access_token),
            is_default: new.is_default,
        })
        .await?;
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("chakra_key.create").to("chakra_key", id).into(&key)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(key)
    }

    /// A page of the stored keys, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited caller.
    pub async fn chakra_keys(
        &self,
        scope: &Scope<perm::ChakraKeysRead>,
        page: PageRequest<ChakraKeyId>,
    ) -> Result<Paged<ChakraKey>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        Ok(paged(tx.chakra_keys(page.into()).await?, |key| key.id.to_string()))
    }

    /// One stored key.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Denied`] for a limited caller.
    pub async fn chakra_key(&self, scope: &Scope<perm::ChakraKeysRead>, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        one(&mut self.shared.db.begin(scope).await?, id).await
    }

    /// Renames a key or describes it anew.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Conflict`] when the name is taken.
    pub async fn patch_chakra_key(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
        patch: PatchChakraKey,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        tx.lock_chakra_key(id).await?;
        let before = one(&mut tx, id).await?;
        tx.patch_chakra_key(id, patch.name.as_ref(), patch.description.as_ref().map(Option::as_ref)).await?;
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("chakra_key.change").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Puts another token in a key's place, so that everything that uses the key uses the new token.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Conflict`] when another key holds the token.
    pub async fn replace_chakra_key(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
        token: SecretString,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let (mut tx, key) = self.begin_sealing(scope).await?;
        tx.lock_chakra_key(id).await?;
        let before = one(&mut tx, id).await?;
        let sealed = seal_chakra_key(&key, scope.tenant(), id, &token);
        tx.replace_chakra_key(id, &sealed, &self.fingerprint(&token), &last4(&token)).await?;
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("chakra_key.replace").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(key)
    }

    /// Makes a key the one that calls use.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn set_default_chakra_key(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        // Two defaults at once would each wait for the other's key; the settings show which it is.
        tx.lock_tenant().await?;
        let before = one(&mut tx, id).await?;
        if !tx.set_default_chakra_key(id).await? {
            return Err(Error::Missing(Thing::ChakraKey));
        }
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("chakra_key.set_default").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(key)
    }

    /// Deletes a key; calls fail until the tenant has another default.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn delete_chakra_key(&self, scope: &Scope<perm::ChakraKeysWrite>, id: ChakraKeyId) -> Result<(), Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        tx.lock_chakra_key(id).await?;
        let before = one(&mut tx, id).await?;
        let team = tx.sealed_chakra_key(Some(id)).await?.and_then(|sealed| sealed.team_fingerprint);
        if !tx.delete_chakra_key(id).await? {
            return Err(Error::Missing(Thing::ChakraKey));
        }
        if let Some(team) = team {
            tx.team_changed(&team).await?;
        }
        self.audit(&mut tx, scope, Change::of("chakra_key.delete").to("chakra_key", id).from(&before)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(())
    }

    /// Asks Chakra whether it takes the key, and whose team it is. A refusal is an answer, not a
    /// failure: the key comes back with the status `refused`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Unanswered`] or [`Error::Garbled`] when Chakra cannot be asked.
    pub async fn verify_chakra_key(
        &self,
        scope: &Scope<perm::ChakraKeysWrite>,
        id: ChakraKeyId,
    ) -> Result<ChakraKey, Error> {
        scope.whole_tenant()?;
        self.verify(scope, id).await
    }

    /// [`App::verify_chakra_key`] for work that Portico does by itself.
    pub(crate) async fn verify(&self, scope: &TenantScope, id: ChakraKeyId) -> Result<ChakraKey, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(key) = self.verify_present(scope, id).await? {
                return Ok(key);
            }
        }
        Err(Error::Conflict {
            code: "changed_meanwhile",
            pointer: None,
            detail: "the key's token is being replaced; read the key again and repeat the call",
        })
    }

    /// Asks about the token that the key has now; none when it had another one when Chakra had answered.
    async fn verify_present(&self, scope: &TenantScope, id: ChakraKeyId) -> Result<Option<ChakraKey>, Error> {
        let key = self.open_chakra_key(scope, id).await?.ok_or(Error::Missing(Thing::ChakraKey))?;
        let token = self.token(scope, &key);
        let asked = self.chakra.call(operation("fetch_config"), &[], &[], None, token).await;

        let mut tx = self.shared.db.begin(scope).await?;
        let before = one(&mut tx, id).await?;
        match asked {
            Ok(_) | Err(CallError::KeyRefused) if !tx.holds_chakra_token(id, &key.fingerprint).await? => {
                return Ok(None);
            }
            Ok(config) => {
                let team_id = config.pointer("/team/id").and_then(Value::as_str);
                let team_name = config.pointer("/team/name").and_then(Value::as_str);
                let team = team_id.map(|id| self.shared.fingerprint_key.fingerprint("chakra-team", id).0);
                tx.chakra_key_verified(id, &key.fingerprint, team.as_ref().map(|team| &team[..]), team_name).await?;
                if let Some(team) = team {
                    tx.team_changed(&team).await?;
                }
            }
            Err(CallError::KeyRefused) => {
                tx.chakra_key_refused(id, &key.fingerprint).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("chakra_key.verify").to("chakra_key", id).from(&before).into(&key))
            .await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(Some(key))
    }

    /// A page of who used a key, the latest days first: a row for each caller and day. What a replica
    /// counted in the last quarter of a second may be missing.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Denied`] for a limited key, because others' uses are told.
    pub async fn chakra_key_uses(
        &self,
        scope: &Scope<perm::ChakraKeysRead>,
        id: ChakraKeyId,
        page: PageRequest<KeyUsePlace>,
    ) -> Result<Paged<ChakraKeyUse>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        one(&mut tx, id).await?;
        Ok(paged(tx.chakra_key_uses(id, page.into()).await?, |one| one.place.to_string()))
    }

    fn fingerprint(&self, token: &SecretString) -> [u8; 32] {
        self.shared.fingerprint_key.fingerprint("chakra-key", token.expose_secret()).0
    }
}

async fn one(tx: &mut TenantTx, id: ChakraKeyId) -> Result<ChakraKey, Error> {
    tx.chakra_key(id).await?.ok_or(Error::Missing(Thing::ChakraKey))
}
