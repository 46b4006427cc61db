//! Plugins.

use actix_web::web::Data;
use portico_app::{App, CreatePlugin};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Plugin, PluginId};
use portico_web::extract::{Body, Cursor, Limit, NoBody, Query, Segment, page};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Json, List, NoContent};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::values::PluginName;

/// A plugin to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "cus_01h455vb4pex5vsknk084sn02q"}))]
pub(crate) struct CreatePluginBody {
    /// Whose it will be.
    customer_id: CustomerId,
    /// Its name at Chakra; absent: made of the customer's external id.
    name: Option<PluginName>,
    /// A plugin that Chakra has already, instead of a new one.
    plugin_id: Option<PluginId>,
}

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

/// Makes a plugin at Chakra for a customer, or adopts one that Chakra has for the tenant's key.
#[utoipa::path(post, path = "/api/v1/plugins", tag = "plugins", operation_id = "make_plugin",
    request_body = CreatePluginBody,
    responses(
        (status = 201, body = Plugin, description = "The plugin."),
        (status = 404, body = Document, content_type = "application/problem+json",
            description = "There is no such customer, or no such plugin to adopt."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The plugin is another's, or the tenant has no Chakra key."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::PluginsWrite>,
    Body(body): Body<CreatePluginBody>,
    app: Data<App>,
) -> Result<Created<Plugin>, Problem> {
    let new = CreatePlugin { customer: body.customer_id, name: body.name.map(String::from), adopt: body.plugin_id };
    Ok(Created(app.create_plugin(caller.scope(), new).await?))
}

/// Lists plugins.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    params(PluginsQuery), responses((status = 200, body = List<Plugin>, description = "Plugins.")))]
pub(crate) async fn list(
    caller: Caller<perm::PluginsRead>,
    Query(query): Query<PluginsQuery>,
    app: Data<App>,
) -> Result<Json<List<Plugin>>, Problem> {
    Ok(app.plugins(caller.scope(), query.customer_id, page(query.limit, query.cursor)).await?.into())
}

/// Reads a plugin as Portico last knew it.
#[utoipa::path(get, path = "/api/v1/plugins/{plugin_id}", tag = "plugins", operation_id = "read_plugin",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses((status = 200, body = Plugin, description = "The plugin.")))]
pub(crate) async fn get(
    caller: Caller<perm::PluginsRead>,
    Segment(id): Segment<PluginId>,
    app: Data<App>,
) -> Result<Json<Plugin>, Problem> {
    Ok(Json(app.plugin(caller.scope(), id).await?))
}

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
pub(crate) async fn delete(
    caller: Caller<perm::PluginsWrite>,
    Segment(id): Segment<PluginId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.delete_plugin(caller.scope(), id).await?;
    Ok(NoContent)
}

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
pub(crate) async fn sync(
    caller: Caller<perm::PluginsWrite>,
    Segment(id): Segment<PluginId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<Plugin>, Problem> {
    Ok(Json(app.sync_plugin(caller.scope(), id).await?))
}
