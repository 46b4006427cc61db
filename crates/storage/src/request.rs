//! The log of proxied calls: metadata only.

use portico_auth::CustomerReach;
use portico_domain::{ApiKeyId, CustomerId, PluginId, RequestEntry, RequestFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;

/// One proxied call, to be logged.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Tells apart calls with the same request id.
    pub entry: Uuid,
    /// The `X-Request-Id` of the call.
    pub request_id: String,
    /// When the request arrived.
    pub at: OffsetDateTime,
    /// The operation of the catalogue.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// The HTTP status that Chakra gave; none: it did not answer, or was not called.
    pub upstream_status: Option<u16>,
    /// Portico's own error code; none when the answer is Chakra's.
    pub code: Option<&'static str>,
    /// Whether a 2xx carried a filled `_errors`.
    pub has_errors: bool,
    /// From the first byte of the request to the head of the answer, in µs.
    pub duration_us: u64,
    /// The key that called; none for the operator and members.
    pub api_key: Option<ApiKeyId>,
    /// The customer that the call was for, where it named one.
    pub customer: Option<CustomerId>,
    /// The plugin that the call named.
    pub plugin: Option<PluginId>,
}

impl TenantTx {
    /// Logs calls, all in one statement.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_requests(&mut self, all: &[NewRequest]) -> Result<(), StorageError> {
        macro_rules! column {
            ($one:ident => $value:expr) => {
                all.iter().map(|$one| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            r#"
            insert into requests
                (tenant_id, entry_id, request_id, at, operation, method, status, upstream_status, code, has_errors,
                 duration_us, api_key_id, customer_id, plugin_id)
            select $1, u.*
            from unnest(
                $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::smallint[], $8::smallint[],
                $9::text[], $10::boolean[], $11::bigint[], $12::uuid[], $13::uuid[], $14::uuid[]
            ) as u
            "#,
            self.tenant.uuid(),
            &column!(one => one.entry),
            &column!(one => one.request_id.clone()),
            &column!(one => one.at),
            &column!(one => one.operation.to_owned()),
            &column!(one => one.method.to_owned()),
            &column!(one => one.status.cast_signed()),
            &column!(one => one.upstream_status.map(u16::cast_signed)) as &[Option<i16>],
            &column!(one => one.code.map(str::to_owned)) as &[Option<String>],
            &column!(one => one.has_errors),
            &column!(one => one.duration_us.cast_signed()),
            &column!(one => one.api_key.map(ApiKeyId::uuid)) as &[Option<Uuid>],
            &column!(one => one.customer.map(CustomerId::uuid)) as &[Option<Uuid>],
            &column!(one => one.plugin.map(PluginId::uuid)) as &[Option<Uuid>]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the calls within reach that the filter lets through, newest first. The cursor is when a call
    /// arrived and its `entry`.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn requests(
        &mut self,
        reach: CustomerReach<'_>,
        filter: &RequestFilter,
        page: Page<(OffsetDateTime, Uuid)>,
    ) -> Result<PageRows<(Uuid, RequestEntry)>, StorageError> {
        let reached = uuids(reach, CustomerId::uuid);
        let rows = sqlx::query!(
            r#"
            select
                entry_id,
                request_id,
                at,
                operation,
                method,
                status,
                upstream_status,
                code,
                has_errors,
                duration_us,
                api_key_id,
                customer_id,
                plugin_id
            from requests
            where tenant_id = $1
                and ($2::uuid[] is null or customer_id = any($2))
                and ($3::timestamptz is null or (at, entry_id) < ($3, $4))
                and ($6::text is null or request_id = $6)
                and ($7::smallint is null or status between $7 and $8)
                and ($9::uuid is null or api_key_id = $9)
                and ($10::uuid is null or customer_id = $10)
                and ($11::text is null or operation = $11)
                and ($12::timestamptz is null or at >= $12)
                and ($13::timestamptz is null or at < $13)
            order by at desc, entry_id desc
            limit $5
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            page.after.map(|(at, _)| at),
            page.after.map(|(_, entry)| entry),
            page.fetch(),
            filter.request_id.as_deref(),
            filter.status.map(|status| status.first().cast_signed()),
            filter.status.map(|status| status.last().cast_signed()),
            filter.api_key.map(ApiKeyId::uuid),
            filter.customer.map(CustomerId::uuid),
            filter.operation.as_deref(),
            filter.from,
            filter.to
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let entries = rows.into_iter().map(|row| {
            let entry = RequestEntry {
                request_id: row.request_id,
                at: row.at,
                operation: row.operation,
                method: row.method,
                status: row.status.cast_unsigned(),
                upstream_status: row.upstream_status.map(i16::cast_unsigned),
                code: row.code,
                has_errors: row.has_errors,
                duration_us: row.duration_us.cast_unsigned(),
                api_key_id: row.api_key_id.map(ApiKeyId::from_uuid),
                customer_id: row.customer_id.map(CustomerId::from_uuid),
                plugin_id: row.plugin_id.map(PluginId::from_uuid),
            };
            (row.entry_id, entry)
        });
        Ok(page.cut(entries.collect()))
    }
}
