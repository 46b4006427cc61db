//! Plugins, and the WABAs and numbers that are connected to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::World;

/// The key of `serverConfig` that lists the numbers in use.
pub(crate) const ENABLED: &str = "enabledWhatsappPhoneNumbers";

/// Chakra's container of one customer's WhatsApp set-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plugin {
    pub(crate) id: Uuid,
    pub(crate) team: Uuid,
    pub(crate) name: String,
    pub(crate) is_active: bool,
    /// WABA id to phone number ids, as reads of the plugin show them.
    pub(crate) auth: BTreeMap<String, Vec<String>>,
    /// Settings, with the keys of `update_plugin_configuration` and what else was written.
    pub(crate) server_config: Map<String, Value>,
    /// Connects that reads do not show yet.
    #[serde(rename = "arrivals")]
    pub(crate) pending_connects: Vec<PendingConnect>,
}

/// A WABA and its numbers that a sign-up connected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PendingConnect {
    /// From when on reads show it; milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) waba: String,
    pub(crate) numbers: Vec<String>,
}

impl World {
    /// Makes a plugin: inactive, with nothing connected.
    pub(crate) fn add_plugin(&mut self, team: Uuid, name: &str) -> &mut Plugin {
        let id = Uuid::new_v4();
        self.plugins.entry(id).or_insert(Plugin {
            id,
            team,
            name: name.to_owned(),
            is_active: false,
            auth: BTreeMap::new(),
            server_config: Map::new(),
            pending_connects: Vec::new(),
        })
    }
}

impl Plugin {
    /// Makes the connects visible that are due.
    pub(crate) fn apply_due_connects(&mut self, now: i64) {
        if self.pending_connects.is_empty() {
            return;
        }
        let due: Vec<PendingConnect> = self.pending_connects.extract_if(.., |connect| connect.at <= now).collect();
        for connect in due {
            let known = self.auth.entry(connect.waba).or_default();
            known.extend(connect.numbers.iter().filter(|id| !known.contains(id)).cloned().collect::<Vec<_>>());
            if !connect.numbers.is_empty() {
                self.is_active = true;
                let enabled = self.server_config.entry(ENABLED).or_insert_with(|| json!([]));
                if let Value::Array(enabled) = enabled {
                    let new = connect.numbers.into_iter().map(Value::String);
                    enabled.extend(new.filter(|id| !enabled.contains(id)).collect::<Vec<_>>());
                }
            }
        }
    }

    /// Drops a WABA and its numbers; without any number left the plugin is inactive.
    pub(crate) fn forget(&mut self, waba: &str, numbers: &[String]) {
        self.auth.remove(waba);
        self.pending_connects.retain(|connect| connect.waba != waba);
        if let Some(Value::Array(enabled)) = self.server_config.get_mut(ENABLED) {
            enabled.retain(|id| id.as_str().is_none_or(|id| !numbers.iter().any(|number| number == id)));
        }
        if self.auth.values().all(Vec::is_empty) {
            self.is_active = false;
        }
    }

    /// As Chakra shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut auth = Map::new();
        if !self.auth.is_empty() {
            let wabas = self.auth.iter().map(|(id, numbers)| (id.clone(), json!({"phoneNumbers": numbers})));
            let numbers = self.auth.values().flatten().map(|id| (id.clone(), json!({})));
            auth.insert("whatsappBusinessAccountsById".to_owned(), wabas.collect::<Map<_, _>>().into());
            auth.insert("whatsappPhoneNumbersById".to_owned(), numbers.collect::<Map<_, _>>().into());
        }
        json!({
            "id": self.id,
            "type": "whatsapp",
            "name": self.name,
            "isActive": self.is_active,
            "auth": auth,
            "serverConfig": self.server_config,
        })
    }

    /// A text of `serverConfig`; an empty one counts as absent.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.server_config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A switch of `serverConfig`; off when it was never set.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.server_config.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_shows_only_when_it_is_due() {
        let mut world = World::default();
        let plugin = world.add_plugin(Uuid::new_v4(), "a");
        plugin.pending_connects.push(PendingConnect { at: 10, waba: "1".to_owned(), numbers: vec!["2".to_owned()] });
        plugin.apply_due_connects(9);
        assert_eq!((plugin.is_active, plugin.auth.len()), (false, 0));
        plugin.apply_due_connects(10);
        assert!(plugin.is_active);
        assert_eq!(
            plugin.to_json()["auth"],
            json!({"whatsappBusinessAccountsById": {"1": {"phoneNumbers": ["2"]}}, "whatsappPhoneNumbersById": {"2": {}}})
        );
        assert_eq!(plugin.server_config[ENABLED], json!(["2"]));
    }

    #[test]
    fn a_plugin_without_numbers_is_inactive() {
        let mut world = World::default();
        let plugin = world.add_plugin(Uuid::new_v4(), "a");
        plugin.pending_connects.push(PendingConnect { at: 0, waba: "1".to_owned(), numbers: vec!["2".to_owned()] });
        plugin.apply_due_connects(0);
        plugin.forget("1", &["2".to_owned()]);
        assert!(!plugin.is_active);
        assert_eq!(plugin.server_config[ENABLED], json!([]));
        assert_eq!(plugin.to_json()["auth"], json!({}));
    }
}
