//! From a request's credential to a principal.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portico_auth::{ApiKeyRecord, Credential, Origin, Party, Principal};
use portico_domain::{OldSecretId, TenantId};
use portico_storage::SecretStanding;
use portico_vault::SecretHash;
use time::OffsetDateTime;

use crate::browser::Browser;
use crate::error::{Error, Thing};
use crate::start::App;

/// How long a caller who was let in may wait for the rest of the own request before being judged anew: a
/// body that trickles in must not carry a key past its revocation. Together with the age of what callers
/// are judged by, this stays within a second.
pub const REJUDGED_AFTER: Duration = Duration::from_millis(100);

/// What a request presents.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// The value of `Portico-Tenant`, by which the operator names a tenant.
    pub tenant: Option<&'a str>,
    /// The signed-in browser, where its cookie counts.
    pub browser: Option<Browser<'a>>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The id by which the request is known in logs.
    pub request_id: &'a str,
}

impl Presented<'_> {
    /// Where the request came from, as the audit log keeps it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { address: self.address, request_id: Some(self.request_id.into()) }
    }
}

/// Why a request is not let in, and whose it was if that is known.
#[derive(Debug)]
pub struct NotAdmitted {
    /// Why.
    pub error: Error,
    /// In whose audit log the attempt belongs; none for a credential that is nobody's.
    pub party: Option<Party>,
}

impl<E: Into<Error>> From<E> for NotAdmitted {
    fn from(error: E) -> Self {
        Self { error: error.into(), party: None }
    }
}

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

impl App {
    /// Who calls.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] with [`Error::Credential`], [`Error::UnknownKey`], [`Error::TokenInvalid`],
    /// [`Error::TokenExpired`], [`Error::NoSession`], [`Error::Csrf`] or [`Error::Refused`]; for the operator
    /// also [`Error::Header`] when the tenant's id is malformed and [`Error::Missing`] when there is none.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Principal, NotAdmitted> {
        if let (None, Some(browser)) = (presented.authorization, presented.browser) {
            return self.authenticate_browser(browser, presented.origin()).await;
        }
        match Credential::parse(presented.authorization, &self.shared.operator)? {
            Credential::Operator => {
                let tenant = presented.tenant.map(str::parse::<TenantId>).transpose();
                let tenant = tenant.map_err(|error| Error::Header("Portico-Tenant", error.to_string()))?;
                if let Some(tenant) = tenant {
                    self.tenant_exists(tenant).await?;
                }
                Ok(Principal::operator(tenant, presented.origin()))
            }
            Credential::ApiKey(hash) => {
                let known = self.look_up(hash).await?.ok_or(Error::UnknownKey)?;
                known.admit(OffsetDateTime::now_utc(), presented.origin()).map_err(|error| {
                    // An ended secret is nobody's, so nobody's audit log tells of it.
                    let party = matches!(error, Error::Refused(_)).then(|| known.record.party());
                    NotAdmitted { error, party }
                })
            }
            Credential::Token(token) => self.admit_token(token, &presented).await,
        }
    }

    /// The operator is told of a tenant that does not exist, instead of finding it empty.
    async fn tenant_exists(&self, tenant: TenantId) -> Result<(), Error> {
        let mut tx = self.shared.db.begin_system(tenant).await?;
        tx.tenant_row().await?.map(|_| ()).ok_or(Error::Missing(Thing::Tenant))
    }

    /// What the secret of that hash opens. Unknown ones are not remembered.
    async fn look_up(&self, hash: SecretHash) -> Result<Option<KnownSecret>, Error> {
        let shared = &self.shared;
        if let Some(known) = shared.api_keys.get(&shared.freshness, &hash) {
            return Ok(Some(known));
        }
        shared.metrics.key_lookups.fetch_add(1, Ordering::Relaxed);
        shared.freshness.read(&shared.api_keys, hash, async || self.read_secret(hash).await).await
    }

    async fn read_secret(&self, hash: SecretHash) -> Result<Option<(TenantId, KnownSecret)>, Error> {
        let Some((tenant, id)) = self.shared.db.resolve_api_key(&hash.0).await? else { return Ok(None) };
        let mut tx = self.shared.db.begin_system(tenant).await?;
        // A rotation may have come between, and made the secret an old one or nobody's.
        let (record, standing) = (tx.api_key_record(id).await?, tx.secret_standing(id, &hash.0).await?);
        tx.commit().await?;
        let (Some(record), Some(standing)) = (record, standing) else { return Ok(None) };
        let old = match standing {
            SecretStanding::Present => None,
            SecretStanding::Old { id, expires_at } => Some((id, expires_at)),
        };
        Ok(Some((tenant, KnownSecret { record, old })))
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
