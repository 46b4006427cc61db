//! The caller is known.

use std::time::Instant;

use portico_auth::Principal;
use portico_identity::NotAdmitted;

use super::matched::Matched;
use crate::Error;
use crate::Gateway;
use crate::record::CallRecord;

/// A call of somebody who is known, let in, and within its own rate limit.
#[derive(Debug)]
pub(crate) struct Authenticated<'c> {
    matched: Matched<'c>,
    principal: Principal,
    /// Since when what is believed of the caller may be believed.
    judged_at: Instant,
}

impl<'c> Authenticated<'c> {
    /// Finds out who calls, counts the call, and waits for its turn.
    ///
    /// # Errors
    ///
    /// What [`portico_identity::Authenticator::authenticate`] fails with;
    /// [`CoreError::RateLimited`](portico_core::Error::RateLimited);
    /// [`CoreError::TenantCallsBusy`](portico_core::Error::TenantCallsBusy).
    pub(crate) async fn of(matched: Matched<'c>, gateway: &Gateway, record: &mut CallRecord) -> Result<Self, Error> {
        let operation = matched.default_operation();
        let (principal, judged_at) = judge(&matched, gateway).await.map_err(|refused| {
            if let Some(party) = refused.party {
                record.refused_party(party, operation);
            }
            refused.error
        })?;
        record.caller(&principal, operation);
        record.limit(gateway.services.core.limits.count_call(&principal)?);
        record.take_turn().await?;
        Ok(Self { matched, principal, judged_at })
    }

    /// Judges the same call anew, because the first judgement is too old. It is not counted a second time.
    ///
    /// # Errors
    ///
    /// As before, but for the limit.
    pub(super) async fn renew(&mut self, gateway: &Gateway) -> Result<(), Error> {
        (self.principal, self.judged_at) = judge(&self.matched, gateway).await.map_err(|refused| refused.error)?;
        Ok(())
    }

    /// What was matched.
    pub(super) const fn matched(&self) -> &Matched<'c> {
        &self.matched
    }

    /// Who calls.
    pub(super) const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// When that was found out.
    pub(super) const fn judged_at(&self) -> Instant {
        self.judged_at
    }
}

/// Who calls, and since when that may be believed.
async fn judge(matched: &Matched<'_>, gateway: &Gateway) -> Result<(Principal, Instant), NotAdmitted> {
    let judged_at = gateway.services.core.clock.instant();
    let credentials = matched.head().credentials;
    let principal = gateway.services.authenticator.authenticate(credentials).await?;
    Ok((principal, judged_at))
}
