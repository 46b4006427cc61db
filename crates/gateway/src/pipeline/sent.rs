//! Chakra has answered.

use bytes::Bytes;
use futures_util::Stream;
use portico_auth::TenantScope;
use portico_chakra::{Operation, UpstreamBody, UpstreamRequest, UpstreamResponse, client};
use portico_connections::OpenChakraKey;
use tracing::Instrument as _;

use super::credentialed::{Credentialed, ReadyCall};
use super::owned::OwnedParts;
use crate::Error;
use crate::Gateway;
use crate::body::{self, Received};
use crate::call::BodyFailure;
use crate::links::{Links, Origin};
use crate::named::Named;
use crate::record::{CallRecord, class};

/// A call with the head of Chakra's answer.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(super) asked: Asked,
    pub(super) incoming: UpstreamResponse,
    pub(super) links: Links,
}

/// What was asked, by whom, and with which key.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) scope: TenantScope,
    pub(crate) key: std::sync::Arc<OpenChakraKey>,
    pub(crate) operation: &'static Operation,
    pub(crate) named: Named,
    /// The customer for whom the call makes a plugin.
    pub(crate) customer: Option<portico_domain::CustomerId>,
    pub(crate) received: Received,
}

impl Sent {
    /// Sends the call and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::Upstream`](portico_connections::Error::Upstream); what is wrong with a body that streams.
    pub(crate) async fn of<B>(
        credentialed: Credentialed<'_>,
        body: B,
        gateway: &Gateway,
        record: &mut CallRecord,
    ) -> Result<Self, Error>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let ReadyCall { call, key, target, headers } = credentialed.into_parts();
        let OwnedParts { permitted, operation, received, named, customer, pages: _ } = call;
        let timeout = if operation.media { client::MEDIA_TIMEOUT } else { client::CALL_TIMEOUT };
        let token = gateway.services.credentials.token(permitted.scope(), &key);
        let outgoing = |body| UpstreamRequest { method: operation.method, target, key: token, headers, body, timeout };
        let (clock, metrics) = (&gateway.services.core.clock, &gateway.services.core.metrics);
        let began = clock.instant();
        let span = tracing::debug_span!("upstream", operation = operation.id);
        let answered = match &received {
            Received::Nothing => gateway.chakra.send(outgoing(UpstreamBody::Empty)).instrument(span).await,
            Received::Json { bytes, .. } | Received::Form(bytes) => {
                gateway.chakra.send(outgoing(UpstreamBody::Full(bytes.clone()))).instrument(span).await
            }
            Received::Stream => {
                let (pump, pieces) = body::pump(body);
                let sending = gateway.chakra.send(outgoing(UpstreamBody::Stream(pieces)));
                body::while_pumping(pump, sending).instrument(span).await?
            }
        };
        let incoming = answered.inspect_err(|error| metrics.upstream_failure(error.reason()))?;
        metrics.upstream(class(operation), clock.instant().saturating_duration_since(began));
        record.answered(incoming.status());
        let needs_links = !operation.links.is_empty() || operation.hands_on_redirects;
        let links = needs_links.then(|| {
            let head = permitted.matched().head();
            let origin = Origin::of(gateway.services.core.public_url.as_deref(), head.headers);
            Links::new(&origin, head.path, permitted.matched().route())
        });
        let scope = permitted.into_scope();
        let asked = Asked { scope, key, operation, named, customer, received };
        Ok(Self { asked, incoming, links: links.unwrap_or_default() })
    }

    /// What was asked, Chakra's answer, and how links in it are written.
    pub(crate) fn into_parts(self) -> (Asked, UpstreamResponse, Links) {
        (self.asked, self.incoming, self.links)
    }
}
