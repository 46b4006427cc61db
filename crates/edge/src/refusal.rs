//! The answer to a head that is none.

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;

/// The answer to a head that never becomes a request: by its status, which is 400, 408, 414 or 431. The connection ends
/// behind it.
pub type Refusal = fn(status: u16) -> HttpResponse;

/// A whole answer, behind which the connection ends.
pub(crate) fn written_out(answer: HttpResponse) -> Vec<u8> {
    let (head, body) = answer.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let status = head.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in head.headers() {
        text.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend_from_slice(format!("connection: close\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
    text.extend_from_slice(&body);
    text
}
