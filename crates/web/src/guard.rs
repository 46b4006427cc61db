//! No permission, no route.
//!
//! A management handler is registered through [`guarded`](crate::routes::Routes::guarded), whose bound asks
//! for a [`Caller`] or an [`Operator`] as the handler's first argument. Both name a permission as a type, and
//! neither can be had without it: whoever reaches the handler's body was allowed to.
//!
//! ```
//! use portico_domain::permission::perm;
//! use portico_web::guard::Caller;
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//! use portico_web::route;
//! use portico_web::routes::Routes;
//!
//! #[utoipa::path(get, path = "/api/v1/example", responses((status = 200, description = "It.")))]
//! async fn read(caller: Caller<perm::CustomersRead>) -> Result<Json<String>, Problem> {
//!     Ok(Json(caller.scope().tenant().to_string()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(route!(read));
//! assert_eq!(routes.table()[0].permission.map(|needed| needed.as_str()), Some("customers:read"));
//! ```
//!
//! The same without the caller does not compile:
//!
//! ```compile_fail
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//! use portico_web::route;
//! use portico_web::routes::Routes;
//!
//! #[utoipa::path(get, path = "/api/v1/example", responses((status = 200, description = "It.")))]
//! async fn read() -> Result<Json<String>, Problem> {
//!     Ok(Json("for anybody".to_owned()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(route!(read));
//! ```
//!
//! Nor does one that asks for it last, after the body was read:
//!
//! ```compile_fail
//! use portico_domain::permission::perm;
//! use portico_web::extract::Body;
//! use portico_web::guard::Caller;
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//! use portico_web::route;
//! use portico_web::routes::Routes;
//!
//! #[utoipa::path(post, path = "/api/v1/example", responses((status = 200, description = "It.")))]
//! async fn write(_: Body<bool>, caller: Caller<perm::CustomersWrite>) -> Result<Json<String>, Problem> {
//!     Ok(Json(caller.scope().tenant().to_string()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(route!(write));
//! ```

use crate::cookies::{Cookie, is_from_own_page};
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest};
use portico_app::App;
use portico_auth::{Actor, BadCredential, OperatorScope, Origin, Party, Principal, Scope};
use portico_core::Error as CoreError;
use portico_core::bulkhead::Lane;
use portico_core::trusted_proxies::TrustedProxies;
use portico_domain::permission::Required;
use portico_domain::{Permission, TenantId};
use portico_identity::{Browser, Error as IdentityError, REJUDGED_AFTER, RequestCredentials};

use crate::argument::{Extract, app};
use crate::browser;
use crate::client_address::client_address;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// The header by which the operator names a tenant.
static PORTICO_TENANT: HeaderName = HeaderName::from_static("portico-tenant");

/// Proof of a permission, or that the caller is known.
pub trait Permit: Extract {
    /// The permission that it proves; none where every known caller may.
    const PERMISSION: Option<Permission>;
    /// Whether only the operator can have it.
    const OPERATOR: bool;
}

/// The arguments of a handler, of which the first is a [`Permit`]. They are extracted one after the
/// other, so nothing else is read, and nothing said of it, before the caller is authorised. When all are there, the
/// call waits for its turn; so whoever sends a body slowly holds none. When that and the body took [`REJUDGED_AFTER`]
/// or longer, the caller is authorised once more.
pub trait Guarded: Extract {
    /// The type of the first argument.
    type Permit: Permit;
}

/// A caller who may do `P` in its tenant.
#[derive(Debug)]
pub struct Caller<P>(Scope<P>);

/// The operator, who may do `P` across tenants.
#[derive(Debug)]
pub struct Operator<P>(OperatorScope<P>);

/// A caller who is known, whatever it may do: for what concerns the caller alone.
#[derive(Debug)]
pub struct Anyone {
    principal: Principal,
    session: Option<String>,
}

impl Anyone {
    /// The caller, with its role and limits.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The token of its session, where that is what it presented.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

impl<P> Caller<P> {
    /// The proof of `P` in the caller's tenant, which use cases ask for.
    #[must_use]
    pub const fn scope(&self) -> &Scope<P> {
        &self.0
    }
}

impl<P> Operator<P> {
    /// The proof of `P` across tenants, which use cases ask for.
    #[must_use]
    pub const fn scope(&self) -> &OperatorScope<P> {
        &self.0
    }
}

impl<P: Required> Permit for Caller<P> {
    const PERMISSION: Option<Permission> = Some(P::PERMISSION);
    const OPERATOR: bool = false;
}

impl<P: Required> Permit for Operator<P> {
    const PERMISSION: Option<Permission> = Some(P::PERMISSION);
    const OPERATOR: bool = true;
}

impl Permit for Anyone {
    const PERMISSION: Option<Permission> = None;
    const OPERATOR: bool = false;
}

impl<P: Required> Extract for Caller<P> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        Ok(Self(principal(request).await?.authorize()?))
    }
}

impl<P: Required> Extract for Operator<P> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        Ok(Self(principal(request).await?.authorize_operator()?))
    }
}

impl Extract for Anyone {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        let principal = principal(request).await?;
        let member =
            matches!(principal.actor(), Actor::Member(_)) && !request.headers().contains_key(header::AUTHORIZATION);
        let browser = signed_in(app(request)?, request).filter(|_| member);
        Ok(Self { session: browser.map(|browser| browser.session.to_owned()), principal })
    }
}

macro_rules! arguments {
    ($($name:ident)*) => {
        impl<G: Permit, $($name: Extract),*> Extract for (G, $($name,)*) {
            async fn extract(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
                let clock = &app(request)?.core().clock;
                let judged = clock.instant();
                let mut all = (G::extract(request, payload).await?, $($name::extract(request, payload).await?,)*);
                take_turn(request).await?;
                if clock.instant().saturating_duration_since(judged) >= REJUDGED_AFTER {
                    all.0 = G::extract(request, payload).await?;
                }
                Ok(all)
            }
        }

        impl<G: Permit, $($name: Extract),*> Guarded for (G, $($name,)*) {
            type Permit = G;
        }
    };
}

arguments! {}
arguments! { A }
arguments! { A B }
arguments! { A B C }
arguments! { A B C D }

/// Whose turn a call waits for. Stands in the request's extensions once the caller was authenticated and counted.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    tenant: Option<TenantId>,
    is_operator: bool,
}

/// Waits for the call's turn, which it holds until the request ends.
async fn take_turn(request: &HttpRequest) -> Result<(), Problem> {
    let waiting = request.extensions().get::<Waiting>().copied();
    let Some(Waiting { tenant: Some(tenant), is_operator }) = waiting else { return Ok(()) };
    let lane = match request.extensions().get::<Lane>().copied() {
        Some(Lane::Upstream) => Lane::Upstream,
        _ if is_operator => Lane::Operator,
        lane => lane.unwrap_or(Lane::Management),
    };
    let permit = app(request)?.core().bulkhead.admit(tenant, lane).await?;
    request.extensions_mut().insert(permit);
    Ok(())
}

/// Authenticates the caller and, the first time, counts the call against its limits. Afterwards the extensions of the
/// request hold whose audit log a refusal belongs in ([`Attempt`]), the state of the limit, whose turn is [`Waiting`], and what its
/// body takes of the memory for bodies.
async fn principal(request: &HttpRequest) -> Result<Principal, Problem> {
    let id = RequestId::of(request);
    let app = app(request)?;
    let presented = presented(request, &id, &app.core().trusted_proxies)?;
    let presented = RequestCredentials { browser: signed_in(app, request), ..presented };
    let origin = presented.origin();
    let (outcome, party) = match app.authenticator().authenticate(presented).await {
        Ok(principal) => {
            let party = principal.party();
            (Ok(principal), party)
        }
        Err(refused) => (Err(refused.error), refused.party),
    };
    if let Some(party) = party {
        tracing::Span::current().record("tenant.id", tracing::field::display(party.tenant));
        request.extensions_mut().insert(Attempt { party, origin });
    }
    let principal = outcome?;
    if request.extensions().contains::<Waiting>() {
        return Ok(principal);
    }
    app.core().write_behind.add_use(&principal, || call_name(request));
    if let Some(standing) = app.core().limits.count_call(&principal)? {
        request.extensions_mut().insert(standing);
    }
    let is_operator = matches!(principal.actor(), Actor::Operator);
    request.extensions_mut().insert(Waiting { tenant: principal.tenant(), is_operator });
    request.extensions_mut().insert(app.core().body_memory.share(principal.tenant()));
    Ok(principal)
}

/// Method and path template: the name of a call in usage and in the audit log.
fn call_name(request: &HttpRequest) -> String {
    let template = request.match_pattern().unwrap_or_else(|| request.path().to_owned());
    format!("{} {template}", request.method())
}

/// A known party's request for management.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    party: Party,
    origin: Origin,
}

impl Attempt {
    /// The tenant acted in.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.party.tenant
    }
}

/// Writes a refusal into the audit log of the tenant whose party it met.
pub(crate) async fn record_refusal(request: &HttpRequest, problem: &Problem) {
    let Problem::App(error) = problem else { return };
    let attempt = request.extensions().get::<Attempt>().cloned();
    if let (true, Some(Attempt { party, origin }), Ok(app)) = (error.is_refusal(), attempt, app(request)) {
        app.core().refusals.record(party, &origin, call_name(request), error.code().code).await;
    }
}

/// The signed-in browser, if the request has a session's cookie. Only the management API asks: a cookie
/// never sends a message.
fn signed_in<'r>(app: &App, request: &'r HttpRequest) -> Option<Browser<'r>> {
    let session = browser::cookie(app, request, Cookie::Session)?;
    let text = |name| browser::header(request, name);
    Some(Browser {
        session,
        csrf: text("x-csrf-token"),
        changes: !matches!(*request.method(), Method::GET | Method::HEAD),
        same_origin: is_from_own_page(app, text("sec-fetch-site"), text("origin"), browser::host(request)),
    })
}

/// A request without any credential: where it comes from, and its id.
pub fn nothing_presented<'r>(
    request: &HttpRequest,
    id: &'r RequestId,
    proxies: &TrustedProxies,
) -> RequestCredentials<'r> {
    let address = client_address(request, proxies);
    RequestCredentials { authorization: None, tenant: None, browser: None, address, request_id: id.as_str() }
}

/// What the request presents, but for cookies.
///
/// # Errors
///
/// [`CoreError::Header`] for a header that stands more than once, [`IdentityError::Credential`] and
/// [`CoreError::Header`] for bytes that are no ASCII text.
pub fn presented<'r>(
    request: &'r HttpRequest,
    id: &'r RequestId,
    proxies: &TrustedProxies,
) -> Result<RequestCredentials<'r>, IdentityError> {
    let headers = request.headers();
    // Where one stands twice, nobody knows which of them another reader of the same request believes.
    for (name, told) in [(&header::AUTHORIZATION, "Authorization"), (&PORTICO_TENANT, "Portico-Tenant")] {
        if headers.get_all(name).nth(1).is_some() {
            return Err(CoreError::Header(told, "stands more than once; send one".into()).into());
        }
    }
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose();
    let tenant = headers.get(&PORTICO_TENANT).map(HeaderValue::to_str).transpose();
    Ok(RequestCredentials {
        authorization: authorization.map_err(|_| BadCredential::NotAscii)?,
        tenant: tenant
            .map_err(|_| CoreError::Header("Portico-Tenant", "must be an id such as ten_…, in ASCII".into()))?,
        ..nothing_presented(request, id, proxies)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn bytes_that_are_no_ascii_are_no_credential() {
        let nobody = TrustedProxies::default();
        let odd = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
        let request = TestRequest::default().insert_header((header::AUTHORIZATION, odd.clone())).to_http_request();
        assert!(matches!(
            presented(&request, &RequestId::of(&request), &nobody),
            Err(IdentityError::Credential(BadCredential::NotAscii))
        ));
        let request = TestRequest::default().insert_header(("portico-tenant", odd)).to_http_request();
        assert!(matches!(
            presented(&request, &RequestId::of(&request), &nobody),
            Err(IdentityError::Core(CoreError::Header("Portico-Tenant", _)))
        ));
    }

    #[test]
    fn a_header_that_decides_who_calls_stands_once() {
        for name in ["authorization", "portico-tenant"] {
            let request = TestRequest::default().append_header((name, "a")).append_header((name, "a"));
            let request = request.to_http_request();
            let id = RequestId::of(&request);
            let refused = presented(&request, &id, &TrustedProxies::default());
            assert!(matches!(refused, Err(IdentityError::Core(CoreError::Header(..)))), "{name}: {refused:?}");
        }
    }
}
