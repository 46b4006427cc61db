//! The record of what arrived. Keeping an entry costs a few reference counts; JSON is made when
//! somebody asks.

use std::collections::VecDeque;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arrival::Arrived;

/// Entries that are kept.
const ENTRIES: usize = 10_000;
/// Bytes of bodies that are kept; the oldest entries go first.
const BYTES: usize = 256 * 1024 * 1024;

/// The last calls, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Record {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Entry {
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

impl Record {
    /// Adds a call; the oldest make room.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += entry.weight();
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES || self.bytes > BYTES {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.weight();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every entry, oldest first.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        self.entries.iter().map(Entry::to_json).collect()
    }
}

impl Entry {
    /// What arrived, before anything is done about it.
    pub(crate) fn new(request: &HttpRequest, body: &Arrived) -> Self {
        let body = match body {
            Arrived::Whole(bytes) | Arrived::Broken(bytes) => Body::Plain(bytes.clone()),
            Arrived::Form(upload) => Body::Described(upload.described()),
            Arrived::TooLarge(bytes, sha256) => Body::Described(json!({"bytes": bytes, "sha256": sha256})),
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

    fn weight(&self) -> usize {
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

    fn entry(path: &str, body: &'static [u8]) -> Entry {
        let request = TestRequest::with_uri(path).append_header(("x-a", "1")).append_header(("x-a", "2"));
        Entry::new(&request.to_http_request(), &Arrived::Whole(Bytes::from_static(body)))
    }

    #[test]
    fn an_entry_shows_the_body_as_json_or_as_text() {
        let json = entry("/plugin?a=%20", br#"{"a":1}"#).to_json();
        assert_eq!(json["body"], json!({"a": 1}));
        assert_eq!((json["path"].as_str(), json["query"].as_str()), (Some("/plugin"), Some("a=%20")));
        assert_eq!(json["headers"]["x-a"], "1, 2");
        assert_eq!(entry("/", b"plain").to_json()["body"], "plain");
        assert_eq!(entry("/", b"").to_json()["body"], Value::Null);
    }

    #[test]
    fn only_the_last_ten_thousand_stay() {
        let mut record = Record::default();
        for at in 0..=ENTRIES {
            record.push(entry(&format!("/{at}"), b"x"));
        }
        let kept = record.to_json();
        assert_eq!(kept.len(), ENTRIES);
        assert_eq!(kept[0]["path"], "/1");
        assert_eq!(record.bytes, ENTRIES);
    }
}
