//! `DELETE /api/v1/members/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::MemberId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Removes a member. Its sessions end at once.
#[utoipa::path(delete, path = "/api/v1/members/{id}", tag = "members", operation_id = "remove_member",
    params(("id" = MemberId, Path, description = "The member.")),
    responses(
        (status = 204, description = "It is no member any more."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is the tenant's last owner."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<MemberId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.members().remove(caller.scope(), id).await?;
    Ok(NoContent)
}
