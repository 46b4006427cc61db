//! Which calls of the request log are asked for.

use std::str::FromStr;

use time::OffsetDateTime;

use crate::ids::{ApiKeyId, CustomerId};

/// Which calls of the log; none of a field: whatever it is.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Only calls with this `X-Request-Id`.
    pub request_id: Option<String>,
    /// Only calls that were answered so.
    pub status: Option<StatusRange>,
    /// Only calls of this key, or of a token that it minted.
    pub api_key: Option<ApiKeyId>,
    /// Only calls for this customer.
    pub customer: Option<CustomerId>,
    /// Only calls of this operation of the catalogue.
    pub operation: Option<String>,
    /// Only calls that arrived at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Only calls that arrived before this moment.
    pub to: Option<OffsetDateTime>,
}

/// One HTTP status, as `502`, or all of a class, as `5xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

/// A text that is no [`StatusRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an HTTP status such as 502, or a class such as 5xx")]
pub struct MalformedStatus;

impl StatusRange {
    /// The lowest status in it.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The highest status in it.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for StatusRange {
    type Err = MalformedStatus;

    fn from_str(text: &str) -> Result<Self, MalformedStatus> {
        if let Some(class) = text.strip_suffix("xx") {
            let class: u16 = Some(class)
                .filter(|class| class.len() == 1)
                .and_then(|class| class.parse().ok())
                .filter(|class| (1..=5).contains(class))
                .ok_or(MalformedStatus)?;
            return Ok(Self { first: class * 100, last: class * 100 + 99 });
        }
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        let status = text.parse().ok().filter(|status| digits && (100..=599).contains(status));
        status.map(|status| Self { first: status, last: status }).ok_or(MalformedStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_or_a_class() {
        let of = |text: &str| text.parse::<StatusRange>().map(|range| (range.first(), range.last()));
        assert_eq!((of("502"), of("5xx")), (Ok((502, 502)), Ok((500, 599))));
        for text in ["", "xx", "6xx", "0xx", "+4xx", "99", "600", "+40", "5XX", "50x"] {
            assert_eq!(of(text), Err(MalformedStatus), "{text}");
        }
    }
}
