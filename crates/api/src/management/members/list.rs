//! `GET /api/v1/members`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Member, MemberId};
use portico_web::extract::{PageQuery, Query};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

/// Lists members.
#[utoipa::path(get, path = "/api/v1/members", tag = "members", operation_id = "list_members",
    params(PageQuery<MemberId>), responses((status = 200, body = List<Member>, description = "Members.")))]
pub(crate) async fn handler(
    caller: Caller<perm::MembersRead>,
    Query(query): Query<PageQuery<MemberId>>,
    app: Data<App>,
) -> Result<Json<List<Member>>, Problem> {
    Ok(app.members().list(caller.scope(), query.into()).await?.into())
}
