//! What a call needs done before it goes out, so that both surfaces keep the same records.

use portico_auth::TenantScope;
use portico_chakra::{Effect, Matched, Operation};
use portico_connections::Error as ConnectionsError;
use portico_domain::CustomerId;
use serde_json::Value;

use crate::Error;
use crate::Gateway;
use crate::body::{Received, parameter};
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
        let Some(object) = tree.as_object_mut() else { return Err(ConnectionsError::UpstreamMalformed.into()) };
        object.insert("wabaId".into(), Value::String(waba));
        return Ok(Received::Json { bytes: tree.to_string().into(), scanned });
    }
    let (Effect::BeginsConnect, Some(customer)) = (operation.effect, customer) else { return Ok(received) };
    let mut tree = received.tree()?;
    let Received::Json { scanned, .. } = received else { return Ok(received) };
    let Some(object) = tree.as_object_mut() else { return Err(ConnectionsError::UpstreamMalformed.into()) };
    let name = object.remove("newPluginName");
    let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
    let plugin = gateway.services.plugins.make(scope, customer, name).await?;
    record.plugin(plugin);
    object.insert("pluginId".into(), Value::String(plugin.to_string()));
    Ok(Received::Json { bytes: tree.to_string().into(), scanned })
}
