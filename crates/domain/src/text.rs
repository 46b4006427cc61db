//! Texts that people give: of bounded length, without control characters, kept as they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedText {
    /// Shorter or longer than allowed, counted in characters.
    #[error("must be {min} to {max} characters long, but has {len}")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Characters given.
        len: usize,
    },
    /// Holds a control character, such as a line break or NUL.
    #[error("must not contain control characters")]
    Control,
    /// Begins or ends with white space.
    #[error("must not begin or end with white space")]
    Blank,
    /// Holds something else than lower-case letters, digits, `-` and `_`.
    #[error("must consist of lower-case letters, digits, \"-\" and \"_\"")]
    Slug,
}

fn check(text: &str, min: usize, max: usize) -> Result<(), MalformedText> {
    let len = text.chars().count();
    if len < min || len > max {
        return Err(MalformedText::Length { min, max, len });
    }
    if text.chars().any(char::is_control) {
        return Err(MalformedText::Control);
    }
    if text.trim().len() != text.len() {
        return Err(MalformedText::Blank);
    }
    Ok(())
}

fn check_slug(text: &str, min: usize, max: usize) -> Result<(), MalformedText> {
    check(text, min, max)?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if text.bytes().all(allowed) { Ok(()) } else { Err(MalformedText::Slug) }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $min:tt ..= $max:tt, $check:ident, $example:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, min_length = $min, max_length = $max, example = $example)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                $check(&text, $min, $max)?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = MalformedText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// What a person calls a thing.
    Name, 1 ..= 100, check, "Example Shop";
    /// What a thing is for.
    Description, 0 ..= 500, check, "Sends order updates";
    /// The tenant's own id of a customer, unique within the tenant.
    ExternalId, 1 ..= 200, check, "shop-42";
    /// The name of a role, unique within the tenant.
    RoleName, 1 ..= 50, check_slug, "support-desk";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert!("ä".repeat(100).parse::<Name>().is_ok());
        assert_eq!("ä".repeat(101).parse::<Name>(), Err(MalformedText::Length { min: 1, max: 100, len: 101 }));
    }

    #[test]
    fn control_characters_and_outer_blanks_are_refused() {
        assert_eq!("a\nb".parse::<Name>(), Err(MalformedText::Control));
        assert_eq!("a\0b".parse::<ExternalId>(), Err(MalformedText::Control));
        assert_eq!(" a".parse::<Name>(), Err(MalformedText::Blank));
        assert_eq!("Support".parse::<RoleName>(), Err(MalformedText::Slug));
    }
}
