//! The states of what a tenant owns. Each has the same spelling in Rust, JSON and Postgres.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text from storage that names no known state: the schema and the code disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown state \"{0}\"")]
pub struct UnknownStatus(pub String);

macro_rules! states {
    // `$text` is a `tt`: the derive of `ToSchema` does not see a `literal` inside `rename`.
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:tt,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The spelling in JSON and Postgres.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, UnknownStatus> {
                match text { $($text => Ok(Self::$variant),)+ other => Err(UnknownStatus(other.to_owned())) }
            }
        }
    )+};
}

states! {
    /// Whether a tenant's calls are served.
    TenantStatus {
        /// Calls are served.
        Active = "active",
        /// Calls are refused with 403 until the operator resumes the tenant.
        Suspended = "suspended",
    }

    /// Whether an API key opens anything.
    ApiKeyStatus {
        /// It does.
        Active = "active",
        /// It is past its expiry.
        Expired = "expired",
        /// Somebody revoked it.
        Revoked = "revoked",
    }

    /// What Chakra last said of a stored key.
    ChakraKeyStatus {
        /// Chakra was not asked yet: only of keys that an earlier version stored.
        Unverified = "unverified",
        /// Chakra accepted it.
        Verified = "verified",
        /// Chakra answered 401, and accepted no call with it since: replace the key.
        Refused = "refused",
    }

    /// How far a customer is.
    CustomerStatus {
        /// No WhatsApp number yet.
        New = "new",
        /// At least one plugin has a phone number.
        Connected = "connected",
        /// Had a number; the WABA was disconnected.
        Disconnected = "disconnected",
    }

    /// Whether a plugin has a WABA.
    PluginStatus {
        /// Chakra made it; nothing is connected.
        Created = "created",
        /// A WABA and at least one phone number are known.
        Connected = "connected",
        /// The WABA was disconnected.
        Disconnected = "disconnected",
        /// Chakra no longer knows it.
        Missing = "missing",
    }
}

impl TenantStatus {
    /// Whether calls of the tenant's keys, tokens and members are served. The operator's are in any case.
    #[must_use]
    pub const fn serves_calls(self) -> bool {
        matches!(self, Self::Active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspended_tenant_is_not_served() {
        assert!(TenantStatus::Active.serves_calls());
        assert!(!TenantStatus::Suspended.serves_calls());
    }

    #[test]
    fn the_schema_spells_states_as_json_does() {
        let schema = serde_json::to_value(<PluginStatus as utoipa::PartialSchema>::schema()).expect("is JSON");
        let all = [PluginStatus::Created, PluginStatus::Connected, PluginStatus::Disconnected, PluginStatus::Missing];
        assert_eq!(schema["enum"], serde_json::json!(all));
        assert_eq!(schema["enum"], serde_json::json!(all.map(PluginStatus::as_str)));
    }
}
