//! Texts that people give: of bounded length, without control characters or invisible ones, in Unicode's normal form
//! NFC, so that two texts that look alike are the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

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
    /// Holds a character that changes the direction of text, a byte order mark or another that nobody sees.
    #[error("must not contain invisible characters, such as marks of direction (U+202E) or a byte order mark (U+FEFF)")]
    Invisible,
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
    if text.chars().any(is_invisible) {
        return Err(MalformedText::Invisible);
    }
    if text.trim().len() != text.len() {
        return Err(MalformedText::Blank);
    }
    Ok(())
}

/// Whether nobody sees the character, so that two texts that differ by it look alike: marks and controls of
/// direction, byte order marks, spaces and joiners without width, soft hyphens, fillers, separators of lines, and tags. The
/// joiners U+200C and U+200D are needed to write Persian, and in emoji; an id has no use for them.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{ffa0}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn check_id(text: &str, min: usize, max: usize) -> Result<(), MalformedText> {
    check(text, min, max)?;
    // Nor for what chooses how the character before it looks.
    let has_no_use = |c| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    if text.contains(has_no_use) { Err(MalformedText::Invisible) } else { Ok(()) }
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
                let text = if is_nfc(&text) { text } else { text.nfc().collect() };
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
    ExternalId, 1 ..= 200, check_id, "shop-42";
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
    fn what_looks_alike_is_the_same_or_refused() {
        assert_eq!("cafe\u{301}".parse::<ExternalId>(), "caf\u{e9}".parse(), "in normal form");
        assert_eq!("e\u{301}".repeat(100).parse::<Name>().map(|name| name.as_str().chars().count()), Ok(100));
        for odd in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}', '\u{200b}', '\u{e0041}', '\u{ad}'] {
            assert_eq!(format!("shop{odd}42").parse::<ExternalId>(), Err(MalformedText::Invisible), "{odd:?}");
            assert_eq!(format!("Shop{odd}").parse::<Name>(), Err(MalformedText::Invisible), "{odd:?}");
        }
        assert!("\u{1f468}\u{200d}\u{1f373} نمی\u{200c}خواهم".parse::<Name>().is_ok(), "names need joiners");
        assert_eq!("shop\u{200d}42".parse::<ExternalId>(), Err(MalformedText::Invisible));
    }

    #[test]
    fn control_characters_and_outer_blanks_are_refused() {
        assert_eq!("a\nb".parse::<Name>(), Err(MalformedText::Control));
        assert_eq!("a\0b".parse::<ExternalId>(), Err(MalformedText::Control));
        assert_eq!(" a".parse::<Name>(), Err(MalformedText::Blank));
        assert_eq!("Support".parse::<RoleName>(), Err(MalformedText::Slug));
    }
}
