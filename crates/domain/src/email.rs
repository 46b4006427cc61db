//! E-mail addresses, by which people are invited and sign in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::text::is_invisible;

/// A text that is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as ada@example.com, of at most 254 bytes")]
pub struct MalformedEmail;

/// An e-mail address, in lower case and Unicode's normal form NFC, its domain in the form of the DNS: two that differ
/// in how they are written alone are one person's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 3, max_length = 254, pattern = "^[^@\\s]{1,64}@[^@\\s]+$", example = "ada@example.com")]
pub struct Email(String);

impl Email {
    /// The address, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = MalformedEmail;

    fn from_str(text: &str) -> Result<Self, MalformedEmail> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || "<>()[],;:\\\"".contains(c);
        let lower: String = text.nfc().collect::<String>().to_lowercase().nfc().collect();
        let (local, domain) = lower.split_once('@').ok_or(MalformedEmail)?;
        if lower.chars().any(odd) {
            return Err(MalformedEmail);
        }
        let domain = if domain.is_ascii() { domain.to_owned() } else { in_dns(domain)? };
        let lower = format!("{local}@{domain}");
        let fits = !local.is_empty() && local.len() <= 64 && !domain.is_empty() && lower.len() <= 254;
        let plain =
            !lower.chars().any(odd) && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.');
        if fits && plain { Ok(Self(lower)) } else { Err(MalformedEmail) }
    }
}

/// The domain as the DNS has it (UTS 46).
fn in_dns(domain: &str) -> Result<String, MalformedEmail> {
    idna::domain_to_ascii(domain).map_err(|_| MalformedEmail)
}

impl TryFrom<String> for Email {
    type Error = MalformedEmail;

    fn try_from(text: String) -> Result<Self, MalformedEmail> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_difference() {
        assert_eq!("Ada@Example.COM".parse::<Email>(), "ada@example.com".parse());
        assert_eq!("jose\u{301}@example.com".parse::<Email>(), "jos\u{e9}@example.com".parse());
        assert_eq!("ada@B\u{dc}cher.example".parse::<Email>(), "ada@xn--bcher-kva.example".parse());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b@c",
            "a\n@b",
            "<a@b>",
            "a@.b",
            "a@b.",
            "a,b@c",
            "a\u{202e}@b",
            "a@b\u{200b}c",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(MalformedEmail), "{text}");
        }
    }
}
