//! How a limit stands, as headers of an answer (draft-ietf-httpapi-ratelimit-headers-10).

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use portico_core::limits::LimitState;

/// The headers that tell how a limit stands; `Retry-After` too, for a call that was too much.
#[must_use]
pub fn headers(standing: &LimitState) -> Vec<(HeaderName, HeaderValue)> {
    let limits = standing
        .headers()
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)));
    let after = standing.retry_after_seconds().map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds)));
    limits.chain(after).collect()
}

/// Adds them to an answer, in place of what an upstream said under these names.
pub fn insert(headers: &mut HeaderMap, standing: Option<&LimitState>) {
    for (name, value) in standing.into_iter().flat_map(self::headers) {
        headers.insert(name, value);
    }
}
