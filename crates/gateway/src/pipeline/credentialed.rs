//! The Chakra key is open, and the call ready to go out.

use std::sync::Arc;

use http::HeaderMap;
use portico_chakra::{Operation, PathOverrides};
use portico_connections::OpenChakraKey;

use super::claimed::Claimed;
use super::owned::OwnedParts;
use crate::Error;
use crate::Gateway;
use crate::body::{Received, parameter};
use crate::named::Named;
use crate::query::Query;
use crate::record::CallRecord;
use crate::{headers, prepare};

/// A call that is ready to go out, and the key that it goes out with.
#[derive(Debug)]
pub(crate) struct Credentialed<'c>(ReadyCall<'c>);

/// What a ready call consists of.
#[derive(Debug)]
pub(crate) struct ReadyCall<'c> {
    pub(crate) call: OwnedParts<'c>,
    pub(crate) key: Arc<OpenChakraKey>,
    /// Path and query at Chakra, encoded.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl<'c> Credentialed<'c> {
    /// Opens the tenant's key, does what must be done before the call, and says where it goes.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::NoChakraKey`](portico_connections::Error::NoChakraKey);
    /// [`CoreError::VaultUnavailable`](portico_core::Error::VaultUnavailable);
    /// [`CoreError::Header`](portico_core::Error::Header); what preparing fails with.
    pub(crate) async fn of(claimed: Claimed<'c>, gateway: &Gateway, record: &mut CallRecord) -> Result<Self, Error> {
        let mut call = claimed.into_owned().into_parts();
        let key = gateway.services.verifier.default_key(call.permitted.scope()).await?;
        // Opening the key and preparing may have waited for Chakra, and neither must carry a key past its revocation.
        call.permitted.renew(gateway).await?;
        let scope = call.permitted.scope();
        let matched = call.permitted.matched().route();
        call.received =
            prepare::prepare(gateway, scope, call.operation, matched, call.received, call.customer, record).await?;
        call.permitted.renew(gateway).await?;
        let (matched, head) = (call.permitted.matched().route(), call.permitted.matched().head());
        let streams = matches!(call.received, Received::Stream);
        let headers = headers::outgoing(call.operation, head.headers, streams, head.credentials.request_id)?;
        let (paths, query) = (gateway.chakra.path_overrides(), call.permitted.query());
        let target = target(paths, matched, call.operation, query, &call.received, &call.named);
        Ok(Self(ReadyCall { call, key, target, headers }))
    }

    /// Whether it is of a list that Portico pages for this caller.
    pub(crate) const fn is_paged(&self) -> bool {
        self.0.call.pages.is_some()
    }

    /// Ends the evidence: the next stage takes what it consists of.
    pub(super) fn into_parts(self) -> ReadyCall<'c> {
        self.0
    }
}

/// Where the call goes: the path that settings choose, else the first of the operation for which every
/// parameter is known.
fn target(
    paths: &PathOverrides,
    matched: &portico_chakra::Matched<'_, '_>,
    operation: &Operation,
    query: &Query<'_>,
    received: &Received,
    named: &Named,
) -> String {
    let plugin = named.plugin().map(|plugin| plugin.to_string());
    let value = |name: &str| match parameter(matched, received, name) {
        None if name == "pluginId" => plugin.as_deref(),
        other => other,
    };
    let template = paths.template(operation, |name| value(name).is_some()).unwrap_or(matched.route.template);
    let mut target = portico_chakra::router::fill(template, value);
    query.write(&mut target);
    target
}
