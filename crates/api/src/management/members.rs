//! Members: the people of the tenant.

use actix_web::web::Data;
use portico_app::{App, Error, PatchMember};
use portico_domain::permission::perm;
use portico_domain::{Member, MemberId, Name, RoleName};
use portico_web::extract::{Body, PageQuery, Query, Segment, given, nullable};
use portico_web::guard::{Anyone, Caller};
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Json, List, NoContent};
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a member; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "developer"}))]
pub(crate) struct PatchMemberBody {
    /// What people call it; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Name>)]
    name: Option<Option<Name>>,
    /// Another role, built in or the tenant's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<RoleName>,
}

/// Lists members.
#[utoipa::path(get, path = "/api/v1/members", tag = "members", operation_id = "list_members",
    params(PageQuery<MemberId>), responses((status = 200, body = List<Member>, description = "Members.")))]
pub(crate) async fn list(
    caller: Caller<perm::MembersRead>,
    Query(query): Query<PageQuery<MemberId>>,
    app: Data<App>,
) -> Result<Json<List<Member>>, Problem> {
    Ok(app.members(caller.scope(), query.into()).await?.into())
}

/// Reads a member.
#[utoipa::path(get, path = "/api/v1/members/{id}", tag = "members", operation_id = "get_member",
    params(("id" = MemberId, Path, description = "The member.")),
    responses((status = 200, body = Member, description = "The member.")))]
pub(crate) async fn get(
    caller: Caller<perm::MembersRead>,
    Segment(id): Segment<MemberId>,
    app: Data<App>,
) -> Result<Json<Member>, Problem> {
    Ok(Json(app.member(caller.scope(), id).await?))
}

/// Changes a member. Its sessions feel another role at once.
#[utoipa::path(patch, path = "/api/v1/members/{id}", tag = "members", operation_id = "change_member",
    params(("id" = MemberId, Path, description = "The member.")), request_body = PatchMemberBody,
    responses(
        (status = 200, body = Member, description = "The member as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is the tenant's last owner."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<MemberId>,
    Body(PatchMemberBody { name, role }): Body<PatchMemberBody>,
    app: Data<App>,
) -> Result<Json<Member>, Problem> {
    Ok(Json(app.patch_member(caller.scope(), id, PatchMember { name, role }).await?))
}

/// Removes a member. Its sessions end at once.
#[utoipa::path(delete, path = "/api/v1/members/{id}", tag = "members", operation_id = "remove_member",
    params(("id" = MemberId, Path, description = "The member.")),
    responses(
        (status = 204, description = "It is no member any more."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is the tenant's last owner."),
    ))]
pub(crate) async fn remove(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<MemberId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.remove_member(caller.scope(), id).await?;
    Ok(NoContent)
}

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
pub(crate) async fn leave(caller: Anyone, app: Data<App>) -> Result<NoContent, Problem> {
    app.leave(&caller.principal().authorize_call(None).map_err(Error::from)?).await?;
    Ok(NoContent)
}
