//! The compatible surface: from a request in Chakra's form to Chakra and back.
//!
//! What the catalogue says of an operation decides all of it; there is no code for a single operation here. A
//! call runs through the stages of [`pipeline`], each of which takes the evidence of the one before. What an
//! operation changes that Portico keeps records of is in [`effects`], by the kinds of effect that the catalogue
//! knows, and what one needs done before in [`prepare`]; what an answer loses or learns on its way back, in
//! [`answer`] and [`rewrite`].

mod answer;
mod body;
mod call;
mod echo;
mod effects;
mod error;
mod forward;
mod headers;
mod links;
mod named;
mod own_pages;
mod pipeline;
mod prepare;
mod query;
mod record;
mod requests;
mod rewrite;
mod shapes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use portico_chakra::Client;
use portico_connections::{
    ChakraCredentials, ChakraKeyVerifier, Connections, LearnedIds, Ownership, PluginConfigurations, Plugins,
    RefusedKeys,
};
use portico_core::Core;
use portico_identity::{Authenticator, Error as IdentityError};
use tracing::Instrument as _;

pub use call::{Answer, AnswerBody, BodyFailure, Call, Failure, Head, Headers};
pub use error::Error;
pub use requests::RequestLog;

use record::CallRecord;
use shapes::UnknownShapes;

/// Forwards calls to Chakra. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    chakra: Client,
    services: Arc<Services>,
}

/// What the stages ask.
#[derive(Debug)]
struct Services {
    core: Core,
    authenticator: Authenticator,
    credentials: ChakraCredentials,
    verifier: ChakraKeyVerifier,
    refused_keys: RefusedKeys,
    ownership: Ownership,
    learned: LearnedIds,
    plugins: Plugins,
    configurations: PluginConfigurations,
    shapes: UnknownShapes,
}

impl Gateway {
    /// The service on that core; calls go to `chakra`.
    #[must_use]
    pub fn new(core: &Core, chakra: Client, authenticator: &Authenticator, connections: &Connections) -> Self {
        let services = Services {
            core: core.clone(),
            authenticator: authenticator.clone(),
            credentials: connections.credentials.clone(),
            verifier: connections.verifier.clone(),
            refused_keys: connections.refused_keys.clone(),
            ownership: connections.ownership.clone(),
            learned: connections.learned.clone(),
            plugins: connections.plugins.clone(),
            configurations: connections.configurations.clone(),
            shapes: UnknownShapes::default(),
        };
        Self { chakra, services: Arc::new(services) }
    }

    /// A clone whose connections to Chakra are its own: one for each worker thread.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        Self { chakra: self.chakra.with_own_connections(), services: Arc::clone(&self.services) }
    }

    /// Records a call whose credentials cannot even be read, and gives the failure back.
    #[must_use]
    pub fn refuse(&self, head: &Head<'_>, error: IdentityError) -> Box<Failure> {
        CallRecord::begin(&self.services, head).fails_with(error.into())
    }

    /// Forwards a call to Chakra if the caller may make it. What became of it is recorded when the answer's body
    /// has ended, or when nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// [`Failure`], with what the outside may know.
    pub async fn forward<B>(&self, call: Call<'_, B>) -> Result<Answer, Box<Failure>>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let mut record = CallRecord::begin(&self.services, &call.head);
        let span = tracing::info_span!(
            "request",
            request.id = %call.head.credentials.request_id,
            tenant.id = tracing::field::Empty
        );
        let outcome = forward::run(self, call, &mut record).instrument(span).await;
        record.ends_with(outcome)
    }
}
