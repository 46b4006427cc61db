//! How many requests per second an API key may make.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How many requests per second a key may make: 1 to 10000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Value", into = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 10000, example = 20)]
pub struct RateLimit(NonZeroU32);

/// A value that is no [`RateLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 10000, in requests per second")]
pub struct MalformedRateLimit;

impl RateLimit {
    const MOST: u32 = 10_000;

    /// Requests per second.
    #[must_use]
    pub const fn per_second(self) -> NonZeroU32 {
        self.0
    }
}

impl TryFrom<u64> for RateLimit {
    type Error = MalformedRateLimit;

    fn try_from(number: u64) -> Result<Self, MalformedRateLimit> {
        let number = u32::try_from(number).ok().filter(|number| *number <= Self::MOST);
        number.and_then(NonZeroU32::new).map(Self).ok_or(MalformedRateLimit)
    }
}

impl TryFrom<Value> for RateLimit {
    type Error = MalformedRateLimit;

    fn try_from(value: Value) -> Result<Self, MalformedRateLimit> {
        value.as_u64().ok_or(MalformedRateLimit)?.try_into()
    }
}

impl From<RateLimit> for u32 {
    fn from(limit: RateLimit) -> Self {
        limit.0.get()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rate_limit_is_a_whole_number_in_its_range() {
        let read = |value: Value| serde_json::from_value::<RateLimit>(value).map(u32::from).map_err(|e| e.to_string());
        assert_eq!((read(json!(1)), read(json!(10_000))), (Ok(1), Ok(10_000)));
        for wrong in [json!(0), json!(10_001), json!(-1), json!(1.5), json!("5"), json!(u64::MAX), json!(null)] {
            assert!(read(wrong.clone()).is_err_and(|text| text.contains("from 1 to 10000")), "{wrong}");
        }
        assert_eq!(serde_json::to_value(RateLimit::try_from(5).expect("is in range")).expect("is JSON"), json!(5));
    }
}
