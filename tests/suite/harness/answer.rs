use std::sync::LazyLock;

use reqwest::header::HeaderMap;
use serde_json::Value;

static NULL: LazyLock<Value> = LazyLock::new(|| Value::Null);

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Method and path, for messages.
    pub(crate) what: String,
    /// The status code.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body as it came.
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) json: Value,
}

impl Answer {
    /// The JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.json
    }

    /// The JSON of an answer with a status of 200 to 299.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Value {
        assert!(self.is_success(), "{self}");
        self.json
    }

    /// Whether the status is 200 to 299.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text; empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value at a JSON pointer; null where there is none.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&NULL)
    }

    /// What is wrong with this as an RFC 9457 problem of that status; none if nothing is.
    pub(crate) fn not_a_problem(&self, statuses: &[u16]) -> Option<String> {
        if !statuses.contains(&self.status) {
            return Some(format!("expected one of {statuses:?}: {self}"));
        }
        if !self.header("content-type").starts_with("application/problem+json") {
            return Some(format!("expected application/problem+json: {self}"));
        }
        for name in ["/type", "/title", "/detail", "/code", "/request_id"] {
            if self.at(name).as_str().is_none_or(str::is_empty) {
                return Some(format!("the problem lacks {name}: {self}"));
            }
        }
        (self.at("/status") != self.status).then(|| format!("the problem tells another status: {self}"))
    }

    /// What is wrong with this as a problem that points at a field; none if nothing is.
    pub(crate) fn names_no_field(&self, statuses: &[u16], pointer: &str) -> Option<String> {
        if let Some(wrong) = self.not_a_problem(statuses) {
            return Some(wrong);
        }
        let errors = self.at("/errors").as_array().cloned().unwrap_or_default();
        let named = errors.iter().any(|error| {
            error["pointer"].as_str().is_some_and(|at| at == pointer || at.starts_with(&format!("{pointer}/")))
                && error["detail"].as_str().is_some_and(|detail| !detail.is_empty())
        });
        (!named).then(|| format!("expected errors[] to point at {pointer} and say what to do: {self}"))
    }

    /// What is wrong with this as an error of Portico in Chakra's envelope; none if nothing is.
    pub(crate) fn not_an_envelope(&self, statuses: &[u16]) -> Option<String> {
        if !statuses.contains(&self.status) {
            return Some(format!("expected one of {statuses:?}: {self}"));
        }
        let whole = self.at("/_data") == &Value::Array(Vec::new())
            && self.at("/_meta/source") == "portico"
            && self.at("/_meta/code").as_str().is_some_and(|code| !code.is_empty())
            && self.at("/_meta/requestId").as_str().is_some_and(|id| !id.is_empty())
            && self.at("/_errors/0").as_str().is_some_and(|text| !text.is_empty());
        (!whole).then(|| format!("expected an error of Portico in Chakra's envelope: {self}"))
    }

    /// Status, header names and body with the given ids and the request id blanked: two answers of
    /// the same shape cannot be told apart. Whether the connection stays open is left out: it says
    /// only whether the whole request had arrived when the answer went out.
    pub(crate) fn shape(&self, ids: &[&str]) -> String {
        let mut names: Vec<_> = self.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.retain(|name| name != "connection");
        names.sort_unstable();
        let mut text = self.text.clone();
        let own = [self.at("/request_id"), self.at("/_meta/requestId")];
        for id in own.iter().filter_map(|id| id.as_str()).chain(ids.iter().copied()) {
            text = text.replace(id, "…");
        }
        format!("{} {names:?} {text}", self.status)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text.chars().take(600).collect();
        write!(f, "{} answered {} {}: {text}", self.what, self.status, self.header("content-type"))
    }
}
