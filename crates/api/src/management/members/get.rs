//! `GET /api/v1/members/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Member, MemberId};
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a member.
#[utoipa::path(get, path = "/api/v1/members/{id}", tag = "members", operation_id = "get_member",
    params(("id" = MemberId, Path, description = "The member.")),
    responses((status = 200, body = Member, description = "The member.")))]
pub(crate) async fn handler(
    caller: Caller<perm::MembersRead>,
    Segment(id): Segment<MemberId>,
    app: Data<App>,
) -> Result<Json<Member>, Problem> {
    Ok(Json(app.members().get(caller.scope(), id).await?))
}
