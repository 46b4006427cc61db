//! What handlers answer with.

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;
use futures_util::stream::{Stream, TryStreamExt as _};
use portico_core::{Error, Paged};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_id::{RequestId, X_REQUEST_ID};

/// What a handler gives back when it succeeded.
pub trait Reply {
    /// The answer, without the headers that [`add_api_headers`] adds.
    fn into_response(self) -> HttpResponse;
}

/// 200 with a JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// 201 with a JSON body.
#[derive(Debug)]
pub struct Created<T>(pub T);

/// 204 without a body.
#[derive(Debug)]
pub struct NoContent;

/// 200 with a body and its entity tag, which counts changes.
#[derive(Debug)]
pub struct Tagged<T>(pub T, pub i64);

/// 200 with lines of JSON that are made as they are read. When making them fails, the answer breaks off.
pub struct Lines(BoxBody);

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines(..)")
    }
}

impl Lines {
    /// The lines that this stream gives, some at a time.
    pub fn of(lines: impl Stream<Item = Result<Bytes, Error>> + 'static) -> Self {
        let logged = lines.inspect_err(|error| tracing::error!(%error, "an export broke off"));
        Self(BoxBody::new(BodyStream::new(logged)))
    }
}

/// One of two replies: for calls that find or make something.
#[derive(Debug)]
pub enum Either<L, R> {
    /// The first kind.
    Left(L),
    /// The second kind.
    Right(R),
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows, in a stable order.
    pub data: Vec<T>,
    /// The `cursor` of the next part; null on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> From<Paged<T>> for Json<List<T>> {
    fn from(page: Paged<T>) -> Self {
        Self(List { data: page.data, next_cursor: page.next })
    }
}

impl<T: Serialize> Reply for Json<T> {
    fn into_response(self) -> HttpResponse {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> Reply for Created<T> {
    fn into_response(self) -> HttpResponse {
        json(StatusCode::CREATED, &self.0)
    }
}

impl Reply for NoContent {
    fn into_response(self) -> HttpResponse {
        HttpResponse::with_body(StatusCode::NO_CONTENT, BoxBody::new(()))
    }
}

impl<T: Serialize> Reply for Tagged<T> {
    fn into_response(self) -> HttpResponse {
        let mut answer = json(StatusCode::OK, &self.0);
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.1)) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
        answer
    }
}

impl Reply for Lines {
    fn into_response(self) -> HttpResponse {
        let mut answer = HttpResponse::with_body(StatusCode::OK, self.0);
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        answer
    }
}

impl<L: Reply, R: Reply> Reply for Either<L, R> {
    fn into_response(self) -> HttpResponse {
        match self {
            Self::Left(reply) => reply.into_response(),
            Self::Right(reply) => reply.into_response(),
        }
    }
}

/// An answer with that body as `application/json`; 500 without a body when it cannot be written.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut answer = HttpResponse::with_body(status, BoxBody::new(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Adds the headers of the management API: not cached, request id, no sniffing.
pub fn add_api_headers(answer: &mut HttpResponse, request_id: &RequestId) {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    add_common_headers(headers, request_id);
}

/// Adds the headers of every answer: request id, no sniffing.
pub fn add_common_headers(headers: &mut HeaderMap, request_id: &RequestId) {
    headers.insert(X_REQUEST_ID.clone(), request_id.header());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
