//! `GET /api/v1/plugins/{plugin_id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Plugin, PluginId};
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a plugin as Portico last knew it.
#[utoipa::path(get, path = "/api/v1/plugins/{plugin_id}", tag = "plugins", operation_id = "read_plugin",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses((status = 200, body = Plugin, description = "The plugin.")))]
pub(crate) async fn handler(
    caller: Caller<perm::PluginsRead>,
    Segment(id): Segment<PluginId>,
    app: Data<App>,
) -> Result<Json<Plugin>, Problem> {
    Ok(Json(app.plugins().get(caller.scope(), id).await?))
}
