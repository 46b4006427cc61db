//! Events that were received, and those in quarantine.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{
    CustomerId, EventCopy, EventEntry, EventFilter, EventId, EventState, EventTypes, PhoneNumberId, PluginId,
    QuarantineReason, QuarantinedEvent, TenantId,
};
use portico_events::WholeEvent;
use portico_web::extract::{Body, Cursor, Limit, Parsed, Query, Segment, Timestamp, Word, page};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Json, List};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<EventId>>,
    /// Only of this type, or of all below a name.
    #[serde(rename = "type")]
    #[param(value_type = Option<String>, pattern = r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$", example = "message.*")]
    types: Option<EventTypes>,
    /// Only those that are passed on, or those in quarantine.
    #[param(value_type = Option<EventState>, inline)]
    state: Option<Parsed<EventState>>,
    /// Only of this customer.
    customer_id: Option<CustomerId>,
    /// Only through this plugin.
    #[param(value_type = Option<PluginId>)]
    plugin_id: Option<Parsed<PluginId>>,
    /// Only of this number, by Meta's id.
    phone_number_id: Option<PhoneNumberId>,
    /// Only about this WhatsApp message.
    #[param(value_type = Option<String>, max_length = 200, example = "wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA")]
    message_id: Option<Word>,
    /// Only those received then or later.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-26T00:00:00Z")]
    from: Option<Timestamp>,
    /// Only those received before then.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    before: Option<Timestamp>,
}

/// An event with its content, and how it came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// All but its content.
    #[serde(flatten)]
    entry: EventEntry,
    /// Whose it is.
    tenant_id: TenantId,
    /// What happened: the message, the status or the change's value, as Meta or Chakra wrote it.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// The body that it came in, with this event alone; null for Portico's own.
    #[schema(value_type = Option<Object>, required = true)]
    raw: Option<Box<RawValue>>,
    /// By what copies are recognised, within its plugin; null for Portico's own.
    #[schema(
        required = true,
        example = "message.status:wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA:read"
    )]
    dedupe_key: Option<String>,
    /// How many copies came and were not passed on.
    copies: u64,
    /// The first hundred of them.
    first_copies: Vec<EventCopy>,
}

impl EventView {
    fn of(tenant_id: TenantId, event: WholeEvent) -> Self {
        let WholeEvent { entry, data, raw, dedupe_key, copies, first_copies } = event;
        Self { entry, tenant_id, data, raw, dedupe_key, copies, first_copies }
    }
}

/// Lists events, the one that was received last first: everything but their content.
///
/// A key that is limited to customers or phone numbers sees theirs. Statuses may come in another order than they
/// happened; all are kept.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "list_events",
    params(EventsQuery), responses((status = 200, body = List<EventEntry>, description = "Events.")))]
pub(crate) async fn list(
    caller: Caller<perm::EventsRead>,
    Query(query): Query<EventsQuery>,
    app: Data<App>,
) -> Result<Json<List<EventEntry>>, Problem> {
    let page = page(query.limit, query.cursor);
    let filter = EventFilter {
        types: query.types,
        state: query.state.map(|state| state.0),
        customer: query.customer_id,
        plugin: query.plugin_id.map(|plugin| plugin.0),
        phone_number: query.phone_number_id,
        message_id: query.message_id.map(|id| id.0),
        from: query.from.map(Into::into),
        before: query.before.map(Into::into),
    };
    Ok(app.events().list(caller.scope(), &filter, page).await?.into())
}

/// Gives one event with its content, and says how often it came.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events", operation_id = "get_event",
    params(("id" = EventId, Path, description = "The event.")),
    responses((status = 200, body = EventView, description = "The event.")))]
pub(crate) async fn get(
    caller: Caller<perm::EventsRead>,
    Segment(id): Segment<EventId>,
    app: Data<App>,
) -> Result<Json<EventView>, Problem> {
    let event = app.events().get(caller.scope(), id).await?;
    Ok(Json(EventView::of(caller.scope().tenant(), event)))
}

/// Which events in quarantine.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuarantineQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<EventId>>,
    /// Only those that are there for this reason.
    #[param(value_type = Option<QuarantineReason>, inline)]
    reason: Option<Parsed<QuarantineReason>>,
}

/// Lists the events that are kept and not passed on, because it is not certain whose they are, oldest first.
///
/// The signature proves that an event is of the tenant's Chakra team, not of which customer. What names an account or a
/// number that is not the plugin's whose hook it came to is kept here. Where the owner is not known yet, the event is
/// routed by itself once the plugin is known to be it.
#[utoipa::path(get, path = "/api/v1/quarantined-events", tag = "events", operation_id = "list_quarantined_events",
    params(QuarantineQuery), responses((status = 200, body = List<QuarantinedEvent>, description = "Events.")))]
pub(crate) async fn list_quarantined(
    caller: Caller<perm::EventsRead>,
    Query(query): Query<QuarantineQuery>,
    app: Data<App>,
) -> Result<Json<List<QuarantinedEvent>>, Problem> {
    let (reason, page) = (query.reason.map(|reason| reason.0), page(query.limit, query.cursor));
    Ok(app.events().quarantined(caller.scope(), reason, page).await?.into())
}

/// Whose an event is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plugin_id": "11111111-2222-4333-8444-555555555555"}))]
pub(crate) struct RouteEventBody {
    /// The plugin that it belongs to. Every account and number that it names must be the plugin's.
    plugin_id: PluginId,
}

/// Gives an event in quarantine to a plugin, so that it is passed on.
#[utoipa::path(post, path = "/api/v1/quarantined-events/{id}/route", tag = "events", operation_id = "route_event",
    params(("id" = EventId, Path, description = "The event.")), request_body = RouteEventBody,
    responses(
        (status = 200, body = EventEntry, description = "The event as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is not in quarantine, is another plugin's, or came to the plugin before."),
    ))]
pub(crate) async fn route(
    caller: Caller<perm::EventsWrite>,
    Segment(id): Segment<EventId>,
    Body(body): Body<RouteEventBody>,
    app: Data<App>,
) -> Result<Json<EventEntry>, Problem> {
    Ok(Json(app.events().route(caller.scope(), id, body.plugin_id).await?))
}
