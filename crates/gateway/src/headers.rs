//! Which headers cross, in either direction. Everything else stays behind: cookies, credentials,
//! what belongs to the connection, and what tells of the caller's network.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use portico_chakra::{BodyKind, Operation};

use portico_core::Error;

use crate::call::Headers;

/// Headers of a request that Chakra may see beside its content type.
const ONWARD: [HeaderName; 6] = [
    ACCEPT,
    http::header::ACCEPT_LANGUAGE,
    http::header::RANGE,
    http::header::IF_NONE_MATCH,
    http::header::IF_MODIFIED_SINCE,
    HeaderName::from_static("x-chakra-sdk"),
];

/// Headers of an answer that stay behind: those of the connection, cookies, and names under which an
/// upstream could speak for Portico.
const STAY: [&str; 19] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "set-cookie",
    "set-cookie2",
    "content-length",
    "x-request-id",
    "portico-operation",
    "server",
    "date",
    "alt-svc",
    "strict-transport-security",
    "www-authenticate",
];

/// The headers that go to Chakra.
pub(crate) fn outgoing(
    operation: &Operation,
    given: &dyn Headers,
    streams: bool,
    request_id: &str,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(6);
    for name in ONWARD {
        if let Some(value) = given.get(name.as_str()) {
            let value = HeaderValue::from_bytes(value).map_err(|_| Error::Header("Accept", "is malformed".into()))?;
            headers.insert(name, value);
        }
    }
    if operation.body != BodyKind::None {
        // Chakra must read a JSON body as we did: a charset in the caller's header could change that.
        let value = match operation.body {
            BodyKind::Json | BodyKind::JsonList => Some(HeaderValue::from_static("application/json")),
            _ => given.get("content-type").and_then(|value| HeaderValue::from_bytes(value).ok()),
        };
        if let Some(value) = value {
            headers.insert(CONTENT_TYPE, value);
        }
        if matches!(operation.body, BodyKind::Multipart | BodyKind::JsonOrMultipart)
            && streams
            && let Some(value) = given.get("content-length").and_then(|value| HeaderValue::from_bytes(value).ok())
        {
            headers.insert(CONTENT_LENGTH, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    Ok(headers)
}

/// The headers that the caller gets of Chakra's answer.
pub(crate) fn incoming(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let named = headers.get_all(http::header::CONNECTION);
    let named: Vec<&str> = named
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let crosses = |name: &HeaderName| {
        !STAY.contains(&name.as_str()) && !named.iter().any(|other| other.eq_ignore_ascii_case(name.as_str()))
    };
    headers.iter().filter(|(name, _)| crosses(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
