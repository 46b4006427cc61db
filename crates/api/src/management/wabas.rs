//! WhatsApp Business Accounts.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PluginId, Waba, WabaId};
use portico_web::extract::{Cursor, Limit, Query, Segment, page};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which WABAs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WabasQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<WabaId>>,
    /// Only those of this customer.
    customer_id: Option<CustomerId>,
    /// Only those of this plugin.
    plugin_id: Option<PluginId>,
}

/// Lists WABAs as Portico last knew them.
#[utoipa::path(get, path = "/api/v1/wabas", tag = "wabas", operation_id = "list_wabas",
    params(WabasQuery), responses((status = 200, body = List<Waba>, description = "WABAs.")))]
pub(crate) async fn list(
    caller: Caller<perm::WabasRead>,
    Query(query): Query<WabasQuery>,
    app: Data<App>,
) -> Result<Json<List<Waba>>, Problem> {
    let part = page(query.limit, query.cursor);
    Ok(app.wabas(caller.scope(), query.customer_id, query.plugin_id, part).await?.into())
}

/// Reads a WABA as Portico last knew it.
#[utoipa::path(get, path = "/api/v1/wabas/{id}", tag = "wabas", operation_id = "get_waba",
    params(("id" = WabaId, Path, description = "The WABA.")),
    responses((status = 200, body = Waba, description = "The WABA.")))]
pub(crate) async fn get(
    caller: Caller<perm::WabasRead>,
    Segment(id): Segment<WabaId>,
    app: Data<App>,
) -> Result<Json<Waba>, Problem> {
    Ok(Json(app.waba(caller.scope(), id).await?))
}
