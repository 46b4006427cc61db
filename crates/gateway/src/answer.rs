//! Chakra's answer on its way to the caller.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, LOCATION};
use portico_chakra::{
    AnswerRule, BufferedBody, Effect, Envelope, Operation, UpstreamResponse, lenient_json, refusal_text,
};
use portico_connections::Error as ConnectionsError;
use portico_connections::reduce_auth;
use serde_json::Value;

use crate::Error;
use crate::Gateway;
use crate::call::{Answer, AnswerBody};
use crate::links::Links;
use crate::pipeline::{Asked, Sent};
use crate::record::Told;
use crate::rewrite::{self, Rewrite};
use crate::{echo, effects, headers};

/// Answers up to this length are looked into for `_errors`, in bytes.
const GLANCE: usize = 64 * 1024;

/// Turns Chakra's answer into the caller's: what it changes is recorded, what is not the caller's falls out.
///
/// # Errors
///
/// [`ConnectionsError::ChakraKeyRefused`], [`ConnectionsError::ChakraKeyLacksPermission`], [`Error::UpstreamUnreadable`],
/// [`ConnectionsError::UpstreamMalformed`], [`ConnectionsError::Upstream`];
/// [`CoreError::Database`](portico_core::Error::Database) when what the answer changes cannot be recorded.
pub(crate) async fn answer(sent: Sent, gateway: &Gateway, told: &mut Told) -> Result<Answer, Error> {
    let (asked, incoming, links) = sent.into_parts();
    let (operation, status) = (asked.operation, incoming.status());
    let success = (200..300).contains(&status);
    // A switch of protocols is no answer, and would become the caller's.
    if !(200..600).contains(&status) {
        return Err(ConnectionsError::UpstreamMalformed.into());
    }
    if success {
        gateway.services.refused_keys.note_accepted(&asked.scope, &asked.key);
    }
    let is_file = operation.envelope == Envelope::Binary && success;
    let incoming = if is_file { incoming } else { incoming.unpacked().await? };
    let mut head = headers::incoming(incoming.headers());
    let mut shown = head.iter().map(|(_, value)| value).chain(incoming.headers().get(LOCATION));
    if shown.any(|value| asked.key.stands_in(value.as_bytes())) {
        return Err(echoed(operation));
    }
    if (300..400).contains(&status) && status != 304 && incoming.headers().contains_key(LOCATION) {
        return redirect(gateway, operation, &links, &incoming, head);
    }
    let by_tree = operation.rule == AnswerRule::Plugin || operation.effect != Effect::None;
    let bytes = if by_tree {
        incoming.bytes().await?
    } else if is_file {
        return Ok(streamed(status, head, incoming, &asked));
    } else {
        match incoming.read_up_to(GLANCE).await? {
            BufferedBody::Complete(bytes) => bytes,
            // Nobody needs so long a refusal; and what it says of the key is ours.
            BufferedBody::LimitExceeded(_) if status == 401 || status == 403 => Bytes::new(),
            BufferedBody::LimitExceeded(incoming) if success && rewrite::concerns(operation) => {
                let rewrite = Rewrite::new(gateway, &asked.scope, operation, &asked.named, links);
                headers::drop_changed(&mut head);
                let pieces = echo::withheld(rewrite.pieces(incoming), Arc::clone(&asked.key), operation.id);
                let body = AnswerBody::Pieces(Box::pin(pieces));
                return Ok(Answer::new(status, head, body));
            }
            BufferedBody::LimitExceeded(incoming) => return Ok(streamed(status, head, incoming, &asked)),
        }
    };
    if status == 401 {
        gateway.services.refused_keys.note(&asked.scope, &asked.key);
        return Err(ConnectionsError::ChakraKeyRefused.into());
    }
    if status == 403 && !is_metas_error(&bytes) {
        // Of all of it, before anything is cut off.
        let words = if asked.key.stands_in(&bytes) { String::new() } else { refusal_text(&bytes) };
        return Err(ConnectionsError::ChakraKeyLacksPermission(words).into());
    }
    if status >= 400 && !is_object(&bytes) {
        let retry_after = head.into_iter().find(|(name, _)| *name == http::header::RETRY_AFTER).map(|(_, value)| value);
        if operation.effect == Effect::DeletesPlugin {
            effects::apply(gateway, &asked, status, false, None).await?;
        }
        let words = if asked.key.stands_in(&bytes) { String::new() } else { words(&bytes) };
        return Err(Error::UpstreamUnreadable { status, words, retry_after });
    }
    if status >= 400
        && rewrite::filters(operation)
        && rewrite::holds_rows(&bytes)
        && !gateway.services.learned.has_whole_team(&asked.scope).await?
    {
        return Err(Error::UpstreamUnreadable { status, words: String::new(), retry_after: None });
    }
    // Before anything of it is written down.
    if asked.key.stands_in(&bytes) {
        if operation.effect == Effect::DeletesPlugin {
            effects::apply(gateway, &asked, status, false, None).await?;
        }
        return Err(echoed(operation));
    }
    let errors = success && has_errors(&bytes);
    told.has_errors = errors;
    let mut body = bytes;
    if by_tree {
        let tree = lenient_json::read(&body);
        effects::apply(gateway, &asked, status, errors, tree.as_ref()).await?;
        if success
            && operation.rule == AnswerRule::Plugin
            && let Some(changed) = reduced(operation, &body, tree)?
        {
            body = changed;
            headers::drop_changed(&mut head);
        }
    } else if success && rewrite::concerns(operation) && !body.is_empty() {
        let rewrite = Rewrite::new(gateway, &asked.scope, operation, &asked.named, links);
        let (written, learned) = rewrite.whole(body.clone()).await?;
        told.learned = learned;
        if written != body {
            body = written;
            headers::drop_changed(&mut head);
        }
    }
    Ok(Answer::new(status, head, AnswerBody::Whole(body)))
}

/// The error for an answer that holds the stored key.
fn echoed(operation: &Operation) -> Error {
    echo::report(operation.id);
    ConnectionsError::UpstreamMalformed.into()
}

/// A redirect of Chakra's. Portico follows none, because it would carry the credential on; the caller
/// gets one to another host where the catalogue says so, and one to Chakra itself as a way through
/// Portico.
fn redirect(
    gateway: &Gateway,
    operation: &'static Operation,
    links: &Links,
    incoming: &UpstreamResponse,
    mut head: Vec<(http::HeaderName, http::HeaderValue)>,
) -> Result<Answer, Error> {
    if !operation.hands_on_redirects {
        return Err(ConnectionsError::UpstreamMalformed.into());
    }
    let location = incoming
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or(ConnectionsError::UpstreamMalformed)?;
    let location = match gateway.chakra.own_path(location) {
        Some(own) => links.redirected(own).ok_or(ConnectionsError::UpstreamMalformed)?,
        None if leads_elsewhere(location) => location.to_owned(),
        None => return Err(ConnectionsError::UpstreamMalformed.into()),
    };
    let location = http::HeaderValue::from_str(&location).map_err(|_| ConnectionsError::UpstreamMalformed)?;
    head.push((LOCATION, location));
    Ok(Answer::new(incoming.status(), head, AnswerBody::Whole(Bytes::new())))
}

/// Whether it is a web address of another host, without a password in it.
fn leads_elsewhere(location: &str) -> bool {
    let rest = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://"));
    rest.and_then(|rest| rest.split(['/', '?', '#']).next()).is_some_and(|host| !host.is_empty() && !host.contains('@'))
}

/// The answer with its plugin reduced to ids. An empty answer, or one without a plugin, holds nothing to
/// reduce where the catalogue expects none; anything else that cannot be read is not handed on.
fn reduced(operation: &Operation, body: &[u8], tree: Option<Value>) -> Result<Option<Bytes>, Error> {
    if operation.effect == Effect::DeletesPlugin && body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut tree = tree.ok_or(ConnectionsError::UpstreamMalformed)?;
    match tree.get_mut("_data") {
        Some(data) => reduce_auth(data),
        None if operation.effect == Effect::DeletesPlugin => reduce_auth(&mut tree),
        None => return Err(ConnectionsError::UpstreamMalformed.into()),
    }
    Ok(Some(tree.to_string().into()))
}

/// Chakra's words, where they are a short plain text.
fn words(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(without_mark(bytes)).unwrap_or_default().trim();
    let plain = !text.is_empty() && !text.starts_with('<') && !text.contains(char::is_control);
    if plain { format!(": {}", text.chars().take(200).collect::<String>()) } else { String::new() }
}

fn is_object(bytes: &[u8]) -> bool {
    let bytes = without_mark(bytes).trim_ascii_start();
    bytes.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn streamed(
    status: u16,
    mut head: Vec<(http::HeaderName, http::HeaderValue)>,
    incoming: UpstreamResponse,
    asked: &Asked,
) -> Answer {
    // Nobody asks for the pieces of an empty body, so nobody would say that it ended.
    if status == 204 || content_length(incoming.headers()).is_some_and(|length| length == "0") {
        return Answer::new(status, head, AnswerBody::Whole(Bytes::new()));
    }
    if let Some(length) = content_length(incoming.headers()) {
        head.push((http::header::CONTENT_LENGTH, length));
    }
    let pieces = echo::withheld(incoming.bytes_stream(), Arc::clone(&asked.key), asked.operation.id);
    Answer::new(status, head, AnswerBody::Pieces(Box::pin(pieces)))
}

fn content_length(headers: &HeaderMap) -> Option<http::HeaderValue> {
    headers.get(http::header::CONTENT_LENGTH).cloned()
}

/// Some relays put a byte order mark in front.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
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
pub(crate) fn has_errors(bytes: &[u8]) -> bool {
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
