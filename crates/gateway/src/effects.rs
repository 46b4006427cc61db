//! What a compatible call changes that Portico keeps records of, so that both surfaces say the same.

use portico_auth::TenantScope;
use portico_chakra::{Effect, Matched, Operation};
use portico_connections::Observed;
use portico_core::Error;
use portico_domain::CustomerId;
use serde_json::Value;

use crate::Gateway;
use crate::body::{Received, parameter};
use crate::pipeline::Asked;
use crate::record::CallRecord;

/// What must happen before the call goes out. A connect that would make Chakra make a plugin whose
/// id only the browser learns is turned into one inside a plugin that Portico makes first.
pub(crate) async fn prepare(
    gateway: &Gateway,
    scope: &TenantScope,
    operation: &Operation,
    matched: &Matched<'_, '_>,
    received: Received,
    customer: Option<CustomerId>,
    record: &mut CallRecord,
) -> Result<Received, Error> {
    if operation.effect == Effect::DisconnectsWaba {
        // Wherever the call goes, its body says which WABA is meant.
        let waba = parameter(matched, &received, "wabaId").unwrap_or_default().to_owned();
        let mut tree = received.tree()?;
        let Received::Json { scanned, .. } = received else { return Ok(received) };
        let Some(object) = tree.as_object_mut() else { return Err(Error::Garbled) };
        object.insert("wabaId".into(), Value::String(waba));
        return Ok(Received::Json { bytes: tree.to_string().into(), scanned });
    }
    let (Effect::BeginsConnect, Some(customer)) = (operation.effect, customer) else { return Ok(received) };
    let mut tree = received.tree()?;
    let Received::Json { scanned, .. } = received else { return Ok(received) };
    let Some(object) = tree.as_object_mut() else { return Err(Error::Garbled) };
    let name = object.remove("newPluginName");
    let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
    let plugin = gateway.services.plugins.make(scope, customer, name).await?;
    record.plugin(plugin);
    object.insert("pluginId".into(), Value::String(plugin.to_string()));
    Ok(Received::Json { bytes: tree.to_string().into(), scanned })
}

/// What an answer changes in our records.
pub(crate) async fn apply(
    gateway: &Gateway,
    asked: &Asked,
    status: u16,
    has_errors: bool,
    answer: Option<&Value>,
) -> Result<(), Error> {
    let Asked { scope, key, operation, named, customer, received } = asked;
    let services = &gateway.services;
    let success = (200..300).contains(&status) && !has_errors;
    let data = answer.and_then(|answer| answer.get("_data"));
    match (operation.effect, named.plugin()) {
        (Effect::None | Effect::BeginsConnect, _) => Ok(()),
        // Chakra no longer has it: that is what a deletion asks for.
        (Effect::DeletesPlugin, Some(plugin)) if success || status == 404 => {
            services.plugins.forget(scope, plugin).await
        }
        _ if !success => Ok(()),
        (Effect::CreatesPlugin, _) => {
            let data = data.ok_or(Error::Garbled)?;
            let id = data.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(Error::Garbled)?;
            let name = data.get("name").and_then(Value::as_str).unwrap_or_default();
            let customer = customer.ok_or(Error::Garbled)?;
            services.plugins.record_made(scope, key, customer, id, name).await
        }
        (Effect::ObservesPlugin, Some(plugin)) => match data.and_then(Observed::read) {
            Some(seen) if seen.id == plugin => services.plugins.observed(scope, plugin, seen).await,
            _ => Ok(()),
        },
        (Effect::ConfiguresPlugin, Some(plugin)) => {
            services.configurations.configured_elsewhere(scope, plugin, &received.tree()?).await
        }
        (Effect::ObservesConfiguration, Some(plugin)) => match data {
            Some(data) => services.configurations.seen(scope, plugin, data).await,
            None => Ok(()),
        },
        (Effect::DisconnectsWaba, Some(plugin)) => {
            let body = received.tree()?;
            let waba = body.get("wabaId").and_then(Value::as_str).and_then(|id| id.parse().ok());
            services.plugins.disconnected(scope, plugin, &waba.ok_or(Error::Garbled)?).await
        }
        (Effect::DeletesPlugin, _) | (_, None) => Ok(()),
    }
}
