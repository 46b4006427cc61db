//! The configuration of a plugin: what the tenant wants, and what Chakra has.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::{ConfigurationState, PluginConfiguration};
use portico_domain::PluginId;
use portico_domain::permission::perm;
use portico_web::extract::{Body, IfMatch, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Tagged;

/// Reads what the tenant wants, and asks Chakra what it has.
#[utoipa::path(get, path = "/api/v1/plugins/{plugin_id}/configuration", tag = "plugins",
    operation_id = "get_configuration", params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses(
        (status = 200, body = ConfigurationState, description = "Both sides.",
            headers(("ETag" = String, description = "The version, for `If-Match`."))),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The tenant has no Chakra key."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time."),
    ))]
pub(crate) async fn get(
    caller: Caller<perm::PluginsRead>,
    Segment(id): Segment<PluginId>,
    app: Data<App>,
) -> Result<Tagged<ConfigurationState>, Problem> {
    let state = app.plugin_configurations().get(caller.scope(), id).await?;
    let version = state.version;
    Ok(Tagged(state, version))
}

/// Changes what the tenant wants, and makes it so at Chakra. Absent fields stay as they are.
#[utoipa::path(patch, path = "/api/v1/plugins/{plugin_id}/configuration", tag = "plugins",
    operation_id = "change_configuration",
    params(
        ("plugin_id" = PluginId, Path, description = "The plugin."),
        ("If-Match" = String, Header, description = "The ETag that you read, or `*` for whatever it is.",
            example = "\"3\""),
    ),
    request_body = PluginConfiguration,
    responses(
        (status = 200, body = ConfigurationState, description = "Both sides as they are now.",
            headers(("ETag" = String, description = "The version, for `If-Match`."))),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The tenant has no Chakra key."),
        (status = 412, body = Document, content_type = "application/problem+json",
            description = "It changed since it was read."),
        (status = 428, body = Document, content_type = "application/problem+json",
            description = "There is no `If-Match`."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::PluginsWrite>,
    Segment(id): Segment<PluginId>,
    based_on: IfMatch,
    Body(wanted): Body<PluginConfiguration>,
    app: Data<App>,
) -> Result<Tagged<ConfigurationState>, Problem> {
    let state = app.plugin_configurations().patch(caller.scope(), id, based_on.into(), wanted).await?;
    let version = state.version;
    Ok(Tagged(state, version))
}
