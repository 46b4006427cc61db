//! Reads Chakra's plugin object.

use portico_auth::Reach;
use portico_domain::{PluginId, PluginStatus};
use portico_storage::{ObservedPhoneNumber, ObservedPlugin, ObservedWaba, Page, StorageError, TenantTx};
use serde_json::{Map, Value};

/// How many ids are looked up at once.
const AT_ONCE: u16 = 1_000;

/// What Chakra said of a plugin, its WABAs and its numbers.
#[derive(Debug)]
pub struct Observed {
    /// Its id.
    pub id: PluginId,
    /// Whether the answer said anything of WABAs: one that did not is no word that there are none.
    told_wabas: bool,
    pub(super) plugin: ObservedPlugin,
    pub(super) wabas: Vec<ObservedWaba>,
    pub(super) numbers: Vec<ObservedPhoneNumber>,
}

fn text(row: &Value, pointer: &str) -> Option<String> {
    row.pointer(pointer).and_then(Value::as_str).map(|text| text.chars().take(200).collect())
}

impl Observed {
    /// Reads the `_data` of a plugin; nothing when it is none.
    pub fn read(plugin: &Value) -> Option<Self> {
        let id = plugin.get("id")?.as_str()?.parse().ok()?;
        let mut wabas = Vec::new();
        let mut numbers: Vec<ObservedPhoneNumber> = Vec::new();
        let accounts = plugin.pointer("/auth/whatsappBusinessAccountsById").and_then(Value::as_object);
        for (waba, account) in accounts.into_iter().flatten() {
            let Ok(waba) = waba.parse::<portico_domain::WabaId>() else { continue };
            wabas.push(ObservedWaba { id: waba.clone(), name: text(account, "/name"), status: None });
            let ids = account.get("phoneNumbers").and_then(Value::as_array);
            for id in ids.into_iter().flatten().filter_map(Value::as_str) {
                let Ok(id) = id.parse::<portico_domain::PhoneNumberId>() else { continue };
                // Two WABAs may list the same number; the first keeps it.
                if numbers.iter().all(|known| known.id != id) {
                    numbers.push(bare(id, waba.clone()));
                }
            }
        }
        let status =
            if numbers.is_empty() && wabas.is_empty() { PluginStatus::Created } else { PluginStatus::Connected };
        let plugin = ObservedPlugin {
            name: text(plugin, "/name").unwrap_or_default(),
            is_active: plugin.get("isActive").and_then(Value::as_bool).unwrap_or(false),
            status,
        };
        Some(Self { id, told_wabas: accounts.is_some(), plugin, wabas, numbers })
    }

    /// Adds what the list of phone numbers says of those of this plugin.
    pub fn add_numbers(&mut self, list: &Value) {
        for row in list.as_array().into_iter().flatten() {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
            let Some(number) = self.numbers.iter_mut().find(|known| known.id.as_str() == id) else { continue };
            number.display_phone_number = text(row, "/displayPhoneNumber");
            number.verified_name = text(row, "/verifiedName");
            number.status = text(row, "/status");
            number.quality_rating = text(row, "/qualityScore/score").or_else(|| text(row, "/qualityRating"));
            number.messaging_limit_tier = text(row, "/messagingLimitTier");
            number.name_status = text(row, "/nameStatus");
            let listed = row.get("waba").and_then(Value::as_str);
            if let Some(waba) = self.wabas.iter().find(|waba| Some(waba.id.as_str()) == listed) {
                number.waba = waba.id.clone();
            }
        }
    }

    /// Adds what the list of WABAs says of those of this plugin.
    pub fn add_wabas(&mut self, list: &Value) {
        for row in list.as_array().into_iter().flatten() {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
            let Some(waba) = self.wabas.iter_mut().find(|known| known.id.as_str() == id) else { continue };
            waba.name = text(row, "/name").or_else(|| waba.name.take());
            waba.status = text(row, "/chakraStatus");
        }
    }

    /// Writes it all down, unless the record is gone meanwhile. A plugin that had a WABA and has none
    /// now counts as disconnected. What belongs to another customer moves only by a call of somebody to whom the whole
    /// tenant is open: a plugin of one customer may claim, by a fault of Chakra's or a trick, what is another's.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    pub async fn write(mut self, tx: &mut TenantTx, reach: &Reach, id: PluginId) -> Result<(), StorageError> {
        if !reach.is_whole_tenant() {
            self.leave_to_others(tx, id).await?;
        }
        if self.plugin.status == PluginStatus::Created {
            let before = tx.plugin(None, id).await?.map(|record| record.plugin.status);
            if matches!(before, Some(PluginStatus::Connected | PluginStatus::Disconnected)) {
                self.plugin.status = PluginStatus::Disconnected;
            }
            if let (false, Some(before)) = (self.told_wabas, before) {
                self.plugin.status = before;
            }
        }
        let known = tx.observe_plugin(id, &self.plugin).await?;
        if known && self.told_wabas { tx.observe_whatsapp(id, &self.wabas, &self.numbers).await } else { Ok(()) }
    }

    /// Takes out WABAs and numbers that are recorded for another customer than the plugin's, and numbers of such WABAs.
    async fn leave_to_others(&mut self, tx: &mut TenantTx, id: PluginId) -> Result<(), StorageError> {
        let Some(record) = tx.plugin(None, id).await? else { return Ok(()) };
        let own = record.plugin.customer_id;
        let wabas: Vec<String> = self.wabas.iter().map(|waba| waba.id.to_string()).collect();
        for part in wabas.chunks(usize::from(AT_ONCE)) {
            let page = Page { limit: AT_ONCE, after: None };
            for row in tx.wabas(&Reach::ALL, None, None, Some(part), page).await?.data {
                if row.customer_id != own {
                    tracing::warn!(plugin.id = %id, waba.id = %row.id, "a plugin claims a WABA of another customer; it stays where it is");
                    self.wabas.retain(|waba| waba.id != row.id);
                    self.numbers.retain(|number| number.waba != row.id);
                }
            }
        }
        let numbers: Vec<String> = self.numbers.iter().map(|number| number.id.to_string()).collect();
        for part in numbers.chunks(usize::from(AT_ONCE)) {
            let page = Page { limit: AT_ONCE, after: None };
            for row in tx.phone_numbers(&Reach::ALL, None, None, Some(part), page).await?.data {
                if row.customer_id != own {
                    tracing::warn!(plugin.id = %id, phone_number.id = %row.id, "a plugin claims a number of another customer; it stays where it is");
                    self.numbers.retain(|number| number.id != row.id);
                }
            }
        }
        if self.wabas.is_empty() && self.numbers.is_empty() {
            self.plugin.status = PluginStatus::Created;
        }
        Ok(())
    }
}

fn bare(id: portico_domain::PhoneNumberId, waba: portico_domain::WabaId) -> ObservedPhoneNumber {
    ObservedPhoneNumber {
        id,
        waba,
        display_phone_number: None,
        verified_name: None,
        status: None,
        quality_rating: None,
        messaging_limit_tier: None,
        name_status: None,
    }
}

/// Reduces a plugin's `auth` to ids: it may hold Meta's tokens, under names that nobody documented.
pub fn reduce_auth(plugin: &mut Value) {
    if let Some(rows) = plugin.as_array_mut() {
        rows.iter_mut().for_each(reduce_auth);
    }
    let Some(object) = plugin.as_object_mut() else { return };
    let Some(auth) = object.get("auth") else { return };
    let mut reduced = Map::new();
    if let Some(accounts) = auth.get("whatsappBusinessAccountsById").and_then(Value::as_object) {
        let ids = |account: &Value| {
            let numbers = account.get("phoneNumbers").and_then(Value::as_array);
            let numbers: Vec<Value> = numbers.into_iter().flatten().filter(|id| id.is_string()).cloned().collect();
            serde_json::json!({ "phoneNumbers": numbers })
        };
        let accounts: Map<String, Value> = accounts.iter().map(|(id, account)| (id.clone(), ids(account))).collect();
        reduced.insert("whatsappBusinessAccountsById".into(), accounts.into());
    }
    if let Some(numbers) = auth.get("whatsappPhoneNumbersById").and_then(Value::as_object) {
        let numbers: Map<String, Value> = numbers.keys().map(|id| (id.clone(), Map::new().into())).collect();
        reduced.insert("whatsappPhoneNumbersById".into(), numbers.into());
    }
    object.insert("auth".into(), reduced.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_but_ids_is_left_of_auth() {
        let mut plugin = json!({"id": "x", "auth": {
            "accessToken": "SECRET", "whatsappBusinessAccountsById": {"1": {"phoneNumbers": ["2", {"t": "SECRET"}], "token": "SECRET"}},
            "whatsappPhoneNumbersById": {"2": {"pin": "SECRET"}}}});
        reduce_auth(&mut plugin);
        assert!(!plugin.to_string().contains("SECRET"), "{plugin}");
        assert_eq!(plugin.pointer("/auth/whatsappBusinessAccountsById/1/phoneNumbers/0"), Some(&json!("2")));
        assert_eq!(plugin.pointer("/auth/whatsappPhoneNumbersById/2"), Some(&json!({})));
    }

    #[test]
    fn a_number_that_two_wabas_list_is_read_once() {
        let plugin = json!({"id": "11111111-2222-4333-8444-555555555555", "isActive": true, "name": "n",
            "auth": {"whatsappBusinessAccountsById": {"1": {"phoneNumbers": ["9"]}, "2": {"phoneNumbers": ["9"]}}}});
        let seen = Observed::read(&plugin).expect("is a plugin");
        assert_eq!((seen.wabas.len(), seen.numbers.len()), (2, 1));
        assert_eq!(seen.plugin.status, PluginStatus::Connected);
    }
}
