//! What a compatible call changes that Portico keeps records of, so that both surfaces say the same.

use portico_chakra::Effect;
use portico_connections::Error as ConnectionsError;
use portico_connections::Observed;
use serde_json::Value;

use crate::Error;
use crate::Gateway;
use crate::pipeline::Asked;

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
        (Effect::None, _) => {}
        // Chakra no longer has it: that is what a deletion asks for.
        (Effect::DeletesPlugin, Some(plugin)) if success || status == 404 => {
            services.plugins.forget(scope, plugin).await?;
        }
        _ if !success => {}
        (Effect::BeginsConnect, named) => {
            // For a new one, the body names the plugin that was made before the call.
            let made = || received.tree().ok()?.get("pluginId")?.as_str()?.parse().ok();
            if let Some(plugin) = named.or_else(made) {
                services.plugins.connect_began(scope, plugin).await?;
            }
        }
        (Effect::CreatesPlugin, _) => {
            let data = data.ok_or(ConnectionsError::UpstreamMalformed)?;
            let id = data
                .get("id")
                .and_then(Value::as_str)
                .and_then(|id| id.parse().ok())
                .ok_or(ConnectionsError::UpstreamMalformed)?;
            let name = data.get("name").and_then(Value::as_str).unwrap_or_default();
            let customer = customer.ok_or(ConnectionsError::UpstreamMalformed)?;
            services.plugins.record_made(scope, key, customer, id, name).await?;
        }
        (Effect::ObservesPlugin, Some(plugin)) => match data.and_then(Observed::read) {
            Some(seen) if seen.id == plugin => services.plugins.observed(scope, plugin, seen).await?,
            _ => {}
        },
        (Effect::ConfiguresPlugin, Some(plugin)) => {
            services.configurations.configured_elsewhere(scope, plugin, &received.tree()?).await?;
            services.plugins.settle(scope, plugin).await?;
        }
        (Effect::ObservesConfiguration, Some(plugin)) => {
            if let Some(data) = data {
                services.configurations.seen(scope, plugin, data).await?;
                services.plugins.settle(scope, plugin).await?;
            }
        }
        (Effect::DisconnectsWaba, Some(plugin)) => {
            let body = received.tree()?;
            let waba = body.get("wabaId").and_then(Value::as_str).and_then(|id| id.parse().ok());
            services.plugins.disconnected(scope, plugin, &waba.ok_or(ConnectionsError::UpstreamMalformed)?).await?;
        }
        (Effect::DeletesPlugin, _) | (_, None) => {}
    }
    Ok(())
}
