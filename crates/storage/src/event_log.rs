//! Events that are kept: found, shown, and put out of quarantine.

use portico_auth::Reach;
use portico_domain::{
    CustomerId, EventCopy, EventCopyId, EventEntry, EventFilter, EventId, EventTypes, PhoneNumberId, PluginId,
    QuarantinedEvent, TenantId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{Db, TenantTx};
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;

/// An event whole.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// All but its content.
    pub entry: EventEntry,
    /// The same in every copy; none for Portico's own.
    pub dedupe_key: Option<String>,
    /// The body with this event alone; none for Portico's own.
    pub raw: Option<String>,
    /// What there is to know of one of Portico's own.
    pub data: Option<serde_json::Value>,
}

#[derive(Debug)]
struct EntryRow {
    event_id: Uuid,
    event_type: String,
    format: String,
    field: String,
    state: String,
    customer_id: Option<Uuid>,
    plugin_id: Option<Uuid>,
    waba_id: Option<String>,
    phone_number_id: Option<String>,
    conversation: Option<String>,
    message_id: Option<String>,
    status: Option<String>,
    person: Option<serde_json::Value>,
    occurred_at: OffsetDateTime,
    received_at: OffsetDateTime,
    signature: Option<String>,
    reason: Option<String>,
}

impl TryFrom<EntryRow> for EventEntry {
    type Error = StorageError;

    fn try_from(row: EntryRow) -> Result<Self, StorageError> {
        macro_rules! parsed {
            ($column:literal, $value:expr) => {
                $value.map(|text| text.parse()).transpose().map_err(|error| StorageError::corrupt($column, error))?
            };
        }
        Ok(Self {
            id: EventId::from_uuid(row.event_id),
            event_type: row.event_type,
            state: row.state.parse().map_err(|error| StorageError::corrupt("events.state", error))?,
            occurred_at: row.occurred_at,
            received_at: row.received_at,
            customer_id: row.customer_id.map(CustomerId::from_uuid),
            plugin_id: row.plugin_id.map(PluginId::from_uuid),
            waba_id: parsed!("events.waba_id", row.waba_id),
            phone_number_id: parsed!("events.phone_number_id", row.phone_number_id),
            conversation: row.conversation,
            message_id: row.message_id,
            status: row.status,
            format: row.format,
            field: row.field,
            person: row
                .person
                .map(serde_json::from_value)
                .transpose()
                .map_err(|error| StorageError::corrupt("events.person", error))?,
            signature: parsed!("events.signature", row.signature),
            quarantine: parsed!("quarantined_events.reason", row.reason),
        })
    }
}

impl Db {
    /// Tenants with events in quarantine whose owner may become known.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn tenants_with_unknown_events(&self) -> Result<Vec<TenantId>, StorageError> {
        let rows =
            sqlx::query_scalar!(r#"select tenant_id as "tenant_id!" from resolve_tenants_with_unknown_events()"#)
                .fetch_all(&mut *self.reading().await?)
                .await?;
        Ok(rows.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl TenantTx {
    /// A page of the events within reach, the one that was received last first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn events(
        &mut self,
        reach: &Reach,
        filter: &EventFilter,
        page: Page<EventId>,
    ) -> Result<PageRows<EventEntry>, StorageError> {
        let (customers, numbers) = (uuids(reach.customers.as_deref(), CustomerId::uuid), reached_numbers(reach));
        let rows = sqlx::query_as!(
            EntryRow,
            r#"
            select
                e.event_id,
                e.event_type,
                e.format,
                e.field,
                e.state,
                e.customer_id,
                e.plugin_id,
                e.waba_id,
                e.phone_number_id,
                e.conversation,
                e.message_id,
                e.status,
                e.person,
                e.occurred_at,
                e.received_at,
                e.signature,
                q.reason as "reason?"
            from events e
            left join quarantined_events q on q.tenant_id = $1 and q.event_id = e.event_id
            where e.tenant_id = $1
                and ($2::uuid[] is null or e.customer_id = any($2))
                and ($3::text[] is null or e.phone_number_id = any($3))
                and ($4::uuid is null or e.event_id < $4)
                and ($5::text is null or e.event_type = $5)
                and ($6::text is null or starts_with(e.event_type, $6))
                and ($7::text is null or e.state = $7)
                and ($8::uuid is null or e.customer_id = $8)
                and ($9::uuid is null or e.plugin_id = $9)
                and ($10::text is null or e.phone_number_id = $10)
                and ($11::text is null or e.message_id = $11)
                and ($12::timestamptz is null or e.event_id >= portico_uuid7_at($12))
                and ($13::timestamptz is null or e.event_id < portico_uuid7_at($13))
            order by e.event_id desc
            limit $14
            "#,
            self.tenant.uuid(),
            customers.as_deref(),
            numbers.as_deref(),
            page.after.map(EventId::uuid),
            filter.types.as_ref().and_then(EventTypes::exact),
            filter.types.as_ref().and_then(EventTypes::prefix),
            filter.state.map(portico_domain::EventState::as_str),
            filter.customer.map(CustomerId::uuid),
            filter.plugin.map(PluginId::uuid),
            filter.phone_number.as_ref().map(PhoneNumberId::as_str),
            filter.message_id.as_deref(),
            filter.from,
            filter.before,
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let entries = rows.into_iter().map(EventEntry::try_from).collect::<Result<_, _>>()?;
        Ok(page.cut(entries))
    }

    /// An event within reach, whole.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn event(&mut self, reach: &Reach, id: EventId) -> Result<Option<StoredEvent>, StorageError> {
        let (customers, numbers) = (uuids(reach.customers.as_deref(), CustomerId::uuid), reached_numbers(reach));
        let entry = sqlx::query_as!(
            EntryRow,
            r#"
            select
                e.event_id,
                e.event_type,
                e.format,
                e.field,
                e.state,
                e.customer_id,
                e.plugin_id,
                e.waba_id,
                e.phone_number_id,
                e.conversation,
                e.message_id,
                e.status,
                e.person,
                e.occurred_at,
                e.received_at,
                e.signature,
                q.reason as "reason?"
            from events e
            left join quarantined_events q on q.tenant_id = $1 and q.event_id = e.event_id
            where e.tenant_id = $1 and e.event_id = $2
                and ($3::uuid[] is null or e.customer_id = any($3))
                and ($4::text[] is null or e.phone_number_id = any($4))
            "#,
            self.tenant.uuid(),
            id.uuid(),
            customers.as_deref(),
            numbers.as_deref()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(entry) = entry else { return Ok(None) };
        let content = sqlx::query!(
            "select dedupe_key, raw, data from events where tenant_id = $1 and event_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(Some(StoredEvent {
            entry: entry.try_into()?,
            dedupe_key: content.dedupe_key,
            raw: content.raw,
            data: content.data,
        }))
    }

    /// The copies of an event, oldest first, and at most `most`.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn event_copies(&mut self, id: EventId, most: u16) -> Result<Vec<EventCopy>, StorageError> {
        let rows = sqlx::query!(
            "select copy_id, format, received_at from event_copies where tenant_id = $1 and event_id = $2 order by copy_id limit $3",
            self.tenant.uuid(),
            id.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let copies = rows.into_iter().map(|row| EventCopy {
            id: EventCopyId::from_uuid(row.copy_id),
            format: row.format,
            received_at: row.received_at,
        });
        Ok(copies.collect())
    }

    /// How many copies of an event came.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn count_event_copies(&mut self, id: EventId) -> Result<u64, StorageError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from event_copies where tenant_id = $1 and event_id = $2"#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(count.unsigned_abs())
    }

    /// A page of the events in quarantine, oldest first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn quarantined_events(
        &mut self,
        reason: Option<portico_domain::QuarantineReason>,
        page: Page<EventId>,
    ) -> Result<PageRows<QuarantinedEvent>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                event_id,
                event_type,
                reason,
                plugin_id,
                waba_id,
                phone_number_id,
                received_at
            from quarantined_events
            where tenant_id = $1 and ($2::uuid is null or event_id > $2) and ($3::text is null or reason = $3)
            order by event_id
            limit $4
            "#,
            self.tenant.uuid(),
            page.after.map(EventId::uuid),
            reason.map(portico_domain::QuarantineReason::as_str),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            macro_rules! parsed {
                ($column:literal, $value:expr) => {
                    $value.parse().map_err(|error| StorageError::corrupt($column, error))
                };
            }
            let waba = row.waba_id.map(|id| parsed!("quarantined_events.waba_id", id)).transpose()?;
            let number = row.phone_number_id.map(|id| parsed!("quarantined_events.phone_number_id", id)).transpose()?;
            events.push(QuarantinedEvent {
                id: EventId::from_uuid(row.event_id),
                event_type: row.event_type,
                reason: parsed!("quarantined_events.reason", row.reason)?,
                plugin_id: PluginId::from_uuid(row.plugin_id),
                waba_id: waba,
                phone_number_id: number,
                received_at: row.received_at,
            });
        }
        Ok(page.cut(events))
    }

    /// Takes an event out of quarantine, so that nobody else routes it meanwhile; false when it is not in there.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn release_event(&mut self, id: EventId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "delete from quarantined_events where tenant_id = $1 and event_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a released event to a customer.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn assign_event(
        &mut self,
        id: EventId,
        customer: CustomerId,
        plugin: PluginId,
        phone_number: Option<&PhoneNumberId>,
    ) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            update events set
                state = 'routed',
                customer_id = $3,
                plugin_id = $4,
                phone_number_id = coalesce($5, phone_number_id)
            where tenant_id = $1 and event_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            customer.uuid(),
            plugin.uuid(),
            phone_number.map(PhoneNumberId::as_str)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Claims a key for an event that is given to another plugin; the event that has it already, if one does.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn claim_event_key(&mut self, key: Uuid, id: EventId) -> Result<Option<EventId>, StorageError> {
        let held = self.claim_keys(&[key], &[id.uuid()]).await?;
        Ok(held.get(&key).copied().filter(|held| *held != id))
    }

    /// Events in quarantine whose account and number are by now the plugin's whose hook they came to, at most `most`,
    /// with that plugin and its customer.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn events_with_known_owner(
        &mut self,
        most: u16,
    ) -> Result<Vec<(EventId, PluginId, CustomerId)>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                q.event_id,
                q.plugin_id,
                p.customer_id
            from quarantined_events q
            join plugins p on p.tenant_id = $1 and p.plugin_id = q.plugin_id
            where q.tenant_id = $1 and q.reason = 'unknown_owner'
                and (q.waba_id is null or exists (
                    select 1 from wabas w
                    where w.tenant_id = $1 and w.waba_id = q.waba_id and w.plugin_id = q.plugin_id
                ))
                and (q.phone_number_id is null or exists (
                    select 1 from phone_numbers n
                    where n.tenant_id = $1 and n.phone_number_id = q.phone_number_id and n.plugin_id = q.plugin_id
                        and (q.waba_id is null or n.waba_id = q.waba_id)
                ))
            order by q.event_id
            limit $2
            for update of q skip locked
            "#,
            self.tenant.uuid(),
            i64::from(most)
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let events = rows.into_iter().map(|row| {
            let plugin = PluginId::from_uuid(row.plugin_id);
            (EventId::from_uuid(row.event_id), plugin, CustomerId::from_uuid(row.customer_id))
        });
        Ok(events.collect())
    }

    /// Forgets events in quarantine that are no longer kept; how many.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn forget_lost_quarantine(&mut self) -> Result<u64, StorageError> {
        let done = sqlx::query!(
            r#"
            delete from quarantined_events q
            where q.tenant_id = $1
                and not exists (select 1 from events e where e.tenant_id = $1 and e.event_id = q.event_id)
            "#,
            self.tenant.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected())
    }
}

fn reached_numbers(reach: &Reach) -> Option<Vec<String>> {
    let numbers = reach.phone_numbers.as_ref()?;
    Some(numbers.iter().map(|id| id.as_str().to_owned()).collect())
}
