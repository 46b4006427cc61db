//! `POST /api/v1/plugins`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::CreatePlugin;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Plugin, PluginId};
use portico_web::extract::Body;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::management::values::PluginName;

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
pub(crate) async fn handler(
    caller: Caller<perm::PluginsWrite>,
    Body(body): Body<CreatePluginBody>,
    app: Data<App>,
) -> Result<Created<Plugin>, Problem> {
    let new = CreatePlugin { customer: body.customer_id, name: body.name.map(String::from), adopt: body.plugin_id };
    Ok(Created(app.plugins().create(caller.scope(), new).await?))
}
