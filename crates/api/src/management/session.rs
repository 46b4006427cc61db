//! Who calls; and the session of a browser.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use ipnet::IpNet;
use portico_app::App;
use portico_auth::Actor;
use portico_core::{Error, Thing};
use portico_domain::audit::AuditActorKind;
use portico_domain::{
    CustomerId, Member, PermissionSet, PhoneNumberId, PluginId, RateLimit, RoleName, TenantId, TokenId,
};
use portico_web::cookies::Cookie;
use portico_web::guard::Anyone;
use portico_web::problem::Problem;
use portico_web::reply::{Json, NoContent, Reply};
use serde::Serialize;
use time::OffsetDateTime;
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
    /// The name of the key's or the member's role; null for the operator.
    #[schema(value_type = Option<String>, example = "messaging")]
    role: Option<RoleName>,
    /// What the caller may do.
    permissions: PermissionSet,
    /// The short-lived token that was presented; null where it was none.
    token_id: Option<TokenId>,
    /// The only customers that the caller reaches; null: all of the tenant.
    #[schema(required = true)]
    customers: Option<Vec<CustomerId>>,
    /// Their plugins, up to 1,000; null for a caller that reaches all of the tenant.
    #[schema(required = true)]
    plugins: Option<Vec<PluginId>>,
    /// The only phone numbers that the caller reaches, up to 1,000; null: all of the tenant.
    #[schema(required = true)]
    phone_numbers: Option<Vec<PhoneNumberId>>,
    /// What else bounds the caller.
    limits: SessionLimits,
    /// From when on what was presented is refused; null: it has no end.
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    /// What calls with the session's cookie that change something send as `X-CSRF-Token`; null without one.
    csrf_token: Option<String>,
}

/// What bounds a caller, beside what it may do and what it reaches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionLimits {
    /// Requests per second; null: no limit of its own.
    rate_limit: Option<RateLimit>,
    /// The addresses (CIDR) from which the key may be used; null: any.
    #[schema(value_type = Option<Vec<String>>, example = json!(["192.0.2.0/24"]))]
    allowed_ips: Option<Vec<IpNet>>,
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
/// With any credential: its role, what it may do, which customers, plugins and phone numbers it is limited to, its
/// other limits, and when it ends. `GET /api/v1/whoami` says the same. A page that was opened with a session's
/// cookie learns here what to send as `X-CSRF-Token`.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", operation_id = "get_session",
    responses((status = 200, body = Session, description = "Who calls.")))]
pub(crate) async fn get(caller: Anyone, app: Data<App>) -> Result<Json<Session>, Problem> {
    session(&caller, &app).await
}

/// Says who calls.
///
/// The same as `GET /api/v1/session`, under the name by which people look for it.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "session", operation_id = "who_am_i",
    responses((status = 200, body = Session, description = "Who calls.")))]
pub(crate) async fn who_am_i(caller: Anyone, app: Data<App>) -> Result<Json<Session>, Problem> {
    session(&caller, &app).await
}

async fn session(caller: &Anyone, app: &App) -> Result<Json<Session>, Problem> {
    let principal = caller.principal();
    let who = app.sessions().who_am_i(principal).await?;
    let (kind, id) = match who.actor {
        Actor::Operator => (AuditActorKind::Operator, None),
        Actor::ApiKey(id) => (AuditActorKind::ApiKey, Some(id.to_string())),
        Actor::Member(id) => (AuditActorKind::Member, Some(id.to_string())),
    };
    let (customers, plugins, phone_numbers) = match who.reached {
        Some(reached) => (Some(reached.customers), Some(reached.plugins), Some(reached.phone_numbers)),
        None => (None, None, None),
    };
    Ok(Json(Session {
        kind,
        id,
        tenant: who.tenant.map(|tenant| SessionTenant { id: tenant.id, name: tenant.name }),
        member: who.member,
        role: who.role,
        permissions: who.permissions,
        token_id: principal.token(),
        customers,
        plugins,
        phone_numbers,
        limits: SessionLimits { rate_limit: principal.rate_limit(), allowed_ips: who.allowed_ips },
        expires_at: principal.ends_at(),
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
