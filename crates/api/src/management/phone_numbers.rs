//! Phone numbers.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PhoneNumber, PhoneNumberId, PluginId};
use portico_web::extract::{Body, Cursor, Limit, Query, Segment, page};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Which phone numbers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PhoneNumbersQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<PhoneNumberId>>,
    /// Only those of this customer.
    customer_id: Option<CustomerId>,
    /// Only those of this plugin.
    plugin_id: Option<PluginId>,
}

/// What changes of a phone number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"is_active": false}))]
pub(crate) struct PatchPhoneNumber {
    /// Whether the tenant sends from it.
    is_active: bool,
}

/// Lists phone numbers as Portico last knew them.
#[utoipa::path(get, path = "/api/v1/phone-numbers", tag = "phone-numbers", operation_id = "list_phone_numbers",
    params(PhoneNumbersQuery), responses((status = 200, body = List<PhoneNumber>, description = "Phone numbers.")))]
pub(crate) async fn list(
    caller: Caller<perm::PhoneNumbersRead>,
    Query(query): Query<PhoneNumbersQuery>,
    app: Data<App>,
) -> Result<Json<List<PhoneNumber>>, Problem> {
    let part = page(query.limit, query.cursor);
    Ok(app.phone_numbers(caller.scope(), query.customer_id, query.plugin_id, part).await?.into())
}

/// Reads a phone number as Portico last knew it.
#[utoipa::path(get, path = "/api/v1/phone-numbers/{id}", tag = "phone-numbers", operation_id = "get_phone_number",
    params(("id" = PhoneNumberId, Path, description = "The phone number, by Meta's id.")),
    responses((status = 200, body = PhoneNumber, description = "The phone number.")))]
pub(crate) async fn get(
    caller: Caller<perm::PhoneNumbersRead>,
    Segment(id): Segment<PhoneNumberId>,
    app: Data<App>,
) -> Result<Json<PhoneNumber>, Problem> {
    Ok(Json(app.phone_number(caller.scope(), id).await?))
}

/// Switches a phone number on or off. Calls that name one that is off are refused.
#[utoipa::path(patch, path = "/api/v1/phone-numbers/{id}", tag = "phone-numbers",
    operation_id = "change_phone_number",
    params(("id" = PhoneNumberId, Path, description = "The phone number, by Meta's id.")),
    request_body = PatchPhoneNumber,
    responses((status = 200, body = PhoneNumber, description = "The phone number as it is now.")))]
pub(crate) async fn patch(
    caller: Caller<perm::PhoneNumbersWrite>,
    Segment(id): Segment<PhoneNumberId>,
    Body(body): Body<PatchPhoneNumber>,
    app: Data<App>,
) -> Result<Json<PhoneNumber>, Problem> {
    Ok(Json(app.set_phone_number_active(caller.scope(), id, body.is_active).await?))
}
