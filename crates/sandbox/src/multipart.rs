//! Multipart bodies (RFC 7578), parsed by `multer`, of which no more is held than is kept.
//!
//! multer wants a stream that is `Send`, which a payload of actix is not, and takes in all that its stream has ready.
//! So the chunks of a body go through a channel with room for one. What is held at a time is a few chunks, the parts
//! that are kept, and what multer has not made anything of yet, which is limited too: see [`UNPARSED`].

use std::cell::Cell;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use multer::{Field, Multipart};
use tokio::sync::mpsc;

/// Content of a part that is kept, in bytes; of a larger part only the size is known.
pub(crate) const KEPT: usize = 16 * 1024 * 1024;
/// Parts beyond this are refused.
const PARTS: usize = 64;
/// Bytes of a preamble or of the headers of a part that may come without an end.
const UNPARSED: usize = 16 * 1024;

/// One part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    /// As it was sent, with parameters.
    pub(crate) content_type: Option<String>,
    /// Size of the content.
    pub(crate) bytes: u64,
    /// The content, unless it is larger than [`KEPT`].
    pub(crate) content: Option<Vec<u8>>,
}

/// The boundary in the `Content-Type` of a form, if it names one of a length that RFC 2046 allows.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    multer::parse_boundary(content_type).ok().filter(|boundary| (1..=70).contains(&boundary.len()))
}

/// The parts of a body, if it is whole and well formed. Its chunks are read to the last one in any case.
pub(crate) async fn parts(mut chunks: impl Stream<Item = Bytes> + Unpin, boundary: String) -> Option<Vec<Part>> {
    let unparsed = Cell::new(0);
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let feed = async {
        let mut sender = Some(sender);
        while let Some(chunk) = chunks.next().await {
            let Some(open) = &sender else { continue };
            // When there is room, multer has looked at everything that came before.
            let sent = match open.reserve().await {
                Ok(room) if unparsed.get() <= UNPARSED => {
                    unparsed.set(unparsed.get() + chunk.len());
                    room.send(chunk);
                    true
                }
                _ => false,
            };
            if !sent {
                sender = None;
            }
        }
    };
    let body = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok::<_, Infallible>);
    let ((), parts) = tokio::join!(feed, parse(Multipart::new(body, boundary), &unparsed));
    parts
}

async fn parse(mut multipart: Multipart<'_>, unparsed: &Cell<usize>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some(mut field) = multipart.next_field().await.ok()? {
        unparsed.set(0);
        if parts.len() == PARTS {
            return None;
        }
        let mut part = Part::without_content(&field)?;
        while let Some(chunk) = field.chunk().await.ok()? {
            unparsed.set(0);
            part.keep(&chunk);
        }
        parts.push(part);
    }
    Some(parts)
}

impl Part {
    /// What the headers of a part say; none if they do not name it.
    fn without_content(field: &Field<'_>) -> Option<Self> {
        let content_type = field.headers().get("content-type").and_then(|value| str::from_utf8(value.as_bytes()).ok());
        Some(Self {
            name: field.name()?.to_owned(),
            filename: field.file_name().map(str::to_owned),
            content_type: content_type.map(str::to_owned),
            bytes: 0,
            content: Some(Vec::new()),
        })
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(content) = &mut self.content {
            if content.len() + bytes.len() > KEPT {
                self.content = None;
            } else {
                content.extend_from_slice(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.png\"\r\nContent-Type: image/png\r\n\r\nab\r\r\n--cd\r\n--x\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--x--\r\n";

    /// The parts of a body that arrives in chunks of that size, and how many bytes of it were read.
    async fn read_all(body: &[u8], step: usize) -> (Option<Vec<Part>>, usize) {
        let boundary = boundary("multipart/form-data; charset=utf-8; boundary=x").expect("has one");
        let mut read = 0;
        let chunks = stream::iter(body.chunks(step).map(Bytes::copy_from_slice)).inspect(|chunk| read += chunk.len());
        let parts = parts(chunks, boundary).await;
        (parts, read)
    }

    async fn read(body: &[u8], step: usize) -> Option<Vec<Part>> {
        read_all(body, step).await.0
    }

    #[tokio::test]
    async fn parts_come_out_the_same_however_the_body_is_cut() {
        for step in 1..=BODY.len() {
            let parts = read(BODY, step).await.expect("is well formed");
            assert_eq!(parts.len(), 2, "in steps of {step}");
            assert_eq!(parts[0].filename.as_deref(), Some("a;\"b.png"));
            assert_eq!(parts[0].content_type.as_deref(), Some("image/png"));
            assert_eq!(parts[0].content.as_deref(), Some(&b"ab\r\r\n--cd"[..]));
            assert_eq!((parts[1].name.as_str(), parts[1].bytes), ("empty", 0));
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_refused() {
        assert_eq!(read(&BODY[..BODY.len() - 4], 7).await, None);
        assert_eq!(read(b"nothing", 3).await, None);
    }

    #[tokio::test]
    async fn of_a_large_part_only_the_size_stays() {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
        body.resize(body.len() + KEPT + 1, b'\r');
        body.extend_from_slice(b"\r\n--x--");
        let parts = read(&body, 65_536).await.expect("is well formed");
        assert_eq!((parts[0].bytes, parts[0].content.is_none()), (KEPT as u64 + 1, true));
    }

    #[tokio::test]
    async fn a_part_too_many_is_refused() {
        let body = |parts: usize| {
            let part = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n";
            (part.repeat(parts) + "--x--").into_bytes()
        };
        assert_eq!(read(&body(PARTS), 100).await.map(|parts| parts.len()), Some(PARTS));
        assert_eq!(read(&body(PARTS + 1), 100).await, None);
    }

    #[tokio::test]
    async fn headers_and_a_preamble_without_an_end_are_refused_but_read() {
        let long = "a".repeat(2 * UNPARSED);
        let part = "Content-Disposition: form-data; name=a\r\n\r\nb\r\n--x--";
        for body in [format!("--x\r\nX: {long}\r\n{part}"), format!("{long}\r\n--x\r\n{part}")] {
            assert_eq!(read_all(body.as_bytes(), 100).await, (None, body.len()));
        }
        let fits = format!("--x\r\nX: {}\r\n{part}", &long[..UNPARSED / 2]);
        assert!(read(fits.as_bytes(), 100).await.is_some());
    }

    #[tokio::test]
    async fn a_part_without_a_name_is_refused() {
        assert_eq!(read(b"--x\r\nContent-Type: text/plain\r\n\r\nb\r\n--x--", 9).await, None);
    }

    #[test]
    fn only_a_form_with_a_boundary_is_read() {
        for other in ["multipart/form-data", "application/json; boundary=x", "multipart/form-data; boundary="] {
            assert_eq!(boundary(other), None, "{other}");
        }
        let long = |length| boundary(&format!("multipart/form-data; boundary={}", "b".repeat(length)));
        assert!(long(70).is_some() && long(71).is_none());
        assert_eq!(boundary("Multipart/Form-Data; boundary=\"a b\"").as_deref(), Some("a b"));
    }
}
