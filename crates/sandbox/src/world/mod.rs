//! The world: everything that the emulated Chakra knows, as one value. It is what the state file keeps, so
//! the names of its fields there stay.

mod account;
mod chat;
mod crm;
mod group;
mod media;
mod message;
mod plugin;
mod received_media;
mod sample_media;
mod team;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use account::{PhoneNumber, Waba};
pub(crate) use chat::Chat;
pub(crate) use crm::{Campaign, Crm, Job, PROCEDURES, Photo, Process, User};
pub(crate) use group::{GROUP_CREATION_MS, Group, JoinApproval, JoinRequest};
pub(crate) use media::{Media, Medium};
pub(crate) use message::{Delivery, Message, Messages};
pub(crate) use plugin::{PendingConnect, Plugin};
pub(crate) use received_media::{ReceivedMedia, ReceivedMedium};
pub(crate) use team::{Access, ConnectToken, Target, Team};
pub(crate) use template::{REVIEW_MS, Template, is_type, variables};

use crate::events::DeliveryJob;
use crate::reply::Refusal;

/// The state of the emulated Chakra: who its teams are, what they connected, sent and made.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct World {
    pub(crate) teams: BTreeMap<Uuid, Team>,
    /// By access token.
    pub(crate) keys: BTreeMap<String, Access>,
    pub(crate) plugins: BTreeMap<Uuid, Plugin>,
    pub(crate) wabas: BTreeMap<String, Waba>,
    pub(crate) numbers: BTreeMap<String, PhoneNumber>,
    pub(crate) connect_tokens: BTreeMap<String, ConnectToken>,
    pub(crate) messages: Messages,
    pub(crate) chats: BTreeMap<Uuid, Chat>,
    pub(crate) crm: Crm,
    /// Media of messages from people.
    #[serde(rename = "received")]
    pub(crate) received_media: ReceivedMedia,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Uploaded files; not saved.
    #[serde(skip)]
    pub(crate) media: Media,
    /// Events to deliver once the lock is free.
    #[serde(skip)]
    pub(crate) outbox: Vec<DeliveryJob>,
}

impl World {
    /// The plugin, if it is the team's, with the connects that are due by now.
    pub(crate) fn plugin(&mut self, team: Uuid, id: &str, now: i64) -> Result<&mut Plugin, Refusal> {
        let id = Uuid::try_parse(id).ok().filter(|_| id.len() == 36);
        let plugin = id.and_then(|id| self.plugins.get_mut(&id)).filter(|plugin| plugin.team == team);
        let plugin = plugin.ok_or_else(|| Refusal::missing("Plugin"))?;
        plugin.apply_due_connects(now);
        Ok(plugin)
    }

    /// The phone number, if it is the team's.
    pub(crate) fn number(&mut self, team: Uuid, id: &str) -> Result<&mut PhoneNumber, Refusal> {
        let missing = || Refusal::missing("WhatsApp phone number");
        let number = self.numbers.get_mut(id).ok_or_else(missing)?;
        let owner = self.plugins.get(&number.plugin).map(|plugin| plugin.team);
        if owner == Some(team) { Ok(number) } else { Err(missing()) }
    }

    /// The phone number, if it is that plugin's.
    pub(crate) fn number_of(&mut self, plugin: Uuid, id: &str) -> Result<&mut PhoneNumber, Refusal> {
        let number = self.numbers.get_mut(id).filter(|number| number.plugin == plugin);
        number.ok_or_else(|| Refusal::missing("WhatsApp phone number"))
    }

    /// The WABA, if it is the team's.
    pub(crate) fn waba(&mut self, team: Uuid, id: &str) -> Result<&mut Waba, Refusal> {
        let plugins = &self.plugins;
        let owned = |waba: &&mut Waba| plugins.get(&waba.plugin).is_some_and(|plugin| plugin.team == team);
        self.wabas.get_mut(id).filter(owned).ok_or_else(|| Refusal::missing("WhatsApp business account"))
    }

    /// Takes a WABA and its numbers away from its plugin.
    pub(crate) fn unbind(&mut self, waba: &str) {
        let Some(waba) = self.wabas.remove(waba) else { return };
        let numbers: Vec<String> =
            self.numbers.extract_if(.., |_, number| number.waba == waba.id).map(|(id, _)| id).collect();
        if let Some(plugin) = self.plugins.get_mut(&waba.plugin) {
            plugin.forget(&waba.id, &numbers);
        }
        self.forget_groups();
    }

    /// Removes a plugin and frees what was bound to it.
    pub(crate) fn delete_plugin(&mut self, plugin: Uuid) {
        self.wabas.retain(|_, waba| waba.plugin != plugin);
        self.numbers.retain(|_, number| number.plugin != plugin);
        self.connect_tokens.retain(|_, token| token.target != Target::Plugin(plugin));
        self.chats.retain(|_, chat| chat.plugin != plugin);
        self.forget_groups();
        self.plugins.remove(&plugin);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_state_file_keeps_the_names_of_its_fields() {
        let mut world = World::default();
        let plugin = world.add_plugin(Uuid::nil(), "a");
        plugin.pending_connects.push(PendingConnect { at: 1, waba: "2".to_owned(), numbers: Vec::new() });
        let plugin = plugin.id;
        world.chat_with(plugin, "3", "15550001111", true, 0);
        world.received_media.add(Uuid::nil(), "4", "image/jpeg");
        let saved = serde_json::to_value(&world).expect("is JSON");
        assert!(saved["received"].is_object());
        let plugin = &saved["plugins"][plugin.to_string()];
        assert_eq!(plugin["arrivals"], json!([{"at": 1, "waba": "2", "numbers": []}]));
        let chats = saved["chats"].as_object().expect("is an object");
        assert!(chats.values().all(|chat| chat["begun"] == "INBOUND"));
        assert_eq!(chats.len(), 1);
    }
}
