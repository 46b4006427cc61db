//! Plugins: made, adopted, configured, synchronised and deleted, at Chakra and in our records alike.

mod configuration;
mod observe;
mod record;
mod repeated;
mod reread;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use portico_auth::{Reach, Scope, TenantScope};
use portico_chakra::client::CALL_TIMEOUT;
use portico_chakra::{CallError, UpstreamError};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Plugin, PluginId, PluginStatus, WabaId};
use portico_storage::{NewPlugin, StorageError, TenantTx};
use serde_json::{Value, json};

pub use configuration::{ConfigurationState, PluginConfiguration, PluginConfigurations};
pub use observe::{Observed, reduce_auth};

use self::repeated::Written;
use crate::Error;
use crate::chakra_calls::{ChakraCalls, Named};
use crate::chakra_keys::OpenChakraKey;
use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};
use reread::Rereads;

/// How many plugins a refresh asks Chakra about at once.
const AT_ONCE: usize = 4;

/// What came of writing a new plugin's record.
#[derive(Debug)]
enum Insertion {
    /// It is recorded now.
    Done,
    /// It was before, here or with another tenant.
    RecordedAlready,
    /// It is not.
    Failed(Error),
    /// The commit gave no answer.
    OutcomeUnknown(Error),
}

/// A plugin to be.
#[derive(Debug, Clone)]
pub struct CreatePlugin {
    /// Whose it will be.
    pub customer: CustomerId,
    /// Its name at Chakra; none: the customer's external id.
    pub name: Option<String>,
    /// A plugin that exists at Chakra already, instead of a new one.
    pub adopt: Option<PluginId>,
}

/// Plugins: made, adopted, synchronised and deleted, at Chakra and in our records alike. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Plugins {
    core: Core,
    chakra: ChakraCalls,
    configurations: PluginConfigurations,
    rereads: Arc<Rereads>,
    written: Arc<Written>,
}

impl Plugins {
    pub(crate) fn new(core: &Core, chakra: &ChakraCalls, configurations: &PluginConfigurations) -> Self {
        Self {
            core: core.clone(),
            chakra: chakra.clone(),
            configurations: configurations.clone(),
            rereads: Arc::default(),
            written: Arc::default(),
        }
    }

    /// Makes a plugin at Chakra and records it; or records one that Chakra has for the tenant's key
    /// and no other tenant owns.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] for the customer, or for a plugin to adopt that Chakra does not know or that
    /// is not to be had; [`CoreError::Conflict`] for one to adopt while another tenant may be in the Chakra team; what
    /// Chakra fails with.
    pub async fn create(&self, scope: &Scope<perm::PluginsWrite>, new: CreatePlugin) -> Result<Plugin, Error> {
        scope.not_only_numbers()?;
        let mut tx = self.core.db.begin(scope).await?;
        let customer =
            tx.customer(scope.reach().customers(), new.customer).await?.ok_or(CoreError::Missing(Thing::Customer))?;
        tx.commit().await?;
        let id = if let Some(id) = new.adopt {
            self.adopt(scope, new.customer, id).await?;
            id
        } else {
            let name = new.name.unwrap_or_else(|| plugin_name(customer.external_id.as_str()));
            self.make(scope, new.customer, &name).await?
        };
        Ok(record::find(&self.core.db, scope, id).await?.plugin)
    }

    /// Makes a plugin at Chakra and records it. When the record cannot be written, the plugin is
    /// deleted again: nobody would know of it.
    ///
    /// # Errors
    ///
    /// What Chakra fails with; [`CoreError::Database`].
    pub async fn make(&self, scope: &TenantScope, customer: CustomerId, name: &str) -> Result<PluginId, Error> {
        let key = self.chakra.key(scope).await?;
        let body = json!({ "type": "whatsapp", "name": name });
        let made = self.chakra.call(scope, &key, "create_plugin", Named::default(), Some(&body)).await;
        let made = made.map_err(|error| self.chakra.failed(scope, &key, error))?;
        let id =
            made.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(Error::UpstreamMalformed)?;
        self.record_made(scope, &key, customer, id, name).await?;
        Ok(id)
    }

    /// Records a plugin that Chakra just made. When that certainly fails, the plugin is deleted at Chakra again,
    /// because nobody would know of it; when it may have succeeded, the record is looked for and written once more.
    ///
    /// # Errors
    ///
    /// [`Error::PluginIdTaken`]; [`CoreError::Database`].
    pub async fn record_made(
        &self,
        scope: &TenantScope,
        key: &OpenChakraKey,
        customer: CustomerId,
        id: PluginId,
        name: &str,
    ) -> Result<(), Error> {
        let new = NewPlugin { id, customer, name: name.to_owned() };
        let recorded = match self.insert(scope, &new).await {
            Insertion::OutcomeUnknown(error) => {
                tracing::warn!(plugin.id = %id, %error, "whether a new plugin was recorded is not known; it is looked for");
                match self.insert(scope, &new).await {
                    // The first attempt had succeeded; unless somebody else adopted it meanwhile.
                    Insertion::RecordedAlready if self.is_recorded_for(scope, id, customer).await? => return Ok(()),
                    again => again,
                }
            }
            first => first,
        };
        match recorded {
            Insertion::Done => Ok(()),
            // Not ours to delete, and no id that Chakra could have made just now.
            Insertion::RecordedAlready => Err(Error::PluginIdTaken),
            Insertion::Failed(error) => {
                if self.delete_at_chakra(scope, key, id).await.is_err() {
                    tracing::error!(tenant.id = %scope.tenant(), plugin.id = %id, "a plugin was made at Chakra but neither recorded nor deleted; adopt it with POST /api/v1/plugins");
                }
                Err(error)
            }
            Insertion::OutcomeUnknown(error) => {
                tracing::error!(tenant.id = %scope.tenant(), plugin.id = %id, "a plugin was made at Chakra and may not be recorded; adopt it with POST /api/v1/plugins");
                Err(error)
            }
        }
    }

    /// Whether the plugin is recorded in the scope's own tenant, for that customer.
    async fn is_recorded_for(&self, scope: &TenantScope, id: PluginId, customer: CustomerId) -> Result<bool, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let owner = tx.owner_of_plugin(id).await?;
        tx.commit().await?;
        Ok(owner.is_some_and(|owner| owner.customer == customer))
    }

    async fn delete_at_chakra(
        &self,
        scope: &TenantScope,
        key: &OpenChakraKey,
        id: PluginId,
    ) -> Result<Value, CallError> {
        let id = id.to_string();
        let named = Named { path: &[("pluginId", &id)], ..Named::default() };
        self.chakra.call(scope, key, "delete_plugin", named, None).await
    }

    async fn insert(&self, scope: &TenantScope, new: &NewPlugin) -> Insertion {
        let tx = match self.insert_uncommitted(scope, new).await {
            Ok(Some(tx)) => tx,
            Ok(None) => return Insertion::RecordedAlready,
            Err(error) => return Insertion::Failed(error),
        };
        match tx.commit().await {
            Ok(()) => {
                self.core.validity.changed(scope.tenant());
                Insertion::Done
            }
            Err(error) => Insertion::OutcomeUnknown(error.into()),
        }
    }

    /// The transaction with the new record; none when the plugin is recorded already, here or with another tenant.
    async fn insert_uncommitted(&self, scope: &TenantScope, new: &NewPlugin) -> Result<Option<TenantTx>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        if tx.plugin_is_taken(new.id).await? || tx.owner_of_plugin(new.id).await?.is_some() {
            return Ok(None);
        }
        tx.insert_plugin(new).await?;
        let plugin = record::find_in(&mut tx, scope, new.id).await?.plugin;
        self.core.audit.record(&mut tx, scope, Change::of("plugin.create").to("plugin", new.id).into(&plugin)).await?;
        Ok(Some(tx))
    }

    async fn adopt(&self, scope: &TenantScope, customer: CustomerId, id: PluginId) -> Result<(), Error> {
        scope.whole_tenant()?;
        // Chakra is asked first, and asked in any case, so that the answer for another tenant's plugin
        // is that for none.
        let key = self.chakra.key(scope).await?;
        if !key.team_is_own {
            return Err(CoreError::Conflict {
                code: code::TEAM_WIDE_REFUSED,
                pointer: Some("/plugin_id"),
                detail: "cannot be recorded while another tenant may be in the Chakra team: it may be theirs; make a new plugin by its name",
            }
            .into());
        }
        let seen = self.ask_plugin(scope, &key, id).await?;
        let mut tx = self.core.db.begin(scope).await?;
        if tx.plugin_is_taken(id).await? {
            return Err(CoreError::Missing(Thing::Plugin).into());
        }
        if tx.owner_of_plugin(id).await?.is_some() {
            return Err(CoreError::Conflict {
                code: code::PLUGIN_EXISTS,
                pointer: Some("/plugin_id"),
                detail: "this plugin is recorded already; see GET /api/v1/plugins/{plugin_id}",
            }
            .into());
        }
        tx.insert_plugin(&NewPlugin { id, customer, name: seen.plugin.name.clone() }).await?;
        seen.write(&mut tx, scope.reach(), id).await?;
        let plugin = record::find_in(&mut tx, scope, id).await?.plugin;
        self.core.audit.record(&mut tx, scope, Change::of("plugin.adopt").to("plugin", id).into(&plugin)).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }

    /// A page of the plugins within reach, or of one customer.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn list(
        &self,
        scope: &Scope<perm::PluginsRead>,
        customer: Option<CustomerId>,
        page: PageRequest<PluginId>,
    ) -> Result<Paged<Plugin>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.plugins(scope.reach().customers(), customer, page.into()).await?;
        Ok(paged(rows, |plugin| plugin.id.to_string()))
    }

    /// One plugin within reach.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn get(&self, scope: &Scope<perm::PluginsRead>, id: PluginId) -> Result<Plugin, Error> {
        Ok(record::find(&self.core.db, scope, id).await?.plugin)
    }

    /// Deletes a plugin at Chakra, and then its record. When Chakra fails, the record stays, because
    /// the number stays bound.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; what Chakra fails with.
    pub async fn delete(&self, scope: &Scope<perm::PluginsWrite>, id: PluginId) -> Result<(), Error> {
        scope.not_only_numbers()?;
        record::find(&self.core.db, scope, id).await?;
        let key = self.chakra.key(scope).await?;
        match self.delete_at_chakra(scope, &key, id).await {
            Ok(_) | Err(CallError::NotFound) => self.forget(scope, id).await,
            Err(error) => Err(self.chakra.failed(scope, &key, error)),
        }
    }

    /// Deletes the record of a plugin that Chakra no longer has.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn forget(&self, scope: &TenantScope, id: PluginId) -> Result<(), Error> {
        self.written.forget(scope.tenant(), id);
        let mut tx = self.core.db.begin(scope).await?;
        let before = tx.plugin(None, id).await?.map(|record| record.plugin);
        tx.delete_plugin(id).await?;
        if before.is_some() {
            self.core.audit.record(&mut tx, scope, Change::of("plugin.delete").to("plugin", id).from(&before)).await?;
        }
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }

    /// Asks Chakra for a plugin's state, WABAs, numbers and configuration, and writes it all down.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] when it is not ours, or no longer Chakra's (then its status says `missing`).
    pub async fn sync(&self, scope: &Scope<perm::PluginsWrite>, id: PluginId) -> Result<Plugin, Error> {
        scope.not_only_numbers()?;
        let before = record::find(&self.core.db, scope, id).await?.plugin;
        let key = self.chakra.key(scope).await?;
        let seen = self.ask_if_there(scope, &key, id).await?;
        let configuration = match &seen {
            Some(_) => Some(self.configurations.ask(scope, &key, id).await?),
            None => None,
        };
        let mut tx = self.core.db.begin(scope).await?;
        note(&mut tx, scope.reach(), id, seen).await?;
        if let Some(configuration) = &configuration {
            tx.set_observed(id, &configuration.to_chakra()).await?;
        }
        let after = record::find_in(&mut tx, scope, id).await?.plugin;
        let change = Change::of("plugin.sync").to("plugin", id).from(&before).into(&after);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        configuration.ok_or(CoreError::Missing(Thing::Plugin))?;
        Ok(record::find(&self.core.db, scope, id).await?.plugin)
    }

    /// Asks Chakra for the state, WABAs and numbers of some plugins, and writes it all down at once:
    /// all of it, or nothing when any of it could not be had.
    ///
    /// # Errors
    ///
    /// What Chakra fails with; [`UpstreamError::Timeout`] when it all takes longer than one call may.
    pub(crate) async fn refresh(
        &self,
        scope: &Scope<perm::PluginsWrite>,
        plugins: BTreeSet<PluginId>,
    ) -> Result<(), Error> {
        if plugins.is_empty() {
            return Ok(());
        }
        let key = self.chakra.key(scope).await?;
        let ask = |id| {
            let key = &key;
            async move { Ok::<_, Error>((id, self.ask_if_there(scope, key, id).await?)) }
        };
        let asked = stream::iter(plugins).map(ask).buffered(AT_ONCE).try_collect::<Vec<_>>();
        let seen = tokio::time::timeout(CALL_TIMEOUT, asked).await.map_err(|_| UpstreamError::Timeout)??;
        let mut tx = self.core.db.begin(scope).await?;
        for (id, seen) in seen {
            note(&mut tx, scope.reach(), id, seen).await?;
        }
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }

    /// What Chakra says of a plugin; nothing when it no longer has it.
    async fn ask_if_there(
        &self,
        scope: &TenantScope,
        key: &Arc<OpenChakraKey>,
        id: PluginId,
    ) -> Result<Option<Observed>, Error> {
        match self.ask_plugin(scope, key, id).await {
            Err(Error::Core(CoreError::Missing(_))) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Asks Chakra for a plugin and the details of its WABAs and numbers.
    async fn ask_plugin(&self, scope: &TenantScope, key: &Arc<OpenChakraKey>, id: PluginId) -> Result<Observed, Error> {
        // Whatever comes of this is written.
        self.written.forget(scope.tenant(), id);
        let text = id.to_string();
        let failed = |error| self.chakra.failed(scope, key, error);
        let named = [("pluginId", text.as_str())];
        let (in_path, in_query) = (Named { path: &named, query: &[] }, Named { path: &[], query: &named });
        let plugin = self.chakra.call(scope, key, "get_plugin", in_path, None).await.map_err(failed)?;
        let mut seen = Observed::read(&plugin).ok_or(Error::UpstreamMalformed)?;
        if seen.numbers.is_empty() {
            return Ok(seen);
        }
        // The plugin is there, so a list that is not found says nothing of it.
        let failed =
            |error| if matches!(error, CallError::NotFound) { Error::UpstreamMalformed } else { failed(error) };
        let numbers = self.chakra.call(scope, key, "list_whatsapp_phone_numbers", in_query, None);
        seen.add_numbers(&numbers.await.map_err(failed)?);
        let wabas = self.chakra.call(scope, key, "list_whatsapp_business_accounts", in_query, None);
        seen.add_wabas(&wabas.await.map_err(failed)?);
        Ok(seen)
    }

    /// Writes what Chakra said of a plugin on the compatible surface.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn observed(&self, scope: &TenantScope, plugin: PluginId, seen: Observed) -> Result<(), Error> {
        let (tenant, now) = (scope.tenant(), self.core.clock.instant());
        let digest = self.written.digest(scope.reach(), &seen);
        if self.written.is_repeat(tenant, plugin, digest, now) {
            return Ok(());
        }
        let mut tx = self.core.db.begin(scope).await?;
        seen.write(&mut tx, scope.reach(), plugin).await?;
        tx.commit().await?;
        self.core.validity.changed(tenant);
        self.written.wrote(tenant, plugin, digest, now);
        Ok(())
    }

    /// Takes a WABA out of the records that Chakra disconnected on the compatible surface.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn disconnected(&self, scope: &TenantScope, plugin: PluginId, waba: &WabaId) -> Result<(), Error> {
        self.written.forget(scope.tenant(), plugin);
        let mut tx = self.core.db.begin(scope).await?;
        tx.delete_waba(waba).await?;
        if tx.count_wabas(plugin).await? == 0 {
            tx.set_plugin_status(plugin, PluginStatus::Disconnected).await?;
        }
        self.core.audit.record(&mut tx, scope, Change::of("waba.disconnect").to("waba", waba)).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }
}

/// Writes down what Chakra said of a plugin; nothing: that it is missing there.
async fn note(tx: &mut TenantTx, reach: &Reach, id: PluginId, seen: Option<Observed>) -> Result<(), StorageError> {
    match seen {
        Some(seen) => seen.write(tx, reach, id).await,
        None => tx.set_plugin_status(id, PluginStatus::Missing).await,
    }
}

/// A name that Chakra's clients are known to use: letters, digits, `-` and `_`, at most 48.
fn plugin_name(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = text.chars().take(48).map(safe).collect();
    if name.is_empty() { "customer".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::plugin_name;

    #[test]
    fn a_plugins_name_is_made_of_safe_characters() {
        assert_eq!(plugin_name("Shop 42/ä"), "Shop-42--");
        assert_eq!(plugin_name(&"x".repeat(60)).len(), 48);
    }
}
