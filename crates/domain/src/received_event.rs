//! Events as they are kept: who they concern, and how they came.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::{CustomerId, EventCopyId, EventId};
use crate::meta_ids::{PhoneNumberId, PluginId, WabaId};
use crate::quarantine::QuarantineReason;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $type { $($(#[$variant_doc])* $variant,)+ }

        impl $type {
            /// The spelling in storage and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(UnknownWord) }
            }
        }
    };
}

/// A text that is none of the words of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of the words that stand here")]
pub struct UnknownWord;

words! {
    /// Whether an event is passed on.
    EventState {
        /// It belongs to somebody, and endpoints get it.
        Routed = "routed",
        /// It is kept until it is certain whose it is.
        Quarantined = "quarantined",
    }
}

words! {
    /// What was found of the signature of what brought an event.
    SignatureVerdict {
        /// It was signed with a secret that is in force.
        Valid = "valid",
        /// It was not signed. Taken only while the tenant's hooks only log.
        Absent = "absent",
        /// It was signed with something else. Taken only while the tenant's hooks only log.
        Wrong = "wrong",
    }
}

/// The person at the other end, by whatever is known: a phone number may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The id that is valid within one business portfolio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "US.1000000000000001")]
    pub user_id: Option<String>,
    /// The id in the parent portfolio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<String>,
    /// The phone number, digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "15550001111")]
    pub phone: Option<String>,
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// An event as lists show it: everything but its content.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventEntry {
    /// The event.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "message.received")]
    pub event_type: String,
    /// Whether it is passed on.
    pub state: EventState,
    /// When it happened, as it says.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// When it was received; lists are in this order, which may be another one.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// The customer that it concerns; none in quarantine, and for what concerns the tenant as a whole.
    pub customer_id: Option<CustomerId>,
    /// The plugin that it came through.
    pub plugin_id: Option<PluginId>,
    /// The account that it names.
    pub waba_id: Option<WabaId>,
    /// The number that it names.
    pub phone_number_id: Option<PhoneNumberId>,
    /// What order is kept within, at its phone number: a person or a group.
    #[schema(example = "user:US.1000000000000001")]
    pub conversation: Option<String>,
    /// The WhatsApp message that it is about.
    #[schema(example = "wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA")]
    pub message_id: Option<String>,
    /// How far that message came.
    #[schema(example = "delivered")]
    pub status: Option<String>,
    /// `meta`, `chakra` or `unknown`: how its body is written. `portico`: it is one of Portico's own.
    #[schema(example = "meta")]
    pub format: String,
    /// What Meta's `field` or Chakra's `event` said.
    #[schema(example = "messages")]
    pub field: String,
    /// Who is at the other end.
    pub person: Option<Person>,
    /// What its signature was found to be; none for Portico's own.
    pub signature: Option<SignatureVerdict>,
    /// Why it is in quarantine, if it is.
    pub quarantine: Option<QuarantineReason>,
}

/// A copy of an event that was received and not passed on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventCopy {
    /// The copy.
    pub id: EventCopyId,
    /// How its body is written.
    #[schema(example = "meta")]
    pub format: String,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
}

/// Which types of events: one (`message.status`), all below a name (`message.*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$", example = "message.*")]
pub struct EventTypes(String);

/// A text that names no types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a type of events such as message.status, or the beginning of one followed by .*, or *")]
pub struct MalformedEventTypes;

impl EventTypes {
    /// The type, when it is one alone.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.0.ends_with('*')).then_some(&*self.0)
    }

    /// What the types begin with, the dot included; empty for all; none for one alone.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }

    /// Whether the type is among them.
    #[must_use]
    pub fn covers(&self, event_type: &str) -> bool {
        self.prefix().map_or(self.0 == event_type, |prefix| event_type.starts_with(prefix))
    }
}

impl TryFrom<String> for EventTypes {
    type Error = MalformedEventTypes;

    fn try_from(text: String) -> Result<Self, MalformedEventTypes> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let names = text.strip_suffix(".*").unwrap_or(&text);
        let fits = text == "*" || (text.len() <= 64 && names.split('.').all(is_word));
        if fits { Ok(Self(text)) } else { Err(MalformedEventTypes) }
    }
}

/// Which events a list shows.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of these types alone.
    pub types: Option<EventTypes>,
    /// Passed on, or in quarantine.
    pub state: Option<EventState>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// Through this plugin.
    pub plugin: Option<PluginId>,
    /// Of this number.
    pub phone_number: Option<PhoneNumberId>,
    /// About this WhatsApp message.
    pub message_id: Option<String>,
    /// Received then or later.
    pub from: Option<OffsetDateTime>,
    /// Received before then.
    pub before: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_one_or_all_below_a_name() {
        let types = |text: &str| EventTypes::try_from(text.to_owned());
        let covered = |text: &str, event: &str| types(text).expect("is well-formed").covers(event);
        assert!(covered("message.*", "message.status") && covered("*", "unknown"));
        assert!(covered("message.status", "message.status") && !covered("message.status", "message.statuses"));
        assert!(!covered("message.*", "message") && !covered("message.*", "messages.x"));
        assert!(covered("template.category.*", "template.category.changed"));
        for bad in ["", ".*", "message*", "*.x", "Message", "a..b", "a.", "message.*.x", &"a".repeat(65)] {
            assert_eq!(types(bad), Err(MalformedEventTypes), "{bad}");
        }
    }
}
