//! Plugins: made, adopted, configured, synchronised and deleted, at Chakra and in our records alike.

mod configuration;
mod observe;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use portico_auth::{Scope, TenantScope};
use portico_chakra::client::CALL_LIMIT;
use portico_chakra::{CallError, Unanswered, operation};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Plugin, PluginId, PluginStatus};
use portico_storage::{NewPlugin, PluginRecord, StorageError, TenantTx};
use serde_json::{Value, json};

pub use configuration::{Configuration, ConfigurationState};
pub(crate) use observe::{Observed, reduce_auth};

use crate::audit::Change;
use crate::error::{Error, Thing};
use crate::keys::OpenChakraKey;
use crate::paging::{PageRequest, Paged, paged};
use crate::start::App;

/// How many plugins a refresh asks Chakra about at once.
const AT_ONCE: usize = 4;

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

impl App {
    /// Makes a plugin at Chakra and records it; or records one that Chakra has for the tenant's key
    /// and no other tenant owns.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] for the customer, or for a plugin to adopt that Chakra does not know or that
    /// is not to be had; what Chakra fails with.
    pub async fn create_plugin(&self, scope: &Scope<perm::PluginsWrite>, new: CreatePlugin) -> Result<Plugin, Error> {
        scope.not_only_numbers()?;
        let mut tx = self.shared.db.begin(scope).await?;
        let customer =
            tx.customer(scope.reach().customers(), new.customer).await?.ok_or(Error::Missing(Thing::Customer))?;
        tx.commit().await?;
        let id = if let Some(id) = new.adopt {
            self.adopt(scope, new.customer, id).await?;
            id
        } else {
            let name = new.name.unwrap_or_else(|| plugin_name(customer.external_id.as_str()));
            self.make_plugin(scope, new.customer, &name).await?
        };
        Ok(self.record(scope, id).await?.plugin)
    }

    /// Makes a plugin at Chakra and records it. When the record cannot be written, the plugin is
    /// deleted again: nobody would know of it.
    pub(crate) async fn make_plugin(
        &self,
        scope: &TenantScope,
        customer: CustomerId,
        name: &str,
    ) -> Result<PluginId, Error> {
        let key = self.default_chakra_key(scope).await?;
        let body = json!({ "type": "whatsapp", "name": name });
        let made = self.chakra.call(operation("create_plugin"), &[], &[], Some(&body), self.token(scope, &key)).await;
        let made = made.map_err(|error| self.chakra_failed(scope, &key, error))?;
        let id = made.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(Error::Garbled)?;
        self.record_made(scope, &key, customer, id, name).await?;
        Ok(id)
    }

    /// Records a plugin that Chakra just made, or undoes it.
    pub(crate) async fn record_made(
        &self,
        scope: &TenantScope,
        key: &Arc<OpenChakraKey>,
        customer: CustomerId,
        id: PluginId,
        name: &str,
    ) -> Result<(), Error> {
        let recorded = self.insert_plugin(scope, &NewPlugin { id, customer, name: name.to_owned() }).await;
        // One that is recorded already, here or with another tenant, is not ours to delete.
        if recorded.as_ref().is_err_and(|error| !matches!(error, Error::Garbled)) {
            let undone = self
                .chakra
                .call(operation("delete_plugin"), &[("pluginId", &id.to_string())], &[], None, self.token(scope, key))
                .await;
            if undone.is_err() {
                tracing::error!(tenant.id = %scope.tenant(), plugin.id = %id, "a plugin was made at Chakra but neither recorded nor deleted");
            }
        }
        recorded
    }

    async fn insert_plugin(&self, scope: &TenantScope, new: &NewPlugin) -> Result<(), Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        if tx.plugin_is_taken(new.id).await? || tx.owner_of_plugin(new.id).await?.is_some() {
            return Err(Error::Garbled);
        }
        tx.insert_plugin(new).await?;
        let plugin = plugin_record(&mut tx, scope, new.id).await?.plugin;
        self.audit(&mut tx, scope, Change::of("plugin.create").to("plugin", new.id).into(&plugin)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(())
    }

    async fn adopt(&self, scope: &TenantScope, customer: CustomerId, id: PluginId) -> Result<(), Error> {
        scope.whole_tenant()?;
        // Chakra is asked first, and asked in any case, so that the answer for another tenant's plugin
        // is that for none.
        let key = self.default_chakra_key(scope).await?;
        let seen = self.ask_plugin(scope, &key, id).await?;
        let mut tx = self.shared.db.begin(scope).await?;
        if tx.plugin_is_taken(id).await? {
            return Err(Error::Missing(Thing::Plugin));
        }
        if tx.owner_of_plugin(id).await?.is_some() {
            return Err(Error::Conflict {
                code: "plugin_exists",
                pointer: Some("/plugin_id"),
                detail: "this plugin is recorded already; see GET /api/v1/plugins/{plugin_id}",
            });
        }
        tx.insert_plugin(&NewPlugin { id, customer, name: seen.plugin.name.clone() }).await?;
        seen.write(&mut tx, id).await?;
        let plugin = plugin_record(&mut tx, scope, id).await?.plugin;
        self.audit(&mut tx, scope, Change::of("plugin.adopt").to("plugin", id).into(&plugin)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(())
    }

    /// A page of the plugins within reach, or of one customer.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn plugins(
        &self,
        scope: &Scope<perm::PluginsRead>,
        customer: Option<CustomerId>,
        page: PageRequest<PluginId>,
    ) -> Result<Paged<Plugin>, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.plugins(scope.reach().customers(), customer, page.into()).await?;
        Ok(paged(rows, |plugin| plugin.id.to_string()))
    }

    /// One plugin within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn plugin(&self, scope: &Scope<perm::PluginsRead>, id: PluginId) -> Result<Plugin, Error> {
        Ok(self.record(scope, id).await?.plugin)
    }

    /// Deletes a plugin at Chakra, and then its record. When Chakra fails, the record stays, because
    /// the number stays bound.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; what Chakra fails with.
    pub async fn delete_plugin(&self, scope: &Scope<perm::PluginsWrite>, id: PluginId) -> Result<(), Error> {
        scope.not_only_numbers()?;
        self.record(scope, id).await?;
        let key = self.default_chakra_key(scope).await?;
        let done = self
            .chakra
            .call(operation("delete_plugin"), &[("pluginId", &id.to_string())], &[], None, self.token(scope, &key))
            .await;
        match done {
            Ok(_) | Err(CallError::Missing) => self.forget_plugin(scope, id).await,
            Err(error) => Err(self.chakra_failed(scope, &key, error)),
        }
    }

    /// Deletes the record of a plugin that Chakra no longer has.
    pub(crate) async fn forget_plugin(&self, scope: &TenantScope, id: PluginId) -> Result<(), Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let before = tx.plugin(None, id).await?.map(|record| record.plugin);
        tx.delete_plugin(id).await?;
        if before.is_some() {
            self.audit(&mut tx, scope, Change::of("plugin.delete").to("plugin", id).from(&before)).await?;
        }
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(())
    }

    /// Asks Chakra for a plugin's state, WABAs, numbers and configuration, and writes it all down.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when it is not ours, or no longer Chakra's (then its status says `missing`).
    pub async fn sync_plugin(&self, scope: &Scope<perm::PluginsWrite>, id: PluginId) -> Result<Plugin, Error> {
        scope.not_only_numbers()?;
        let before = self.record(scope, id).await?.plugin;
        let key = self.default_chakra_key(scope).await?;
        let seen = self.ask_if_there(scope, &key, id).await?;
        let configuration = match &seen {
            Some(_) => Some(self.ask_configuration(scope, &key, id).await?),
            None => None,
        };
        let mut tx = self.shared.db.begin(scope).await?;
        note(&mut tx, id, seen).await?;
        if let Some(configuration) = &configuration {
            tx.set_observed(id, &configuration.to_chakra()).await?;
        }
        let after = plugin_record(&mut tx, scope, id).await?.plugin;
        let change = Change::of("plugin.sync").to("plugin", id).from(&before).into(&after);
        self.audit(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        configuration.ok_or(Error::Missing(Thing::Plugin))?;
        Ok(self.record(scope, id).await?.plugin)
    }

    /// Asks Chakra for the state, WABAs and numbers of some plugins, and writes it all down at once:
    /// all of it, or nothing when any of it could not be had.
    ///
    /// # Errors
    ///
    /// What Chakra fails with; [`Unanswered::Timeout`] when it all takes longer than one call may.
    pub(crate) async fn refresh_plugins(
        &self,
        scope: &Scope<perm::PluginsWrite>,
        plugins: BTreeSet<PluginId>,
    ) -> Result<(), Error> {
        if plugins.is_empty() {
            return Ok(());
        }
        let key = self.default_chakra_key(scope).await?;
        let ask = |id| {
            let key = &key;
            async move { Ok::<_, Error>((id, self.ask_if_there(scope, key, id).await?)) }
        };
        let asked = stream::iter(plugins).map(ask).buffered(AT_ONCE).try_collect::<Vec<_>>();
        let seen = tokio::time::timeout(CALL_LIMIT, asked).await.map_err(|_| Unanswered::Timeout)??;
        let mut tx = self.shared.db.begin(scope).await?;
        for (id, seen) in seen {
            note(&mut tx, id, seen).await?;
        }
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
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
            Err(Error::Missing(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Asks Chakra for a plugin and the details of its WABAs and numbers.
    async fn ask_plugin(&self, scope: &TenantScope, key: &Arc<OpenChakraKey>, id: PluginId) -> Result<Observed, Error> {
        let text = id.to_string();
        let failed = |error| self.chakra_failed(scope, key, error);
        let named = [("pluginId", text.as_str())];
        let plugin = self
            .chakra
            .call(operation("get_plugin"), &named, &[], None, self.token(scope, key))
            .await
            .map_err(failed)?;
        let mut seen = Observed::read(&plugin).ok_or(Error::Garbled)?;
        if seen.numbers.is_empty() {
            return Ok(seen);
        }
        // The plugin is there, so a list that is not found says nothing of it.
        let failed = |error| if matches!(error, CallError::Missing) { Error::Garbled } else { failed(error) };
        let numbers =
            self.chakra.call(operation("list_whatsapp_phone_numbers"), &[], &named, None, self.token(scope, key));
        seen.add_numbers(&numbers.await.map_err(failed)?);
        let wabas =
            self.chakra.call(operation("list_whatsapp_business_accounts"), &[], &named, None, self.token(scope, key));
        seen.add_wabas(&wabas.await.map_err(failed)?);
        Ok(seen)
    }

    pub(crate) async fn record(&self, scope: &TenantScope, id: PluginId) -> Result<PluginRecord, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        plugin_record(&mut tx, scope, id).await
    }

    /// What a failed call of Portico's own means for the caller; a refused key is marked.
    pub(crate) fn chakra_failed(&self, scope: &TenantScope, key: &OpenChakraKey, error: CallError) -> Error {
        if matches!(error, CallError::KeyRefused) {
            self.shared.key_refused(scope.tenant(), key);
        }
        error.into()
    }
}

/// Writes down what Chakra said of a plugin; nothing: that it is missing there.
async fn note(tx: &mut TenantTx, id: PluginId, seen: Option<Observed>) -> Result<(), StorageError> {
    match seen {
        Some(seen) => seen.write(tx, id).await,
        None => tx.set_plugin_status(id, PluginStatus::Missing).await,
    }
}

async fn plugin_record(tx: &mut TenantTx, scope: &TenantScope, id: PluginId) -> Result<PluginRecord, Error> {
    tx.plugin(scope.reach().customers(), id).await?.ok_or(Error::Missing(Thing::Plugin))
}

/// A name that Chakra's clients are known to use: letters, digits, `-` and `_`, at most 48.
pub(crate) fn plugin_name(text: &str) -> String {
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
