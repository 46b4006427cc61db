//! The call on its way, and Chakra's answer.

use http::HeaderMap;
use portico_auth::TenantScope;
use portico_chakra::{Operation, UpstreamBody, UpstreamRequest, UpstreamResponse, client};
use portico_connections::OpenChakraKey;
use tracing::Instrument as _;

use super::credentialed::{Credentialed, ReadyCall};
use super::owned::OwnedParts;
use crate::Error;
use crate::Gateway;
use crate::body::Received;
use crate::links::{Links, Origin};
use crate::named::Named;
use crate::record::{Told, class};

/// A call that needs nothing of its caller any more but a body that streams: it can end without.
#[derive(Debug)]
pub(crate) struct Departing {
    asked: Asked,
    /// Path and query at Chakra, encoded.
    target: String,
    headers: HeaderMap,
    links: Links,
}

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

impl Departing {
    /// Takes what is still needed out of the request.
    pub(crate) fn of(credentialed: Credentialed<'_>, gateway: &Gateway) -> Self {
        let ReadyCall { call, key, target, headers } = credentialed.into_parts();
        let OwnedParts { permitted, operation, received, named, customer, pages: _ } = call;
        let needs_links = !operation.links.is_empty() || operation.hands_on_redirects;
        let links = needs_links.then(|| {
            let head = permitted.matched().head();
            let origin = Origin::of(gateway.services.core.public_url.as_deref(), head.headers);
            Links::new(&origin, head.path, permitted.matched().route())
        });
        let scope = permitted.into_scope();
        let asked = Asked { scope, key, operation, named, customer, received };
        Self { asked, target, headers, links: links.unwrap_or_default() }
    }

    /// What is called.
    pub(crate) const fn operation(&self) -> &'static Operation {
        self.asked.operation
    }

    /// The body, as far as it was read.
    pub(crate) const fn received(&self) -> &Received {
        &self.asked.received
    }
}

impl Sent {
    /// Sends the call and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::Upstream`](portico_connections::Error::Upstream).
    pub(crate) async fn of(
        departing: Departing,
        body: UpstreamBody,
        gateway: &Gateway,
        told: &mut Told,
    ) -> Result<Self, Error> {
        let Departing { asked, target, headers, links } = departing;
        let operation = asked.operation;
        let timeout = if operation.media { client::MEDIA_TIMEOUT } else { client::CALL_TIMEOUT };
        let key = gateway.services.credentials.token(&asked.scope, &asked.key);
        let request = UpstreamRequest { method: operation.method, target, key, headers, body, timeout };
        let (clock, metrics) = (&gateway.services.core.clock, &gateway.services.core.metrics);
        let began = clock.instant();
        let span = tracing::debug_span!("upstream", operation = operation.id);
        let answered = gateway.chakra.send(request).instrument(span).await;
        let incoming = answered.inspect_err(|error| metrics.upstream_failure(error.reason()))?;
        metrics.upstream(class(operation), clock.instant().saturating_duration_since(began));
        told.upstream_status = Some(incoming.status());
        Ok(Self { asked, incoming, links })
    }

    /// What was asked, Chakra's answer, and how links in it are written.
    pub(crate) fn into_parts(self) -> (Asked, UpstreamResponse, Links) {
        (self.asked, self.incoming, self.links)
    }
}
