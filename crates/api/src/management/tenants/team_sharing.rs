//! `/api/v1/tenants/{id}/team-sharing`: whose Chakra team a tenant may share.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{TeamSharing, TenantId};
use portico_web::extract::{NoBody, PageQuery, Query, Segment, Segments};
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List, NoContent};

/// Lists the tenants whose Chakra team a tenant may share.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/team-sharing", tag = "tenants", operation_id = "list_team_sharing",
    params(("id" = TenantId, Path, description = "The tenant."), PageQuery<TenantId>),
    responses((status = 200, body = List<TeamSharing>, description = "The tenants, in order of their ids.")))]
pub(crate) async fn list(
    operator: Operator<perm::TenantsRead>,
    Segment(id): Segment<TenantId>,
    Query(query): Query<PageQuery<TenantId>>,
    app: Data<App>,
) -> Result<Json<List<TeamSharing>>, Problem> {
    Ok(app.tenants().team_sharing(operator.scope(), id, query.into()).await?.into())
}

/// Lets a tenant store keys of a Chakra team that another tenant holds.
///
/// Without it such a key is refused with 409 `team_in_use`. While two tenants are in one team, both are limited to
/// calls that name what is theirs.
#[utoipa::path(put, path = "/api/v1/tenants/{id}/team-sharing/{other}", tag = "tenants",
    operation_id = "allow_team_sharing",
    params(("id" = TenantId, Path, description = "The tenant that joins."),
        ("other" = TenantId, Path, description = "The tenant that holds the team.")),
    responses((status = 204, description = "It may.")))]
pub(crate) async fn allow(
    operator: Operator<perm::TenantsWrite>,
    Segments(id, other): Segments<TenantId, TenantId>,
    _: NoBody,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.tenants().allow_team_sharing(operator.scope(), id, other).await?;
    Ok(NoContent)
}

/// Takes that leave back.
///
/// The tenant stores no further key of that team. Keys that it has stored go on until they are deleted.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/team-sharing/{other}", tag = "tenants",
    operation_id = "end_team_sharing",
    params(("id" = TenantId, Path, description = "The tenant that joined."),
        ("other" = TenantId, Path, description = "The tenant that holds the team.")),
    responses((status = 204, description = "It may no longer.")))]
pub(crate) async fn end(
    operator: Operator<perm::TenantsWrite>,
    Segments(id, other): Segments<TenantId, TenantId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.tenants().end_team_sharing(operator.scope(), id, other).await?;
    Ok(NoContent)
}
