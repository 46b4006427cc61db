//! Takes a request's body in, without memory growing with it.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::multipart::{Part, Reader};

/// A JSON or text body may have this size, in bytes.
pub(crate) const JSON_LIMIT: usize = 1024 * 1024;
/// A file may have this size, in bytes.
pub(crate) const FILE_LIMIT: u64 = 100 * 1024 * 1024;
/// What is read and thrown away, so that a client that sends too much still gets its answer.
const DRAIN_LIMIT: u64 = 3 * FILE_LIMIT;

/// A body, read to its end.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// Up to [`JSON_LIMIT`] bytes.
    Whole(Bytes),
    /// A multipart form.
    Multipart(MultipartForm),
    /// Longer than is taken: its size so far and hash.
    TooLarge(u64, String),
    /// The client went away; what came until then.
    Aborted(Bytes),
}

/// A multipart form.
#[derive(Debug)]
pub(crate) struct MultipartForm {
    /// Its parts; none if it was malformed.
    pub(crate) parts: Option<Vec<Part>>,
    /// Size of the whole body.
    pub(crate) bytes: u64,
    /// SHA-256 of the whole body, in hexadecimal.
    pub(crate) sha256: String,
}

impl RequestBody {
    /// Reads a body.
    pub(crate) async fn read(payload: Payload, content_type: &str) -> Self {
        match Reader::for_content_type(content_type) {
            Some(reader) => Self::read_form(payload, reader).await,
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

    async fn read_form(mut payload: Payload, mut reader: Reader) -> Self {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        while let Some(chunk) = payload.next().await {
            let Ok(chunk) = chunk else { return Self::Aborted(Bytes::new()) };
            bytes += chunk.len() as u64;
            hash.update(&chunk);
            if bytes > DRAIN_LIMIT {
                break;
            }
            reader.feed(&chunk);
        }
        let sha256 = hex(&hash.finalize());
        if bytes > DRAIN_LIMIT {
            return Self::TooLarge(bytes, sha256);
        }
        Self::Multipart(MultipartForm { parts: reader.finish(), bytes, sha256 })
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

    /// What the request record shows of it.
    pub(crate) fn summary(&self) -> Value {
        let part = |part: &Part| json!({"name": part.name, "filename": part.filename, "content_type": part.content_type, "bytes": part.bytes});
        let parts: Vec<_> = self.parts.iter().flatten().map(part).collect();
        json!({"bytes": self.bytes, "sha256": self.sha256, "parts": parts})
    }
}
