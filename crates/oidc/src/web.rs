//! Calls to the provider: bounded in size and time, never redirected, over https or on this machine.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

/// How long one call may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may be, in bytes.
const SIZE_LIMIT: usize = 256 * 1024;

/// Why a call of the provider failed.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There was no answer, or it broke off.
    #[error("it does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// The answer has another status than 200.
    #[error("it answered {status}{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        /// The HTTP status of the answer.
        status: StatusCode,
        /// `error` of the answer (RFC 6749, section 5.2), if it is of the characters allowed there.
        code: Option<String>,
    },
    /// The answer is longer than 256 KiB.
    #[error("its answer is longer than {SIZE_LIMIT} bytes")]
    TooLong,
    /// The answer is not the JSON that the standard describes. Quotes nothing of it.
    #[error("its answer is not what the standard describes: {0}")]
    Shape(String),
}

/// A client for that provider alone. It keeps no connections: sign-ins are rare, and a connection
/// dies with the thread that opened it.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(TIME_LIMIT)
        .connect_timeout(Duration::from_secs(3))
        .pool_max_idle_per_host(0)
        .build()
}

/// Whether secrets may travel to that address: https, or http on the loopback address.
pub(crate) fn is_safe(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    let loopback = || match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    plain && (url.scheme() == "https" || url.scheme() == "http" && loopback())
}

#[derive(serde::Deserialize)]
struct OAuthError {
    error: String,
}

/// Sends a request and reads the JSON of a 200.
pub(crate) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, WebError> {
    let mut answer = request.send().await.map_err(WebError::Unreachable)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(WebError::Unreachable)? {
        if body.len() + chunk.len() > SIZE_LIMIT {
            return Err(WebError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    if status != StatusCode::OK {
        let code = serde_json::from_slice::<OAuthError>(&body).ok().map(|error| error.error);
        let plain =
            |code: &String| code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        return Err(WebError::Status { status, code: code.filter(plain) });
    }
    // The error of serde_json may quote the answer, which may hold a token: only where it stands is told.
    serde_json::from_slice(&body)
        .map_err(|error| WebError::Shape(format!("{:?} at byte {}", error.classify(), error.column())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_encrypted_or_on_this_machine() {
        for url in ["https://id.example.com/x", "http://127.0.0.1:9/x", "http://localhost:9", "http://[::1]:9"] {
            assert!(is_safe(&url.parse().expect("is a URL")), "{url}");
        }
        for url in [
            "http://id.example.com",
            "http://10.0.0.1",
            "ftp://id.example.com",
            "https://a:b@id.example.com",
            "data:x",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert!(!is_safe(&url.parse().expect("is a URL")), "{url}");
        }
    }
}
