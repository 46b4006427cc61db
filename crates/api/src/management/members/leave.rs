//! `DELETE /api/v1/members/me`.

use actix_web::web::Data;
use portico_app::App;
use portico_web::guard::Anyone;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Takes the calling member out of the tenant, whatever its role.
///
/// A caller that is no member, such as an API key, is answered 404. A token that a member minted is refused:
/// only a session may leave.
#[utoipa::path(delete, path = "/api/v1/members/me", tag = "members", operation_id = "leave",
    responses(
        (status = 204, description = "The caller is no member any more; its sessions have ended."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The caller is the tenant's last owner."),
    ))]
pub(crate) async fn handler(caller: Anyone, app: Data<App>) -> Result<NoContent, Problem> {
    app.members().leave(&caller.principal().authorize_call(None)?).await?;
    Ok(NoContent)
}
