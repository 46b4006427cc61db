//! `POST /api/v1/tenants`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Name, Tenant};
use portico_identity::NewTenant;
use portico_web::extract::Body;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

/// A tenant to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Example Shop"}))]
pub(crate) struct CreateTenant {
    /// Its name.
    name: Name,
}

/// Creates a tenant.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", operation_id = "create_tenant",
    request_body = CreateTenant, responses((status = 201, body = Tenant, description = "The new tenant.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsWrite>,
    Body(new): Body<CreateTenant>,
    app: Data<App>,
) -> Result<Created<Tenant>, Problem> {
    Ok(Created(app.tenants().create(operator.scope(), NewTenant { name: new.name }).await?))
}
