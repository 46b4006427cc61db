//! Hooks of plugins, as the management API handles them: made, replaced with an overlap, and shown.

use portico_auth::{Scope, TenantScope};
use portico_core::audit::Change;
use portico_core::{Core, Error as CoreError, Thing};
use portico_domain::permission::perm;
use portico_domain::{HookId, Overlap, PluginId};
use portico_storage::{NewHook, StoredHook, TenantTx};
use portico_vault::{BrowserToken, ExposeSecret as _};
use serde_json::json;
use time::OffsetDateTime;

use crate::Error;
use crate::sealed::{ADDRESS, SealedValue};

/// Where the paths of hooks begin.
pub const HOOKS_PATH: &str = "/hooks/chakra/";
/// How often hooks are read anew whose data key somebody replaces at the same moment.
const ATTEMPTS: u32 = 5;
/// What the hashes of addresses are for.
const PURPOSE: &str = "hook";

/// The hash by which a hook is found; none for a text that is no address.
#[must_use]
pub fn address_hash(address: &str) -> Option<[u8; 32]> {
    BrowserToken::parse(address).map(|token| token.hash(PURPOSE).0)
}

/// A hook that is in force.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub id: HookId,
    /// The path that Chakra posts to.
    pub path: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends; none: it is in force until it is replaced.
    pub expires_at: Option<OffsetDateTime>,
    /// When the first event came; none: none yet.
    pub first_event_at: Option<OffsetDateTime>,
}

/// Hooks of plugins. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hooks {
    core: Core,
}

impl Hooks {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// The plugin's hooks that are in force, newest first: at most two, and none before one is made.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] for a plugin beyond the caller's reach; [`CoreError::VaultUnavailable`].
    pub async fn list(&self, scope: &Scope<perm::WebhooksRead>, plugin: PluginId) -> Result<Vec<Hook>, Error> {
        self.opened(scope, plugin).await
    }

    /// Makes the plugin's hook unless it has one; whether it was made, and what is in force.
    ///
    /// # Errors
    ///
    /// As [`Hooks::list`].
    pub async fn ensure(
        &self,
        scope: &Scope<perm::WebhooksWrite>,
        plugin: PluginId,
    ) -> Result<(bool, Vec<Hook>), Error> {
        let now = self.core.clock.now();
        let mut tx = self.core.db.begin(scope).await?;
        owned(&mut tx, scope, plugin).await?;
        let is_missing = !tx.hooks_of(plugin, now).await?.iter().any(|hook| hook.expires_at.is_none());
        drop(tx);
        if is_missing {
            self.replace(scope, plugin, None).await?;
        }
        Ok((is_missing, self.opened(scope, plugin).await?))
    }

    /// Gives the plugin another hook; the present one ends when the overlap is over, and an older one at once.
    ///
    /// # Errors
    ///
    /// As [`Hooks::list`].
    pub async fn rotate(
        &self,
        scope: &Scope<perm::WebhooksWrite>,
        plugin: PluginId,
        overlap: Overlap,
    ) -> Result<Vec<Hook>, Error> {
        owned(&mut self.core.db.begin(scope).await?, scope, plugin).await?;
        self.replace(scope, plugin, Some(overlap)).await?;
        self.opened(scope, plugin).await
    }

    /// Makes a hook: in place of the others, or unless there is one.
    async fn replace(
        &self,
        scope: &Scope<perm::WebhooksWrite>,
        plugin: PluginId,
        overlap: Option<Overlap>,
    ) -> Result<(), Error> {
        let (tenant, now) = (scope.tenant(), self.core.clock.now());
        let (id, token) = (HookId::generate(), BrowserToken::generate(&mut rand::rng()));
        let (mut tx, key) = self.core.vault.begin_sealing(tenant).await?;
        if !tx.lock_plugin(plugin).await? {
            return Err(CoreError::Missing(Thing::Plugin).into());
        }
        let present = tx.hooks_of(plugin, now).await?;
        let action = match overlap {
            None if present.iter().any(|hook| hook.expires_at.is_none()) => return Ok(()),
            None => "hook.create",
            Some(overlap) => {
                // Of those that are replaced already, none goes on: two are in force at most.
                tx.end_replaced_hooks(plugin).await?;
                tx.end_hooks(plugin, now + overlap.duration(), now).await?;
                "hook.rotate"
            }
        };
        let address = ADDRESS.seal(&key, tenant, &id.to_string(), &token.expose().into());
        tx.insert_hook(&NewHook { id, plugin, address_hash: token.hash(PURPOSE).0, address }).await?;
        let change = json!({"plugin_id": plugin, "hook_id": id});
        self.core.audit.record(&mut tx, scope, Change::of(action).to("hook", id).into(&change)).await?;
        tx.commit().await?;
        self.core.validity.changed(tenant);
        Ok(())
    }

    async fn opened(&self, scope: &TenantScope, plugin: PluginId) -> Result<Vec<Hook>, Error> {
        for _ in 0..ATTEMPTS {
            let mut tx = self.core.db.begin(scope).await?;
            owned(&mut tx, scope, plugin).await?;
            let mut sealed = Vec::new();
            for hook in tx.hooks_of(plugin, self.core.clock.now()).await? {
                let address = SealedValue::read(&mut tx, ADDRESS, hook.id, hook.address.clone()).await?;
                sealed.push((hook, address));
            }
            tx.commit().await?;
            if let Some(hooks) = self.open_all(scope, sealed).await? {
                return Ok(hooks);
            }
        }
        Err(Error::DataKeyReplaced)
    }

    async fn open_all(
        &self,
        scope: &TenantScope,
        sealed: Vec<(StoredHook, SealedValue)>,
    ) -> Result<Option<Vec<Hook>>, Error> {
        let mut hooks = Vec::with_capacity(sealed.len());
        for (hook, address) in sealed {
            let Some(address) = address.open(&self.core, scope.tenant()).await? else { return Ok(None) };
            let path = format!("{HOOKS_PATH}{}", address.expose_secret());
            let StoredHook { id, created_at, expires_at, first_event_at, .. } = hook;
            hooks.push(Hook { id, path, created_at, expires_at, first_event_at });
        }
        Ok(Some(hooks))
    }
}

/// Fails unless the plugin is within the caller's reach, as a whole.
async fn owned(tx: &mut TenantTx, scope: &TenantScope, plugin: PluginId) -> Result<(), Error> {
    let owner = tx.owner_of_plugin(plugin).await?;
    if !owner.is_some_and(|owner| scope.reach().covers_customer(owner.customer)) {
        return Err(CoreError::Missing(Thing::Plugin).into());
    }
    // A hook is of all numbers of the plugin.
    Ok(scope.not_only_numbers()?)
}
