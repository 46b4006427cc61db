//! A plugin's configuration: what the tenant wants and what Chakra has.

use std::sync::Arc;

use portico_auth::{Scope, TenantScope};
use portico_domain::PluginId;
use portico_domain::permission::perm;
use portico_domain::settings::HttpsUrl;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::record;
use crate::Error;
use crate::chakra_calls::{ChakraCalls, Named};
use crate::chakra_keys::OpenChakraKey;
use portico_core::Core;
use portico_core::audit::Change;

/// The settings of a plugin that a tenant may choose; absent: not chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginConfiguration {
    /// Where Meta-format events go: an https URL; null switches them off.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<HttpsUrl>)]
    pub pass_through_webhook_url: Option<Option<WebhookUrl>>,
    /// Also send message echoes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_echoes: Option<bool>,
    /// Also send an event for template messages sent through Chakra.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_events: Option<bool>,
    /// Whether Chakra-format events are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chakra_webhook_enabled: Option<bool>,
    /// Where Chakra-format events go: an https URL; null switches them off.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<HttpsUrl>)]
    pub chakra_webhook_url: Option<Option<WebhookUrl>>,
    /// Which Chakra-format events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chakra_webhook_events: Option<Vec<ChakraEvent>>,
}

/// A kind of event in Chakra's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChakraEvent {
    /// A received message.
    Message,
    /// A status of a sent message.
    Status,
    /// An echo of a sent message.
    MessageEcho,
    /// An echo of a message typed on the phone.
    SmbMessageEcho,
}

/// Where events go: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

impl TryFrom<String> for WebhookUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let local = ["http://127.0.0.1", "http://localhost"]
            .iter()
            .any(|start| text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if (local && visible && text.len() <= 2_000) || HttpsUrl::try_from(text.clone()).is_ok() {
            Ok(Self(text))
        } else {
            Err("must be an https URL of at most 2000 characters")
        }
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0
    }
}

/// A configuration with both sides.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConfigurationState {
    /// What the tenant wants.
    pub desired: PluginConfiguration,
    /// What Chakra last said; none: never asked.
    pub observed: Option<PluginConfiguration>,
    /// Whether Chakra has everything that the tenant wants.
    pub in_sync: bool,
    /// Counts changes of what the tenant wants: the entity tag.
    #[serde(skip)]
    pub version: i64,
}

/// A field that is there, even if it is null.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things in a patch")]
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

const NAMES: [(&str, &str); 6] = [
    ("pass_through_webhook_url", "passThroughWebhookUrl"),
    ("message_echoes", "enableMessageEchoesForPassThroughWebhook"),
    ("template_events", "enableSendMessageTemplateEventForPassThroughWebhook"),
    ("chakra_webhook_enabled", "enableChakraWebhook"),
    ("chakra_webhook_url", "chakraWebhookUrl"),
    ("chakra_webhook_events", "whichChakraWebhookEventsToSend"),
];

impl PluginConfiguration {
    /// The fields under Chakra's names.
    pub(crate) fn to_chakra(&self) -> Value {
        let Ok(Value::Object(mut own)) = serde_json::to_value(self) else { return Value::Object(Map::new()) };
        let renamed = NAMES.iter().filter_map(|(ours, theirs)| Some(((*theirs).to_owned(), own.remove(*ours)?)));
        Value::Object(renamed.collect())
    }

    /// Reads Chakra's answer field by field; what cannot be read counts as not there.
    pub(crate) fn from_chakra(value: &Value) -> Self {
        let mut configuration = Self::default();
        for (ours, theirs) in NAMES {
            let Some(field) = value.get(theirs) else { continue };
            let one = Value::Object(Map::from_iter([(ours.to_owned(), field.clone())]));
            if let Ok(read) = serde_json::from_value::<Self>(one) {
                configuration = configuration.with(read);
            }
        }
        configuration
    }

    /// This configuration with the fields that `other` chooses in their place.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            pass_through_webhook_url: other.pass_through_webhook_url.or(self.pass_through_webhook_url),
            message_echoes: other.message_echoes.or(self.message_echoes),
            template_events: other.template_events.or(self.template_events),
            chakra_webhook_enabled: other.chakra_webhook_enabled.or(self.chakra_webhook_enabled),
            chakra_webhook_url: other.chakra_webhook_url.or(self.chakra_webhook_url),
            chakra_webhook_events: other.chakra_webhook_events.or(self.chakra_webhook_events),
        }
    }
}

/// A change of what the tenant wants. What follows a question mark in an address may be a secret.
fn configured(id: PluginId, before: &Value, after: &PluginConfiguration) -> Change {
    let shown = |mut configuration: Value| {
        for field in configuration.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
            if let Some((address, _)) = field.as_str().and_then(|text| text.split_once('?')) {
                *field = Value::String(format!("{address}?…"));
            }
        }
        configuration
    };
    let (before, after) = (shown(before.clone()), shown(after.to_chakra()));
    Change::of("plugin_configuration.change").to("plugin", id).from(&before).into(&after)
}

fn state(record: &portico_storage::PluginRecord) -> ConfigurationState {
    let desired = PluginConfiguration::from_chakra(&record.desired);
    let observed = record.observed.as_ref().map(PluginConfiguration::from_chakra);
    let in_sync = observed.as_ref().is_some_and(|observed| observed.clone().with(desired.clone()) == *observed);
    ConfigurationState { desired, observed, in_sync, version: record.version }
}

/// Configurations of plugins: what the tenant wants and what Chakra has.
#[derive(Debug, Clone)]
pub struct PluginConfigurations {
    core: Core,
    chakra: ChakraCalls,
}

impl PluginConfigurations {
    pub(crate) fn new(core: &Core, chakra: &ChakraCalls) -> Self {
        Self { core: core.clone(), chakra: chakra.clone() }
    }

    /// A plugin's configuration; Chakra is asked for its side.
    ///
    /// # Errors
    ///
    /// [`portico_core::Error::Missing`]; what Chakra fails with.
    pub async fn get(&self, scope: &Scope<perm::PluginsRead>, id: PluginId) -> Result<ConfigurationState, Error> {
        record::find(&self.core.db, scope, id).await?;
        let key = self.chakra.key(scope).await?;
        let observed = self.ask(scope, &key, id).await?;
        self.observed_configuration(scope, id, &observed).await
    }

    /// Changes what the tenant wants, tells Chakra, and reads back what it has. `if_match` is the
    /// version that the caller read; `-1` stands for any.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionRequired`] without, [`Error::PreconditionFailed`] with a stale version;
    /// when Chakra fails, what is wanted stays recorded and `in_sync` says that it does not hold.
    pub async fn patch(
        &self,
        scope: &Scope<perm::PluginsWrite>,
        id: PluginId,
        if_match: Option<i64>,
        patch: PluginConfiguration,
    ) -> Result<ConfigurationState, Error> {
        scope.not_only_numbers()?;
        let record = record::find(&self.core.db, scope, id).await?;
        let version = if_match.ok_or(Error::PreconditionRequired)?;
        let version = if version == -1 { record.version } else { version };
        if version != record.version {
            return Err(Error::PreconditionFailed);
        }
        let key = self.chakra.key(scope).await?;
        let before = PluginConfiguration::from_chakra(&record.desired);
        let desired = before.clone().with(patch);
        // What wants nothing new keeps the version, so that it may be repeated; Chakra is told all the same.
        if desired != before {
            let mut tx = self.core.db.begin(scope).await?;
            tx.set_desired(id, Some(version), &desired.to_chakra()).await?.ok_or(Error::PreconditionFailed)?;
            self.core.audit.record(&mut tx, scope, configured(id, &record.desired, &desired)).await?;
            tx.commit().await?;
        }

        let (plugin, body) = (id.to_string(), desired.to_chakra());
        let named = Named { path: &[("pluginId", &plugin)], ..Named::default() };
        let told = self.chakra.call(scope, &key, "update_plugin_configuration", named, Some(&body)).await;
        told.map_err(|error| self.chakra.failed(scope, &key, error))?;
        let observed = self.ask(scope, &key, id).await?;
        self.observed_configuration(scope, id, &observed).await
    }

    pub(super) async fn ask(
        &self,
        scope: &TenantScope,
        key: &Arc<OpenChakraKey>,
        id: PluginId,
    ) -> Result<PluginConfiguration, Error> {
        let plugin = id.to_string();
        let named = Named { path: &[("pluginId", &plugin)], ..Named::default() };
        let asked = self.chakra.call(scope, key, "fetch_plugin_configuration", named, None).await;
        let data = asked.map_err(|error| self.chakra.failed(scope, key, error))?;
        Ok(PluginConfiguration::from_chakra(&data))
    }

    async fn observed_configuration(
        &self,
        scope: &TenantScope,
        id: PluginId,
        observed: &PluginConfiguration,
    ) -> Result<ConfigurationState, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.set_observed(id, &observed.to_chakra()).await?;
        let record = record::find_in(&mut tx, scope, id).await?;
        tx.commit().await?;
        Ok(state(&record))
    }

    /// Takes over what a caller set on the compatible surface, after Chakra took it.
    ///
    /// # Errors
    ///
    /// [`portico_core::Error::Missing`]; [`portico_core::Error::Database`].
    pub async fn configured_elsewhere(&self, scope: &TenantScope, id: PluginId, body: &Value) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let record = record::find_in(&mut tx, scope, id).await?;
        let desired = PluginConfiguration::from_chakra(&record.desired).with(PluginConfiguration::from_chakra(body));
        tx.set_desired(id, None, &desired.to_chakra()).await?;
        self.core.audit.record(&mut tx, scope, configured(id, &record.desired, &desired)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes down the configuration that Chakra gave on the compatible surface.
    ///
    /// # Errors
    ///
    /// [`portico_core::Error::Database`].
    pub async fn seen(&self, scope: &TenantScope, id: PluginId, data: &Value) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.set_observed(id, &PluginConfiguration::from_chakra(data).to_chakra()).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn chakras_names_and_ours_are_the_same_configuration() {
        let theirs = json!({"passThroughWebhookUrl": "https://example.com/h", "enableChakraWebhook": false, "chakraWebhookUrl": null});
        let ours = PluginConfiguration::from_chakra(&theirs);
        assert_eq!(ours.chakra_webhook_url, Some(None));
        assert_eq!(ours.to_chakra(), theirs);
    }

    #[test]
    fn a_field_that_cannot_be_read_counts_as_not_there() {
        let ours = PluginConfiguration::from_chakra(&json!({"passThroughWebhookUrl": 7, "enableChakraWebhook": true}));
        assert_eq!(ours, PluginConfiguration { chakra_webhook_enabled: Some(true), ..PluginConfiguration::default() });
    }
}
