//! Tests of the parts that the stages are made of, and what all tests of this crate start from. Those of the stages
//! themselves are in `pipeline::tests`.

mod body;
mod headers;
mod links;
mod named;
mod query;
mod record;
mod stand_in;
pub(crate) mod world;

use std::fmt::Debug;

use crate::Error;
use portico_identity::RequestCredentials;

use crate::call::{Head, Headers};

pub(crate) use stand_in::ChakraStandIn;
pub(crate) use world::World;

/// Status and public code of a refusal: the one place that knows how an error tells them.
#[track_caller]
pub(crate) fn refusal<T: Debug, E: Into<Error>>(outcome: Result<T, E>) -> (u16, &'static str) {
    let error: Error = outcome.expect_err("is refused").into();
    (error.status(), error.code().code)
}

/// Some failure of a call, which an answer with status 404 and the code `not_found` tells.
pub(crate) fn a_failure() -> Error {
    crate::pipeline::Matched::of(head("GET", "/nowhere")).expect_err("is in no catalogue")
}

/// Headers that a test gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'h>(pub(crate) &'h [(&'h str, &'h str)]);

impl Headers for Given<'_> {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_bytes())
    }
}

/// The headers of a call with a JSON body.
pub(crate) const JSON: Given<'static> = Given(&[("content-type", "application/json")]);

/// A call of nobody, without headers, query and body.
pub(crate) fn head<'a>(method: &'a str, path: &'a str) -> Head<'a> {
    Head {
        method,
        path,
        query: None,
        credentials: RequestCredentials {
            authorization: None,
            tenant: None,
            browser: None,
            address: None,
            request_id: "req-1",
        },
        headers: &Given(&[]),
        content_length: None,
    }
}

impl<'a> Head<'a> {
    /// The same call with that value of `Authorization`.
    pub(crate) fn by(mut self, authorization: &'a str) -> Self {
        self.credentials.authorization = Some(authorization);
        self
    }

    /// The same call with those headers.
    pub(crate) fn with(self, headers: &'a dyn Headers) -> Self {
        Self { headers, ..self }
    }

    /// The same call with that query.
    pub(crate) fn asking(self, query: &'a str) -> Self {
        Self { query: Some(query), ..self }
    }
}
