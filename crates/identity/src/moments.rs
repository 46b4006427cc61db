//! Moments in events and in the audit log.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The moment as RFC 3339 writes it; none for a year that it has no digits for.
pub(crate) fn rfc3339(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}
