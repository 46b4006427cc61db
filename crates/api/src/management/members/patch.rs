//! `PATCH /api/v1/members/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Member, MemberId, Name, RoleName};
use portico_identity::PatchMember;
use portico_web::extract::{Body, Patch, Segment, given};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a member; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "developer"}))]
pub(crate) struct PatchMemberBody {
    /// What people call it; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<Name>)]
    name: Patch<Name>,
    /// Another role, built in or the tenant's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<RoleName>,
}

/// Changes a member. Its sessions feel another role at once.
#[utoipa::path(patch, path = "/api/v1/members/{id}", tag = "members", operation_id = "change_member",
    params(("id" = MemberId, Path, description = "The member.")), request_body = PatchMemberBody,
    responses(
        (status = 200, body = Member, description = "The member as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is the tenant's last owner."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<MemberId>,
    Body(PatchMemberBody { name, role }): Body<PatchMemberBody>,
    app: Data<App>,
) -> Result<Json<Member>, Problem> {
    Ok(Json(app.members().patch(caller.scope(), id, PatchMember { name: name.into(), role }).await?))
}
