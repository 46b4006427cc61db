//! Events that were received: listed, shown whole, and put out of quarantine.

use portico_auth::{Reach, Scope};
use portico_core::audit::Change;
use portico_core::code;
use portico_core::{Core, Error as CoreError, PageRequest, Paged, Thing, paged};
use portico_domain::permission::perm;
use portico_domain::{EventCopy, EventEntry, EventFilter, EventId, PluginId, QuarantineReason, QuarantinedEvent};
use portico_storage::{StoredEvent, TenantTx};
use serde_json::json;
use serde_json::value::RawValue;

use crate::Error;
use crate::assign::give;
use crate::formats::parse;
use crate::owner::{Claim, number_of};
use crate::receive::key_of;

/// How many copies of an event are shown.
const COPIES: u16 = 100;

/// An event with its content, and how it came.
#[derive(Debug)]
pub struct WholeEvent {
    /// All but its content.
    pub entry: EventEntry,
    /// What happened: the message, the status, or the change's value, as Chakra's or Meta's JSON.
    pub data: Box<RawValue>,
    /// The body that it came in, with this event alone; none for Portico's own.
    pub raw: Option<Box<RawValue>>,
    /// The same in every copy; none for Portico's own.
    pub dedupe_key: Option<String>,
    /// How many copies came.
    pub copies: u64,
    /// The first hundred of them.
    pub first_copies: Vec<EventCopy>,
}

/// Events of tenants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    core: Core,
}

impl Events {
    /// The service on that core. Tasks route what was in quarantine, and drop what was kept long enough.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        crate::upkeep::register(core);
        Self { core: core.clone() }
    }

    /// A page of the events within reach, the one that was received last first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn list(
        &self,
        scope: &Scope<perm::EventsRead>,
        filter: &EventFilter,
        page: PageRequest<EventId>,
    ) -> Result<Paged<EventEntry>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        Ok(paged(tx.events(scope.reach(), filter, page.into()).await?, |event| event.id.to_string()))
    }

    /// One event, whole.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn get(&self, scope: &Scope<perm::EventsRead>, id: EventId) -> Result<WholeEvent, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let event = tx.event(scope.reach(), id).await?.ok_or(CoreError::Missing(Thing::Resource("event")))?;
        let copies = tx.count_event_copies(id).await?;
        let first_copies = if copies == 0 { Vec::new() } else { tx.event_copies(id, COPIES).await? };
        let StoredEvent { entry, dedupe_key, raw, data } = event;
        let data = match (&raw, data) {
            (Some(raw), _) => content(raw),
            (None, data) => serde_json::value::to_raw_value(&data).unwrap_or_else(|_| null()),
        };
        let raw = raw.and_then(|raw| RawValue::from_string(raw).ok());
        Ok(WholeEvent { entry, data, raw, dedupe_key, copies, first_copies })
    }

    /// A page of the events in quarantine, oldest first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller: it is not certain whose they are.
    pub async fn quarantined(
        &self,
        scope: &Scope<perm::EventsRead>,
        reason: Option<QuarantineReason>,
        page: PageRequest<EventId>,
    ) -> Result<Paged<QuarantinedEvent>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        Ok(paged(tx.quarantined_events(reason, page.into()).await?, |event| event.id.to_string()))
    }

    /// Gives an event in quarantine to a plugin of the tenant, whose every account and number that it names must be.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] when it is not in quarantine, names what is not the plugin's, or
    /// came to the plugin before; [`CoreError::Denied`] for a limited caller.
    pub async fn route(
        &self,
        scope: &Scope<perm::EventsWrite>,
        id: EventId,
        plugin: PluginId,
    ) -> Result<EventEntry, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        let missing = CoreError::Missing(Thing::Resource("event"));
        let before = tx.event(&Reach::ALL, id).await?.ok_or(missing)?;
        if !tx.release_event(id).await? {
            return Err(conflict(code::EVENT_NOT_QUARANTINED, "the event is not in quarantine").into());
        }
        let owner = tx.owner_of_plugin(plugin).await?;
        let owner = owner.ok_or_else(|| CoreError::invalid("/plugin_id", "names no plugin of yours"))?;
        may_own(&mut tx, &before.entry, plugin).await?;
        if let Some(key) = &before.dedupe_key
            && tx.claim_event_key(key_of(plugin, key), id).await?.is_some()
        {
            let detail = "the plugin has received this event already; the copy stays in quarantine";
            return Err(conflict(code::EVENT_RECEIVED_ALREADY, detail).into());
        }
        give(&mut tx, &before, plugin, owner.customer).await?;
        let after = tx.event(&Reach::ALL, id).await?.ok_or(CoreError::Missing(Thing::Resource("event")))?.entry;
        let (from, into) = (json!({"state": before.entry.state}), json!({"plugin_id": plugin}));
        let change = Change::of("event.route").to("event", id).from(&from).into(&into);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// Fails when the event names an account or a number that is not the plugin's.
async fn may_own(tx: &mut TenantTx, entry: &EventEntry, plugin: PluginId) -> Result<(), Error> {
    let (waba, number) = (entry.waba_id.as_ref(), entry.phone_number_id.as_ref());
    if waba.is_none() && number.is_none() {
        return Ok(());
    }
    let wabas: Vec<_> = waba.iter().map(|id| id.as_str().to_owned()).collect();
    let numbers: Vec<_> = number.iter().map(|id| id.as_str().to_owned()).collect();
    let owners = tx.named_owners(&wabas, &numbers, &[]).await?;
    let claim = Claim { waba, phone_number: number, message: None };
    number_of(plugin, claim, &owners).map_err(|_| {
        let detail = "the event names an account or a number that is not known to be this plugin's";
        conflict(code::EVENT_OF_ANOTHER_PLUGIN, detail)
    })?;
    Ok(())
}

/// What happened, out of a body with one event.
fn content(raw: &str) -> Box<RawValue> {
    let Ok(body) = parse(raw.as_bytes()) else { return null() };
    let content = body.events.first().map_or(raw, |event| event.content);
    RawValue::from_string(content.to_owned()).unwrap_or_else(|_| null())
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

const fn conflict(code: code::Code, detail: &'static str) -> CoreError {
    CoreError::Conflict { code, pointer: None, detail }
}
