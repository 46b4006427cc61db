//! A call as it comes in, and what goes back.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderName, HeaderValue};
use portico_chakra::UpstreamError;
use portico_core::RequestError;
use portico_core::limits::LimitState;
use portico_identity::RequestCredentials;

use crate::Error;

/// A request in Chakra's form.
#[derive(Debug)]
pub struct Call<'a, B> {
    /// All but the body.
    pub head: Head<'a>,
    /// The request's body.
    pub body: B,
}

/// A request in Chakra's form, without its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method as it came.
    pub method: &'a str,
    /// The path as it came, still encoded.
    pub path: &'a str,
    /// The query as it came, still encoded.
    pub query: Option<&'a str>,
    /// What the caller presents, with the id by which the call is known in the log.
    pub credentials: RequestCredentials<'a>,
    /// The request's headers.
    pub headers: &'a dyn Headers,
    /// The announced length of the body, in bytes.
    pub content_length: Option<u64>,
}

/// A request's headers, whatever the web framework.
pub trait Headers: std::fmt::Debug {
    /// The first value of that lower-case name.
    fn get(&self, name: &str) -> Option<&[u8]>;
}

/// Why a request's body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFailure {
    /// The caller's connection broke.
    BrokenOff,
    /// It arrived more slowly than bodies must.
    TooSlow,
}

impl From<BodyFailure> for RequestError {
    fn from(failure: BodyFailure) -> Self {
        match failure {
            BodyFailure::BrokenOff => Self::Body("the body broke off".into()),
            BodyFailure::TooSlow => Self::TooSlow,
        }
    }
}

/// What the caller gets.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, without those of the connection.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: AnswerBody,
    /// The id of the catalogue's operation.
    pub operation: Option<&'static str>,
    /// How the caller's own limit stands, if it has one.
    pub limit: Option<LimitState>,
}

impl Answer {
    /// An answer; operation and limit are added when the call is recorded.
    pub(crate) const fn new(status: u16, headers: Vec<(HeaderName, HeaderValue)>, body: AnswerBody) -> Self {
        Self { status, headers, body, operation: None, limit: None }
    }
}

/// Pieces of a body, as they arrive.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, UpstreamError>> + Send>>;

/// A body on its way to the caller.
pub enum AnswerBody {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, as it arrives.
    Pieces(Pieces),
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Pieces(_) => f.write_str("Pieces"),
        }
    }
}

/// Why the caller gets no answer of Chakra's.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The id of the operation, as far as it was known.
    pub operation: Option<&'static str>,
    /// How the caller's own limit stands, if it has one.
    pub limit: Option<LimitState>,
}
