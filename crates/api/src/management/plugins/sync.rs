//! `POST /api/v1/plugins/{plugin_id}/sync`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Plugin, PluginId};
use portico_web::extract::{NoBody, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;

/// Asks Chakra for the plugin's state, WABAs, phone numbers and configuration, and notes them.
#[utoipa::path(post, path = "/api/v1/plugins/{plugin_id}/sync", tag = "plugins", operation_id = "sync_plugin",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses(
        (status = 200, body = Plugin, description = "The plugin as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The tenant has no Chakra key."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::PluginsWrite>,
    Segment(id): Segment<PluginId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<Plugin>, Problem> {
    Ok(Json(app.plugins().sync(caller.scope(), id).await?))
}
