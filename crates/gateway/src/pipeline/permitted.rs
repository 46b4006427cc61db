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
pub(crate) struct Permitted<'c> {
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
        let operation = authenticated.matched().default_operation();
        let query = Query::parse(authenticated.matched().head().query, operation)?;
        let principal = authenticated.principal();
        let scope = principal.authorize_call(operation.permission)?;
        if let Some(extra) = query.permission(operation) {
            principal.authorize_call(Some(extra))?;
        }
        Ok(Self { authenticated, query, scope })
    }

    /// The same call judged anew when the first judgement is too old to stand; none while it stands. A body that
    /// trickles in must not carry a key past its revocation.
    ///
    /// # Errors
    ///
    /// As the stages before.
    pub(super) async fn renewed(self, gateway: &Gateway) -> Result<(Self, bool), Error> {
        let age = gateway.services.core.clock.instant().saturating_duration_since(self.authenticated.judged_at());
        if age < REJUDGED_AFTER {
            return Ok((self, false));
        }
        Ok((Self::of(self.authenticated.again(gateway).await?)?, true))
    }

    /// Learns whose team the tenant's Chakra key is, where it depends on that what the caller may reach: the only thing
    /// before the call itself that may ask Chakra, once for a key that an earlier version stored.
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
        if self.scope.whole_tenant().is_ok() && operations.iter().any(depends) {
            gateway.services.verifier.default_key(&self.scope).await?;
        }
        Ok(())
    }

    /// What the caller may do, and how far it reaches, when nothing else is asked any more.
    pub(super) fn into_scope(self) -> TenantScope {
        self.scope
    }

    /// What was matched.
    pub(crate) const fn matched(&self) -> &Matched<'c> {
        self.authenticated.matched()
    }

    /// The query.
    pub(crate) const fn query(&self) -> &Query<'c> {
        &self.query
    }

    /// What the caller may do, and how far it reaches.
    pub(crate) const fn scope(&self) -> &TenantScope {
        &self.scope
    }
}
