//! `POST /api/v1/members/{id}/sign-in-link`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::MemberId;
use portico_domain::permission::perm;
use portico_web::browser::Host;
use portico_web::cookies::own_url;
use portico_web::extract::{Body, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Created;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::management::values::reveal;

/// A link to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 900}))]
pub(crate) struct SignInLinkBody {
    /// For how long it can be used, in seconds; absent: a quarter of an hour.
    #[schema(minimum = 60, maximum = 3600, default = 900)]
    expires_in: Option<u32>,
}

/// A link by which a member signs in once. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInLink {
    /// Where the member signs in, and may set another password. Whoever has this link can, once. Nobody can read it
    /// again.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, example = "https://portico.example.com/console/sign-in/link/eyJ1bnRpbCI6MTc5NjA0MTIwMH0.c2lnbmF0dXJl")]
    url: SecretString,
    /// From when on it is worth nothing.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Makes a link by which a member signs in once and sets another password: for who lost theirs.
///
/// Pass the link on yourself; nothing is sent. Only an owner or the operator makes one, because whoever opens it
/// acts as the member. It is worth nothing once it was used, or once the member's password or account changed. It
/// stands in the audit log as `member.sign_in_link`.
#[utoipa::path(post, path = "/api/v1/members/{id}/sign-in-link", tag = "members",
    operation_id = "create_member_sign_in_link",
    params(("id" = MemberId, Path, description = "The member.")), request_body = SignInLinkBody,
    responses((status = 201, body = SignInLink, description = "The link.")))]
pub(crate) async fn handler(
    caller: Caller<perm::MembersWrite>,
    Segment(id): Segment<MemberId>,
    Body(body): Body<SignInLinkBody>,
    host: Host,
    app: Data<App>,
) -> Result<Created<SignInLink>, Problem> {
    let made = app.sign_in().links().create(caller.scope(), id, body.expires_in).await?;
    let url = format!("{}/console/sign-in/link/{}", own_url(&app, &host.0), made.ticket.expose_secret());
    Ok(Created(SignInLink { url: url.into(), expires_at: made.expires_at }))
}
