//! Identifiers that Chakra and Meta issue.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use uuid::Uuid;

/// Why a text is not an identifier of Chakra or Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMetaId {
    /// Not the hyphenated form of a UUID.
    #[error("must be a UUID such as 11111111-2222-4333-8444-555555555555")]
    Uuid,
    /// Not one to 32 ASCII digits.
    #[error("must be 1 to 32 digits")]
    Digits,
}

/// Chakra's container of one customer's WhatsApp set-up (`pluginId`, a UUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, example = "11111111-2222-4333-8444-555555555555")]
pub struct PluginId(Uuid);

impl PluginId {
    /// The plugin with this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID beneath.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PluginId {
    type Err = MalformedMetaId;

    /// Only the hyphenated form of 36 characters: the shorter and longer spellings that a UUID
    /// parser takes would not be the same path for Chakra.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 36 {
            return Err(MalformedMetaId::Uuid);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| MalformedMetaId::Uuid)
    }
}

impl<'de> Deserialize<'de> for PluginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

macro_rules! digits {
    ($($(#[$doc:meta])* $name:ident, $example:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = "^[0-9]{1,32}$", example = $example)]
        pub struct $name(Box<str>);

        impl $name {
            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedMetaId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if is_digits(text) { Ok(Self(text.into())) } else { Err(MalformedMetaId::Digits) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedMetaId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }
    )+};
}

digits! {
    /// A WhatsApp Business Account, as Meta numbers it.
    WabaId, "100200300400500";
    /// A business phone number, as Meta numbers it (not the phone number itself).
    PhoneNumberId, "200300400500600";
}

/// Whether the text has the form of an id of Meta: 1 to 32 ASCII digits.
#[must_use]
pub fn is_digits(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_id_is_only_the_hyphenated_form() {
        assert!("11111111-2222-4333-8444-555555555555".parse::<PluginId>().is_ok());
        for bad in ["11111111222243338444555555555555", "{11111111-2222-4333-8444-555555555555}", "", "x"] {
            assert_eq!(bad.parse::<PluginId>(), Err(MalformedMetaId::Uuid), "{bad}");
        }
    }

    #[test]
    fn a_phone_number_id_is_digits_only() {
        assert!("200300400500600".parse::<PhoneNumberId>().is_ok());
        for bad in ["", "+15550001111", "12a", "１２", "123456789012345678901234567890123"] {
            assert!(bad.parse::<PhoneNumberId>().is_err(), "{bad}");
        }
    }
}
