//! A file that is served with the same bytes each time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, CacheControl, CacheDirective, ETag, EntityTag, Header, HeaderValue, IfNoneMatch};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use portico_web::reply;
use portico_web::request_id::RequestId;

/// Below this length compression saves nothing that counts, in bytes.
const WORTHWHILE: usize = 1_024;

/// How long a client may use what stands at an address that names its content, in seconds.
const A_YEAR: u32 = 31_536_000;

/// What a page may load: this origin only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Scripts, styles, images and data of this origin; nothing inline.
    Strict,
    /// The same, and what Swagger UI needs: it sets styles on elements, and its style sheet holds images.
    Reference,
}

impl Policy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => {
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            }
            Self::Reference => {
                "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                 connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            }
        }
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    status: StatusCode,
    body: Bytes,
    /// The body in the format of gzip, from when it was first asked for.
    compressed: OnceLock<Bytes>,
    kind: String,
    hash: u64,
    policy: Policy,
    is_unchanging: bool,
}

impl File {
    /// The file with these bytes, of that content type.
    pub(crate) fn new(body: Bytes, kind: impl Into<String>, policy: Policy) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self {
            status: StatusCode::OK,
            body,
            compressed: OnceLock::new(),
            kind: kind.into(),
            hash: hasher.finish(),
            policy,
            is_unchanging: false,
        }
    }

    /// The same for an address that names the content, so that a client need not ask again.
    pub(crate) fn unchanging(self) -> Self {
        Self { is_unchanging: true, ..self }
    }

    /// The same with a status other than 200.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What tells this content from other content: 16 hexadecimal digits.
    pub(crate) fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// The file, compressed if the client takes that, or word that the client has it already.
    pub(crate) async fn answer(self: Arc<Self>, request: &HttpRequest) -> HttpResponse {
        let compressible = self.is_compressible();
        let compressed = if compressible && takes_gzip(request) { self.gzip().await } else { None };
        let tag = EntityTag::new_strong(self.hash() + if compressed.is_some() { "-gzip" } else { "" });
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            Err(_) => false,
        };
        let known = known && self.status == StatusCode::OK;
        let mut answer = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { self.status });
        let caching = if self.is_unchanging {
            vec![
                CacheDirective::Public,
                CacheDirective::MaxAge(A_YEAR),
                CacheDirective::Extension("immutable".to_owned(), None),
            ]
        } else {
            vec![CacheDirective::NoCache]
        };
        answer
            .insert_header(ETag(tag))
            .insert_header(CacheControl(caching))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy.as_str()));
        if compressible {
            answer.insert_header((header::VARY, "accept-encoding"));
        }
        let mut answer = if known {
            answer.finish()
        } else {
            answer.content_type(self.kind.as_str());
            if compressed.is_some() {
                answer.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            answer.body(compressed.unwrap_or_else(|| self.body.clone()))
        };
        reply::add_common_headers(answer.headers_mut(), &RequestId::of(request));
        answer
    }

    fn is_compressible(&self) -> bool {
        self.body.len() >= WORTHWHILE && (self.kind.starts_with("text/") || self.kind.starts_with("application/"))
    }

    /// The body in the format of gzip. The first who asks waits for it, on a thread where nobody else waits; none
    /// when that thread fails.
    async fn gzip(self: &Arc<Self>) -> Option<Bytes> {
        if let Some(done) = self.compressed.get() {
            return Some(done.clone());
        }
        let file = Arc::clone(self);
        web::block(move || file.compressed.get_or_init(|| compress(&file.body)).clone()).await.ok()
    }
}

fn compress(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail").into()
}

/// Whether the client takes gzip: RFC 9110, section 12.5.3.
fn takes_gzip(request: &HttpRequest) -> bool {
    let given =
        request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value: &HeaderValue| value.to_str().ok());
    let weight = |wanted: &str| {
        let mut items = given.clone().flat_map(|list| list.split(','));
        items.find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let is_wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            is_wanted.then(|| weight.and_then(|text| text.parse::<f32>().ok()).unwrap_or(1.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn gzip_is_for_whoever_takes_it() {
        let takes = |text: &str| {
            takes_gzip(&TestRequest::default().insert_header((header::ACCEPT_ENCODING, text)).to_http_request())
        };
        for text in ["gzip", "br, GZIP", "deflate, gzip;q=0.5", "*", "br;q=1, *;q=0.1"] {
            assert!(takes(text), "{text}");
        }
        for text in ["", "br", "gzip;q=0", "gzip; q=0.0, *", "identity", "xgzip"] {
            assert!(!takes(text), "{text}");
        }
        assert!(!takes_gzip(&TestRequest::default().to_http_request()));
    }
}
