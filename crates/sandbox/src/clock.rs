//! The instant now, in the unit that all state of the sandbox keeps.

use time::OffsetDateTime;

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
