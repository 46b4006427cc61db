//! The record of requests that arrived, for tests to look at. Recording one costs a few reference counts;
//! JSON is made when somebody asks.

use std::collections::VecDeque;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::request_body::RequestBody;

/// Requests that are kept; the oldest go first.
const MAX_REQUESTS: usize = 10_000;
/// Bytes of bodies that are kept; the oldest entries go first.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// The last requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RequestRecord {
    requests: VecDeque<RecordedRequest>,
    bytes: usize,
}

/// One request, as it arrived.
#[derive(Debug)]
pub(crate) struct RecordedRequest {
    at: OffsetDateTime,
    method: Method,
    path: String,
    query: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Plain(Bytes),
    Described(Value),
}

impl RequestRecord {
    /// Records a request; the oldest make room.
    pub(crate) fn push(&mut self, request: RecordedRequest) {
        self.bytes += request.body_bytes();
        self.requests.push_back(request);
        while self.requests.len() > MAX_REQUESTS || self.bytes > MAX_BODY_BYTES {
            let Some(oldest) = self.requests.pop_front() else { return };
            self.bytes -= oldest.body_bytes();
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every request, oldest first; with `since` only those that came then or later, with `limit` only so many of
    /// the latest.
    pub(crate) fn to_json(&self, limit: Option<usize>, since: Option<OffsetDateTime>) -> Vec<Value> {
        let first = since.map_or(0, |since| self.requests.iter().take_while(|request| request.at < since).count());
        let first = limit.map_or(first, |limit| first.max(self.requests.len().saturating_sub(limit)));
        self.requests.iter().skip(first).map(RecordedRequest::to_json).collect()
    }
}

impl RecordedRequest {
    /// The request before anything is done about it.
    pub(crate) fn new(request: &HttpRequest, body: &RequestBody) -> Self {
        let body = match body {
            RequestBody::Whole(bytes) | RequestBody::Aborted(bytes) => Body::Plain(bytes.clone()),
            RequestBody::Multipart(form) => Body::Described(form.summary()),
            RequestBody::TooLarge(bytes, sha256) => Body::Described(json!({"bytes": bytes, "sha256": sha256})),
        };
        Self {
            at: OffsetDateTime::now_utc(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            body,
        }
    }

    fn body_bytes(&self) -> usize {
        match &self.body {
            Body::Plain(bytes) => bytes.len(),
            Body::Described(_) => 0,
        }
    }

    fn to_json(&self) -> Value {
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            match headers.get_mut(name.as_str()) {
                Some(Value::String(known)) => *known = format!("{known}, {value}"),
                _ => drop(headers.insert(name.as_str().to_owned(), value.into())),
            }
        }
        let body = match &self.body {
            Body::Described(value) => value.clone(),
            Body::Plain(bytes) if bytes.is_empty() => Value::Null,
            Body::Plain(bytes) => serde_json::from_slice(bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
        };
        json!({
            "at": self.at.format(&Rfc3339).unwrap_or_default(),
            "method": self.method.as_str(),
            "path": self.path,
            "query": self.query,
            "headers": headers,
            "body": body,
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn recorded(path: &str, body: &'static [u8]) -> RecordedRequest {
        let request = TestRequest::with_uri(path).append_header(("x-a", "1")).append_header(("x-a", "2"));
        RecordedRequest::new(&request.to_http_request(), &RequestBody::Whole(Bytes::from_static(body)))
    }

    #[test]
    fn an_entry_shows_the_body_as_json_or_as_text() {
        let json = recorded("/plugin?a=%20", br#"{"a":1}"#).to_json();
        assert_eq!(json["body"], json!({"a": 1}));
        assert_eq!((json["path"].as_str(), json["query"].as_str()), (Some("/plugin"), Some("a=%20")));
        assert_eq!(json["headers"]["x-a"], "1, 2");
        assert_eq!(recorded("/", b"plain").to_json()["body"], "plain");
        assert_eq!(recorded("/", b"").to_json()["body"], Value::Null);
    }

    #[test]
    fn only_the_last_ten_thousand_stay() {
        let mut record = RequestRecord::default();
        for at in 0..=MAX_REQUESTS {
            record.push(recorded(&format!("/{at}"), b"x"));
        }
        let kept = record.to_json(None, None);
        assert_eq!(kept.len(), MAX_REQUESTS);
        assert_eq!(kept[0]["path"], "/1");
        assert_eq!(record.bytes, MAX_REQUESTS);
    }
}
