//! Faults that a test asks for: latency, other statuses, broken connections.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Sleep, sleep};

use crate::reply::{Reply, envelope_error};

/// How long a stalled answer keeps its connection open, unless the fault says how long.
const DEFAULT_STALL: Duration = Duration::from_mins(5);
/// Time for the first half of a truncated answer to reach the client.
const TRUNCATE_DELAY: Duration = Duration::from_millis(50);

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FaultKind {
    /// Another answer instead; the operation is not done.
    Status,
    /// The right answer, later.
    Latency,
    /// The connection closes without an answer; the operation is not done.
    Reset,
    /// The answer's headers, then nothing.
    Stall,
    /// Half of the announced bytes, then the connection closes.
    Truncate,
    /// The right answer, in which every emoji is cut in two and its second half is lost, as JavaScript leaves it of a text
    /// that it cuts by length.
    Cut,
}

/// One fault, as the control call names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The beginning of the paths that it applies to.
    pub(crate) path_prefix: String,
    /// Only calls with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    pub(crate) kind: FaultKind,
    /// The status of the answer; 500 for `status` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Milliseconds: the delay before anything else; for `stall` how long it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<u64>,
    /// How often; until cleared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// The body of the answer: a text as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<Map<String, Value>>,
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    list: Mutex<Vec<Fault>>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn clear(&self) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.any.store(false, Ordering::Release);
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The faults for a call: every latency that fits, and the first of another kind. Each counts as used.
    pub(crate) fn due_for(&self, method: &str, path: &str) -> Vec<Fault> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due: Vec<Fault> = Vec::new();
        for fault in list.iter_mut() {
            let decided = fault.kind != FaultKind::Latency && due.iter().any(|other| other.kind != FaultKind::Latency);
            if decided || !fault.fits(method, path) {
                continue;
            }
            due.push(fault.clone());
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
        }
        list.retain(|fault| fault.times != Some(0));
        self.any.store(!list.is_empty(), Ordering::Release);
        due
    }
}

impl Fault {
    fn fits(&self, method: &str, path: &str) -> bool {
        path.starts_with(&self.path_prefix)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }

    /// The delay before anything else.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.ms.filter(|_| self.kind != FaultKind::Stall).map(Duration::from_millis)
    }

    /// The answer that the fault itself gives, if it gives one.
    pub(crate) fn reply(&self) -> Option<Reply> {
        if self.kind == FaultKind::Latency
            || (self.kind != FaultKind::Status && self.status.is_none() && self.body.is_none())
        {
            return None;
        }
        let default = if self.kind == FaultKind::Status { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(default);
        let mut reply = match &self.body {
            None => envelope_error(status, status.canonical_reason().unwrap_or("Error")),
            Some(Value::String(text)) => Reply::text(status, text.clone()),
            Some(body) => Reply::json(status, body),
        };
        for (name, value) in self.headers.iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if name.eq_ignore_ascii_case("content-type") {
                reply.content_type = value;
            } else {
                reply.headers.push((name.clone(), value));
            }
        }
        Some(reply)
    }

    /// The body that breaks off as the fault says.
    pub(crate) fn broken_body(&self, body: &Bytes) -> BrokenBody {
        let announced = body.len().max(2);
        match self.kind {
            FaultKind::Reset => BrokenBody::new(announced, None, Duration::ZERO),
            FaultKind::Stall => BrokenBody::new(announced, None, self.ms.map_or(DEFAULT_STALL, Duration::from_millis)),
            FaultKind::Status | FaultKind::Latency | FaultKind::Truncate | FaultKind::Cut => {
                let half = if body.len() < 2 { Bytes::from_static(b" ") } else { body.slice(..body.len() / 2) };
                BrokenBody::new(announced, Some(half), TRUNCATE_DELAY)
            }
        }
    }
}

/// The JSON with the first half alone of every character that JavaScript holds as two.
pub(crate) fn cut(json: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(json);
    let mut units = [0; 2];
    let cut: String = text
        .chars()
        .map(|c| match c.encode_utf16(&mut units) {
            [first, _] => format!("\\u{first:04x}"),
            _ => c.to_string(),
        })
        .collect();
    cut.into()
}

/// A body that announces more than it gives, and then closes the connection.
///
/// When it fails at its first poll, the server has not yet written the headers: the client sees a
/// connection that closes without an answer.
pub(crate) struct BrokenBody {
    announced: usize,
    first: Option<Bytes>,
    wait: Duration,
    sleeping: Option<Pin<Box<Sleep>>>,
}

/// The sandbox broke the connection, as asked.
#[derive(Debug, thiserror::Error)]
#[error("broken off by a fault of the sandbox")]
pub(crate) struct ConnectionBroken;

impl BrokenBody {
    fn new(announced: usize, first: Option<Bytes>, wait: Duration) -> Self {
        Self { announced, first, wait, sleeping: None }
    }
}

impl MessageBody for BrokenBody {
    type Error = ConnectionBroken;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.announced as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ConnectionBroken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.wait.is_zero() {
            return Poll::Ready(Some(Err(ConnectionBroken)));
        }
        let wait = self.wait;
        let sleeping = self.sleeping.get_or_insert_with(|| Box::pin(sleep(wait)));
        sleeping.as_mut().poll(cx).map(|()| Some(Err(ConnectionBroken)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(value: Value) -> Fault {
        serde_json::from_value(value).expect("is a fault")
    }

    #[test]
    fn an_emoji_is_cut_as_javascript_would() {
        assert_eq!(&cut(&Bytes::from("{\"a\":\"é \u{1f600}\"}"))[..], "{\"a\":\"é \\ud83d\"}".as_bytes());
    }

    #[test]
    fn a_fault_ends_after_its_times() {
        let faults = Faults::default();
        faults.add(fault(json!({"path_prefix": "/v1", "method": "post", "kind": "status", "times": 2})));
        assert_eq!(faults.due_for("GET", "/v1/x").len(), 0);
        assert_eq!(faults.due_for("POST", "/plugin").len(), 0);
        assert_eq!(faults.due_for("POST", "/v1/x").len(), 1);
        assert_eq!(faults.list()[0].times, Some(1));
        assert_eq!(faults.due_for("POST", "/v1/x").len(), 1);
        assert_eq!(faults.due_for("POST", "/v1/x").len(), 0);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn latency_adds_to_another_fault_and_two_others_take_turns() {
        let faults = Faults::default();
        for kind in ["status", "latency", "reset"] {
            faults.add(fault(json!({"path_prefix": "/", "kind": kind, "times": 1, "ms": 1})));
        }
        let kinds = |due: Vec<Fault>| due.iter().map(|fault| fault.kind).collect::<Vec<_>>();
        assert_eq!(kinds(faults.due_for("GET", "/")), [FaultKind::Status, FaultKind::Latency]);
        assert_eq!(kinds(faults.due_for("GET", "/")), [FaultKind::Reset]);
    }

    #[test]
    fn a_status_fault_answers_with_its_own_body_and_headers() {
        let fault = fault(json!({"path_prefix": "/", "kind": "status", "status": 502, "body": "<html>",
            "headers": {"content-type": "text/html", "retry-after": 3}}));
        let reply = fault.reply().expect("has an answer");
        assert_eq!((reply.status.as_u16(), &reply.body[..]), (502, &b"<html>"[..]));
        assert_eq!(reply.content_type, "text/html");
        assert_eq!(reply.headers, [("retry-after".to_owned(), "3".to_owned())]);
    }
}
