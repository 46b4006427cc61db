//! The stored Chakra key in an answer. Chakra, or a relay before it, that misbehaves may send back what it was sent, and
//! no answer may show the key.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use portico_chakra::UpstreamError;
use portico_connections::OpenChakraKey;

/// The same pieces, up to the first that would show the key. Bytes that could be its beginning wait for the next piece.
pub(crate) fn withheld(
    pieces: impl Stream<Item = Result<Bytes, UpstreamError>>,
    key: Arc<OpenChakraKey>,
    operation: &'static str,
) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
    stream::try_unfold(Some((Box::pin(pieces), key, Bytes::new())), move |state| async move {
        let Some((mut pieces, key, mut held)) = state else { return Ok(None) };
        loop {
            let Some(piece) = pieces.next().await.transpose()? else {
                return Ok((!held.is_empty()).then_some((held, None)));
            };
            let mut piece = if held.is_empty() { piece } else { joined(&held, &piece) };
            if key.stands_in(&piece) {
                report(operation);
                return Err(UpstreamError::Withheld);
            }
            held = piece.split_off(piece.len() - key.begins_at_end_of(&piece));
            if !piece.is_empty() {
                return Ok(Some((piece, Some((pieces, key, held)))));
            }
        }
    })
}

/// Writes down that an answer held the key.
pub(crate) fn report(operation: &'static str) {
    tracing::error!(operation, "an answer of Chakra holds the stored Chakra key; it is not handed on");
}

fn joined(first: &Bytes, second: &Bytes) -> Bytes {
    let mut all = BytesMut::with_capacity(first.len() + second.len());
    all.extend_from_slice(first);
    all.extend_from_slice(second);
    all.freeze()
}
