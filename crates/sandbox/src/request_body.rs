//! Reads a request's body without memory growing with it.

use std::task::{Poll, ready};

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::multipart::{self, Part};

/// Size limit of a body that is no form, in bytes.
pub(crate) const JSON_LIMIT: usize = 1024 * 1024;
/// Size limit of a file in a form, in bytes; handlers refuse larger ones.
pub(crate) const FILE_LIMIT: u64 = 100 * 1024 * 1024;
/// How much of a body that is too large is read, in bytes, so that its client still gets an answer.
const DRAIN_LIMIT: u64 = 3 * FILE_LIMIT;

/// A body, read to its end.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// Up to [`JSON_LIMIT`] bytes.
    Whole(Bytes),
    Multipart(MultipartForm),
    /// Beyond the limit: its size as far as it was read, in bytes, and the hash of that.
    TooLarge(u64, String),
    /// The client went away; what had come until then.
    Aborted(Bytes),
}

/// A body of the type `multipart/form-data`.
#[derive(Debug)]
pub(crate) struct MultipartForm {
    /// None if the form was malformed.
    pub(crate) parts: Option<Vec<Part>>,
    /// Size of the whole body, in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of the whole body, in hexadecimal.
    pub(crate) sha256: String,
}

impl RequestBody {
    /// Reads a body as its `Content-Type` asks: a form into parts, anything else as a whole.
    pub(crate) async fn read(payload: Payload, content_type: &str) -> Self {
        match multipart::boundary(content_type) {
            Some(boundary) => Self::read_form(payload, boundary).await,
            None => Self::read_whole(payload).await,
        }
    }

    async fn read_whole(mut payload: Payload) -> Self {
        let mut kept = BytesMut::new();
        let mut overflow: Option<(u64, Sha256)> = None;
        while let Some(chunk) = payload.next().await {
            let Ok(chunk) = chunk else { return Self::Aborted(kept.freeze()) };
            if let Some((size, hash)) = &mut overflow {
                *size += chunk.len() as u64;
                hash.update(&chunk);
                if *size > DRAIN_LIMIT {
                    break;
                }
            } else {
                kept.extend_from_slice(&chunk);
                if kept.len() > JSON_LIMIT {
                    overflow = Some((kept.len() as u64, Sha256::new_with_prefix(&kept)));
                    kept = BytesMut::new();
                }
            }
        }
        match overflow {
            Some((size, hash)) => Self::TooLarge(size, hex(&hash.finalize())),
            None => Self::Whole(kept.freeze()),
        }
    }

    async fn read_form(mut payload: Payload, boundary: String) -> Self {
        let (mut hash, mut bytes, mut aborted) = (Sha256::new(), 0, false);
        let chunks = stream::poll_fn(|context| {
            if bytes > DRAIN_LIMIT {
                return Poll::Ready(None);
            }
            let chunk = ready!(payload.poll_next_unpin(context));
            aborted = matches!(chunk, Some(Err(_)));
            Poll::Ready(chunk.and_then(Result::ok).inspect(|chunk| {
                bytes += chunk.len() as u64;
                hash.update(chunk);
            }))
        });
        let parts = multipart::parts(chunks, boundary).await;
        let sha256 = hex(&hash.finalize());
        if aborted {
            Self::Aborted(Bytes::new())
        } else if bytes > DRAIN_LIMIT {
            Self::TooLarge(bytes, sha256)
        } else {
            Self::Multipart(MultipartForm { parts, bytes, sha256 })
        }
    }
}

impl MultipartForm {
    /// The parts that are no files, as fields; a part that is not UTF-8 is left out.
    pub(crate) fn text_fields(&self) -> Map<String, Value> {
        let texts = self.parts.iter().flatten().filter(|part| part.filename.is_none());
        let pair = |part: &Part| {
            let text = String::from_utf8(part.content.clone()?).ok()?;
            Some((part.name.clone(), Value::String(text)))
        };
        texts.filter_map(pair).collect()
    }

    /// What the request record shows instead of the content.
    pub(crate) fn summary(&self) -> Value {
        let part = |part: &Part| json!({"name": part.name, "filename": part.filename, "content_type": part.content_type, "bytes": part.bytes});
        let parts: Vec<_> = self.parts.iter().flatten().map(part).collect();
        json!({"bytes": self.bytes, "sha256": self.sha256, "parts": parts})
    }
}
