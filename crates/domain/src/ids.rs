//! Identifiers that Portico issues: [TypeIDs](https://github.com/jetify-com/typeid) such as
//! `ten_01h455vb4pex5vsknk084sn02q`, sortable by creation, stored as plain UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

/// Why a text is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an id that starts with \"{prefix}_\", such as {example}")]
pub struct MalformedId {
    /// The prefix that the id must carry, without the underscore.
    pub prefix: &'static str,
    /// A well-formed id of that kind.
    pub example: &'static str,
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident, $marker:ident, $prefix:literal, $example:literal;)+) => {$(
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
        struct $marker;

        impl StaticType for $marker {
            const TYPE: &'static str = $prefix;
        }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier: a UUID of version 7, so that later ones sort after earlier ones. The time in
            /// it is the system's and is for that order alone: nothing reads it back.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The identifier with this UUID, as storage keeps it.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without the prefix, as storage keeps it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                TypeSafeId::<$marker>::from_uuid(self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                TypeSafeId::<$marker>::from_str(text)
                    .map(|id| Self(id.uuid()))
                    .map_err(|_| MalformedId { prefix: $prefix, example: $example })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$")))
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )+};
}

identifiers! {
    /// A SaaS company that uses this Portico. Two tenants share nothing.
    TenantId, TenantType, "ten", "ten_01h455vb4pex5vsknk084sn02q";
    /// A business that a tenant onboards.
    CustomerId, CustomerType, "cus", "cus_01h455vb4pex5vsknk084sn02q";
    /// A key that Portico issued.
    ApiKeyId, ApiKeyType, "key", "key_01h455vb4pex5vsknk084sn02q";
    /// An access token issued by Chakra, kept in the vault.
    ChakraKeyId, ChakraKeyType, "chk", "chk_01h455vb4pex5vsknk084sn02q";
    /// A role that a tenant defined.
    RoleId, RoleType, "rol", "rol_01h455vb4pex5vsknk084sn02q";
    /// An event, with the same id in every delivery. Its UUID says when it was received.
    EventId, EventType, "evt", "evt_01h455vb4pex5vsknk084sn02q";
    /// A copy of an event that was received and not passed on.
    EventCopyId, EventCopyType, "evc", "evc_01h455vb4pex5vsknk084sn02q";
    /// An address that Chakra posts a plugin's events to.
    HookId, HookType, "hok", "hok_01h455vb4pex5vsknk084sn02q";
    /// What Chakra signs the events of a team with.
    WebhookSecretId, WebhookSecretType, "wsc", "wsc_01h455vb4pex5vsknk084sn02q";
    /// A person of a tenant.
    MemberId, MemberType, "mem", "mem_01h455vb4pex5vsknk084sn02q";
    /// An invitation to become a member.
    InvitationId, InvitationType, "inv", "inv_01h455vb4pex5vsknk084sn02q";
    /// A member's session in a browser.
    SessionId, SessionType, "ses", "ses_01h455vb4pex5vsknk084sn02q";
    /// A short-lived token that Portico signed.
    TokenId, TokenType, "tok", "tok_01h455vb4pex5vsknk084sn02q";
    /// A secret of an API key that a rotation replaced.
    OldSecretId, OldSecretType, "osk", "osk_01h455vb4pex5vsknk084sn02q";
    /// A key that signs tokens: the `kid` of a JWT.
    SigningKeyId, SigningKeyType, "sgk", "sgk_01h455vb4pex5vsknk084sn02q";
    /// A process that serves; made anew at each start.
    ReplicaId, ReplicaType, "rep", "rep_01h455vb4pex5vsknk084sn02q";
}

impl TenantId {
    /// The id that stands for no tenant: rows with it are the operator's own, such as the operator's audit log.
    pub const OPERATOR: Self = Self(Uuid::nil());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = TenantId::generate();
        assert_eq!(id.to_string().parse::<TenantId>(), Ok(id));
        assert!(id.to_string().starts_with("ten_"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_the_right_prefix_in_the_text() {
        let error = CustomerId::generate().to_string().parse::<TenantId>().unwrap_err();
        assert!(error.to_string().contains("\"ten_\""));
    }

    #[test]
    fn every_example_parses() {
        assert!("chk_01h455vb4pex5vsknk084sn02q".parse::<ChakraKeyId>().is_ok());
        assert!("chk_01H455VB4PEX5VSKNK084SN02Q".parse::<ChakraKeyId>().is_err());
    }
}
