//! `GET /api/v1/plugins`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Plugin, PluginId};
use portico_web::extract::{Cursor, Limit, Query, page};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which plugins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginsQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<PluginId>>,
    /// Only those of this customer.
    customer_id: Option<CustomerId>,
}

/// Lists plugins.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    params(PluginsQuery), responses((status = 200, body = List<Plugin>, description = "Plugins.")))]
pub(crate) async fn handler(
    caller: Caller<perm::PluginsRead>,
    Query(query): Query<PluginsQuery>,
    app: Data<App>,
) -> Result<Json<List<Plugin>>, Problem> {
    Ok(app.plugins().list(caller.scope(), query.customer_id, page(query.limit, query.cursor)).await?.into())
}
