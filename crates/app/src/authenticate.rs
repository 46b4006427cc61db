//! From a request's credential to a principal.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portico_auth::{ApiKeyRecord, Credential, Origin, Party, Principal};
use portico_domain::TenantId;
use portico_storage::StorageError;
use portico_vault::SecretHash;
use time::OffsetDateTime;

use crate::cache::Freshness;
use crate::error::{Error, Thing};
use crate::start::App;

/// How often a key is read anew because the database took longer than what it said may be believed.
const ATTEMPTS: usize = 3;

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

impl App {
    /// Who calls.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] with [`Error::Credential`], [`Error::UnknownKey`] or [`Error::Refused`]; for the
    /// operator also [`Error::Header`] when the tenant's id is malformed and [`Error::Missing`] when there
    /// is none.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Principal, NotAdmitted> {
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
                let record = self.look_up(hash).await?.ok_or(Error::UnknownKey)?;
                let admitted = record.admit(OffsetDateTime::now_utc(), presented.origin());
                admitted.map_err(|refused| NotAdmitted { error: refused.into(), party: Some(record.party()) })
            }
        }
    }

    /// The operator is told of a tenant that does not exist, instead of finding it empty.
    async fn tenant_exists(&self, tenant: TenantId) -> Result<(), Error> {
        let mut tx = self.shared.db.begin_system(tenant).await?;
        tx.tenant_row().await?.map(|_| ()).ok_or(Error::Missing(Thing::Tenant))
    }

    /// The key of that hash. Unknown ones are not remembered.
    async fn look_up(&self, hash: SecretHash) -> Result<Option<ApiKeyRecord>, Error> {
        let shared = &self.shared;
        if let Some(record) = shared.api_keys.get(&shared.freshness, &hash) {
            return Ok(Some(record));
        }
        shared.metrics.key_lookups.fetch_add(1, Ordering::Relaxed);
        for _ in 0..ATTEMPTS {
            let moment = shared.freshness.moment();
            let Some((tenant, id)) = shared.db.resolve_api_key(&hash.0).await? else { return Ok(None) };
            let mut tx = shared.db.begin_system(tenant).await?;
            let record = tx.api_key_record(id).await?;
            tx.commit().await?;
            let Some(record) = record else { return Ok(None) };
            if let Some(stamp) = shared.freshness.stamp_since(moment, tenant) {
                shared.api_keys.put(hash, stamp, record.clone());
            }
            if Freshness::is_recent(moment) {
                return Ok(Some(record));
            }
        }
        Err(Error::Database(StorageError::Slow))
    }
}
