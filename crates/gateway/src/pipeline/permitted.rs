//! The caller may do the operation.

use portico_auth::TenantScope;
use portico_chakra::{AnswerRule, Kind, Operation};
use portico_identity::REJUDGED_AFTER;

use super::authenticated::Authenticated;
use super::matched::Matched;
use crate::Error;
use crate::Gateway;
use crate::query::Query;

/// A call that the caller's permissions allow, also what its query asks for on top.
#[derive(Debug)]
pub(crate) struct Permitted<'c>(Box<PermittedParts<'c>>);

/// What a permitted call consists of: close to a thousand bytes, which every stage hands on.
#[derive(Debug)]
struct PermittedParts<'c> {
    authenticated: Authenticated<'c>,
    query: Query<'c>,
    scope: TenantScope,
}

impl<'c> Permitted<'c> {
    /// Reads the query and asks for the permissions: the one place where a call is authorised.
    ///
    /// # Errors
    ///
    /// [`CoreError::Query`](portico_core::Error::Query); [`CoreError::Denied`](portico_core::Error::Denied).
    pub(crate) fn of(authenticated: Authenticated<'c>) -> Result<Self, Error> {
        let query = Query::parse(authenticated.matched().head().query, authenticated.matched().default_operation())?;
        let scope = authorize(&authenticated, &query)?;
        Ok(Self(Box::new(PermittedParts { authenticated, query, scope })))
    }

    /// Judges the same call anew when the first judgement is too old to stand, and tells whether it was. A body that
    /// trickles in must not carry a key past its revocation.
    ///
    /// # Errors
    ///
    /// As the stages before.
    pub(super) async fn renew(&mut self, gateway: &Gateway) -> Result<bool, Error> {
        let now = gateway.services.core.clock.instant();
        let call = &mut *self.0;
        if now.saturating_duration_since(call.authenticated.judged_at()) < REJUDGED_AFTER {
            return Ok(false);
        }
        call.authenticated.renew(gateway).await?;
        call.scope = authorize(&call.authenticated, &call.query)?;
        Ok(true)
    }

    /// Learns whose team the tenant's Chakra key is, where it depends on that what the caller may reach. Asks Chakra only
    /// for a key that an earlier version stored unasked, once.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::NoChakraKey`](portico_connections::Error::NoChakraKey);
    /// [`CoreError::VaultUnavailable`](portico_core::Error::VaultUnavailable);
    /// [`CoreError::Database`](portico_core::Error::Database).
    pub(crate) async fn learn_team(&self, gateway: &Gateway) -> Result<(), Error> {
        let depends = |operation: &&Operation| {
            operation.team_wide
                || matches!(operation.rule, AnswerRule::FilterRows(_))
                || operation.owned.iter().any(|owned| matches!(owned.kind, Kind::Learned(_)))
        };
        let operations = &self.matched().route().route.operations;
        if self.0.scope.whole_tenant().is_ok() && operations.iter().any(depends) {
            gateway.services.verifier.default_key(&self.0.scope).await?;
        }
        Ok(())
    }

    /// What the caller may do, and how far it reaches, when nothing else is asked any more.
    pub(super) fn into_scope(self) -> TenantScope {
        self.0.scope
    }

    /// What was matched.
    pub(crate) fn matched(&self) -> &Matched<'c> {
        self.0.authenticated.matched()
    }

    /// The query.
    pub(crate) fn query(&self) -> &Query<'c> {
        &self.0.query
    }

    /// What the caller may do, and how far it reaches.
    pub(crate) fn scope(&self) -> &TenantScope {
        &self.0.scope
    }
}

/// Asks for the operation's permission, and for what the query asks for on top.
fn authorize(authenticated: &Authenticated<'_>, query: &Query<'_>) -> Result<TenantScope, Error> {
    let operation = authenticated.matched().default_operation();
    let principal = authenticated.principal();
    let scope = principal.authorize_call(operation.permission)?;
    if let Some(extra) = query.permission(operation) {
        principal.authorize_call(Some(extra))?;
    }
    Ok(scope)
}
