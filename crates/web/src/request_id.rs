//! The id by which an answer, a log line and the request log know a request.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest};
use uuid::Uuid;

/// `X-Request-Id`, of requests and of answers.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is kept, in characters.
const LONGEST: usize = 128;

/// The caller's own id, or a new one.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id if it is 1 to 128 visible ASCII characters without quotes and no credential, else
    /// a new one.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        match request.headers().get(&X_REQUEST_ID) {
            Some(value) if is_kept(value.as_bytes()) => Self(value.clone()),
            Some(_) | None => request.extensions().get::<Self>().cloned().unwrap_or_else(Self::generate),
        }
    }

    /// The same, kept with the request, so that whoever asks [`RequestId::of`] later gets the same.
    #[must_use]
    pub fn keep(request: &HttpRequest) -> Self {
        let id = Self::of(request);
        request.extensions_mut().insert(id.clone());
        id
    }

    /// A new one, whatever the request says.
    ///
    /// # Panics
    ///
    /// Never: hexadecimal digits are a header value.
    #[must_use]
    pub fn generate() -> Self {
        let text = format!("req_{}", Uuid::now_v7().simple());
        Self(HeaderValue::from_str(&text).expect("hexadecimal digits are a header value"))
    }

    /// The id: 1 to 128 visible ASCII characters.
    ///
    /// # Panics
    ///
    /// Never: only visible ASCII is kept or made.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("is visible ASCII, kept or made")
    }

    /// The value of the answer's header.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_kept(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    (1..=LONGEST).contains(&text.len()) && text.iter().all(plain) && !is_credential(text)
}

/// Ids are logged and kept, so one that holds a credential by mistake, wherever in it, is not taken.
fn is_credential(text: &[u8]) -> bool {
    text.windows(4).any(|part| part == b"ptc_") || text.windows(3).any(|part| part == b"eyJ")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(value: &str) -> String {
        let request = TestRequest::default().insert_header(("x-request-id", value)).to_http_request();
        RequestId::of(&request).as_str().to_owned()
    }

    #[test]
    fn a_plain_id_is_kept() {
        let longest = "x".repeat(LONGEST);
        for id in ["abc-123", "req_0", longest.as_str()] {
            assert_eq!(of(id), id);
        }
    }

    #[test]
    fn any_other_is_replaced() {
        let long = "x".repeat(LONGEST + 1);
        let credentials = ["ptc_live_0aB1", "eyJhbGciOi", "req:ptc_live_0aB1", "Bearer:eyJhbGciOi", "xptc_"];
        for id in ["", "a b", "a\"b", "ümlaut", &long].into_iter().chain(credentials) {
            let made = of(id);
            assert!(made.starts_with("req_") && made.len() == 36, "{made}");
        }
        let request = TestRequest::default().to_http_request();
        assert!(RequestId::of(&request).as_str().starts_with("req_"));
    }
}
