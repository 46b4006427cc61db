//! The look-up across customers, plugins, WABAs and phone numbers.

use portico_auth::Reach;
use portico_domain::{CustomerId, ExternalId, LookupFilter, LookupPlace, LookupRow, PhoneDigits};
use portico_domain::{PhoneNumberId, PluginId, WabaId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, Rows};
use crate::system::uuids;
use crate::whatsapp::numbers;

#[derive(Debug)]
struct FoundRow {
    customer_id: Uuid,
    external_id: String,
    customer_name: String,
    plugin_id: Option<Uuid>,
    plugin_status: Option<String>,
    plugin_is_active: Option<bool>,
    waba_id: Option<String>,
    waba_status: Option<String>,
    phone_number_id: Option<String>,
    display_phone_number: Option<String>,
    verified_name: Option<String>,
    status: Option<String>,
    quality_rating: Option<String>,
    messaging_limit_tier: Option<String>,
    name_status: Option<String>,
    is_active: Option<bool>,
    observed_at: Option<OffsetDateTime>,
    age_seconds: Option<i64>,
}

impl TryFrom<FoundRow> for LookupRow {
    type Error = StorageError;

    fn try_from(row: FoundRow) -> Result<Self, StorageError> {
        let plugin_status = row.plugin_status.map(|status| status.parse()).transpose();
        let waba = row.waba_id.map(|id| id.parse()).transpose();
        let number = row.phone_number_id.map(|id| id.parse()).transpose();
        Ok(Self {
            customer_id: CustomerId::from_uuid(row.customer_id),
            external_id: row
                .external_id
                .parse()
                .map_err(|error| StorageError::corrupt("customers.external_id", error))?,
            customer_name: row.customer_name.parse().map_err(|error| StorageError::corrupt("customers.name", error))?,
            plugin_id: row.plugin_id.map(PluginId::from_uuid),
            plugin_status: plugin_status.map_err(|error| StorageError::corrupt("plugins.status", error))?,
            plugin_is_active: row.plugin_is_active,
            waba_id: waba.map_err(|error| StorageError::corrupt("wabas.waba_id", error))?,
            waba_status: row.waba_status,
            phone_number_id: number.map_err(|error| StorageError::corrupt("phone_numbers.phone_number_id", error))?,
            display_phone_number: row.display_phone_number,
            verified_name: row.verified_name,
            status: row.status,
            quality_rating: row.quality_rating,
            messaging_limit_tier: row.messaging_limit_tier,
            name_status: row.name_status,
            is_active: row.is_active,
            observed_at: row.observed_at,
            // What was written since this transaction began is new, not of the future.
            age_seconds: row.age_seconds.map(|age| age.max(0)),
        })
    }
}

impl TenantTx {
    /// A page of what fits the filter within reach, in order of customer, plugin, WABA and number.
    /// A reach of some phone numbers shows their rows alone.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn look_up(
        &mut self,
        reach: &Reach,
        filter: &LookupFilter,
        page: Page<LookupPlace>,
    ) -> Result<Rows<LookupRow>, StorageError> {
        let reached = uuids(reach.customers(), CustomerId::uuid);
        let within = numbers(reach);
        let after = page.after.as_ref();
        let rows = sqlx::query_as!(
            FoundRow,
            r#"
            with ends as (
                select
                    n.plugin_id,
                    n.waba_id,
                    n.phone_number_id,
                    n.display_digits,
                    n.display_phone_number,
                    n.verified_name,
                    n.status,
                    n.quality_rating,
                    n.messaging_limit_tier,
                    n.name_status,
                    n.is_active,
                    n.observed_at
                from phone_numbers n
                where n.tenant_id = $1
                union all
                select w.plugin_id, w.waba_id, null, null, null, null, null, null, null, null, null, w.observed_at
                from wabas w
                where w.tenant_id = $1
                    and not exists (
                        select 1 from phone_numbers n
                        where n.tenant_id = w.tenant_id and n.plugin_id = w.plugin_id and n.waba_id = w.waba_id
                    )
            )
            select
                c.customer_id,
                c.external_id,
                c.name as customer_name,
                p.plugin_id as "plugin_id?",
                p.status as "plugin_status?",
                p.is_active as "plugin_is_active?",
                e.waba_id as "waba_id?",
                w.status as "waba_status?",
                e.phone_number_id as "phone_number_id?",
                e.display_phone_number as "display_phone_number?",
                e.verified_name as "verified_name?",
                e.status as "status?",
                e.quality_rating as "quality_rating?",
                e.messaging_limit_tier as "messaging_limit_tier?",
                e.name_status as "name_status?",
                e.is_active as "is_active?",
                coalesce(e.observed_at, p.synced_at) as "observed_at?",
                floor(extract(epoch from now() - coalesce(e.observed_at, p.synced_at)))::bigint as "age_seconds?"
            from customers c
            left join plugins p on p.tenant_id = c.tenant_id and p.customer_id = c.customer_id
            left join ends e on e.plugin_id = p.plugin_id
            left join wabas w on w.tenant_id = c.tenant_id and w.waba_id = e.waba_id
            where c.tenant_id = $1
                and ($2::uuid[] is null or c.customer_id = any($2))
                and ($3::text[] is null or e.phone_number_id = any($3))
                and ($4::uuid is null or c.customer_id = $4)
                and ($5::text is null or c.external_id = $5)
                and ($6::text is null or e.display_digits = $6)
                and ($7::text is null or e.waba_id = $7)
                and ($8::text is null or e.phone_number_id = $8)
                and ($9::uuid is null or p.plugin_id = $9)
                and ($10::uuid is null or (
                    c.customer_id,
                    coalesce(p.plugin_id, '00000000-0000-0000-0000-000000000000'),
                    coalesce(e.waba_id, ''),
                    coalesce(e.phone_number_id, '')
                ) > ($10, $11, $12, $13))
            order by c.customer_id, p.plugin_id nulls first, e.waba_id nulls first, e.phone_number_id nulls first
            limit $14
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            within.as_deref(),
            filter.customer.map(CustomerId::uuid),
            filter.external_id.as_ref().map(ExternalId::as_str),
            filter.display_phone_number.as_ref().map(PhoneDigits::as_str),
            filter.waba.as_ref().map(WabaId::as_str),
            filter.phone_number.as_ref().map(PhoneNumberId::as_str),
            filter.plugin.map(PluginId::uuid),
            after.map(|place| place.customer.uuid()),
            after.and_then(|place| place.plugin).map_or_else(Uuid::nil, PluginId::uuid),
            after.and_then(|place| place.waba.as_ref()).map_or("", WabaId::as_str),
            after.and_then(|place| place.phone_number.as_ref()).map_or("", PhoneNumberId::as_str),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(LookupRow::try_from).collect::<Result<_, _>>()?))
    }
}
