//! The client that calls Chakra.
//!
//! It follows no redirect, uses no system proxy and repeats nothing: a request that may have
//! reached Chakra is the caller's to judge. Bodies stream both ways.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_util::stream::{self, Stream};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::lenient_json;
use crate::operation::{Envelope, Method, Operation};
use crate::path_overrides::PathOverrides;
use crate::router::fill;
use crate::upstream_error::UpstreamError;

pub use crate::upstream_error::RESPONSE_LIMIT;

/// How long a call may take, from connecting to the last byte of the answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for calls that carry media, up to 100 MiB.
pub const MEDIA_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a connection may take, name and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Calls one Chakra. A clone shares its connections; see [`Client::with_own_connections`].
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    overrides: Arc<PathOverrides>,
}

/// Why a client cannot be made; told to the operator at start.
#[derive(Debug, thiserror::Error)]
pub enum ClientBuildError {
    /// Not an absolute http or https URL without path, query and credentials.
    #[error("PORTICO_CHAKRA_URL must be an http or https URL without path, such as https://api.chakrahq.com")]
    InvalidUrl,
    /// The TLS stack cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[source] reqwest::Error),
}

/// A request to Chakra, ready to be sent.
#[derive(Debug)]
pub struct UpstreamRequest<'k> {
    /// One of those that the catalogue uses.
    pub method: Method,
    /// Path and query, encoded, such as `/v1/ext/chat?page=2`.
    pub target: String,
    /// The Chakra key, sent as `Authorization: Bearer …`.
    pub key: &'k SecretString,
    /// Headers beside `Authorization`.
    pub headers: HeaderMap,
    /// Of any size: the limits of operations are the caller's to keep.
    pub body: UpstreamBody,
    /// How long it may take until the last byte of the answer.
    pub timeout: Duration,
}

/// The body of a request to Chakra.
#[derive(Debug)]
pub enum UpstreamBody {
    /// No body.
    Empty,
    /// The whole body, in memory.
    Full(Bytes),
    /// As the pieces arrive; an error among them breaks the request off.
    Stream(mpsc::Receiver<Result<Bytes, std::io::Error>>),
}

/// An answer whose head has arrived; its body is still to be read.
#[derive(Debug)]
pub struct UpstreamResponse {
    response: reqwest::Response,
    ahead: Option<Bytes>,
}

/// What [`UpstreamResponse::read_up_to`] found.
#[derive(Debug)]
pub enum BufferedBody {
    /// The whole body: it is not longer than the limit.
    Complete(Bytes),
    /// The body is longer. It can still be read from its first byte on.
    LimitExceeded(UpstreamResponse),
}

impl Client {
    /// A client of the Chakra at this address, for example `https://api.chakrahq.com`.
    ///
    /// # Errors
    ///
    /// See [`ClientBuildError`].
    pub fn new(base: &str) -> Result<Self, ClientBuildError> {
        let url = reqwest::Url::parse(base).map_err(|_| ClientBuildError::InvalidUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.username().is_empty();
        if !plain {
            return Err(ClientBuildError::InvalidUrl);
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(50))
            .user_agent(concat!("portico/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientBuildError::Http)?;
        Ok(Self { http, base: base.trim_end_matches('/').into(), overrides: Arc::default() })
    }

    /// The same client with settings that replace paths of the catalogue.
    #[must_use]
    pub fn with_path_overrides(self, overrides: PathOverrides) -> Self {
        Self { overrides: Arc::new(overrides), ..self }
    }

    /// A client of the same Chakra with connections of its own: one for each worker thread, so that no
    /// connection is driven by another thread's event loop. Shares them after all where the TLS stack cannot
    /// be set up once more.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        let fresh = Self::new(&self.base);
        fresh.map_or_else(|_| self.clone(), |fresh| Self { overrides: Arc::clone(&self.overrides), ..fresh })
    }

    /// Which operations go out on another path than the catalogue says.
    #[must_use]
    pub fn path_overrides(&self) -> &PathOverrides {
        &self.overrides
    }

    /// The path and query of a URL on this Chakra's own host; none for another host's.
    #[must_use]
    pub fn own_path<'u>(&self, url: &'u str) -> Option<&'u str> {
        match url.strip_prefix(&*self.base) {
            Some(rest) => (rest.starts_with('/')).then_some(rest),
            None => (url.starts_with('/') && !url.starts_with("//")).then_some(url),
        }
    }

    /// Sends a request and waits for the head of the answer. Follows no redirect and repeats nothing.
    ///
    /// # Errors
    ///
    /// See [`UpstreamError`].
    pub async fn send(&self, request: UpstreamRequest<'_>) -> Result<UpstreamResponse, UpstreamError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut url = String::with_capacity(self.base.len() + request.target.len());
        url.push_str(&self.base);
        url.push_str(&request.target);
        let builder = self
            .http
            .request(method, url)
            .headers(request.headers)
            .timeout(request.timeout)
            .header(AUTHORIZATION, bearer(request.key));
        let builder = match request.body {
            UpstreamBody::Empty => builder,
            UpstreamBody::Full(bytes) => builder.body(bytes),
            UpstreamBody::Stream(pieces) => builder
                .body(reqwest::Body::wrap_stream(stream::unfold(pieces, |mut pieces| async {
                    pieces.recv().await.map(|piece| (piece, pieces))
                }))),
        };
        Ok(UpstreamResponse { response: builder.send().await?, ahead: None })
    }

    /// Calls an operation for Portico itself and gives its `_data`, null where there is none, or Meta's whole
    /// answer. `parameters` fill the path; the answer may have [`RESPONSE_LIMIT`] bytes.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn call(
        &self,
        operation: &Operation,
        parameters: &[(&str, &str)],
        query: &[(&str, &str)],
        body: Option<&Value>,
        key: &SecretString,
    ) -> Result<Value, CallError> {
        let find = |name: &str| parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let template = self.overrides.template(operation, |name| find(name).is_some()).unwrap_or(operation.paths[0]);
        let mut target = fill(template, find);
        if !query.is_empty() {
            target.push('?');
            target.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
        }
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        let body = match body {
            Some(json) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                UpstreamBody::Full(json.to_string().into())
            }
            None => UpstreamBody::Empty,
        };
        let request = UpstreamRequest { method: operation.method, target, key, headers, body, timeout: CALL_TIMEOUT };
        let response = self.send(request).await?;
        let status = response.status();
        let bytes = response.unpacked().await?.bytes().await?;
        // Nothing of an answer that shows the key may reach anybody; of a 401 nothing does.
        if status != 401 && shows(key, &bytes) {
            return Err(CallError::Malformed(status));
        }
        read_answer(operation, status, &bytes)
    }
}

/// Why a call for Portico itself came to nothing. Chakra tells some failures with status 200 and text.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer, or only part of one.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// 401: Chakra does not take the key at all.
    #[error("Chakra refuses the stored key")]
    KeyRefused,
    /// 403 of Chakra's own: it takes the key, whose role there lacks a permission for this call.
    #[error("the stored key lacks a permission at Chakra: {0}")]
    LacksPermission(String),
    /// 404, or an error text that says so.
    #[error("Chakra does not know it")]
    NotFound,
    /// Any other 4xx, or 2xx with an error text.
    #[error("Chakra refused with status {status}: {text}")]
    Rejected {
        /// Chakra's status, 200 to 299 or 400 to 499.
        status: u16,
        /// What Chakra says, at most 500 characters; empty when it says nothing.
        text: String,
    },
    /// 3xx, 5xx, a 2xx that is not JSON in the operation's envelope, or an answer that shows the key; with the status.
    #[error("Chakra's answer (status {0}) is malformed")]
    Malformed(u16),
}

/// Whether the key stands in these bytes: then nobody may see them.
#[must_use]
pub fn shows(key: &SecretString, bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, key.expose_secret().as_bytes()).is_some()
}

fn bearer(key: &SecretString) -> HeaderValue {
    let key = key.expose_secret();
    let mut text = BytesMut::with_capacity(7 + key.len());
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(key.as_bytes());
    // A stored key was checked to be visible ASCII.
    let mut value =
        HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

fn read_answer(operation: &Operation, status: u16, bytes: &[u8]) -> Result<Value, CallError> {
    let json = lenient_json::read(bytes);
    let text = json.as_ref().and_then(error_text);
    match (status, json) {
        (401, _) => Err(CallError::KeyRefused),
        (403, json) if !json.as_ref().is_some_and(is_metas_error) => {
            Err(CallError::LacksPermission(refusal_text(bytes)))
        }
        (404, _) => Err(CallError::NotFound),
        (200..=299, Some(json)) => match text {
            Some(text) if says_not_found(&text) => Err(CallError::NotFound),
            Some(text) => Err(CallError::Rejected { status, text }),
            None if operation.envelope == Envelope::Chakra => match json {
                Value::Object(mut object) => Ok(object.remove("_data").unwrap_or(Value::Null)),
                _ => Err(CallError::Malformed(status)),
            },
            None => Ok(json),
        },
        (400..=499, _) if text.as_deref().is_some_and(says_not_found) => Err(CallError::NotFound),
        (400..=499, _) => Err(CallError::Rejected { status, text: text.unwrap_or_default() }),
        _ => Err(CallError::Malformed(status)),
    }
}

/// Chakra says of some missing plugins only in words that they are.
fn says_not_found(text: &str) -> bool {
    text.to_ascii_lowercase().contains("not found")
}

/// Whether it is an error in Meta's own form: then it is about the request, and not about the key.
fn is_metas_error(json: &Value) -> bool {
    json.get("error").is_some()
}

/// What an answer that is a refusal says in words, at most 500 characters: its error text, or itself where it is a short
/// plain text; empty when it says nothing.
#[must_use]
pub fn refusal_text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(json) = serde_json::from_slice::<Value>(bytes) {
        return error_text(&json).unwrap_or_default();
    }
    let text = str::from_utf8(bytes).unwrap_or_default().trim();
    let is_plain = !text.starts_with('<') && !text.contains(char::is_control);
    if is_plain { text.chars().take(500).collect() } else { String::new() }
}

/// What Chakra or Meta says went wrong, at most 500 characters: the first of `_errors` (a text or an object
/// with `message`), Meta's `error.message`, or that within `_data`.
fn error_text(json: &Value) -> Option<String> {
    let first = json.get("_errors").and_then(|errors| errors.get(0));
    let text = first
        .and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()))
        .or_else(|| json.pointer("/error/message")?.as_str())
        .or_else(|| json.pointer("/_data/error/message")?.as_str());
    text.map(|text| text.chars().take(500).collect())
}

impl UpstreamResponse {
    /// The status code, 100 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers as Chakra sent them, also those of the connection.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The same answer without `Content-Encoding: gzip`, which some proxies write unasked. Of another encoding it stays
    /// as it is.
    ///
    /// # Errors
    ///
    /// As [`UpstreamResponse::bytes`], of the answer as it came and as it is unpacked;
    /// [`UpstreamError::Withheld`] for what is not gzip.
    pub async fn unpacked(mut self) -> Result<Self, UpstreamError> {
        let coding = self.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
        if !matches!(coding.as_deref(), Some(b"gzip" | b"x-gzip")) {
            return Ok(self);
        }
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = self.response.status();
        *response.headers_mut() = std::mem::take(self.response.headers_mut());
        *response.extensions_mut() = std::mem::take(self.response.extensions_mut());
        response.headers_mut().remove(CONTENT_ENCODING);
        let plain = gunzip(&self.bytes().await?)?;
        Ok(Self { response: response.into(), ahead: Some(plain) })
    }

    /// Reads the body if it is at most `limit` bytes long; else what was read is kept with the rest.
    ///
    /// # Errors
    ///
    /// See [`UpstreamError`].
    pub async fn read_up_to(mut self, limit: usize) -> Result<BufferedBody, UpstreamError> {
        let first = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.response.chunk().await?,
        };
        let Some(first) = first else { return Ok(BufferedBody::Complete(Bytes::new())) };
        if first.len() > limit {
            self.ahead = Some(first);
            return Ok(BufferedBody::LimitExceeded(self));
        }
        let Some(second) = self.response.chunk().await? else { return Ok(BufferedBody::Complete(first)) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while all.len() <= limit {
            let Some(chunk) = self.response.chunk().await? else { return Ok(BufferedBody::Complete(all.freeze())) };
            all.extend_from_slice(&chunk);
        }
        self.ahead = Some(all.freeze());
        Ok(BufferedBody::LimitExceeded(self))
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::TooLong`] beyond [`RESPONSE_LIMIT`] bytes; else when it breaks off or takes too long.
    pub async fn bytes(self) -> Result<Bytes, UpstreamError> {
        match self.read_up_to(RESPONSE_LIMIT).await? {
            BufferedBody::Complete(bytes) => Ok(bytes),
            BufferedBody::LimitExceeded(_) => Err(UpstreamError::TooLong),
        }
    }

    /// The body in pieces as they arrive, of any length. Ends after the first error.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
        stream::unfold(Some(self), |rest| async {
            let mut rest = rest?;
            if let Some(ahead) = rest.ahead.take() {
                return Some((Ok(ahead), Some(rest)));
            }
            match rest.response.chunk().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(rest))),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        })
    }
}

/// What was packed, of [`RESPONSE_LIMIT`] bytes at the most.
fn gunzip(packed: &[u8]) -> Result<Bytes, UpstreamError> {
    let mut plain = Vec::new();
    // One byte more tells whether it is too long.
    let most = RESPONSE_LIMIT as u64 + 1;
    MultiGzDecoder::new(packed).take(most).read_to_end(&mut plain).map_err(|_| UpstreamError::Withheld)?;
    if plain.len() > RESPONSE_LIMIT { Err(UpstreamError::TooLong) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::catalogue::operation;

    #[test]
    fn only_a_plain_http_url_is_a_base() {
        for bad in ["chakra", "ftp://x", "https://x/y", "https://u:p@x", "https://x?y=1", ""] {
            assert!(Client::new(bad).is_err(), "{bad}");
        }
        assert!(Client::new("http://127.0.0.1:9000").is_ok());
        assert!(Client::new("https://api.chakrahq.com/").is_ok());
    }

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(plain).expect("memory takes it");
        packer.finish().expect("memory takes it")
    }

    #[test]
    fn gzip_is_unpacked_as_far_as_an_answer_may_be_long() {
        assert_eq!(gunzip(&packed(b"{}")).expect("is gzip"), "{}");
        let two = [packed(b"a"), packed(b"b")].concat();
        assert_eq!(gunzip(&two).expect("is gzip in two parts"), "ab");
        assert_eq!(gunzip(&packed(&vec![0; RESPONSE_LIMIT])).expect("just fits").len(), RESPONSE_LIMIT);
        let bomb = packed(&vec![0; RESPONSE_LIMIT + 1]);
        assert!(bomb.len() < 100_000 && matches!(gunzip(&bomb), Err(UpstreamError::TooLong)));
        for bad in [&b"{}"[..], b"", &packed(b"{}")[..10]] {
            assert!(matches!(gunzip(bad), Err(UpstreamError::Withheld)), "{bad:?}");
        }
    }

    #[test]
    fn answers_are_told_apart_by_what_they_say() {
        let get = operation("get_plugin");
        let read = |status, body: &str| read_answer(get, status, body.as_bytes());
        assert_eq!(read(200, "\u{feff}{\"_data\":{\"id\":1},\"_errors\":[]}").ok(), Some(serde_json::json!({"id": 1})));
        assert!(matches!(read(200, r#"{"_data":[],"_errors":["Plugin not found"]}"#), Err(CallError::NotFound)));
        assert!(matches!(read(200, r#"{"_data":[],"_errors":["no"]}"#), Err(CallError::Rejected { status: 200, .. })));
        assert!(matches!(read(404, "Not Found"), Err(CallError::NotFound)));
        assert!(matches!(read(401, ""), Err(CallError::KeyRefused)));
        let lacks = |body: &str| match read(403, body) {
            Err(CallError::LacksPermission(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(lacks(r#"{"_data":[],"_errors":["Forbidden: lacks users:read"]}"#), "Forbidden: lacks users:read");
        assert_eq!(
            (lacks("Forbidden"), lacks("<html>"), lacks("")),
            ("Forbidden".into(), String::new(), String::new())
        );
        let metas = read(403, r#"{"error":{"message":"(#10) no"}}"#);
        assert!(matches!(metas, Err(CallError::Rejected { status: 403, .. })), "{metas:?}");
        assert!(matches!(read(502, "<html>"), Err(CallError::Malformed(502))));
        assert!(matches!(read(200, "<html>"), Err(CallError::Malformed(200))));
    }
}
