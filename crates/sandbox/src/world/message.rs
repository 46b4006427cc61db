//! Messages that were sent, with what became of them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Messages that are kept, and saved.
const KEPT: usize = 1_000;

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Delivery {
    Pending,
    Sent,
    Delivered,
    Read,
}

impl Delivery {
    /// What comes after an accepted send, in order.
    pub(crate) const STEPS: [Self; 3] = [Self::Sent, Self::Delivered, Self::Read];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// A message to or from a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Chakra's own id.
    pub(crate) id: Uuid,
    pub(crate) wamid: String,
    pub(crate) plugin: Uuid,
    pub(crate) number: String,
    /// Digits, a group id, or a business-scoped user id.
    pub(crate) to: String,
    /// Meta's `type`.
    pub(crate) kind: String,
    /// The text, as far as it has one.
    #[serde(default)]
    pub(crate) text: String,
    /// Whether the person wrote it.
    #[serde(default)]
    pub(crate) inbound: bool,
    /// The chat that it belongs to; none for groups.
    #[serde(default)]
    pub(crate) chat: Option<Uuid>,
    /// `biz_opaque_callback_data` of the send; comes back in status events.
    pub(crate) callback_data: Option<String>,
    pub(crate) delivery: Delivery,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
}

/// The last messages, each under a number that only grows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Messages {
    first: u64,
    rows: VecDeque<Message>,
}

impl Messages {
    /// Keeps a message, and gives the number under which [`Messages::advance`] finds it.
    pub(crate) fn push(&mut self, message: Message) -> u64 {
        self.rows.push_back(message);
        if self.rows.len() > KEPT {
            self.rows.pop_front();
            self.first += 1;
        }
        self.first + self.rows.len() as u64 - 1
    }

    /// All that are kept, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.rows.iter()
    }

    /// Those of a chat, oldest first.
    pub(crate) fn of_chat(&self, chat: Uuid) -> impl DoubleEndedIterator<Item = &Message> {
        self.rows.iter().filter(move |message| message.chat == Some(chat))
    }

    /// Notes how far the message of that number has come, if it is still kept.
    pub(crate) fn advance(&mut self, number: u64, delivery: Delivery) {
        let row = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(message) = row.and_then(|at| self.rows.get_mut(at)) {
            message.delivery = delivery;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_message_survives_older_ones_going() {
        let mut messages = Messages::default();
        let message = |n: usize| Message {
            id: Uuid::nil(),
            wamid: n.to_string(),
            plugin: Uuid::nil(),
            number: String::new(),
            to: String::new(),
            kind: "text".to_owned(),
            text: String::new(),
            inbound: false,
            chat: None,
            callback_data: None,
            delivery: Delivery::Pending,
            at: 0,
        };
        let numbers: Vec<u64> = (0..KEPT + 5).map(|n| messages.push(message(n))).collect();
        messages.advance(numbers[0], Delivery::Read);
        messages.advance(numbers[7], Delivery::Read);
        let read: Vec<_> = messages.rows.iter().filter(|row| row.delivery == Delivery::Read).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].wamid, "7");
    }
}
