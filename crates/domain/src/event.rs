//! Events, by which a tenant learns what happened.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::{EventId, TenantId};

/// An event in its final shape: what a tenant's endpoint receives as body (Standard Webhooks).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Event {
    /// Its id: the same in every delivery.
    pub id: EventId,
    /// What happened, as `chakra_key.refused`.
    #[serde(rename = "type")]
    #[schema(example = "chakra_key.refused")]
    pub event_type: &'static str,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// What there is to know, by the type of the event; never a secret.
    #[schema(value_type = Object, example = json!({"chakra_key_id": "chk_01h455vb4pex5vsknk084sn02q"}))]
    pub data: Value,
}

impl Event {
    /// An event of that type with a new id.
    #[must_use]
    pub fn new(tenant_id: TenantId, event_type: &'static str, timestamp: OffsetDateTime, data: Value) -> Self {
        Self { id: EventId::generate(), event_type, timestamp, tenant_id, data }
    }
}
