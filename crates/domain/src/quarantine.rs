//! Events of which it is not certain whose they are.

use std::str::FromStr;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::EventId;
use crate::meta_ids::{PhoneNumberId, PluginId, WabaId};

macro_rules! reasons {
    ($($variant:ident = $name:literal, $what:literal;)+) => {
        /// Why an event is in quarantine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum QuarantineReason { $(#[doc = $what] $variant,)+ }

        impl QuarantineReason {
            /// The spelling in storage and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl FromStr for QuarantineReason {
            type Err = NoReason;

            fn from_str(text: &str) -> Result<Self, NoReason> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(NoReason) }
            }
        }
    };
}

reasons! {
    Ambiguous = "ambiguous", "A name that decides something stands twice in its body.";
    TooMany = "too_many", "Its body holds more events than are taken apart.";
    UnknownOwner = "unknown_owner", "It names an account or a number that is not known, or not this tenant's. It is routed by itself once it is known to be the plugin's.";
    OtherPlugin = "other_plugin", "It names an account or a number of another plugin than the one whose hook it came to.";
    Mismatch = "mismatch", "The number that it names is not of the account that it names.";
    NamesNoOwner = "names_no_owner", "It names neither an account nor a number, nor a message that is known.";
}

/// A text that is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no reason for which an event is in quarantine")]
pub struct NoReason;

/// An event that is kept and not passed on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QuarantinedEvent {
    /// The event: `GET /api/v1/events/{id}` shows it whole.
    pub id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "message.received")]
    pub event_type: String,
    /// Why it is here.
    pub reason: QuarantineReason,
    /// The plugin whose hook it came to.
    pub plugin_id: PluginId,
    /// The account that it names.
    pub waba_id: Option<WabaId>,
    /// The number that it names.
    pub phone_number_id: Option<PhoneNumberId>,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
}
