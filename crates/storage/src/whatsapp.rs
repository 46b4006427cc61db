//! WABAs and phone numbers as Chakra last told them, and which numbers the tenant uses.

use portico_auth::Reach;
use portico_domain::{CustomerId, PhoneNumber, PhoneNumberId, PluginId, Waba, WabaId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::plugin::OwnedId;
use crate::system::uuids;

/// What Chakra said of a WABA, to be recorded.
#[derive(Debug, Clone, Hash)]
pub struct ObservedWaba {
    /// Meta's id of it.
    pub id: WabaId,
    /// Its name; none keeps the one that is recorded.
    pub name: Option<String>,
    /// Chakra's word on it, such as CONNECTED; none keeps the one that is recorded.
    pub status: Option<String>,
}

/// What Chakra said of a phone number, to be recorded. What is none keeps what is recorded.
#[derive(Debug, Clone, Hash)]
pub struct ObservedPhoneNumber {
    /// Meta's id of it.
    pub id: PhoneNumberId,
    /// The WABA that it belongs to.
    pub waba: WabaId,
    /// The number as people read it.
    pub display_phone_number: Option<String>,
    /// The name shown to recipients.
    pub verified_name: Option<String>,
    /// Meta's word on it, such as CONNECTED.
    pub status: Option<String>,
    /// GREEN, YELLOW, RED or UNKNOWN.
    pub quality_rating: Option<String>,
    /// Such as `TIER_1K`.
    pub messaging_limit_tier: Option<String>,
    /// Such as APPROVED.
    pub name_status: Option<String>,
}

#[derive(Debug)]
struct WabaRow {
    waba_id: String,
    customer_id: Uuid,
    plugin_id: Uuid,
    name: Option<String>,
    status: Option<String>,
    observed_at: OffsetDateTime,
}

impl TryFrom<WabaRow> for Waba {
    type Error = StorageError;

    fn try_from(row: WabaRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.waba_id.parse().map_err(|error| StorageError::corrupt("wabas.waba_id", error))?,
            customer_id: CustomerId::from_uuid(row.customer_id),
            plugin_id: PluginId::from_uuid(row.plugin_id),
            name: row.name,
            status: row.status,
            observed_at: row.observed_at,
        })
    }
}

#[derive(Debug)]
struct PhoneNumberRow {
    phone_number_id: String,
    waba_id: String,
    customer_id: Uuid,
    plugin_id: Uuid,
    display_phone_number: Option<String>,
    verified_name: Option<String>,
    status: Option<String>,
    quality_rating: Option<String>,
    messaging_limit_tier: Option<String>,
    name_status: Option<String>,
    is_active: bool,
    observed_at: OffsetDateTime,
}

impl TryFrom<PhoneNumberRow> for PhoneNumber {
    type Error = StorageError;

    fn try_from(row: PhoneNumberRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row
                .phone_number_id
                .parse()
                .map_err(|error| StorageError::corrupt("phone_numbers.phone_number_id", error))?,
            customer_id: CustomerId::from_uuid(row.customer_id),
            plugin_id: PluginId::from_uuid(row.plugin_id),
            waba_id: row.waba_id.parse().map_err(|error| StorageError::corrupt("phone_numbers.waba_id", error))?,
            display_phone_number: row.display_phone_number,
            verified_name: row.verified_name,
            status: row.status,
            quality_rating: row.quality_rating,
            messaging_limit_tier: row.messaging_limit_tier,
            name_status: row.name_status,
            is_active: row.is_active,
            observed_at: row.observed_at,
        })
    }
}

impl TenantTx {
    /// Replaces what is recorded of a plugin's WABAs and numbers by what Chakra said. Numbers that stay keep
    /// the tenant's choice whether they are active.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn observe_whatsapp(
        &mut self,
        plugin: PluginId,
        wabas: &[ObservedWaba],
        numbers: &[ObservedPhoneNumber],
    ) -> Result<(), StorageError> {
        let keep: Vec<String> = numbers.iter().map(|number| number.id.to_string()).collect();
        sqlx::query!(
            "delete from phone_numbers where tenant_id = $1 and plugin_id = $2 and phone_number_id <> all($3)",
            self.tenant.uuid(),
            plugin.uuid(),
            &keep
        )
        .execute(&mut *self.tx)
        .await?;
        for waba in wabas {
            self.observe_waba(plugin, waba).await?;
        }
        for number in numbers {
            self.observe_phone_number(plugin, number).await?;
        }
        let keep: Vec<String> = wabas.iter().map(|waba| waba.id.to_string()).collect();
        sqlx::query!(
            "delete from wabas where tenant_id = $1 and plugin_id = $2 and waba_id <> all($3)",
            self.tenant.uuid(),
            plugin.uuid(),
            &keep
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    async fn observe_waba(&mut self, plugin: PluginId, waba: &ObservedWaba) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            insert into wabas (tenant_id, waba_id, plugin_id, name, status)
            values ($1, $2, $3, $4, $5)
            on conflict (tenant_id, waba_id) do update set
                plugin_id = excluded.plugin_id,
                name = coalesce(excluded.name, wabas.name),
                status = coalesce(excluded.status, wabas.status),
                observed_at = now()
            "#,
            self.tenant.uuid(),
            waba.id.as_str(),
            plugin.uuid(),
            waba.name,
            waba.status
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    async fn observe_phone_number(
        &mut self,
        plugin: PluginId,
        number: &ObservedPhoneNumber,
    ) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            insert into phone_numbers
                (tenant_id, phone_number_id, waba_id, plugin_id, display_phone_number, verified_name, status,
                 quality_rating, messaging_limit_tier, name_status)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (tenant_id, phone_number_id) do update set
                waba_id = excluded.waba_id,
                plugin_id = excluded.plugin_id,
                display_phone_number = coalesce(excluded.display_phone_number, phone_numbers.display_phone_number),
                verified_name = coalesce(excluded.verified_name, phone_numbers.verified_name),
                status = coalesce(excluded.status, phone_numbers.status),
                quality_rating = coalesce(excluded.quality_rating, phone_numbers.quality_rating),
                messaging_limit_tier = coalesce(excluded.messaging_limit_tier, phone_numbers.messaging_limit_tier),
                name_status = coalesce(excluded.name_status, phone_numbers.name_status),
                observed_at = now()
            "#,
            self.tenant.uuid(),
            number.id.as_str(),
            number.waba.as_str(),
            plugin.uuid(),
            number.display_phone_number,
            number.verified_name,
            number.status,
            number.quality_rating,
            number.messaging_limit_tier,
            number.name_status
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the WABAs within reach, in order of their ids; of those, the ones of one customer, one
    /// plugin or the given ids.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn wabas(
        &mut self,
        reach: &Reach,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        only: Option<&[String]>,
        page: Page<WabaId>,
    ) -> Result<PageRows<Waba>, StorageError> {
        let reached = uuids(reach.customers(), CustomerId::uuid);
        let within = numbers(reach);
        let rows = sqlx::query_as!(
            WabaRow,
            r#"
            select
                w.waba_id,
                p.customer_id,
                w.plugin_id,
                w.name,
                w.status,
                w.observed_at
            from wabas w
            join plugins p on p.tenant_id = w.tenant_id and p.plugin_id = w.plugin_id
            where w.tenant_id = $1
                and ($2::uuid[] is null or p.customer_id = any($2))
                and ($3::uuid is null or p.customer_id = $3)
                and ($4::uuid is null or w.plugin_id = $4)
                and ($5::text[] is null or w.waba_id = any($5))
                and ($6::text is null or w.waba_id > $6)
                and ($8::text[] is null or exists (
                    select 1 from phone_numbers n
                    where n.tenant_id = w.tenant_id and n.waba_id = w.waba_id and n.phone_number_id = any($8)
                ))
            order by w.waba_id
            limit $7
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            customer.map(CustomerId::uuid),
            plugin.map(PluginId::uuid),
            only,
            page.after.as_ref().map(WabaId::as_str),
            page.fetch(),
            within.as_deref()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(Waba::try_from).collect::<Result<_, _>>()?))
    }

    /// A page of the phone numbers within reach, in order of their ids; of those, the ones of one customer,
    /// one plugin or the given ids.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn phone_numbers(
        &mut self,
        reach: &Reach,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        only: Option<&[String]>,
        page: Page<PhoneNumberId>,
    ) -> Result<PageRows<PhoneNumber>, StorageError> {
        let reached = uuids(reach.customers(), CustomerId::uuid);
        let within = numbers(reach);
        let rows = sqlx::query_as!(
            PhoneNumberRow,
            r#"
            select
                n.phone_number_id,
                n.waba_id,
                p.customer_id,
                n.plugin_id,
                n.display_phone_number,
                n.verified_name,
                n.status,
                n.quality_rating,
                n.messaging_limit_tier,
                n.name_status,
                n.is_active,
                n.observed_at
            from phone_numbers n
            join plugins p on p.tenant_id = n.tenant_id and p.plugin_id = n.plugin_id
            where n.tenant_id = $1
                and ($2::uuid[] is null or p.customer_id = any($2))
                and ($3::uuid is null or p.customer_id = $3)
                and ($4::uuid is null or n.plugin_id = $4)
                and ($5::text[] is null or n.phone_number_id = any($5))
                and ($6::text is null or n.phone_number_id > $6)
                and ($8::text[] is null or n.phone_number_id = any($8))
            order by n.phone_number_id
            limit $7
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            customer.map(CustomerId::uuid),
            plugin.map(PluginId::uuid),
            only,
            page.after.as_ref().map(PhoneNumberId::as_str),
            page.fetch(),
            within.as_deref()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(PhoneNumber::try_from).collect::<Result<_, _>>()?))
    }

    /// Locks a phone number's row against other changes until the transaction ends; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_phone_number(&mut self, id: &PhoneNumberId) -> Result<bool, StorageError> {
        let row = sqlx::query!(
            r#"select 1 as "one!" from phone_numbers where tenant_id = $1 and phone_number_id = $2 for no key update"#,
            self.tenant.uuid(),
            id.as_str()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.is_some())
    }

    /// Sets whether calls may use a number; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn set_phone_number_active(&mut self, id: &PhoneNumberId, active: bool) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "update phone_numbers set is_active = $3 where tenant_id = $1 and phone_number_id = $2",
            self.tenant.uuid(),
            id.as_str(),
            active
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Who owns a phone number; none when the tenant has no such number.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn owner_of_phone_number(&mut self, id: &PhoneNumberId) -> Result<Option<OwnedId>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                p.customer_id,
                n.plugin_id,
                n.is_active
            from phone_numbers n
            join plugins p on p.tenant_id = n.tenant_id and p.plugin_id = n.plugin_id
            where n.tenant_id = $1 and n.phone_number_id = $2
            "#,
            self.tenant.uuid(),
            id.as_str()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(|row| OwnedId {
            customer: CustomerId::from_uuid(row.customer_id),
            plugin: PluginId::from_uuid(row.plugin_id),
            is_active: row.is_active,
        }))
    }

    /// Who owns a WABA; none when the tenant has no such WABA.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn owner_of_waba(&mut self, id: &WabaId) -> Result<Option<OwnedId>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                p.customer_id,
                w.plugin_id
            from wabas w
            join plugins p on p.tenant_id = w.tenant_id and p.plugin_id = w.plugin_id
            where w.tenant_id = $1 and w.waba_id = $2
            "#,
            self.tenant.uuid(),
            id.as_str()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(|row| OwnedId {
            customer: CustomerId::from_uuid(row.customer_id),
            plugin: PluginId::from_uuid(row.plugin_id),
            is_active: true,
        }))
    }

    /// Deletes the record of a WABA with its numbers.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_waba(&mut self, id: &WabaId) -> Result<(), StorageError> {
        sqlx::query!("delete from wabas where tenant_id = $1 and waba_id = $2", self.tenant.uuid(), id.as_str())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// How many WABAs are recorded of a plugin.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn count_wabas(&mut self, plugin: PluginId) -> Result<i64, StorageError> {
        Ok(sqlx::query_scalar!(
            r#"select count(*) as "count!" from wabas where tenant_id = $1 and plugin_id = $2"#,
            self.tenant.uuid(),
            plugin.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?)
    }
}

/// The phone numbers that a list may show, as statements take them; none: all.
pub(crate) fn numbers(reach: &Reach) -> Option<Vec<String>> {
    reach.phone_numbers.as_ref().map(|all| all.iter().map(ToString::to_string).collect())
}
