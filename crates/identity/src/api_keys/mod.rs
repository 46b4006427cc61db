//! API keys.

mod leaked;
mod notices;

use ipnet::IpNet;
use portico_auth::{Actor, Scope};
use portico_domain::permission::perm;
use portico_domain::{
    ApiKey, ApiKeyId, CustomerId, Description, Name, OldSecretUse, Overlap, PhoneNumberId, RateLimit, RoleName,
};
use portico_storage::{ApiKeyCursor, ApiKeyFilter, ApiKeyPatch, ApiKeyRotation, NewApiKey, Page, TenantTx};
use portico_vault::{ApiKeySecret, KeyEnvironment, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;
use crate::grantor::Grantor;
use crate::last_owner::keeps_an_owner;
use crate::roles::role_to_give;
use notices::first_look;
use portico_core::Core;
use portico_core::audit::Change;
use portico_core::tasks::Wake;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};

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
    /// Requests per second.
    pub rate_limit: Option<RateLimit>,
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

/// What changes of a key; `Some(None)` lifts a limit.
#[derive(Debug, Clone, Default)]
pub struct PatchApiKey {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Another role.
    pub role: Option<RoleName>,
    /// Other customers, or all. Phone numbers without customers bring their own, as at creation.
    pub customers: Option<Option<Vec<CustomerId>>>,
    /// Other phone numbers, or all of the key's customers.
    pub phone_numbers: Option<Option<Vec<PhoneNumberId>>>,
    /// Other addresses, or all.
    pub allowed_ips: Option<Option<Vec<IpNet>>>,
    /// Another rate limit, or none.
    pub rate_limit: Option<Option<RateLimit>>,
    /// Another expiry, or none.
    pub expires_at: Option<Option<OffsetDateTime>>,
}

/// Which part of which list of keys.
#[derive(Debug, Clone)]
pub struct ApiKeyList {
    /// At most so many rows.
    pub limit: u16,
    /// Only keys after that place, as an earlier part of the same list gave it.
    pub cursor: Option<String>,
    /// Which keys, in which order.
    pub filter: ApiKeyFilter,
}

/// So many old secrets of a key open at once at the most.
const OLD_SECRETS: usize = 5;
/// Lists in a key's limits hold at most so many entries.
const MOST: usize = 1_000;

fn check_expiry(expires_at: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<(), Error> {
    match expires_at {
        Some(end) if end <= now => Err(CoreError::invalid("/expires_at", "must be in the future").into()),
        _ => Ok(()),
    }
}

fn check_list<T>(list: Option<&Vec<T>>, pointer: &'static str) -> Result<(), Error> {
    match list {
        Some(list) if list.is_empty() => Err(CoreError::invalid(
            pointer,
            "must not be empty: leave the field out, or null in a change, for a key without this limit",
        )
        .into()),
        Some(list) if list.len() > MOST => {
            Err(CoreError::invalid(pointer, format!("must have at most {MOST} entries")).into())
        }
        _ => Ok(()),
    }
}

/// API keys: made, changed, rotated, revoked.
#[derive(Debug)]
pub struct ApiKeys {
    core: Core,
    environment: KeyEnvironment,
    /// Wakes the task that writes notices: one may be due at once.
    notices: Wake,
}

impl ApiKeys {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core, environment: KeyEnvironment) -> Self {
        Self { core: core.clone(), environment, notices: notices::register(core) }
    }

    /// Creates a key, no wider than the caller; its secret is shown this once.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller, [`CoreError::Conflict`] when the role allows more than the
    /// caller may do, [`CoreError::Invalid`] for a role or customer that does not exist.
    pub async fn create(
        &self,
        scope: &Scope<perm::ApiKeysWrite>,
        mut new: CreateApiKey,
    ) -> Result<CreatedApiKey, Error> {
        scope.whole_tenant()?;
        check_expiry(new.expires_at, self.core.clock.now())?;
        check_list(new.customers.as_ref(), "/customers")?;
        check_list(new.phone_numbers.as_ref(), "/phone_numbers")?;
        check_list(new.allowed_ips.as_ref(), "/allowed_ips")?;
        let secret = ApiKeySecret::generate(&self.environment, &mut rand::rng());
        let id = ApiKeyId::generate();
        let mut tx = self.core.db.begin(scope).await?;
        tx.tenant_row().await?.ok_or(CoreError::Missing(Thing::Tenant))?;
        let own = Grantor::of(scope, &mut tx).await?;
        let role = role_to_give(&own, &mut tx, &new.role).await?;
        if let (Some(numbers), None) = (&new.phone_numbers, &new.customers) {
            new.customers = Some(owners(&mut tx, numbers).await?);
        }
        own.may_end(new.expires_at)?;
        own.may_open_to(new.allowed_ips.as_deref())?;
        own.may_speed_up_to(new.rate_limit)?;
        tx.insert_api_key(&NewApiKey {
            id,
            name: new.name,
            description: new.description,
            role,
            customers: new.customers,
            phone_numbers: new.phone_numbers,
            allowed_ips: new.allowed_ips,
            rate_limit: new.rate_limit,
            expires_at: new.expires_at,
            secret_hash: secret.hash().0,
            prefix: secret.prefix(),
        })
        .await?;
        let key = one(&mut tx, id).await?;
        self.core.audit.record(&mut tx, scope, Change::of("api_key.create").to("api_key", id).into(&key)).await?;
        tx.commit().await?;
        self.notices.wake();
        Ok(CreatedApiKey { key, secret: SecretString::from(secret.expose()) })
    }

    /// A page of the keys, revoked ones too, oldest first or soonest end first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Query`] for a cursor of another list; [`CoreError::Denied`] for a limited caller.
    pub async fn list(&self, scope: &Scope<perm::ApiKeysRead>, list: ApiKeyList) -> Result<Paged<ApiKey>, Error> {
        scope.whole_tenant()?;
        let by_expiry = list.filter.by_expiry;
        let after = list.cursor.as_deref().map(|cursor| read_place(cursor, by_expiry)).transpose()?;
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.api_keys(list.filter, Page { limit: list.limit, after }).await?;
        Ok(paged(rows, |key| place(key, by_expiry)))
    }

    /// One key. A limited one sees itself and no other; a limited token not even its minter, which may
    /// reach further.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited caller.
    pub async fn get(&self, scope: &Scope<perm::ApiKeysRead>, id: ApiKeyId) -> Result<ApiKey, Error> {
        let party = scope.party();
        if party.actor != Actor::ApiKey(id) || party.token.is_some() {
            scope.whole_tenant()?;
        }
        one(&mut self.core.db.begin(scope).await?, id).await
    }

    /// A page of who still uses the key's old secrets, in the order in which they were first seen.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited caller.
    pub async fn old_secret_uses(
        &self,
        scope: &Scope<perm::ApiKeysRead>,
        id: ApiKeyId,
        page: PageRequest<Uuid>,
    ) -> Result<Paged<OldSecretUse>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        one(&mut tx, id).await?;
        let rows = tx.old_secret_uses(id, page.into()).await?;
        let paged = paged(rows, |(id, _)| id.to_string());
        Ok(Paged { data: paged.data.into_iter().map(|(_, used)| used).collect(), next: paged.next })
    }

    /// Changes a key. Whoever does must have what the key can do now, and what they give.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`], [`Error::MoreThanOwn`] and [`CoreError::Invalid`] as for
    /// creation, also for a key that may do more, for longer, from more addresses or faster than the caller;
    /// [`CoreError::Conflict`] when it would leave the tenant without an owner.
    pub async fn patch(
        &self,
        scope: &Scope<perm::ApiKeysWrite>,
        id: ApiKeyId,
        patch: PatchApiKey,
    ) -> Result<ApiKey, Error> {
        scope.whole_tenant()?;
        check_expiry(patch.expires_at.flatten(), self.core.clock.now())?;
        check_list(patch.customers.as_ref().and_then(Option::as_ref), "/customers")?;
        check_list(patch.phone_numbers.as_ref().and_then(Option::as_ref), "/phone_numbers")?;
        check_list(patch.allowed_ips.as_ref().and_then(Option::as_ref), "/allowed_ips")?;
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = one(&mut tx, id).await?;
        has_all_of(&own, &mut tx, &present).await?;
        may_give(&own, &patch)?;
        let role = match &patch.role {
            Some(name) => Some(role_to_give(&own, &mut tx, name).await?),
            None => None,
        };
        let customers = customers_of(&mut tx, &present, &patch).await?;
        let before = tx.ownership().await?;
        let patch = ApiKeyPatch {
            name: patch.name,
            description: patch.description,
            role,
            customers,
            phone_numbers: patch.phone_numbers,
            allowed_ips: patch.allowed_ips,
            rate_limit: patch.rate_limit,
            expires_at: patch.expires_at,
        };
        tx.patch_api_key(id, &patch).await?;
        keeps_an_owner(&mut tx, before).await?;
        let key = one(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("api_key.change").to("api_key", id).from(&present).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        self.notices.wake();
        Ok(key)
    }

    /// Gives a key a new secret, which is shown this once; the present one opens until the overlap is
    /// over. Without an overlap it is refused at once, and so is every earlier one that still opens. It
    /// needs the right to change the key, so a key that may write keys may rotate itself.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::MoreThanOwn`] for a key that may do more, for longer, from more
    /// addresses or faster than the caller, who would have its secret; [`CoreError::Conflict`] for a revoked
    /// key, and when too many old secrets still open.
    pub async fn rotate(
        &self,
        scope: &Scope<perm::ApiKeysWrite>,
        id: ApiKeyId,
        overlap: Overlap,
    ) -> Result<CreatedApiKey, Error> {
        scope.whole_tenant()?;
        let secret = ApiKeySecret::generate(&self.environment, &mut rand::rng());
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = one(&mut tx, id).await?;
        has_all_of(&own, &mut tx, &present).await?;
        let at = self.core.clock.now();
        let open = present.old_secrets.iter().filter(|old| old.expires_at > at).count();
        if open >= OLD_SECRETS && !overlap.is_none() {
            return Err(CoreError::Conflict {
                code: code::TOO_MANY_OLD_SECRETS,
                pointer: Some("/overlap_seconds"),
                detail: "five old secrets of this key still open; wait until one ends, or end all of them with an overlap of 0",
            }.into());
        }
        let end = at + overlap.duration();
        let overlap = (!overlap.is_none()).then(|| (end, first_look(at, end)));
        let rotation = ApiKeyRotation { secret_hash: secret.hash().0, prefix: secret.prefix(), at, overlap };
        if !tx.rotate_api_key(id, &rotation).await? {
            return Err(CoreError::Conflict {
                code: code::API_KEY_REVOKED,
                pointer: None,
                detail: "the key is revoked for good; create a new one",
            }
            .into());
        }
        let key = one(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("api_key.rotate").to("api_key", id).from(&present).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(CreatedApiKey { key, secret: SecretString::from(secret.expose()) })
    }

    /// Revokes a key for good. Every replica refuses it within a second.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::MoreThanOwn`] for another key that may do more than the caller;
    /// [`CoreError::Conflict`] when it would leave the tenant without an owner.
    pub async fn revoke(&self, scope: &Scope<perm::ApiKeysWrite>, id: ApiKeyId) -> Result<(), Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = one(&mut tx, id).await?;
        if scope.actor() != Actor::ApiKey(id) {
            role_to_give(&own, &mut tx, &present.role).await?;
        }
        let before = tx.ownership().await?;
        if !tx.revoke_api_key(id).await? {
            return Err(CoreError::Missing(Thing::ApiKey).into());
        }
        keeps_an_owner(&mut tx, before).await?;
        let key = one(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("api_key.revoke").to("api_key", id).from(&present).into(&key))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }
}

async fn one(tx: &mut TenantTx, id: ApiKeyId) -> Result<ApiKey, Error> {
    find(tx, id).await?.ok_or(CoreError::Missing(Thing::ApiKey).into())
}

/// The key with that id, if there is one.
pub(crate) async fn find(tx: &mut TenantTx, id: ApiKeyId) -> Result<Option<ApiKey>, CoreError> {
    let filter = ApiKeyFilter { only: Some(id), ..ApiKeyFilter::default() };
    Ok(tx.api_keys(filter, Page { limit: 1, after: None }).await?.data.pop())
}

/// Whoever changes a key or takes it over must have what it can do now: its role, its life, its addresses
/// and its rate. Customers and phone numbers are left out: only a caller that reaches the whole tenant
/// comes so far.
async fn has_all_of(own: &Grantor, tx: &mut TenantTx, present: &ApiKey) -> Result<(), Error> {
    role_to_give(own, tx, &present.role).await?;
    own.may_end(present.expires_at)?;
    own.may_open_to(present.allowed_ips.as_deref())?;
    own.may_speed_up_to(present.rate_limit)
}

/// Whoever sets a limit must have what it leaves.
fn may_give(own: &Grantor, patch: &PatchApiKey) -> Result<(), Error> {
    if let Some(end) = patch.expires_at {
        own.may_end(end)?;
    }
    if let Some(ranges) = &patch.allowed_ips {
        own.may_open_to(ranges.as_deref())?;
    }
    if let Some(limit) = patch.rate_limit {
        own.may_speed_up_to(limit)?;
    }
    Ok(())
}

/// The customers that a changed key is limited to: a key that is limited to phone numbers reaches no
/// customer but theirs, unless the change names customers itself.
async fn customers_of(
    tx: &mut TenantTx,
    present: &ApiKey,
    patch: &PatchApiKey,
) -> Result<Option<Option<Vec<CustomerId>>>, Error> {
    let numbers = match &patch.phone_numbers {
        Some(numbers) => numbers.as_ref(),
        None => present.phone_numbers.as_ref(),
    };
    match (&patch.customers, numbers) {
        (None, Some(numbers)) if patch.phone_numbers.is_some() => Ok(Some(Some(owners(tx, numbers).await?))),
        (Some(None), Some(_)) if patch.phone_numbers.is_none() => Err(CoreError::invalid(
            "/customers",
            "cannot be lifted while the key is limited to phone numbers, which tie it to their customers: lift /phone_numbers too",
        )
        .into()),
        (Some(None), Some(numbers)) => Ok(Some(Some(owners(tx, numbers).await?))),
        (customers, _) => Ok(customers.clone()),
    }
}

/// The place of a key in its list, as a cursor.
fn place(key: &ApiKey, by_expiry: bool) -> String {
    if !by_expiry {
        return key.id.to_string();
    }
    let end = key.expires_at.map(|end| (end.unix_timestamp_nanos() / 1_000).to_string());
    format!("{}.{}", end.as_deref().unwrap_or("never"), key.id.uuid().simple())
}

fn read_place(cursor: &str, by_expiry: bool) -> Result<ApiKeyCursor, Error> {
    let read = || {
        if !by_expiry {
            return Some(ApiKeyCursor { id: cursor.parse().ok()?, expires_at: None });
        }
        let (end, id) = cursor.split_once('.')?;
        let expires_at = match end {
            "never" => None,
            micros => {
                let micros: i64 = micros.parse().ok()?;
                let end = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
                // What Postgres can compare with.
                Some(end).filter(|end| (0..=9999).contains(&end.year())).map(Some)?
            }
        };
        Some(ApiKeyCursor { id: ApiKeyId::from_uuid(Uuid::try_parse(id).ok()?), expires_at })
    };
    let wrong = "the query parameter cursor must be the next_cursor of an earlier answer of this list";
    read().ok_or_else(|| CoreError::Query(wrong.to_owned()).into())
}

/// The customers of some phone numbers: a key that is limited to numbers reaches no other customer.
async fn owners(tx: &mut TenantTx, numbers: &[PhoneNumberId]) -> Result<Vec<CustomerId>, Error> {
    let mut customers = Vec::new();
    for number in numbers {
        let owned = tx.owner_of_phone_number(number).await?;
        let owned =
            owned.ok_or_else(|| CoreError::invalid("/phone_numbers", "names a phone number that does not exist"))?;
        if !customers.contains(&owned.customer) {
            customers.push(owned.customer);
        }
    }
    Ok(customers)
}

#[cfg(test)]
mod tests {
    use portico_domain::ApiKeyStatus;
    use proptest::prelude::*;

    use super::*;

    fn key(expires_at: Option<OffsetDateTime>) -> ApiKey {
        ApiKey {
            id: ApiKeyId::generate(),
            name: "a key".parse().expect("is a name"),
            description: None,
            role: "viewer".parse().expect("is a role's name"),
            status: ApiKeyStatus::Active,
            prefix: "ptc_live_4kT9aZ".to_owned(),
            customers: None,
            phone_numbers: None,
            allowed_ips: None,
            rate_limit: None,
            expires_at,
            revoked_at: None,
            last_used_at: None,
            last_used_address: None,
            last_used_operation: None,
            old_secrets: Vec::new(),
            rotated_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_place(seconds in -60_000_000_000_i64..250_000_000_000, micros in 0_i64..1_000_000) {
            let end = OffsetDateTime::from_unix_timestamp(seconds).expect("is in range");
            for end in [None, Some(end + time::Duration::microseconds(micros))] {
                let key = key(end);
                let back = read_place(&place(&key, true), true).expect("is a cursor");
                prop_assert_eq!(back, ApiKeyCursor { id: key.id, expires_at: end });
                prop_assert!(read_place(&place(&key, true), false).is_err());
                let back = read_place(&place(&key, false), false).expect("is a cursor");
                prop_assert_eq!(back, ApiKeyCursor { id: key.id, expires_at: None });
                prop_assert!(read_place(&place(&key, false), true).is_err());
            }
        }

        #[test]
        fn any_text_is_a_cursor_or_refused_without_panic(text: String, by_expiry: bool) {
            let _ = read_place(&text, by_expiry);
        }
    }
}
