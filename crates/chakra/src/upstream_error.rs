//! Why Chakra gave no answer.

use crate::client::RESPONSE_LIMIT;

/// Why Chakra gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection within 3 s, or it broke before the answer was complete.
    #[error("Chakra cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The call took longer than [`UpstreamRequest::timeout`](crate::UpstreamRequest::timeout).
    #[error("Chakra did not answer in time")]
    Timeout,
    /// The answer has to be read as a whole and is longer than [`RESPONSE_LIMIT`].
    #[error("Chakra's answer is longer than {RESPONSE_LIMIT} bytes")]
    TooLong,
}

impl From<reqwest::Error> for UpstreamError {
    fn from(error: reqwest::Error) -> Self {
        // A connection attempt that runs out of time means that nobody is there.
        if error.is_timeout() && !error.is_connect() { Self::Timeout } else { Self::Unreachable(error.without_url()) }
    }
}
