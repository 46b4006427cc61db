//! From a request's credential to a principal.

use std::sync::Arc;

use portico_auth::{ApiKeyRecord, Credential, Origin, Party, Principal, Refused, Subject, TokenFault};
use portico_domain::{OldSecretId, TenantId};
use portico_storage::SecretStatus;
use portico_vault::{KeyEnvironment, OperatorToken, SecretHash};
use time::OffsetDateTime;

use portico_core::Core;
use portico_core::cache::Cache;
use portico_core::{Error as CoreError, Thing};

use crate::Error;
use crate::minter::{Minter, is_taken_back};
use crate::request_credentials::{NotAdmitted, RequestCredentials};
use crate::sessions::Sessions;
use crate::signing_keys::SigningKeys;

/// What the secret with some hash opens, to be judged at each use.
#[derive(Debug, Clone)]
pub(crate) struct KnownSecret {
    record: ApiKeyRecord,
    /// A secret that a rotation replaced, and from when on it is nobody's.
    old: Option<(OldSecretId, OffsetDateTime)>,
}

impl KnownSecret {
    /// Judges the secret at this moment. One whose overlap is over is as unknown as any other text.
    fn admit(&self, now: OffsetDateTime, origin: Origin) -> Result<Principal, Error> {
        if self.old.is_some_and(|(_, end)| now >= end) {
            return Err(Error::UnknownKey);
        }
        let principal = self.record.admit(now, origin)?;
        Ok(match self.old {
            Some((id, _)) => principal.with_old_secret(id),
            None => principal,
        })
    }
}

/// Finds out who calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Core,
    operator: OperatorToken,
    environment: KeyEnvironment,
    sessions: Sessions,
    signing_keys: SigningKeys,
    secrets: Arc<Cache<SecretHash, KnownSecret>>,
    minters: Arc<Cache<(TenantId, Subject), Minter>>,
}

impl Authenticator {
    /// The service on that core, whose new keys are of that environment.
    #[must_use]
    pub fn new(
        core: &Core,
        (operator, environment): (OperatorToken, KeyEnvironment),
        sessions: &Sessions,
        signing_keys: &SigningKeys,
    ) -> Self {
        let inner = Inner {
            core: core.clone(),
            operator,
            environment,
            sessions: sessions.clone(),
            signing_keys: signing_keys.clone(),
            secrets: core.caches.add("api_keys"),
            minters: core.caches.add("token_minters"),
        };
        Self(Arc::new(inner))
    }

    /// Who calls.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] with [`Error::Credential`], [`Error::UnknownKey`], [`Error::TokenInvalid`],
    /// [`Error::TokenExpired`], [`Error::NoSession`], [`Error::Csrf`] or [`Error::Refused`]; for the operator
    /// also [`CoreError::Missing`] when the tenant that it names does not exist. [`CoreError::Header`] when the
    /// tenant's id is malformed, whoever calls.
    pub async fn authenticate(&self, presented: RequestCredentials<'_>) -> Result<Principal, NotAdmitted> {
        let named = presented.tenant.map(str::parse::<TenantId>).transpose();
        let principal = self.0.authenticate(presented, named.as_ref().ok().copied().flatten()).await?;
        let named = named.map_err(|error| CoreError::Header("Portico-Tenant", error.to_string()))?;
        if named.is_some() && principal.tenant() != named {
            return Err(NotAdmitted { error: Refused::OtherTenant.into(), party: principal.party() });
        }
        Ok(principal)
    }
}

impl Inner {
    async fn authenticate(
        &self,
        presented: RequestCredentials<'_>,
        named: Option<TenantId>,
    ) -> Result<Principal, NotAdmitted> {
        if let (None, Some(browser)) = (presented.authorization, presented.browser) {
            return self.sessions.authenticate(browser, presented.origin()).await;
        }
        match Credential::parse(presented.authorization, &self.operator, &self.environment)? {
            Credential::Operator => {
                if let Some(tenant) = named {
                    self.tenant_exists(tenant).await?;
                }
                Ok(Principal::operator(named, presented.origin()))
            }
            Credential::ApiKey(hash) => {
                let known = self.look_up(hash).await?.ok_or(Error::UnknownKey)?;
                known.admit(self.core.clock.now(), presented.origin()).map_err(|error| {
                    // An ended secret is nobody's, so nobody's audit log tells of it.
                    let party = matches!(error, Error::Refused(_)).then(|| known.record.party());
                    NotAdmitted { error, party }
                })
            }
            Credential::Token(token) => self.admit_token(token, &presented).await,
        }
    }

    /// The operator is told of a tenant that does not exist, instead of finding it empty.
    async fn tenant_exists(&self, tenant: TenantId) -> Result<(), CoreError> {
        let mut tx = self.core.db.begin_system(tenant).await?;
        tx.tenant_row().await?.map(|_| ()).ok_or(CoreError::Missing(Thing::Tenant))
    }

    /// What the secret of that hash opens. Unknown ones are not remembered.
    async fn look_up(&self, hash: SecretHash) -> Result<Option<KnownSecret>, CoreError> {
        let core = &self.core;
        if let Some(known) = self.secrets.get(&core.validity, &hash) {
            return Ok(Some(known));
        }
        core.metrics.key_lookups.inc();
        core.validity.read(&self.secrets, hash, async || self.read_secret(hash).await).await
    }

    async fn read_secret(&self, hash: SecretHash) -> Result<Option<(TenantId, KnownSecret)>, CoreError> {
        let Some((tenant, id)) = self.core.db.resolve_api_key(&hash.0).await? else { return Ok(None) };
        let mut tx = self.core.db.begin_system(tenant).await?;
        // A rotation may have come between, and made the secret an old one or nobody's.
        let (record, standing) = (tx.api_key_record(id).await?, tx.secret_status(id, &hash.0).await?);
        tx.commit().await?;
        let (Some(record), Some(standing)) = (record, standing) else { return Ok(None) };
        let old = match standing {
            SecretStatus::Present => None,
            SecretStatus::Old { id, expires_at } => Some((id, expires_at)),
        };
        Ok(Some((tenant, KnownSecret { record, old })))
    }

    /// Who acts through a token, as far as it and its minter's present standing both allow.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] with [`Error::TokenInvalid`], [`Error::TokenExpired`] or [`Error::Refused`].
    async fn admit_token(&self, token: &str, presented: &RequestCredentials<'_>) -> Result<Principal, NotAdmitted> {
        let keys = self.signing_keys.open().await?;
        // Only now: the keys may have been long in coming.
        let now = self.core.clock.now();
        let claims = keys.verifying.verify(token, now).map_err(|fault| {
            tracing::debug!(request.id = presented.request_id, %fault, "a token is refused");
            if fault == TokenFault::Expired { Error::TokenExpired } else { Error::TokenInvalid }
        })?;
        let minter = self.minter(claims.tenant, claims.subject).await?.ok_or(Error::TokenInvalid)?;
        if is_taken_back(claims.issued_at, minter.tokens_not_before()) {
            return Err(Error::TokenInvalid.into());
        }
        let now = self.core.clock.now();
        let party = Party { token: Some(claims.id), ..minter.party() };
        let admitted = minter.admit(now, presented.origin());
        let principal = admitted.map_err(|refused| NotAdmitted { error: refused.into(), party: Some(party) })?;
        Ok(principal.narrowed(&claims))
    }

    /// What a token's minter may do now, as fresh as if it came itself.
    async fn minter(&self, tenant: TenantId, subject: Subject) -> Result<Option<Minter>, CoreError> {
        let core = &self.core;
        if let Some(minter) = self.minters.get(&core.validity, &(tenant, subject)) {
            return Ok(Some(minter));
        }
        let read = async || {
            let mut tx = core.db.begin_system(tenant).await?;
            let minter = Minter::read(&mut tx, subject).await?;
            tx.commit().await?;
            Ok(minter.map(|minter| (tenant, minter)))
        };
        core.validity.read(&self.minters, (tenant, subject), read).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portico_auth::Reach;
    use portico_domain::{ApiKeyId, BuiltInRole, TenantStatus};
    use time::macros::datetime;

    use super::*;

    const END: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);

    fn old(id: OldSecretId) -> KnownSecret {
        let record = ApiKeyRecord {
            id: ApiKeyId::generate(),
            tenant: TenantId::generate(),
            tenant_status: TenantStatus::Active,
            permissions: BuiltInRole::Viewer.permissions(),
            reach: Arc::new(Reach::ALL),
            allowed_ips: None,
            rate_limit: None,
            expires_at: None,
            tokens_not_before: None,
        };
        KnownSecret { record, old: Some((id, END)) }
    }

    #[test]
    fn an_old_secret_is_judged_at_each_use_whatever_a_cache_holds() {
        let id = OldSecretId::generate();
        let known = old(id);
        let principal = known.admit(END - time::Duration::NANOSECOND, Origin::default()).expect("still opens");
        assert_eq!(principal.old_secret(), Some(id));
        let refused = known.admit(END, Origin::default()).expect_err("is over");
        assert!(matches!(refused, Error::UnknownKey), "{refused:?}");
        let present = KnownSecret { old: None, ..known };
        assert_eq!(present.admit(END, Origin::default()).expect("opens").old_secret(), None);
    }
}
