//! Storing what was received: once, however often it comes, on whichever replica.
//!
//! An event is new when its key is. Keys are written before anything else in the transaction, so that a copy that another
//! replica stores at the same moment waits here until it is certain which of the two came first.

use std::collections::HashMap;

use portico_domain::{
    CustomerId, EventCopyId, EventId, EventState, Person, PhoneNumberId, PluginId, QuarantineReason, SignatureVerdict,
    TenantId, WabaId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// An event to store.
#[derive(Debug, Clone)]
pub struct NewReceivedEvent {
    /// Its id, if it is no copy.
    pub id: EventId,
    /// The first 16 bytes of SHA-256 of the plugin and the dedupe key.
    pub key: Uuid,
    /// The same in every copy of it.
    pub dedupe_key: String,
    /// The plugin whose hook it came to.
    pub plugin: PluginId,
    /// The plugin's customer; none: it goes into quarantine.
    pub owner: Result<CustomerId, QuarantineReason>,
    /// Its type.
    pub event_type: &'static str,
    /// How its body is written.
    pub format: &'static str,
    /// What Meta's `field` or Chakra's `event` said.
    pub field: String,
    /// The account that it names.
    pub waba: Option<WabaId>,
    /// The number that it is about.
    pub phone_number: Option<PhoneNumberId>,
    /// What order is kept within.
    pub conversation: Option<String>,
    /// The WhatsApp message that it is about.
    pub message_id: Option<String>,
    /// How far that came.
    pub status: Option<String>,
    /// Who is at the other end.
    pub person: Person,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The body with this event alone.
    pub raw: String,
    /// What was found of the signature.
    pub signature: SignatureVerdict,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new, and kept.
    New,
    /// It came before, as this one; the copy is noted.
    CopyOf(EventId),
}

/// Whose an account or a number is, as an event names them.
#[derive(Debug, Clone, Default)]
pub struct NamedOwners {
    /// The plugin of each account that is known.
    pub wabas: HashMap<String, PluginId>,
    /// The plugin and the account of each number that is known.
    pub phone_numbers: HashMap<String, (PluginId, String)>,
    /// The only number of an account that has one alone.
    pub lone_numbers: HashMap<String, PhoneNumberId>,
    /// The plugin of each message that is known.
    pub messages: HashMap<String, PluginId>,
}

impl Db {
    /// Begins a transaction of a tenant whose commit is on disk before it is told of, also where the server or the role
    /// is set up to be faster than that.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when no connection is to be had within 5 s.
    pub async fn begin_durable(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        let mut tx = self.begin_for(tenant).await?;
        sqlx::query!(
            "select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'"
        )
        .fetch_optional(&mut *tx.tx)
        .await?;
        Ok(tx)
    }
}

impl TenantTx {
    /// Whose those accounts, numbers and messages are, of the ones that are known.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn named_owners(
        &mut self,
        wabas: &[String],
        numbers: &[String],
        messages: &[String],
    ) -> Result<NamedOwners, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                'waba' as "kind!",
                w.waba_id as "id!",
                w.plugin_id as "plugin_id!",
                (
                    select min(n.phone_number_id) from phone_numbers n
                    where n.tenant_id = $1 and n.waba_id = w.waba_id
                    having count(*) = 1
                ) as other
            from wabas w
            where w.tenant_id = $1 and w.waba_id = any($2)
            union all
            select 'number', n.phone_number_id, n.plugin_id, n.waba_id
            from phone_numbers n
            where n.tenant_id = $1 and n.phone_number_id = any($3)
            union all
            select 'message', l.id, l.plugin_id, null
            from learned_ids l
            where l.tenant_id = $1 and l.kind = 'message' and l.id = any($4) and l.plugin_id is not null
            "#,
            self.tenant.uuid(),
            wabas,
            numbers,
            messages
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let mut owners = NamedOwners::default();
        for row in rows {
            let plugin = PluginId::from_uuid(row.plugin_id);
            match (&*row.kind, row.other) {
                ("waba", lone) => {
                    if let Some(lone) = lone {
                        let lone = lone.parse();
                        let lone =
                            lone.map_err(|error| StorageError::corrupt("phone_numbers.phone_number_id", error))?;
                        owners.lone_numbers.insert(row.id.clone(), lone);
                    }
                    owners.wabas.insert(row.id, plugin);
                }
                ("number", Some(waba)) => {
                    owners.phone_numbers.insert(row.id, (plugin, waba));
                }
                _ => {
                    owners.messages.insert(row.id, plugin);
                }
            }
        }
        Ok(owners)
    }

    /// Stores events that came at the same moment, and says of each what became of it, in the same order.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_received(
        &mut self,
        all: &[NewReceivedEvent],
        received_at: OffsetDateTime,
    ) -> Result<Vec<Stored>, StorageError> {
        let keys: Vec<Uuid> = all.iter().map(|event| event.key).collect();
        let ids: Vec<Uuid> = all.iter().map(|event| event.id.uuid()).collect();
        let claimed = self.claim_keys(&keys, &ids).await?;
        let mut became = Vec::with_capacity(all.len());
        let (mut kept, mut copies) = (Vec::new(), Vec::new());
        for event in all {
            // Without a row somebody claimed it between two statements and has not committed: that cannot be, because a
            // claim waits for whoever holds the key.
            let first = claimed.get(&event.key).copied().unwrap_or(event.id);
            if first == event.id {
                kept.push(event);
                became.push(Stored::New);
            } else {
                copies.push((event, first));
                became.push(Stored::CopyOf(first));
            }
        }
        if !kept.is_empty() {
            self.insert_events(&kept, received_at).await?;
            self.quarantine(&kept, received_at).await?;
        }
        if !copies.is_empty() {
            self.insert_copies(&copies, received_at).await?;
        }
        Ok(became)
    }

    /// Claims keys for events: for each key, the event that has it now. A key is looked for in this week and the one
    /// before, and written for both weeks around the end of one.
    pub(crate) async fn claim_keys(
        &mut self,
        keys: &[Uuid],
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, EventId>, StorageError> {
        sqlx::query!(
            r#"
            with moment as (select extract(epoch from now())::bigint as s),
            present as (select (s / 604800)::integer as week from moment),
            written as (
                select distinct unnest(array[((s - 600) / 604800), s / 604800, ((s + 600) / 604800)])::integer as week
                from moment
            )
            insert into event_keys (tenant_id, generation, key, event_id)
            select $1, w.week, u.key, u.event_id
            from (
                select distinct on (key) key, event_id
                from unnest($2::uuid[], $3::uuid[]) with ordinality as u (key, event_id, place)
                order by key, place
            ) u
            cross join written w
            where not exists (
                select 1 from event_keys k, present p
                where k.tenant_id = $1 and k.key = u.key and k.generation in (p.week - 1, p.week)
            )
            order by u.key, w.week
            on conflict do nothing
            "#,
            self.tenant.uuid(),
            keys,
            ids
        )
        .execute(&mut *self.tx)
        .await?;
        // The oldest has it: where a copy got the next week's key and not this week's, the other one came first.
        let rows = sqlx::query!(
            r#"
            select distinct on (k.key)
                k.key,
                k.event_id
            from event_keys k
            where k.tenant_id = $1 and k.key = any($2)
                and k.generation between (extract(epoch from now())::bigint / 604800)::integer - 1
                    and ((extract(epoch from now())::bigint + 600) / 604800)::integer
            order by k.key, k.generation
            "#,
            self.tenant.uuid(),
            keys
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(|row| (row.key, EventId::from_uuid(row.event_id))).collect())
    }

    async fn insert_events(
        &mut self,
        all: &[&NewReceivedEvent],
        received_at: OffsetDateTime,
    ) -> Result<(), StorageError> {
        macro_rules! column {
            ($event:ident => $value:expr) => {
                all.iter().map(|$event| $value).collect::<Vec<_>>()
            };
        }
        let persons: Vec<Option<serde_json::Value>> = column!(event => person(&event.person));
        sqlx::query!(
            r#"
            insert into events
                (tenant_id, event_id, event_type, format, field, state, customer_id, plugin_id, waba_id, phone_number_id,
                 conversation, message_id, status, person, dedupe_key, occurred_at, received_at, signature, raw)
            select $1, u.event_id, u.event_type, u.format, u.field, u.state, u.customer_id, u.plugin_id, u.waba_id,
                u.phone_number_id, u.conversation, u.message_id, u.status, u.person, u.dedupe_key, u.occurred_at, $2,
                u.signature, u.raw
            from unnest(
                $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
                $11::text[], $12::text[], $13::text[], $14::text[], $15::jsonb[], $16::text[], $17::timestamptz[],
                $18::text[], $19::text[]
            ) as u (
                event_id, event_type, format, field, state, customer_id, plugin_id, waba_id, phone_number_id,
                conversation, message_id, status, person, dedupe_key, occurred_at, signature, raw
            )
            "#,
            self.tenant.uuid(),
            received_at,
            &column!(event => event.id.uuid()),
            &column!(event => event.event_type) as &[&str],
            &column!(event => event.format) as &[&str],
            &column!(event => event.field.as_str()) as &[&str],
            &column!(event => state(event).as_str()) as &[&str],
            &column!(event => event.owner.ok().map(CustomerId::uuid)) as &[Option<Uuid>],
            &column!(event => event.plugin.uuid()),
            &column!(event => event.waba.as_ref().map(WabaId::as_str)) as &[Option<&str>],
            &column!(event => event.phone_number.as_ref().map(PhoneNumberId::as_str)) as &[Option<&str>],
            &column!(event => event.conversation.as_deref()) as &[Option<&str>],
            &column!(event => event.message_id.as_deref()) as &[Option<&str>],
            &column!(event => event.status.as_deref()) as &[Option<&str>],
            &persons as &[Option<serde_json::Value>],
            &column!(event => event.dedupe_key.as_str()) as &[&str],
            &column!(event => event.occurred_at),
            &column!(event => event.signature.as_str()) as &[&str],
            &column!(event => event.raw.as_str()) as &[&str]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    async fn quarantine(&mut self, all: &[&NewReceivedEvent], received_at: OffsetDateTime) -> Result<(), StorageError> {
        let kept: Vec<_> = all.iter().filter_map(|event| Some((event, event.owner.err()?))).collect();
        if kept.is_empty() {
            return Ok(());
        }
        macro_rules! column {
            ($event:ident => $value:expr) => {
                kept.iter().map(|($event, _)| $value).collect::<Vec<_>>()
            };
        }
        let reasons: Vec<&str> = kept.iter().map(|(_, reason)| reason.as_str()).collect();
        sqlx::query!(
            r#"
            insert into quarantined_events
                (tenant_id, event_id, plugin_id, reason, event_type, waba_id, phone_number_id, received_at)
            select $1, u.*, $2
            from unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) as u
            "#,
            self.tenant.uuid(),
            received_at,
            &column!(event => event.id.uuid()),
            &column!(event => event.plugin.uuid()),
            &reasons as &[&str],
            &column!(event => event.event_type) as &[&str],
            &column!(event => event.waba.as_ref().map(WabaId::as_str)) as &[Option<&str>],
            &column!(event => event.phone_number.as_ref().map(PhoneNumberId::as_str)) as &[Option<&str>]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Notes copies. One in the other format is kept whole: who wants that format gets it.
    async fn insert_copies(
        &mut self,
        all: &[(&NewReceivedEvent, EventId)],
        received_at: OffsetDateTime,
    ) -> Result<(), StorageError> {
        let copies: Vec<Uuid> = all.iter().map(|_| EventCopyId::generate().uuid()).collect();
        let firsts: Vec<Uuid> = all.iter().map(|(_, first)| first.uuid()).collect();
        let formats: Vec<&str> = all.iter().map(|(event, _)| event.format).collect();
        let raws: Vec<&str> = all.iter().map(|(event, _)| event.raw.as_str()).collect();
        sqlx::query!(
            r#"
            insert into event_copies (tenant_id, copy_id, event_id, format, received_at, raw)
            select $1, u.copy_id, u.event_id, u.format, $2,
                case when not exists (
                    select 1 from events e
                    where e.tenant_id = $1 and e.event_id = u.event_id and e.format = u.format
                ) then u.raw end
            from unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[]) as u (copy_id, event_id, format, raw)
            "#,
            self.tenant.uuid(),
            received_at,
            &copies,
            &firsts,
            &formats as &[&str],
            &raws as &[&str]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

const fn state(event: &NewReceivedEvent) -> EventState {
    if event.owner.is_ok() { EventState::Routed } else { EventState::Quarantined }
}

/// A person as it is stored: none where nothing is known.
fn person(person: &Person) -> Option<serde_json::Value> {
    if *person == Person::default() { None } else { serde_json::to_value(person).ok() }
}
