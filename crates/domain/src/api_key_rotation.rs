//! The rotation of an API key's secret: for how long the old one still opens, and who still uses it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::OldSecretId;

/// For how long an old secret still opens after a rotation, in seconds: 0 to 604800 (seven days).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Value")]
#[schema(value_type = u32, minimum = 0, maximum = 604_800, default = 86400, example = 86400)]
pub struct Overlap(u32);

/// A value that is no [`Overlap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 0 to 604800 (seven days)")]
pub struct MalformedOverlap;

impl Overlap {
    const MOST: u32 = 7 * 24 * 60 * 60;

    /// Whether there is none: the old secret is refused at once.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The overlap as a duration, in whole seconds.
    #[must_use]
    pub fn duration(self) -> time::Duration {
        time::Duration::seconds(self.0.into())
    }
}

impl Default for Overlap {
    /// A day.
    fn default() -> Self {
        Self(24 * 60 * 60)
    }
}

impl TryFrom<Value> for Overlap {
    type Error = MalformedOverlap;

    fn try_from(value: Value) -> Result<Self, MalformedOverlap> {
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        seconds.filter(|seconds| *seconds <= Self::MOST).map(Self).ok_or(MalformedOverlap)
    }
}

/// A secret that a rotation replaced, without the secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OldSecret {
    /// Its id.
    pub id: OldSecretId,
    /// Its beginning, to recognise it by.
    #[schema(example = "ptc_live_4kT9aZ")]
    pub prefix: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was replaced.
    #[serde(with = "time::serde::rfc3339")]
    pub rotated_at: OffsetDateTime,
    /// From when on it is refused.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it was last used since it was replaced.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// How often it was used since it was replaced.
    pub uses: u64,
}

/// Who still uses a secret that was replaced: from where and for what.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OldSecretUse {
    /// The old secret.
    pub old_secret_id: OldSecretId,
    /// Its beginning.
    #[schema(example = "ptc_live_4kT9aZ")]
    pub prefix: String,
    /// From where; null where it is not known, and for all that came after the first hundred pairs of
    /// address and operation.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    /// The operation of a compatible call, or method and path template of Portico's own API; null for
    /// all that came after the first hundred pairs.
    #[schema(example = "whatsapp_messages")]
    pub operation: Option<String>,
    /// When this was first seen.
    #[serde(with = "time::serde::rfc3339")]
    pub first_used_at: OffsetDateTime,
    /// When this was last seen.
    #[serde(with = "time::serde::rfc3339")]
    pub last_used_at: OffsetDateTime,
    /// How often.
    pub uses: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_overlap_is_at_most_seven_days() {
        let read = |value: Value| serde_json::from_value::<Overlap>(value);
        assert!(read(json!(0)).expect("is one").is_none());
        assert_eq!(read(json!(604_800)).expect("is one").duration(), time::Duration::days(7));
        for wrong in [json!(604_801), json!(-1), json!(0.5), json!("60"), json!(u64::MAX)] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
