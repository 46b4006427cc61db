//! What Portico knows of Chakra: the catalogue of its operations, the way from a path to one of
//! them, and the client that calls it.
//!
//! [`catalogue`] is data; everything else is engine. To add an operation, add an entry there.

pub mod body_scan;
pub mod catalogue;
pub mod client;
pub mod json_splitter;
mod json_tokens;
pub mod lenient_json;
mod method;
pub mod operation;
pub mod path_overrides;
pub mod router;
mod scanned_body;
pub mod schema;
pub mod upstream_error;

pub use catalogue::{NOT_OFFERED, NotOffered, operation, operations};
pub use client::{
    BufferedBody, CallError, Client, ClientBuildError, UpstreamBody, UpstreamRequest, UpstreamResponse, refusal_text,
};
pub use operation::{
    AnswerRule, At, BodyKind, Condition, Confidence, Effect, Envelope, Kind, Learn, LearnedKind, Link, LinkTo, Method,
    Operation, Owned, Paging, Retry, RowId,
};
pub use path_overrides::{PathOverrideError, PathOverrides};
pub use router::{Matched, NoRoute, Route, Router, router};
pub use upstream_error::UpstreamError;
