//! API keys.

use ipnet::IpNet;
use portico_auth::{Actor, ApiKeyRecord, Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{ApiKey, ApiKeyId, CustomerId, Description, Name, PhoneNumberId, RoleName};
use portico_storage::{ApiKeyPatch, NewApiKey, Page, TenantTx};
use portico_vault::{ApiKeySecret, SecretString};
use time::OffsetDateTime;

use crate::audit::Change;
use crate::error::{Error, Thing};
use crate::paging::{PageRequest, Paged, paged};
use crate::roles::role_to_give;
use crate::start::App;

/// A key to be.
#[derive(Debug, Clone)]
pub struct CreateApiKey {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// The name of its role.
    pub role: RoleName,
    /// Only these customers.
    pub customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
    /// Only from these addresses.
    pub allowed_ips: Option<Vec<IpNet>>,
    /// Not from this moment on.
    pub expires_at: Option<OffsetDateTime>,
}

/// A new key and its secret, which is never to be had again.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: SecretString,
}

/// What changes of a key.
#[derive(Debug, Clone, Default)]
pub struct PatchApiKey {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Another role.
    pub role: Option<RoleName>,
    /// Another expiry, or none.
    pub expires_at: Option<Option<OffsetDateTime>>,
}

/// Lists in a key's limits hold at most so many entries.
const MOST: usize = 1_000;

fn check_expiry(expires_at: Option<OffsetDateTime>) -> Result<(), Error> {
    match expires_at {
        Some(end) if end <= OffsetDateTime::now_utc() => Err(Error::invalid("/expires_at", "must be in the future")),
        _ => Ok(()),
    }
}

fn check_list<T>(list: Option<&Vec<T>>, pointer: &'static str) -> Result<(), Error> {
    match list {
        Some(list) if list.is_empty() => {
            Err(Error::invalid(pointer, "must not be empty: leave the field out for a key without this limit"))
        }
        Some(list) if list.len() > MOST => Err(Error::invalid(pointer, format!("must have at most {MOST} entries"))),
        _ => Ok(()),
    }
}

impl App {
    /// Creates a key, no wider than the caller; its secret is shown this once.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited caller, [`Error::Conflict`] when the role allows more than the
    /// caller may do, [`Error::Invalid`] for a role or customer that does not exist.
    pub async fn create_api_key(
        &self,
        scope: &Scope<perm::ApiKeysWrite>,
        mut new: CreateApiKey,
    ) -> Result<CreatedApiKey, Error> {
        scope.whole_tenant()?;
        check_expiry(new.expires_at)?;
        check_list(new.customers.as_ref(), "/customers")?;
        check_list(new.phone_numbers.as_ref(), "/phone_numbers")?;
        check_list(new.allowed_ips.as_ref(), "/allowed_ips")?;
        let secret = ApiKeySecret::generate(&self.shared.environment, &mut rand::rng());
        let id = ApiKeyId::generate();
        let mut tx = self.shared.db.begin(scope).await?;
        tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let role = role_to_give(scope, &mut tx, &new.role).await?;
        if let (Some(numbers), None) = (&new.phone_numbers, &new.customers) {
            new.customers = Some(owners(&mut tx, numbers).await?);
        }
        let own = own_record(scope, &mut tx).await?;
        no_longer_than(own.as_ref(), new.expires_at)?;
        no_wider_than(own.as_ref(), new.allowed_ips.as_deref())?;
        tx.insert_api_key(&NewApiKey {
            id,
            name: new.name,
            description: new.description,
            role,
            customers: new.customers,
            phone_numbers: new.phone_numbers,
            allowed_ips: new.allowed_ips,
            expires_at: new.expires_at,
            secret_hash: secret.hash().0,
            prefix: secret.prefix(),
        })
        .await?;
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("api_key.create").to("api_key", id).into(&key)).await?;
        tx.commit().await?;
        Ok(CreatedApiKey { key, secret: SecretString::from(secret.expose()) })
    }

    /// A page of the keys, oldest first, revoked ones too.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn api_keys(
        &self,
        scope: &Scope<perm::ApiKeysRead>,
        page: PageRequest<ApiKeyId>,
    ) -> Result<Paged<ApiKey>, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        Ok(paged(tx.api_keys(None, page.into()).await?, |key| key.id.to_string()))
    }

    /// One key.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn api_key(&self, scope: &Scope<perm::ApiKeysRead>, id: ApiKeyId) -> Result<ApiKey, Error> {
        one(&mut self.shared.db.begin(scope).await?, id).await
    }

    /// Changes a key.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Conflict`] and [`Error::Invalid`] as for creation.
    pub async fn patch_api_key(
        &self,
        scope: &Scope<perm::ApiKeysWrite>,
        id: ApiKeyId,
        patch: PatchApiKey,
    ) -> Result<ApiKey, Error> {
        scope.whole_tenant()?;
        check_expiry(patch.expires_at.flatten())?;
        let mut tx = self.shared.db.begin(scope).await?;
        let present = one(&mut tx, id).await?;
        // Whoever changes a key must be allowed what it can do now, or they could widen its life.
        role_to_give(scope, &mut tx, &present.role).await?;
        if let Some(end) = patch.expires_at {
            no_longer_than(own_record(scope, &mut tx).await?.as_ref(), end)?;
        }
        let role = match &patch.role {
            Some(name) => Some(role_to_give(scope, &mut tx, name).await?),
            None => None,
        };
        let patch =
            ApiKeyPatch { name: patch.name, description: patch.description, role, expires_at: patch.expires_at };
        tx.patch_api_key(id, &patch).await?;
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("api_key.change").to("api_key", id).from(&present).into(&key)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(key)
    }

    /// Revokes a key for good. Every replica refuses it within a second.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::MoreThanOwn`] for another key that may do more than the caller.
    pub async fn revoke_api_key(&self, scope: &Scope<perm::ApiKeysWrite>, id: ApiKeyId) -> Result<(), Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        let present = one(&mut tx, id).await?;
        if scope.actor() != Actor::ApiKey(id) {
            role_to_give(scope, &mut tx, &present.role).await?;
        }
        if !tx.revoke_api_key(id).await? {
            return Err(Error::Missing(Thing::ApiKey));
        }
        let key = one(&mut tx, id).await?;
        self.audit(&mut tx, scope, Change::of("api_key.revoke").to("api_key", id).from(&present).into(&key)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(())
    }
}

async fn one(tx: &mut TenantTx, id: ApiKeyId) -> Result<ApiKey, Error> {
    let page = Page { limit: 1, after: None };
    tx.api_keys(Some(id), page).await?.data.pop().ok_or(Error::Missing(Thing::ApiKey))
}

/// The limits of the calling key itself; none for the operator. A key that was revoked since it was let in
/// has no limits to be read any more, and makes nothing.
async fn own_record(scope: &TenantScope, tx: &mut TenantTx) -> Result<Option<ApiKeyRecord>, Error> {
    match scope.actor() {
        Actor::ApiKey(id) => Ok(Some(tx.api_key_record(id).await?.ok_or(Error::UnknownKey)?)),
        Actor::Operator | Actor::Member(_) => Ok(None),
    }
}

fn no_longer_than(own: Option<&ApiKeyRecord>, end: Option<OffsetDateTime>) -> Result<(), Error> {
    match own.and_then(|own| own.expires_at) {
        Some(own) if end.is_none_or(|end| end > own) => Err(Error::MoreThanOwn("/expires_at")),
        _ => Ok(()),
    }
}

fn no_wider_than(own: Option<&ApiKeyRecord>, ranges: Option<&[IpNet]>) -> Result<(), Error> {
    let Some(own) = own.and_then(|own| own.allowed_ips.as_ref()) else { return Ok(()) };
    let within = |range: &IpNet| own.iter().any(|own| own.contains(range));
    if ranges.is_some_and(|ranges| ranges.iter().all(within)) {
        Ok(())
    } else {
        Err(Error::MoreThanOwn("/allowed_ips"))
    }
}

/// The customers of some phone numbers: a key that is limited to numbers reaches no other customer.
async fn owners(tx: &mut TenantTx, numbers: &[PhoneNumberId]) -> Result<Vec<CustomerId>, Error> {
    let mut customers = Vec::new();
    for number in numbers {
        let owned = tx.owner_of_phone_number(number).await?;
        let owned =
            owned.ok_or_else(|| Error::invalid("/phone_numbers", "names a phone number that does not exist"))?;
        if !customers.contains(&owned.customer) {
            customers.push(owned.customer);
        }
    }
    Ok(customers)
}
