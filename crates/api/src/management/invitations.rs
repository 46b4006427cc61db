//! Invitations: how people become members.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Email, Invitation, InvitationId, Name, RoleName};
use portico_identity::CreateInvitation;
use portico_web::browser::Host;
use portico_web::cookies::own_url;
use portico_web::extract::{Body, PageQuery, Query, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Json, List, NoContent};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::reveal;

/// An invitation to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "role": "developer", "name": "Ada"}))]
pub(crate) struct InviteBody {
    /// Who is invited. Nothing is sent to the address: pass the link on yourself.
    email: Email,
    /// The name of the role that the member will have, built in or the tenant's own.
    role: RoleName,
    /// What people call the one who is invited.
    name: Option<Name>,
    /// For how long it can be accepted, in seconds; absent: seven days.
    #[schema(minimum = 60, maximum = 2_592_000)]
    expires_in: Option<u32>,
}

/// A new invitation, with the link that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedInvitation {
    /// The invitation.
    #[serde(flatten)]
    invitation: Invitation,
    /// Where it is accepted. Whoever has this link can accept it, once. Nobody can read it again.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, example = "https://portico.example.com/console/invitations/tN2W0wKq5bqY0r3c0m1VYb7lqk5s1i0cJ9yq3v1vM4A")]
    accept_url: SecretString,
}

/// Invites somebody. The link is shown this once.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "invitations", operation_id = "invite",
    request_body = InviteBody,
    responses(
        (status = 201, body = IssuedInvitation, description = "The new invitation and its link."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The address is a member's, or has an open invitation."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::MembersWrite>,
    Body(InviteBody { email, role, name, expires_in }): Body<InviteBody>,
    host: Host,
    app: Data<App>,
) -> Result<Created<IssuedInvitation>, Problem> {
    let created = app.invitations().create(caller.scope(), CreateInvitation { email, name, role, expires_in }).await?;
    let accept_url = format!("{}/console/invitations/{}", own_url(&app, &host.0), created.token.expose());
    Ok(Created(IssuedInvitation { invitation: created.invitation, accept_url: accept_url.into() }))
}

/// Lists invitations, those that are over included.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "invitations", operation_id = "list_invitations",
    params(PageQuery<InvitationId>), responses((status = 200, body = List<Invitation>, description = "Invitations.")))]
pub(crate) async fn list(
    caller: Caller<perm::MembersRead>,
    Query(query): Query<PageQuery<InvitationId>>,
    app: Data<App>,
) -> Result<Json<List<Invitation>>, Problem> {
    Ok(app.invitations().list(caller.scope(), query.into()).await?.into())
}

/// Reads an invitation, without its link.
#[utoipa::path(get, path = "/api/v1/invitations/{id}", tag = "invitations", operation_id = "get_invitation",
    params(("id" = InvitationId, Path, description = "The invitation.")),
    responses((status = 200, body = Invitation, description = "The invitation.")))]
pub(crate) async fn get(
    caller: Caller<perm::MembersRead>,
    Segment(id): Segment<InvitationId>,
    app: Data<App>,
) -> Result<Json<Invitation>, Problem> {
    Ok(Json(app.invitations().get(caller.scope(), id).await?))
}

/// Takes an invitation back. A second time changes nothing.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations", operation_id = "revoke_invitation",
    params(("id" = InvitationId, Path, description = "The invitation.")),
    responses(
        (status = 204, description = "Its link is worth nothing any more."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It was accepted."),
    ))]
pub(crate) async fn revoke(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<InvitationId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.invitations().revoke(caller.scope(), id).await?;
    Ok(NoContent)
}
