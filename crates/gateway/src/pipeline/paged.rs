//! A list over the whole team, read page by page for a caller who may see some of its rows only.

use portico_chakra::client::CALL_TIMEOUT;
use portico_chakra::{UpstreamBody, UpstreamError, UpstreamRequest};
use tracing::Instrument as _;

use super::credentialed::{Credentialed, ReadyCall};
use super::owned::OwnedParts;
use super::sent::{Asked, Sent};
use crate::call::{Answer, AnswerBody};
use crate::links::Links;
use crate::own_pages::{MOST_PAGES, OwnRows};
use crate::record::{CallRecord, class};
use crate::rewrite::Rewrite;
use crate::{Error, Gateway, answer, headers};

/// What such a list came to.
#[derive(Debug)]
pub(crate) enum Paged {
    /// The caller's page of the rows.
    Own(Answer),
    /// Chakra answered with something else than rows.
    Otherwise(Box<Sent>),
}

impl Paged {
    /// Reads Chakra's pages until the caller's own page is full. All of it takes no longer than one call may.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::Upstream`](portico_connections::Error::Upstream) and
    /// [`ConnectionsError::UpstreamMalformed`](portico_connections::Error::UpstreamMalformed);
    /// [`CoreError::Database`](portico_core::Error::Database).
    pub(crate) async fn of(
        credentialed: Credentialed<'_>,
        gateway: &Gateway,
        record: &mut CallRecord,
    ) -> Result<Self, Error> {
        let ReadyCall { call, key, target, headers } = credentialed.into_parts();
        let OwnedParts { permitted, operation, received, named, customer, pages: Some(pages) } = call else {
            return Err(portico_connections::Error::UpstreamMalformed.into());
        };
        let scope = permitted.into_scope();
        let (clock, metrics) = (&gateway.services.core.clock, &gateway.services.core.metrics);
        let began = clock.instant();
        let (mut gathered, mut learned, mut head) = (OwnRows::default(), Vec::new(), None);
        for number in 1..=MOST_PAGES {
            let asked_at = clock.instant();
            let timeout = CALL_TIMEOUT.saturating_sub(asked_at.saturating_duration_since(began));
            let request = UpstreamRequest {
                method: operation.method,
                target: target.clone(),
                key: gateway.services.credentials.token(&scope, &key),
                headers: headers.clone(),
                body: UpstreamBody::Full(pages.body(number)),
                timeout,
            };
            let span = tracing::debug_span!("upstream", operation = operation.id, page = number);
            let incoming = if timeout.is_zero() {
                Err(UpstreamError::Timeout)
            } else {
                gateway.chakra.send(request).instrument(span).await
            };
            let incoming = incoming.inspect_err(|error| metrics.upstream_failure(error.reason()))?;
            metrics.upstream(class(operation), clock.instant().saturating_duration_since(asked_at));
            record.answered(incoming.status());
            if incoming.status() != 200 {
                let asked = Asked { scope, key, operation, named, customer, received };
                return Ok(Self::Otherwise(Box::new(Sent { asked, incoming, links: Links::default() })));
            }
            let mut fields = headers::incoming(incoming.headers());
            headers::drop_changed(&mut fields);
            head.get_or_insert(fields);
            let came = incoming.bytes().await?;
            record.has_errors(answer::has_errors(&came));
            let rewrite = Rewrite::new(gateway, &scope, operation, &named, Links::default());
            let (own, taught) = rewrite.whole(came.clone()).await?;
            learned.extend(taught);
            gathered.add(&came, &own)?;
            if pages.suffice(&gathered) {
                break;
            }
        }
        record.learned(learned);
        let body = AnswerBody::Whole(pages.answer(&gathered));
        Ok(Self::Own(Answer::new(200, head.unwrap_or_default(), body)))
    }
}
