//! What an operator or a tenant may set.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An origin as browsers name it: `https://host[:port]`; plain `http` only for this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "https://app.example.com")]
pub struct Origin(String);

/// Why a text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an origin such as https://app.example.com: lower case, no path, no trailing slash; http only for localhost"
)]
pub struct MalformedOrigin;

impl TryFrom<String> for Origin {
    type Error = MalformedOrigin;

    fn try_from(text: String) -> Result<Self, MalformedOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(MalformedOrigin)?;
        let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        let local = matches!(host, "localhost" | "127.0.0.1");
        let host_fits = !host.is_empty()
            && host.len() <= 253
            && host.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            });
        let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|n| n.to_string() == port));
        let scheme_fits = scheme == "https" || (scheme == "http" && local);
        if host_fits && port_fits && scheme_fits { Ok(Self(text)) } else { Err(MalformedOrigin) }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Graph API version such as `v24.0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^v[0-9]{1,2}\\.[0-9]$", example = "v24.0")]
pub struct GraphVersion(String);

/// Why a text is not a Graph API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must look like v24.0")]
pub struct MalformedGraphVersion;

impl TryFrom<String> for GraphVersion {
    type Error = MalformedGraphVersion;

    fn try_from(text: String) -> Result<Self, MalformedGraphVersion> {
        if is_graph_version(&text) { Ok(Self(text)) } else { Err(MalformedGraphVersion) }
    }
}

impl From<GraphVersion> for String {
    fn from(version: GraphVersion) -> Self {
        version.0
    }
}

impl GraphVersion {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the text is `v`, one or two digits, a dot and a digit: what may stand in Meta's paths.
#[must_use]
pub fn is_graph_version(text: &str) -> bool {
    let Some((major, minor)) = text.strip_prefix('v').and_then(|rest| rest.split_once('.')) else { return false };
    (1..=2).contains(&major.len()) && minor.len() == 1 && major.bytes().chain(minor.bytes()).all(|b| b.is_ascii_digit())
}

/// How the connect page looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Branding {
    /// The company's name on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<crate::text::Name>,
    /// A picture at an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<HttpsUrl>,
    /// The colour of buttons, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<Color>,
}

macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident, $error:ident, $message:literal, $example:literal, $check:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, example = $example)]
        pub struct $name(String);

        #[doc = concat!("Why a text is not such a value: it ", $message, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error;

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    )+};
}

checked! {
    /// An absolute https URL of at most 2,000 characters.
    HttpsUrl, MalformedHttpsUrl, "must be an https URL of at most 2000 characters", "https://example.com/logo.svg",
    |text| text.len() <= 2000 && text.len() > "https://".len() && text.starts_with("https://")
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'<' && b != b'>');

    /// A colour `#rrggbb`.
    Color, MalformedColor, "must be a colour such as #0a7cff", "#0a7cff",
    |text| text.len() == 7 && text.starts_with('#') && text.bytes().skip(1).all(|b| b.is_ascii_hexdigit());
}

/// Requests per second and the like; null: no limit. Nothing enforces them yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Proxied calls per second of the whole tenant.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub tenant_per_second: Option<Positive>,
    /// Proxied calls per second of one API key.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub api_key_per_second: Option<Positive>,
    /// Calls per second that use one Chakra key.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub chakra_key_per_second: Option<Positive>,
    /// Messages per second of one phone number.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub phone_number_per_second: Option<Positive>,
    /// Messages from one number to one recipient.
    pub recipient_pair: Option<RecipientPair>,
    /// Management calls per hour.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub management_per_hour: Option<Positive>,
}

/// One message each so many seconds, after a burst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientPair {
    /// Seconds between messages.
    #[schema(minimum = 1, value_type = u32)]
    pub every_seconds: Positive,
    /// Messages at once.
    #[schema(minimum = 1, value_type = u32)]
    pub burst: Positive,
}

/// A whole number from 1 to 4,294,967,295.
pub type Positive = std::num::NonZeroU32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for good in ["https://app.example.com", "https://app.example.com:8443", "http://localhost:3000"] {
            assert!(Origin::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com",
            "https://example.com/",
            "https://",
            "*",
            "https://a..b",
            "https://A.com",
            "https://x:0123",
            "https://u@x",
        ] {
            assert!(Origin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn colours_and_urls_are_checked() {
        assert!(Color::try_from("#0a7cff".to_owned()).is_ok());
        assert!(Color::try_from("red".to_owned()).is_err());
        assert!(HttpsUrl::try_from("javascript:alert(1)".to_owned()).is_err());
    }
}
