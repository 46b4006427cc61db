//! The look-up.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{
    CustomerId, ExternalId, LookupFilter, LookupPlace, LookupRow, PhoneDigits, PhoneNumberId, PluginId, WabaId,
};
use portico_web::extract::{Cursor, Flag, Limit, Query, page};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// What is known: at least one of the ids and numbers; a row fits all that are named.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LookupQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<LookupPlace>>,
    /// The customer.
    customer_id: Option<CustomerId>,
    /// The tenant's own id of the customer.
    external_id: Option<ExternalId>,
    /// The phone number with its country code, in any writing: digits with `+`, `-`, `.`, `/`, brackets
    /// or blanks between them. A leading `00` counts as `+`.
    #[param(value_type = Option<String>, example = "+1 555-000-2222")]
    display_phone_number: Option<PhoneDigits>,
    /// The WABA.
    waba_id: Option<WabaId>,
    /// The phone number, by Meta's id.
    phone_number_id: Option<PhoneNumberId>,
    /// The plugin.
    plugin_id: Option<PluginId>,
    /// Whether Chakra is asked anew before the answer.
    #[serde(default)]
    #[param(value_type = Option<bool>, default = false)]
    refresh: Flag,
}

/// Finds plugins and phone numbers by whatever is known of a customer, with the age of the information.
///
/// Name at least one of `customer_id`, `external_id`, `display_phone_number`, `waba_id`,
/// `phone_number_id` and `plugin_id`; a row fits all that are named. There is a row for each phone
/// number, for each WABA without a number, each plugin without a WABA and each customer without a
/// plugin; what is not there yet is null. What does not exist, or not for this caller, gives an empty
/// list.
///
/// With `refresh=true` Chakra is first asked about every plugin that fits what Portico has recorded:
/// at most 20, 4 at once, 30 seconds in all. If any of them cannot be had, the call fails and all
/// records stay as they were; one that Chakra no longer has gets the `plugin_status` `missing`. A
/// number that Portico has not seen yet is found by refreshing its customer or plugin.
///
/// Permissions: `plugins:read`, `customers:read`, `wabas:read` and `phone_numbers:read`; with
/// `refresh` `plugins:write` too, and a key that is not limited to phone numbers.
#[utoipa::path(get, path = "/api/v1/lookup", tag = "lookup", operation_id = "look_up",
    params(LookupQuery),
    responses(
        (status = 200, body = List<LookupRow>, description = "What fits."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "A refresh, and the tenant has no Chakra key."),
        (status = 422, body = Document, content_type = "application/problem+json",
            description = "A refresh of more than 20 plugins."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "A refresh, and Chakra refused, or cannot be reached or understood. Nothing was changed."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "A refresh, and Chakra did not answer in time. Nothing was changed."),
    ))]
pub(crate) async fn find(
    caller: Caller<perm::PluginsRead>,
    Query(query): Query<LookupQuery>,
    app: Data<App>,
) -> Result<Json<List<LookupRow>>, Problem> {
    let part = page(query.limit, query.cursor);
    let filter = LookupFilter {
        customer: query.customer_id,
        external_id: query.external_id,
        display_phone_number: query.display_phone_number,
        waba: query.waba_id,
        phone_number: query.phone_number_id,
        plugin: query.plugin_id,
    };
    Ok(app.lookup(caller.scope(), filter, query.refresh.is_set(), part).await?.into())
}
