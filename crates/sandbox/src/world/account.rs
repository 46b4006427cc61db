//! WABAs and phone numbers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Template;

/// A WhatsApp Business Account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Waba {
    /// Meta's id.
    pub(crate) id: String,
    /// The plugin that it is connected to.
    pub(crate) plugin: Uuid,
    pub(crate) name: String,
    #[serde(deserialize_with = "Template::read_all")]
    pub(crate) templates: Vec<Template>,
}

impl Waba {
    /// A WABA with the templates that every one begins with.
    pub(crate) fn new(id: &str, plugin: Uuid) -> Self {
        Self { id: id.to_owned(), plugin, name: "Example Shop".to_owned(), templates: Template::seeds() }
    }

    /// As Chakra lists it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "chakraStatus": "CONNECTED"})
    }
}

/// A business phone number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PhoneNumber {
    /// Meta's id.
    pub(crate) id: String,
    pub(crate) waba: String,
    pub(crate) plugin: Uuid,
    /// The phone number as people read it, such as `+1 555-000-2222`.
    pub(crate) display: String,
    /// The `calling` settings.
    pub(crate) calling: Map<String, Value>,
    /// The key for flows, in PEM.
    #[serde(default)]
    pub(crate) public_key: Option<String>,
    /// Ids of calls that this number started and that were not ended.
    pub(crate) calls: BTreeSet<String>,
}

impl PhoneNumber {
    /// A number with calling enabled.
    pub(crate) fn new(id: &str, waba: &str, plugin: Uuid, display: String) -> Self {
        let mut calling = Map::new();
        calling.insert("status".to_owned(), json!("ENABLED"));
        calling.insert("call_icon_visibility".to_owned(), json!("DEFAULT"));
        calling.insert("callback_permission_status".to_owned(), json!("ENABLED"));
        Self {
            id: id.to_owned(),
            waba: waba.to_owned(),
            plugin,
            display,
            calling,
            public_key: None,
            calls: BTreeSet::new(),
        }
    }

    /// The number as digits, as events write it.
    pub(crate) fn digits(&self) -> String {
        self.display.chars().filter(char::is_ascii_digit).collect()
    }

    /// As Chakra lists it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "waba": self.waba,
            "displayPhoneNumber": self.display,
            "verifiedName": "Example Shop",
            "status": "CONNECTED",
            "chakraStatus": "CONNECTED",
            "qualityScore": {"score": "GREEN"},
            "messagingLimitTier": "TIER_1K",
            "nameStatus": "APPROVED",
        })
    }

    /// As the browser's `onSuccess` names it.
    pub(crate) fn to_browser_json(&self) -> Value {
        json!({
            "id": self.id,
            "displayPhoneNumber": self.display,
            "verifiedName": "Example Shop",
            "status": "CONNECTED",
            "codeVerificationStatus": "VERIFIED",
            "qualityRating": "GREEN",
            "messagingLimitTier": "TIER_1K",
            "nameStatus": "APPROVED",
            "waba": self.waba,
        })
    }
}
