//! Chakra's answer on its way to the caller.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, LOCATION};
use portico_auth::TenantScope;
use portico_chakra::{AnswerRule, Effect, Envelope, Incoming, Kind, Operation, Peeked};
use portico_domain::CustomerId;
use portico_storage::Page;
use serde_json::Value;

use super::body::Received;
use super::guard::Named;
use super::{Account, Answer, AnswerBody, headers};
use crate::error::Error;
use crate::keys::OpenChakraKey;
use crate::plugins::reduce_auth;
use crate::start::App;

/// Answers up to this length are looked into for `_errors`, in bytes.
const GLANCE: usize = 64 * 1024;

impl App {
    #[expect(clippy::too_many_arguments, reason = "everything that is known of the call meets here, once")]
    pub(super) async fn answer(
        &self,
        scope: &TenantScope,
        key: &Arc<OpenChakraKey>,
        operation: &'static Operation,
        named: &Named,
        customer: Option<CustomerId>,
        received: &Received,
        incoming: Incoming,
        account: &mut Account,
    ) -> Result<Answer, Error> {
        let status = incoming.status();
        let mut head = headers::incoming(incoming.headers());
        // A redirect would lead past Portico, and might carry the caller's credential elsewhere.
        if (300..400).contains(&status) && status != 304 && incoming.headers().contains_key(LOCATION) {
            return Err(Error::Garbled);
        }
        let changes = operation.rule != AnswerRule::Pass || operation.effect != Effect::None;
        let bytes = if changes {
            incoming.whole().await?
        } else if operation.envelope == Envelope::Binary && (200..300).contains(&status) {
            return Ok(streamed(status, head, incoming));
        } else {
            match incoming.peek(GLANCE).await? {
                Peeked::Whole(bytes) => bytes,
                Peeked::More(incoming) => return Ok(streamed(status, head, incoming)),
            }
        };
        if status == 401 || (status == 403 && !is_metas_error(&bytes)) {
            self.shared.key_refused(scope.tenant(), key.id);
            return Err(Error::ChakraKeyRefused);
        }
        let success = (200..300).contains(&status);
        account.has_errors = success && has_errors(&bytes);
        let mut body = bytes;
        if changes {
            let tree = read(&body);
            self.effect(scope, key, operation, named, customer, received, status, account.has_errors, tree.as_ref())
                .await?;
            if success
                && operation.rule != AnswerRule::Pass
                && let Some(changed) = self.rewrite(scope, operation, tree).await?
            {
                body = changed;
                head.retain(|(name, _)| *name != http::header::ETAG && *name != http::header::CONTENT_ENCODING);
            }
        }
        Ok(Answer { status, headers: head, body: AnswerBody::Whole(body), operation: Some(operation.id) })
    }

    /// The answer as the catalogue's rule leaves it; nothing when there is nothing to change. An answer
    /// that must be filtered but cannot be read is not handed on.
    async fn rewrite(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        tree: Option<Value>,
    ) -> Result<Option<Bytes>, Error> {
        let mut tree = tree.ok_or(Error::Garbled)?;
        let Some(data) = tree.get_mut("_data") else { return Err(Error::Garbled) };
        match operation.rule {
            AnswerRule::Pass => return Ok(None),
            AnswerRule::Plugin => reduce_auth(data),
            AnswerRule::FilterRows(kind) => {
                let rows = data.as_array_mut().ok_or(Error::Garbled)?;
                let owned = self.owned_rows(scope, kind, rows).await?;
                rows.retain(|row| row_id(row).is_some_and(|id| owned.contains(&id)));
                // Chakra's counts are those of the whole team.
                if let Some(meta) = tree.get_mut("_meta").and_then(Value::as_object_mut) {
                    meta.retain(|name, _| !matches!(name.as_str(), "count" | "total" | "totalCount"));
                }
            }
        }
        Ok(Some(tree.to_string().into()))
    }

    /// Which of the rows' ids the caller owns, asked in one statement.
    async fn owned_rows(&self, scope: &TenantScope, kind: Kind, rows: &[Value]) -> Result<Vec<String>, Error> {
        let ids: Vec<String> = rows.iter().filter_map(row_id).collect();
        let mut tx = self.shared.db.begin(scope).await?;
        let mut owned = Vec::new();
        for part in ids.chunks(1_000) {
            let limit = 1_000;
            match kind {
                Kind::PhoneNumber => {
                    let page = Page { limit, after: None };
                    let rows = tx.phone_numbers(scope.reach(), None, None, Some(part), page).await?;
                    owned.extend(rows.data.into_iter().map(|row| row.id.to_string()));
                }
                Kind::Waba => {
                    let page = Page { limit, after: None };
                    let rows = tx.wabas(scope.reach(), None, None, Some(part), page).await?;
                    owned.extend(rows.data.into_iter().map(|row| row.id.to_string()));
                }
                Kind::Plugin | Kind::Learned(_) => return Err(Error::Garbled),
            }
        }
        Ok(owned)
    }
}

fn streamed(status: u16, mut head: Vec<(http::HeaderName, http::HeaderValue)>, incoming: Incoming) -> Answer {
    if let Some(length) = content_length(incoming.headers()) {
        head.push((http::header::CONTENT_LENGTH, length));
    }
    Answer { status, headers: head, body: AnswerBody::Pieces(Box::pin(incoming.pieces())), operation: None }
}

fn content_length(headers: &HeaderMap) -> Option<http::HeaderValue> {
    headers.get(http::header::CONTENT_LENGTH).cloned()
}

fn row_id(row: &Value) -> Option<String> {
    match row.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn read(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(without_mark(bytes)).ok()
}

/// Some relays put a byte order mark in front.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Whether it is an error of Meta's, in Meta's own form: then it is about the request, not the key.
fn is_metas_error(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct MetaError {
        #[expect(dead_code, reason = "only its presence counts")]
        error: serde::de::IgnoredAny,
    }
    serde_json::from_slice::<MetaError>(without_mark(bytes)).is_ok()
}

/// Whether the envelope's `_errors` holds anything.
fn has_errors(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Errors {
        #[serde(default, rename = "_errors")]
        errors: Option<Vec<serde::de::IgnoredAny>>,
    }
    serde_json::from_slice::<Errors>(without_mark(bytes))
        .is_ok_and(|Errors { errors }| errors.is_some_and(|errors| !errors.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_errors_are_seen_and_empty_ones_are_not() {
        assert!(has_errors(br#"{"_data":[],"_errors":["x"]}"#));
        assert!(has_errors("\u{feff}{\"_errors\":[{}]}".as_bytes()));
        assert!(!has_errors(br#"{"_data":{},"_errors":[]}"#));
        assert!(!has_errors(br#"{"_data":{},"_errors":null}"#));
        assert!(!has_errors(b"<html>"));
    }

    #[test]
    fn a_403_in_metas_form_is_about_the_request() {
        assert!(is_metas_error(br#"{"error":{"message":"(10) no"}}"#));
        assert!(!is_metas_error(br#"{"_data":[],"_errors":["forbidden"]}"#));
        assert!(!is_metas_error(b"Forbidden"));
    }
}
