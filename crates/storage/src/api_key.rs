//! API keys, of which only the hash of the secret is kept: what they may do, and their last use.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use portico_auth::{ApiKeyRecord, Reach};
use portico_domain::{
    ApiKey, ApiKeyId, ApiKeyStatus, BuiltInRole, CustomerId, Description, Name, OldSecretId, PhoneNumberId, RateLimit,
    RoleId, RoleName,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::api_key_notice::first_notice;
use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::role::permission_set;

/// The role of a key, a member or an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredRole {
    /// One that every tenant has.
    BuiltIn(BuiltInRole),
    /// One of the tenant's own.
    Own(RoleId),
}

/// An API key to insert.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The id, which the caller generates.
    pub id: ApiKeyId,
    /// What people call the key; need not be unique.
    pub name: Name,
    /// What the key is for, in the words of whoever makes it.
    pub description: Option<Description>,
    /// What the key may do.
    pub role: StoredRole,
    /// The customers that it is limited to; none: all of the tenant.
    pub customers: Option<Vec<CustomerId>>,
    /// The phone numbers that it is limited to, by Meta's ids; none: all of its customers.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
    /// The addresses from which it may be used (CIDR); none: any.
    pub allowed_ips: Option<Vec<IpNet>>,
    /// Its own limit, in requests per second; none: no limit of its own.
    pub rate_limit: Option<RateLimit>,
    /// When it ends: at this moment it is refused already; none: never.
    pub expires_at: Option<OffsetDateTime>,
    /// SHA-256 of the secret: [`portico_vault::SecretHash`].
    pub secret_hash: [u8; 32],
    /// The beginning of the secret, by which people recognise the key.
    pub prefix: String,
}

/// What changes of an API key; `None` leaves a field as it is, `Some(None)` lifts a limit.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyPatch {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Another role.
    pub role: Option<StoredRole>,
    /// Other customers as a whole, or all of the tenant.
    pub customers: Option<Option<Vec<CustomerId>>>,
    /// Other phone numbers as a whole, or all.
    pub phone_numbers: Option<Option<Vec<PhoneNumberId>>>,
    /// Other addresses as a whole, or any.
    pub allowed_ips: Option<Option<Vec<IpNet>>>,
    /// Another limit, or none of its own.
    pub rate_limit: Option<Option<RateLimit>>,
    /// Another end, or none.
    pub expires_at: Option<Option<OffsetDateTime>>,
}

/// One use of an API key, to be recorded.
#[derive(Debug, Clone)]
pub struct ApiKeyUse {
    /// The key that was presented.
    pub id: ApiKeyId,
    /// When the request arrived.
    pub at: OffsetDateTime,
    /// The caller's address; none where it is not known.
    pub address: Option<IpAddr>,
    /// The catalogue's operation of a compatible call, or method and path template of Portico's own API.
    pub operation: Cow<'static, str>,
    /// The old secret that was presented; none: the present one.
    pub old_secret: Option<OldSecretId>,
}

/// Which keys a list shows, and in which order. The default shows all, oldest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApiKeyFilter {
    /// Only this key.
    pub only: Option<ApiKeyId>,
    /// Only keys of this status.
    pub status: Option<ApiKeyStatus>,
    /// Only keys that end before this moment.
    pub expires_before: Option<OffsetDateTime>,
    /// Order by end, the soonest first and keys without one last; otherwise by age, oldest first.
    pub by_expiry: bool,
}

/// The last key on a page, from which the next page goes on: its id and, in the order by expiry, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyCursor {
    /// The id of that key.
    pub id: ApiKeyId,
    /// Its end; none for a key without one, and in the order by age.
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct ApiKeyRow {
    api_key_id: Uuid,
    name: String,
    description: Option<String>,
    role: Option<String>,
    prefix: String,
    customers: Option<Vec<Uuid>>,
    is_limited: bool,
    phone_numbers: Option<Vec<String>>,
    allowed_ips: Option<Vec<String>>,
    rate_limit: Option<i32>,
    status: String,
    expires_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    rotated_at: Option<OffsetDateTime>,
    last_used_at: Option<OffsetDateTime>,
    last_address: Option<String>,
    last_operation: Option<String>,
    created_at: OffsetDateTime,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StorageError;

    fn try_from(row: ApiKeyRow) -> Result<Self, StorageError> {
        let description = row.description.map(Description::try_from).transpose();
        Ok(Self {
            id: ApiKeyId::from_uuid(row.api_key_id),
            name: row.name.parse().map_err(|error| StorageError::corrupt("api_keys.name", error))?,
            description: description.map_err(|error| StorageError::corrupt("api_keys.description", error))?,
            role: row
                .role
                .ok_or_else(|| StorageError::corrupt("api_keys.role_id", "no such role"))?
                .parse::<RoleName>()
                .map_err(|error| StorageError::corrupt("roles.name", error))?,
            status: row.status.parse().map_err(|error| StorageError::corrupt("api_keys.status", error))?,
            prefix: row.prefix,
            customers: customers(row.is_limited, row.customers),
            phone_numbers: phone_numbers(row.phone_numbers)?,
            allowed_ips: allowed_ips(row.allowed_ips)?,
            rate_limit: rate_limit(row.rate_limit)?,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            last_used_address: row.last_address,
            last_used_operation: row.last_operation,
            old_secrets: Vec::new(),
            rotated_at: row.rotated_at,
            created_at: row.created_at,
        })
    }
}

fn customers(is_limited: bool, ids: Option<Vec<Uuid>>) -> Option<Vec<CustomerId>> {
    is_limited.then(|| ids.unwrap_or_default().into_iter().map(CustomerId::from_uuid).collect())
}

fn phone_numbers(ids: Option<Vec<String>>) -> Result<Option<Vec<PhoneNumberId>>, StorageError> {
    let parse = |id: String| id.parse().map_err(|error| StorageError::corrupt("api_keys.phone_numbers", error));
    ids.map(|ids| ids.into_iter().map(parse).collect()).transpose()
}

fn allowed_ips(ranges: Option<Vec<String>>) -> Result<Option<Vec<IpNet>>, StorageError> {
    let parse = |range: String| range.parse().map_err(|error| StorageError::corrupt("api_keys.allowed_ips", error));
    ranges.map(|ranges| ranges.into_iter().map(parse).collect()).transpose()
}

fn rate_limit(number: Option<i32>) -> Result<Option<RateLimit>, StorageError> {
    let parse = |number: i32| u64::from(number.cast_unsigned()).try_into();
    number.map(parse).transpose().map_err(|error| StorageError::corrupt("api_keys.rate_limit", error))
}

fn numbers_as_text(numbers: Option<&Vec<PhoneNumberId>>) -> Option<Vec<String>> {
    numbers.map(|all| all.iter().map(ToString::to_string).collect())
}

fn ranges_as_text(ranges: Option<&Vec<IpNet>>) -> Option<Vec<String>> {
    ranges.map(|all| all.iter().map(ToString::to_string).collect())
}

fn as_integer(limit: Option<RateLimit>) -> Option<i32> {
    limit.map(|limit| u32::from(limit).cast_signed())
}

/// The columns `built_in_role` and `role_id` for a role; one of them is null.
pub(crate) fn role_columns(role: StoredRole) -> (Option<&'static str>, Option<Uuid>) {
    match role {
        StoredRole::BuiltIn(role) => (Some(role.as_str()), None),
        StoredRole::Own(id) => (None, Some(id.uuid())),
    }
}

impl TenantTx {
    /// Stores a key, and schedules the notice of its end.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when a customer does not exist (`KeyCustomer`).
    pub async fn insert_api_key(&mut self, new: &NewApiKey) -> Result<(), StorageError> {
        let (built_in, own) = role_columns(new.role);
        let numbers = numbers_as_text(new.phone_numbers.as_ref());
        let ranges = ranges_as_text(new.allowed_ips.as_ref());
        sqlx::query!(
            r#"
            insert into api_keys
                (tenant_id, api_key_id, name, description, built_in_role, role_id, phone_numbers, allowed_ips,
                 is_limited, expires_at, secret_hash, prefix, rate_limit, notice_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            "#,
            self.tenant.uuid(),
            new.id.uuid(),
            new.name.as_str(),
            new.description.as_ref().map(Description::as_str),
            built_in,
            own,
            numbers.as_deref(),
            ranges.as_deref(),
            new.customers.is_some(),
            new.expires_at,
            &new.secret_hash[..],
            new.prefix,
            as_integer(new.rate_limit),
            first_notice(new.expires_at)
        )
        .execute(&mut *self.tx)
        .await?;
        self.add_key_customers(new.id, new.customers.as_deref().unwrap_or_default()).await
    }

    async fn add_key_customers(&mut self, id: ApiKeyId, customers: &[CustomerId]) -> Result<(), StorageError> {
        let customers: Vec<Uuid> = customers.iter().map(|customer| customer.uuid()).collect();
        sqlx::query!(
            r#"
            insert into api_key_customers (tenant_id, api_key_id, customer_id)
            select $1, $2, c from unnest($3::uuid[]) as c
            on conflict do nothing
            "#,
            self.tenant.uuid(),
            id.uuid(),
            &customers
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the tenant's keys that fit the filter, with what is left of their old secrets.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn api_keys(
        &mut self,
        filter: ApiKeyFilter,
        page: Page<ApiKeyCursor>,
    ) -> Result<PageRows<ApiKey>, StorageError> {
        let rows = sqlx::query_as!(
            ApiKeyRow,
            r#"
            select
                k.api_key_id,
                k.name,
                k.description,
                coalesce(k.built_in_role, r.name) as role,
                k.prefix,
                (
                    select array_agg(c.customer_id order by c.customer_id) from api_key_customers c
                    where c.tenant_id = k.tenant_id and c.api_key_id = k.api_key_id
                ) as customers,
                k.is_limited,
                k.phone_numbers,
                k.allowed_ips,
                k.rate_limit,
                case
                    when k.revoked_at is not null then 'revoked'
                    when k.expires_at <= now() then 'expired'
                    else 'active'
                end as "status!",
                k.expires_at,
                k.revoked_at,
                k.rotated_at,
                u.last_used_at as "last_used_at?",
                u.last_address,
                u.last_operation,
                k.created_at
            from api_keys k
            left join roles r on r.tenant_id = k.tenant_id and r.role_id = k.role_id
            left join api_key_uses u on u.tenant_id = k.tenant_id and u.api_key_id = k.api_key_id
            where k.tenant_id = $1
                and ($2::uuid is null or k.api_key_id = $2)
                and (
                    $3::uuid is null
                    or (not $5 and k.api_key_id > $3)
                    or ($5 and (coalesce(k.expires_at, 'infinity'), k.api_key_id) > (coalesce($6, 'infinity'::timestamptz), $3))
                )
                and ($7::timestamptz is null or k.expires_at < $7)
                and (
                    $8::text is null
                    or ($8 = 'revoked' and k.revoked_at is not null)
                    or ($8 = 'expired' and k.revoked_at is null and k.expires_at <= now())
                    or ($8 = 'active' and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()))
                )
            order by case when $5 then coalesce(k.expires_at, 'infinity') end, k.api_key_id
            limit $4
            "#,
            self.tenant.uuid(),
            filter.only.map(ApiKeyId::uuid),
            page.after.map(|cursor| cursor.id.uuid()),
            page.fetch(),
            filter.by_expiry,
            page.after.and_then(|cursor| cursor.expires_at),
            filter.expires_before,
            filter.status.map(ApiKeyStatus::as_str)
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let mut rows = page.cut(rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?);
        self.add_old_secrets(&mut rows.data).await?;
        Ok(rows)
    }

    /// What authentication needs of a key; none when it is revoked or there is no such key.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn api_key_record(&mut self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                t.status,
                k.built_in_role,
                r.permissions as "permissions?",
                (
                    select array_agg(c.customer_id order by c.customer_id) from api_key_customers c
                    where c.tenant_id = k.tenant_id and c.api_key_id = k.api_key_id
                ) as customers,
                k.is_limited,
                k.phone_numbers,
                k.allowed_ips,
                k.rate_limit,
                k.expires_at,
                k.tokens_not_before
            from api_keys k
            join tenants t on t.tenant_id = k.tenant_id
            left join roles r on r.tenant_id = k.tenant_id and r.role_id = k.role_id
            where k.tenant_id = $1 and k.api_key_id = $2 and k.revoked_at is null
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let permissions = match row.built_in_role {
            Some(name) => name
                .parse::<BuiltInRole>()
                .map_err(|error| StorageError::corrupt("api_keys.built_in_role", error))?
                .permissions(),
            None => permission_set(&row.permissions.unwrap_or_default()),
        };
        Ok(Some(ApiKeyRecord {
            id,
            tenant: self.tenant,
            tenant_status: row.status.parse().map_err(|error| StorageError::corrupt("tenants.status", error))?,
            permissions,
            reach: Arc::new(Reach {
                customers: customers(row.is_limited, row.customers),
                phone_numbers: phone_numbers(row.phone_numbers)?,
            }),
            allowed_ips: allowed_ips(row.allowed_ips)?,
            rate_limit: rate_limit(row.rate_limit)?,
            expires_at: row.expires_at,
            tokens_not_before: row.tokens_not_before,
        }))
    }

    /// Changes a key; false when there is none. Another end schedules its notice anew.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when a customer does not exist (`KeyCustomer`).
    pub async fn patch_api_key(&mut self, id: ApiKeyId, patch: &ApiKeyPatch) -> Result<bool, StorageError> {
        let (built_in, own) = patch.role.map_or((None, None), role_columns);
        let description = patch.description.as_ref().and_then(Option::as_ref).map(Description::as_str);
        let numbers = numbers_as_text(patch.phone_numbers.as_ref().and_then(Option::as_ref));
        let ranges = ranges_as_text(patch.allowed_ips.as_ref().and_then(Option::as_ref));
        let done = sqlx::query!(
            r#"
            update api_keys set
                name = coalesce($3, name),
                description = case when $4 then $5 else description end,
                built_in_role = case when $6 then $7 else built_in_role end,
                role_id = case when $6 then $8 else role_id end,
                expires_at = case when $9 then $10 else expires_at end,
                notice_at = case when $9 and expires_at is distinct from $10 and revoked_at is null then $11 else notice_at end,
                is_limited = case when $12 then $13 else is_limited end,
                phone_numbers = case when $14 then $15 else phone_numbers end,
                allowed_ips = case when $16 then $17 else allowed_ips end,
                rate_limit = case when $18 then $19 else rate_limit end,
                updated_at = now()
            where tenant_id = $1 and api_key_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            patch.name.as_ref().map(Name::as_str),
            patch.description.is_some(),
            description,
            patch.role.is_some(),
            built_in,
            own,
            patch.expires_at.is_some(),
            patch.expires_at.flatten(),
            first_notice(patch.expires_at.flatten()),
            patch.customers.is_some(),
            patch.customers.as_ref().is_some_and(Option::is_some),
            patch.phone_numbers.is_some(),
            numbers.as_deref(),
            patch.allowed_ips.is_some(),
            ranges.as_deref(),
            patch.rate_limit.is_some(),
            as_integer(patch.rate_limit.flatten())
        )
        .execute(&mut *self.tx)
        .await?;
        if let Some(customers) = &patch.customers {
            sqlx::query!(
                "delete from api_key_customers where tenant_id = $1 and api_key_id = $2",
                self.tenant.uuid(),
                id.uuid()
            )
            .execute(&mut *self.tx)
            .await?;
            self.add_key_customers(id, customers.as_deref().unwrap_or_default()).await?;
        }
        Ok(done.rows_affected() == 1)
    }

    /// Revokes a key for good; false when there is none. A second time changes nothing.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn revoke_api_key(&mut self, id: ApiKeyId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update api_keys set revoked_at = coalesce(revoked_at, now()), notice_at = null, updated_at = now()
            where tenant_id = $1 and api_key_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records each key's last use. Keys that are gone are passed over, and of two uses of one key the later
    /// stays. `uses` holds each key once.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn record_api_key_uses(&mut self, uses: &[ApiKeyUse]) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = uses.iter().map(|used| used.id.uuid()).collect();
        let times: Vec<OffsetDateTime> = uses.iter().map(|used| used.at).collect();
        let addresses: Vec<Option<String>> =
            uses.iter().map(|used| used.address.map(|address| address.to_canonical().to_string())).collect();
        let operations: Vec<String> = uses.iter().map(|used| used.operation.clone().into_owned()).collect();
        sqlx::query!(
            r#"
            insert into api_key_uses (tenant_id, api_key_id, last_used_at, last_address, last_operation)
            select k.tenant_id, k.api_key_id, u.at, u.address, u.operation
            from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[]) as u (id, at, address, operation)
            join api_keys k on k.tenant_id = $1 and k.api_key_id = u.id
            on conflict (tenant_id, api_key_id) do update set
                last_used_at = excluded.last_used_at,
                last_address = excluded.last_address,
                last_operation = excluded.last_operation
            where api_key_uses.last_used_at <= excluded.last_used_at
            "#,
            self.tenant.uuid(),
            &ids,
            &times,
            &addresses as &[Option<String>],
            &operations
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
