//! Chats: what a business number and a person wrote to each other.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Delivery, Message, World};

/// The conversation of a number with a person. Its messages are those that the world keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: Uuid,
    pub(crate) plugin: Uuid,
    /// Meta's id of the business number.
    pub(crate) number: String,
    /// Digits of the person.
    pub(crate) person: String,
    /// INBOUND or OUTBOUND: who wrote first.
    #[serde(rename = "begun")]
    pub(crate) initiated_direction: String,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl World {
    /// The chat of a number with a person, begun now if there is none.
    pub(crate) fn chat_with(&mut self, plugin: Uuid, number: &str, person: &str, inbound: bool, now: i64) -> Uuid {
        let known = self.chats.values_mut().find(|chat| chat.number == number && chat.person == person);
        if let Some(chat) = known {
            chat.updated_at = now;
            return chat.id;
        }
        let id = Uuid::new_v4();
        let chat = Chat {
            id,
            plugin,
            number: number.to_owned(),
            person: person.to_owned(),
            initiated_direction: direction(inbound).to_owned(),
            created_at: now,
            updated_at: now,
        };
        self.chats.insert(id, chat);
        id
    }

    /// The team of a plugin.
    pub(crate) fn team_of(&self, plugin: Uuid) -> Option<Uuid> {
        self.plugins.get(&plugin).map(|plugin| plugin.team)
    }

    /// A chat as Chakra shows it.
    pub(crate) fn chat_json(&self, chat: &Chat) -> Value {
        let number = self.numbers.get(&chat.number);
        let latest = self.messages.of_chat(chat.id).next_back();
        json!({
            "id": chat.id, "provider": "WHATSAPP",
            "providerHandle": number.map(super::PhoneNumber::digits).unwrap_or_default(),
            "providerHandleId": chat.number, "initiatedDirection": chat.initiated_direction,
            "primaryContact": {"id": chat.id, "name": chat.person, "firstName": chat.person, "lastName": "", "photo": null},
            "primaryContactHandle": {"id": chat.id, "value": chat.person, "type": "PHONE"},
            "latestMessage": latest.map(|message| json!({
                "text": message.text, "direction": direction(message.inbound), "timestamp": message.at, "dataType": message.kind,
            })),
            "latestMessageTs": latest.map_or(chat.updated_at, |message| message.at),
            "status": "OPEN", "createdAt": chat.created_at, "updatedAt": chat.updated_at,
        })
    }
}

impl Message {
    /// As Chakra lists it in a chat.
    pub(crate) fn to_json(&self) -> Value {
        let status = if self.inbound { Delivery::Delivered } else { self.delivery };
        json!({
            "id": self.id, "chat": self.chat, "externalId": self.wamid, "provider": "WHATSAPP", "dataType": self.kind,
            "body": {"text": {"body": self.text}}, "text": self.text, "attachments": null,
            "deliveryStatus": status.as_str().to_uppercase(), "direction": direction(self.inbound),
            "timestamp": self.at, "createdAt": self.at, "updatedAt": self.at, "plugin": self.plugin,
        })
    }
}

fn direction(inbound: bool) -> &'static str {
    if inbound { "INBOUND" } else { "OUTBOUND" }
}
