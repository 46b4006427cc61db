//! `DELETE /api/v1/plugins/{plugin_id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::PluginId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Deletes a plugin at Chakra and here.
#[utoipa::path(delete, path = "/api/v1/plugins/{plugin_id}", tag = "plugins", operation_id = "remove_plugin",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The tenant has no Chakra key."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood. Repeat the call."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time. Repeat the call."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::PluginsWrite>,
    Segment(id): Segment<PluginId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.plugins().delete(caller.scope(), id).await?;
    Ok(NoContent)
}
