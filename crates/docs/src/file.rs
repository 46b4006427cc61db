//! A file that is served with the same bytes each time.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{self, CacheControl, CacheDirective, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use portico_web::reply;
use portico_web::request_id::RequestId;

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
#[derive(Debug, Clone)]
pub(crate) struct File {
    body: Bytes,
    kind: String,
    tag: EntityTag,
    policy: Policy,
}

impl File {
    /// The file with these bytes, of that content type.
    pub(crate) fn new(body: Bytes, kind: impl Into<String>, policy: Policy) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = EntityTag::new_strong(format!("{:016x}", hasher.finish()));
        Self { body, kind: kind.into(), tag, policy }
    }

    /// The file, or word that the client has it already.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        };
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer
            .insert_header(ETag(self.tag.clone()))
            .insert_header(CacheControl(vec![CacheDirective::NoCache]))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy.as_str()));
        let mut answer =
            if known { answer.finish() } else { answer.content_type(self.kind.as_str()).body(self.body.clone()) };
        reply::add_common_headers(answer.headers_mut(), &RequestId::of(request));
        answer
    }
}
