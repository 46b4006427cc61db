//! Who calls; and the session of a browser.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use portico_app::App;
use portico_auth::Actor;
use portico_core::{Error, Thing};
use portico_domain::audit::AuditActorKind;
use portico_domain::{Member, PermissionSet, TenantId};
use portico_web::cookies::Cookie;
use portico_web::guard::Anyone;
use portico_web::problem::Problem;
use portico_web::reply::{Json, NoContent, Reply};
use serde::Serialize;
use utoipa::ToSchema;

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// What kind of caller: `operator`, `api_key` or `member`.
    kind: AuditActorKind,
    /// The API key or member; null for the operator.
    #[schema(example = "mem_01h455vb4pex5vsknk084sn02q")]
    id: Option<String>,
    /// The tenant acted in; null for the operator who names none.
    tenant: Option<SessionTenant>,
    /// The member, if it is one.
    member: Option<Member>,
    /// What the caller may do.
    permissions: PermissionSet,
    /// What calls with the session's cookie that change something send as `X-CSRF-Token`; null without one.
    csrf_token: Option<String>,
}

/// The tenant acted in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionTenant {
    /// Its id.
    id: TenantId,
    /// Its name.
    name: String,
}

/// That a browser is signed out: it forgets the cookie.
#[derive(Debug)]
pub(crate) struct SignedOut(String);

impl Reply for SignedOut {
    fn into_response(self) -> HttpResponse {
        let mut answer = NoContent.into_response();
        if let Ok(cookie) = HeaderValue::try_from(self.0) {
            answer.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        answer
    }
}

/// Says who calls.
///
/// With any credential. A page that was opened with a session's cookie learns here what to send as
/// `X-CSRF-Token`.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", operation_id = "get_session",
    responses((status = 200, body = Session, description = "Who calls.")))]
pub(crate) async fn get(caller: Anyone, app: Data<App>) -> Result<Json<Session>, Problem> {
    let who = app.sessions().who_am_i(caller.principal()).await?;
    let (kind, id) = match who.actor {
        Actor::Operator => (AuditActorKind::Operator, None),
        Actor::ApiKey(id) => (AuditActorKind::ApiKey, Some(id.to_string())),
        Actor::Member(id) => (AuditActorKind::Member, Some(id.to_string())),
    };
    Ok(Json(Session {
        kind,
        id,
        tenant: who.tenant.map(|tenant| SessionTenant { id: tenant.id, name: tenant.name }),
        member: who.member,
        permissions: who.permissions,
        csrf_token: caller.session().and_then(|session| app.sessions().csrf_token(session)),
    }))
}

/// Signs the calling browser out.
///
/// A caller without a session, such as an API key, is answered 404. A token that a member minted is refused.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "The session has ended.")))]
pub(crate) async fn end(caller: Anyone, app: Data<App>) -> Result<SignedOut, Problem> {
    caller.principal().not_by_token()?;
    let session = caller.session().ok_or(Error::Missing(Thing::Session))?;
    app.sessions().sign_out(session, caller.principal().origin()).await?;
    Ok(SignedOut(Cookie::Session.clear(&app)))
}
