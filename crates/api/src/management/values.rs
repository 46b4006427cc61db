//! Values that only requests have.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serializer};
use utoipa::ToSchema;

/// Writes a secret that is shown this once.
pub(super) fn reveal<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// A range of addresses (CIDR) or a single address.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "192.0.2.0/24")]
pub(crate) struct AddressRange(IpNet);

impl TryFrom<String> for AddressRange {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        let range = text.parse::<IpNet>().or_else(|_| single());
        range
            .map(|range| Self(canonical(range).trunc()))
            .map_err(|_| "must be an address or a range such as 192.0.2.0/24")
    }
}

/// A range of IPv4 addresses that is written as one of IPv6 (`::ffff:192.0.2.0/120`), as what it is: callers'
/// addresses are compared in this form.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(six) = range else { return range };
    let four = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96));
    four.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(range, IpNet::V4)
}

impl From<AddressRange> for IpNet {
    fn from(range: AddressRange) -> Self {
        range.0
    }
}

/// An access token that Chakra issued: 8 to 4096 visible ASCII characters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 8, max_length = 4096,
    example = "an-access-token-from-chakra")]
pub(crate) struct AccessToken(SecretString);

impl TryFrom<String> for AccessToken {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (8..=4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err("must be 8 to 4096 visible ASCII characters, without spaces or \"Bearer\"")
        }
    }
}

impl From<AccessToken> for SecretString {
    fn from(token: AccessToken) -> Self {
        token.0
    }
}

/// What a Chakra team signs events with: 8 to 512 visible ASCII characters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 8, max_length = 512, example = "the-team's-hmac-verification-secret")]
pub(crate) struct TeamSecret(SecretString);

impl TryFrom<String> for TeamSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (8..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err("must be 8 to 512 visible ASCII characters, without spaces")
        }
    }
}

impl From<TeamSecret> for SecretString {
    fn from(secret: TeamSecret) -> Self {
        secret.0
    }
}

/// The name of a plugin at Chakra: 1 to 48 letters, digits, `-` and `_`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,48}$", example = "shop-42")]
pub(crate) struct PluginName(String);

impl TryFrom<String> for PluginName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=48).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err("must be 1 to 48 letters, digits, \"-\" and \"_\"")
        }
    }
}

impl From<PluginName> for String {
    fn from(name: PluginName) -> Self {
        name.0
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_range_of_one() {
        let range = |text: &str| AddressRange::try_from(text.to_owned()).map(|range| range.0.to_string());
        assert_eq!(range("192.0.2.7"), Ok("192.0.2.7/32".to_owned()));
        assert_eq!(range("2001:db8::1"), Ok("2001:db8::1/128".to_owned()));
        assert_eq!(range("192.0.2.7/24"), Ok("192.0.2.0/24".to_owned()));
        for mapped in ["::ffff:192.0.2.7/120", "::ffff:c000:200/120"] {
            assert_eq!(range(mapped), Ok("192.0.2.0/24".to_owned()), "{mapped}");
        }
        assert_eq!(range("::ffff:192.0.2.7"), Ok("192.0.2.7/32".to_owned()));
        assert_eq!(range("::ffff:0:0/90"), Ok("::ffc0:0:0/90".to_owned()), "more than IPv4");
        assert!(range("192.0.2.0/33").is_err() && range("").is_err() && range("example.com").is_err());
    }

    #[test]
    fn tokens_and_names_are_bounded() {
        let token = |text: &str| AccessToken::try_from(text.to_owned());
        assert!(token("abcdefgh").is_ok() && token("abcdefg").is_err() && token("Bearer abcdefgh").is_err());
        assert!(!format!("{:?}", token("abcdefgh")).contains("abcdefgh"));
        assert!(PluginName::try_from("a".repeat(48)).is_ok() && PluginName::try_from("a b".to_owned()).is_err());
    }
}
