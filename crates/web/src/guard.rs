//! No permission, no route.
//!
//! A management handler is registered through [`Routes::guarded`], whose bound asks for a [`Caller`]
//! or an [`Operator`] as the handler's first argument. Both name a permission as a type, and neither
//! can be had without it: whoever reaches the handler's body was allowed to.
//!
//! ```
//! use actix_web::http::Method;
//! use portico_domain::permission::perm;
//! use portico_web::guard::{Caller, Routes};
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//!
//! async fn read(caller: Caller<perm::CustomersRead>) -> Result<Json<String>, Problem> {
//!     Ok(Json(caller.scope().tenant().to_string()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(Method::GET, "/example", read);
//! assert_eq!(routes.table()[0].permission.map(|needed| needed.as_str()), Some("customers:read"));
//! ```
//!
//! The same without the caller does not compile:
//!
//! ```compile_fail
//! use actix_web::http::Method;
//! use portico_web::guard::Routes;
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//!
//! async fn read() -> Result<Json<String>, Problem> {
//!     Ok(Json("for anybody".to_owned()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(Method::GET, "/example", read);
//! ```
//!
//! Nor does one that asks for it last, after the body was read:
//!
//! ```compile_fail
//! use actix_web::http::Method;
//! use portico_domain::permission::perm;
//! use portico_web::extract::Body;
//! use portico_web::guard::{Caller, Routes};
//! use portico_web::problem::Problem;
//! use portico_web::reply::Json;
//!
//! async fn write(_: Body<bool>, caller: Caller<perm::CustomersWrite>) -> Result<Json<String>, Problem> {
//!     Ok(Json(caller.scope().tenant().to_string()))
//! }
//!
//! let routes = Routes::under("/api/v1").guarded(Method::POST, "/example", write);
//! ```

use std::fmt;
use std::future::Future;
use std::time::Instant;

use actix_web::dev::{HttpServiceFactory, Payload};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{Handler, HttpMessage as _, HttpRequest, HttpResponse, guard};
use portico_app::{App, Browser, Cookie, Error, Presented, REJUDGED_AFTER, Standing, Turn};
use portico_auth::{Actor, BadCredential, OperatorScope, Origin, Party, Principal, Scope};
use portico_domain::Permission;
use portico_domain::permission::Required;

use crate::browser;
use crate::problem::Problem;
use crate::rate_limit;
use crate::reply::{self, Reply};
use crate::request_id::RequestId;

/// The header by which the operator names a tenant.
static PORTICO_TENANT: HeaderName = HeaderName::from_static("portico-tenant");

/// Something that a handler takes out of a request.
pub trait Extract: Sized {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// What is wrong with the request.
    fn extract(request: &HttpRequest, payload: &mut Payload) -> impl Future<Output = Result<Self, Problem>>;
}

/// Proof of a permission, or that the caller is known.
pub trait Permit: Extract {
    /// The permission; none where every known caller may.
    const PERMISSION: Option<Permission>;
    /// Whether only the operator can have it.
    const OPERATOR: bool;
}

/// The arguments of a handler, of which the first is a [`Permit`]. They are taken one after the
/// other, so nothing else is read, and nothing said of it, before the caller is known. When the others
/// were long in coming, the caller is judged once more.
pub trait Guarded: Extract {
    /// The first of them.
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
    /// Who it is.
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
    /// What the use cases ask for.
    #[must_use]
    pub const fn scope(&self) -> &Scope<P> {
        &self.0
    }
}

impl<P> Operator<P> {
    /// What the use cases ask for.
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
        Ok(Self(principal(request).await?.authorize().map_err(Error::from)?))
    }
}

impl<P: Required> Extract for Operator<P> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        Ok(Self(principal(request).await?.authorize_operator().map_err(Error::from)?))
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

/// The host that a request names, with its port: for links that lead back.
#[derive(Debug)]
pub struct Host(pub String);

impl Extract for Host {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        Ok(Self(browser::host(request).to_owned()))
    }
}

impl Extract for Data<App> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        app(request).cloned()
    }
}

macro_rules! arguments {
    ($($name:ident)*) => {
        impl<G: Permit, $($name: Extract),*> Extract for (G, $($name,)*) {
            async fn extract(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
                let judged = Instant::now();
                let mut all = (G::extract(request, payload).await?, $($name::extract(request, payload).await?,)*);
                if judged.elapsed() >= REJUDGED_AFTER {
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

fn app(request: &HttpRequest) -> Result<&Data<App>, Problem> {
    request.app_data::<Data<App>>().ok_or(Problem::Wiring("the application is not among the data"))
}

/// Who calls, within its limits. Whoever it is, in the extensions of the request stands from here on in
/// whose audit log a refusal belongs, and how the limit stands.
async fn principal(request: &HttpRequest) -> Result<Principal, Problem> {
    let id = RequestId::of(request);
    let app = app(request)?;
    let presented = Presented { browser: signed_in(app, request), ..presented(request, &id)? };
    let origin = presented.origin();
    let (outcome, party) = match app.authenticate(presented).await {
        Ok(principal) => {
            let party = principal.party();
            (Ok(principal), party)
        }
        Err(refused) => (Err(refused.error), refused.party),
    };
    if let Some(party) = party {
        request.extensions_mut().insert(Attempt { party, origin });
    }
    let principal = outcome?;
    app.note_use(&principal, || what(request));
    if let Some(standing) = app.count_call(&principal)? {
        request.extensions_mut().insert(standing);
    }
    // Held until the request ends; whoever is judged anew holds it already.
    let waits = request.extensions().get::<Turn>().is_none();
    if let Some(tenant) = principal.tenant().filter(|_| waits) {
        let turn = app.turn(tenant).await?;
        request.extensions_mut().insert(turn);
    }
    Ok(principal)
}

/// The method and the path template, by which a call of the management API is known.
fn what(request: &HttpRequest) -> String {
    let template = request.match_pattern().unwrap_or_else(|| request.path().to_owned());
    format!("{} {template}", request.method())
}

/// A known party's request for management.
#[derive(Debug, Clone)]
struct Attempt {
    party: Party,
    origin: Origin,
}

/// Writes a refusal into the audit log of the tenant whose party it met.
async fn note_refusal(request: &HttpRequest, problem: &Problem) {
    let Problem::App(error) = problem else { return };
    let attempt = request.extensions().get::<Attempt>().cloned();
    if let (true, Some(Attempt { party, origin }), Ok(app)) = (error.is_refusal(), attempt, app(request)) {
        let (_, code) = error.status_and_code();
        app.attempt_refused(party, &origin, what(request), code.unwrap_or("refused")).await;
    }
}

/// The signed-in browser, if the request has a session's cookie. Only the management API asks: a cookie
/// never sends a message.
fn signed_in<'r>(app: &App, request: &'r HttpRequest) -> Option<Browser<'r>> {
    let session = browser::cookie(app, request, Cookie::Session)?;
    let text = |name| browser::text(request, name);
    Some(Browser {
        session,
        csrf: text("x-csrf-token"),
        changes: !matches!(*request.method(), Method::GET | Method::HEAD),
        same_origin: app.is_from_own_page(text("sec-fetch-site"), text("origin"), browser::host(request)),
    })
}

/// What the request presents, but for cookies.
///
/// # Errors
///
/// [`Error::Credential`] and [`Error::Header`] for bytes that are no ASCII text.
pub fn presented<'r>(request: &'r HttpRequest, id: &'r RequestId) -> Result<Presented<'r>, Error> {
    let headers = request.headers();
    if headers.get_all(header::AUTHORIZATION).nth(1).is_some() {
        return Err(BadCredential::Several.into());
    }
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose();
    let tenant = headers.get(&PORTICO_TENANT).map(HeaderValue::to_str).transpose();
    Ok(Presented {
        authorization: authorization.map_err(|_| BadCredential::Malformed)?,
        tenant: tenant.map_err(|_| Error::Header("Portico-Tenant", "must be an id such as ten_…, in ASCII".into()))?,
        browser: None,
        address: request.peer_addr().map(|address| address.ip()),
        request_id: id.as_str(),
    })
}

/// One route of the management API, for documentation and sweeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path template, from the root.
    pub path: String,
    /// What the caller must be allowed: from the handler's type; none where every known caller may.
    pub permission: Option<Permission>,
    /// Whether only the operator is let in.
    pub operator: bool,
}

/// Routes that ask for a permission, each.
#[derive(Default)]
pub struct Routes {
    prefix: &'static str,
    paths: Vec<Path>,
    table: Vec<Route>,
}

struct Path {
    template: &'static str,
    resource: actix_web::Resource,
    methods: Vec<Method>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.table).finish()
    }
}

impl Routes {
    /// No routes yet, all under that prefix.
    #[must_use]
    pub fn under(prefix: &'static str) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// One route more. Paths are tried in the order in which they were first named.
    #[must_use]
    pub fn guarded<F, Args, R>(mut self, method: Method, template: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = Result<R, Problem>>,
        Args: Guarded + 'static,
        R: Reply + 'static,
    {
        self.table.push(Route {
            method: method.clone(),
            path: format!("{}{template}", self.prefix),
            permission: Args::Permit::PERMISSION,
            operator: Args::Permit::OPERATOR,
        });
        let route = route(method.clone(), handler);
        let at = self.paths.iter().position(|path| path.template == template).unwrap_or_else(|| {
            self.paths.push(Path { template, resource: web::resource(template), methods: Vec::new() });
            self.paths.len() - 1
        });
        let path = self.paths.remove(at);
        let mut methods = path.methods;
        methods.push(method);
        self.paths.insert(at, Path { template, resource: path.resource.route(route), methods });
        self
    }

    /// All routes.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// What actix serves: other methods and other paths under the prefix are problems.
    #[must_use]
    pub fn into_service(self) -> impl HttpServiceFactory {
        let mut scope = web::scope(self.prefix);
        for path in self.paths {
            scope = scope.service(path.resource.default_service(other_method(&path.methods)));
        }
        scope.default_service(anybody(|request| Problem::NoPath.answer(&RequestId::of(request))))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is `guarded`")]
fn route<F, Args, R>(method: Method, handler: F) -> actix_web::Route
where
    F: Handler<Args, Output = Result<R, Problem>>,
    Args: Guarded + 'static,
    R: Reply + 'static,
{
    web::route().guard(guard::Method(method)).to(move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            let id = RequestId::keep(&request);
            let mut payload = payload.into_inner();
            let outcome = match Args::extract(&request, &mut payload).await {
                Ok(args) => handler.call(args).await,
                Err(problem) => Err(problem),
            };
            let mut answer = match outcome {
                Ok(reply) => {
                    let mut answer = reply.into_response();
                    reply::finish(&mut answer, &id);
                    answer
                }
                Err(problem) => {
                    note_refusal(&request, &problem).await;
                    problem.answer(&id)
                }
            };
            rate_limit::insert(answer.headers_mut(), request.extensions().get::<Standing>());
            answer
        }
    })
}

/// A problem that names the methods which the path takes.
///
/// # Panics
///
/// Never: methods are visible ASCII.
#[must_use]
pub fn other_method(methods: &[Method]) -> actix_web::Route {
    let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let allow = HeaderValue::try_from(allow).expect("methods are visible ASCII");
    anybody(move |request| Problem::Method(allow.clone()).answer(&RequestId::of(request)))
}

/// An answer that needs no permission because it says only that nothing is there.
#[expect(clippy::disallowed_methods, reason = "it says only that nothing is there")]
fn anybody(answer: impl Fn(&HttpRequest) -> HttpResponse + Clone + 'static) -> actix_web::Route {
    web::to(move |request: HttpRequest| {
        let answer = answer(&request);
        async move { answer }
    })
}

#[cfg(test)]
mod tests {
    use actix_web::App as Actix;
    use actix_web::http::StatusCode;
    use actix_web::http::header::HeaderMap;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use portico_domain::permission::perm;
    use serde_json::Value;

    use super::*;
    use crate::extract::Body;
    use crate::reply::{Json, NoContent};

    async fn read(_: Caller<perm::CustomersRead>) -> Result<Json<bool>, Problem> {
        Ok(Json(true))
    }

    async fn write(_: Operator<perm::TenantsWrite>, _: Body<bool>) -> Result<NoContent, Problem> {
        Ok(NoContent)
    }

    fn routes() -> Routes {
        Routes::under("/api/v1").guarded(Method::GET, "/things", read).guarded(Method::POST, "/things", write)
    }

    async fn asked(request: TestRequest) -> (StatusCode, HeaderMap, Value) {
        let service = init_service(Actix::new().service(routes().into_service())).await;
        let answer = call_service(&service, request.to_request()).await;
        (answer.status(), answer.headers().clone(), read_body_json(answer).await)
    }

    #[test]
    fn the_table_names_each_permission() {
        let routes = routes();
        let said: Vec<_> =
            routes.table().iter().map(|route| (route.permission.map(Permission::as_str), route.operator)).collect();
        assert_eq!(said, [(Some("customers:read"), false), (Some("tenants:write"), true)]);
    }

    #[actix_web::test]
    async fn unknown_paths_and_methods_are_problems_with_a_request_id() {
        let (status, headers, body) = asked(TestRequest::get().uri("/api/v1/other")).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &Value::from("not_found")));
        assert_eq!(headers.get("x-request-id").unwrap().to_str().ok(), body["request_id"].as_str());
        for path in ["/api/v1", "/api/v1/", "/api/v1/things/"] {
            assert_eq!(asked(TestRequest::get().uri(path)).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        let (status, headers, _) = asked(TestRequest::delete().uri("/api/v1/things")).await;
        assert_eq!(
            (status, headers.get("allow").unwrap().as_bytes()),
            (StatusCode::METHOD_NOT_ALLOWED, &b"GET, POST"[..])
        );
    }

    #[actix_web::test]
    async fn the_caller_is_asked_for_before_the_body_is_read() {
        // There is no application here, so asking for the caller fails; a malformed body is not reached.
        let request = TestRequest::post().uri("/api/v1/things").set_payload("{").insert_header(("content-type", "x/y"));
        let (status, _, body) = asked(request).await;
        assert_eq!((status, &body["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &Value::from("internal")));
    }

    #[test]
    fn bytes_that_are_no_ascii_are_no_credential() {
        let odd = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
        let request = TestRequest::default().insert_header((header::AUTHORIZATION, odd.clone())).to_http_request();
        assert!(matches!(
            presented(&request, &RequestId::of(&request)),
            Err(Error::Credential(BadCredential::Malformed))
        ));
        let request = TestRequest::default().insert_header(("portico-tenant", odd)).to_http_request();
        assert!(matches!(presented(&request, &RequestId::of(&request)), Err(Error::Header("Portico-Tenant", _))));
    }
}
