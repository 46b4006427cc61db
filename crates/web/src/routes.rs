//! A table of routes, each written once.
//!
//! What `#[utoipa::path]` says on a handler is its method and its path template, for the router and for the
//! OpenAPI document alike; what permission it asks for is in its type. [`route!`](crate::route) brings the
//! handler and its documentation together, and [`Routes`] makes of them what actix serves, the table for
//! pages and sweeps, and the document.

use std::fmt;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::web;
use actix_web::{Handler, HttpMessage as _, HttpRequest, HttpResponse, guard};
use portico_core::bulkhead::Lane;
use portico_core::limits::LimitState;
use portico_core::metrics::Surface;
use portico_domain::Permission;
use serde_json::Value;
use tracing::Instrument as _;
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, SecurityRequirement};

use crate::guard::{Guarded, Permit, record_refusal};
use crate::observed::{self, observe};
use crate::problem::{Document, Problem};
use crate::rate_limit;
use crate::reply::{self, Reply};
use crate::request_id::RequestId;

/// A handler with what its `#[utoipa::path]` attribute says of it: `route!(tenants::create)`.
///
/// The crate that calls this must depend on utoipa.
#[macro_export]
macro_rules! route {
    ($($handler:ident)::+) => {{
        #[derive(::utoipa::OpenApi)]
        #[openapi(paths($($handler)::+))]
        struct Documentation;
        static DOCUMENT: ::std::sync::LazyLock<::utoipa::openapi::OpenApi> =
            ::std::sync::LazyLock::new(<Documentation as ::utoipa::OpenApi>::openapi);
        $crate::routes::Described::new($($handler)::+, &DOCUMENT)
    }};
}

/// A handler and its documentation. [`route!`](crate::route) makes them.
#[derive(Clone, Copy)]
pub struct Described<F> {
    /// The function that `#[utoipa::path]` stands on.
    pub handler: F,
    /// A document of this one operation, and of the schemas that it refers to.
    pub document: &'static OpenApi,
    asks_chakra: bool,
}

impl<F> fmt::Debug for Described<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path())
    }
}

impl<F> Described<F> {
    /// The handler with the document that utoipa made of its attribute.
    pub const fn new(handler: F, document: &'static OpenApi) -> Self {
        Self { handler, document, asks_chakra: false }
    }

    /// The same for a handler that waits for Chakra: while it does, it holds no turn of the tenant's other calls.
    #[must_use]
    pub fn asking_chakra(self) -> Self {
        Self { asks_chakra: true, ..self }
    }

    /// The turns for which its calls wait.
    fn lane(&self) -> Lane {
        match self.method() {
            _ if self.asks_chakra => Lane::Upstream,
            Method::DELETE => Lane::Revocation,
            _ => Lane::Management,
        }
    }

    /// The method. Where the attribute names several, only one of them.
    ///
    /// # Panics
    ///
    /// When the document has no operation, or one with a method that [`route!`](crate::route) does not know.
    #[must_use]
    pub fn method(&self) -> Method {
        let item = self.document.paths.paths.values().next().expect("a handler is documented at a path");
        let named = [
            (&item.get, Method::GET),
            (&item.post, Method::POST),
            (&item.put, Method::PUT),
            (&item.patch, Method::PATCH),
            (&item.delete, Method::DELETE),
        ];
        let found = named.into_iter().find(|(operation, _)| operation.is_some());
        found.expect("handlers take one of five methods").1
    }

    /// The path template, from the root.
    ///
    /// # Panics
    ///
    /// When the document has no path.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.document.paths.paths.keys().next().expect("a handler is documented at a path")
    }
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

/// Routes that ask for a permission, each, with the document that describes them.
#[derive(Default)]
pub struct Routes {
    prefix: &'static str,
    paths: Vec<Path>,
    table: Vec<Route>,
    documents: Vec<Documented>,
}

struct Path {
    /// Below the prefix.
    template: &'static str,
    resource: actix_web::Resource,
    methods: Vec<Method>,
}

/// The document of one operation, and what its handler's type adds to it.
struct Documented {
    document: &'static OpenApi,
    access: Access,
}

#[derive(Debug, Clone, Copy)]
enum Access {
    Everybody,
    Caller(Option<Permission>),
    Operator(Option<Permission>),
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

    /// One route more. The document lists paths in the order in which they were first named.
    ///
    /// # Panics
    ///
    /// When the handler's path is not under the prefix.
    #[must_use]
    pub fn guarded<F, Args, R>(mut self, described: Described<F>) -> Self
    where
        F: Handler<Args, Output = Result<R, Problem>>,
        Args: Guarded + 'static,
        R: Reply + 'static,
    {
        let (method, path) = (described.method(), described.path());
        let (permission, operator) = (Args::Permit::PERMISSION, Args::Permit::OPERATOR);
        let template = path.strip_prefix(self.prefix).expect("all routes of a table are under its prefix");
        self.table.push(Route { method: method.clone(), path: path.to_owned(), permission, operator });
        let access = if operator { Access::Operator(permission) } else { Access::Caller(permission) };
        self.documents.push(Documented { document: described.document, access });
        let at = self.paths.iter().position(|path| path.template == template).unwrap_or_else(|| {
            self.paths.push(Path { template, resource: web::resource(template), methods: Vec::new() });
            self.paths.len() - 1
        });
        let Path { resource, mut methods, .. } = self.paths.remove(at);
        let lane = described.lane();
        let resource = resource.route(route(method.clone(), path, lane, described.handler));
        methods.push(method);
        self.paths.insert(at, Path { template, resource, methods });
        self
    }

    /// A call for everybody, which is served elsewhere and only described here.
    #[must_use]
    pub fn public(mut self, document: &'static OpenApi) -> Self {
        self.documents.push(Documented { document, access: Access::Everybody });
        self
    }

    /// Every guarded route, in the order of the document.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// What the handlers say of themselves, with the permission that each one's type asks for, and the schema
    /// of problems.
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        #[derive(utoipa::OpenApi)]
        #[openapi(components(schemas(Document)))]
        struct Problems;

        let mut all = Problems::openapi();
        for Documented { document, access } in &self.documents {
            let mut document: OpenApi = (*document).clone();
            document.paths.paths.values_mut().flat_map(operations).for_each(|operation| permit(operation, *access));
            all.merge(document);
        }
        all
    }

    /// What actix serves: other methods and other paths under the prefix are problems. Where two templates fit
    /// a path, the one that names the earlier differing segment literally is taken.
    #[must_use]
    pub fn into_service(mut self) -> impl HttpServiceFactory {
        self.paths.sort_by_key(|path| path.template.split('/').map(is_parameter).collect::<Vec<_>>());
        let mut scope = web::scope(self.prefix);
        for path in self.paths {
            let others = other_method(Some(Surface::Management), &path.methods);
            scope = scope.service(path.resource.default_service(others));
        }
        let no_path = |request: &HttpRequest, id: &RequestId| Problem::NoPath.answer(request, id);
        scope.default_service(anybody(Some(Surface::Management), no_path))
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn permit(operation: &mut Operation, access: Access) {
    let permission = match access {
        Access::Everybody => {
            operation.security = Some(Vec::new());
            return;
        }
        Access::Caller(permission) => permission,
        Access::Operator(permission) => {
            operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("operatorToken", [])]);
            permission
        }
    };
    if let Some(permission) = permission {
        let extensions = operation.extensions.get_or_insert_default();
        extensions.merge(Extensions::from_iter([("x-portico-permission", Value::from(permission.as_str()))]));
    }
}

#[expect(clippy::disallowed_methods, reason = "this is `guarded`")]
fn route<F, Args, R>(method: Method, template: &'static str, lane: Lane, handler: F) -> actix_web::Route
where
    F: Handler<Args, Output = Result<R, Problem>>,
    Args: Guarded + 'static,
    R: Reply + 'static,
{
    let class = observed::class(template);
    web::route().guard(guard::Method(method)).to(move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            let id = RequestId::keep(&request);
            request.extensions_mut().insert(lane);
            let (own, is_read) = (request.clone(), matches!(*request.method(), Method::GET | Method::HEAD));
            let call = async move { answer(&own, &id, payload, handler).await };
            let answering = async { if is_read { call.await } else { to_its_end(call).await } };
            observe(&request, Surface::Management, class, answering).await
        }
    })
}

/// Waits for work that ends also when nobody waits for it any more: a change that was begun at Chakra is recorded here,
/// and who was refused is in the audit log.
async fn to_its_end<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    match actix_web::rt::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The thread's runtime ends, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Calls the handler, and makes an answer of what it gives.
async fn answer<F, Args, R>(request: &HttpRequest, id: &RequestId, payload: web::Payload, handler: F) -> HttpResponse
where
    F: Handler<Args, Output = Result<R, Problem>>,
    Args: Guarded + 'static,
    R: Reply + 'static,
{
    let mut payload = payload.into_inner();
    let span = tracing::info_span!("request", request.id = %id.as_str(), tenant.id = tracing::field::Empty);
    let outcome = async {
        match Args::extract(request, &mut payload).await {
            Ok(args) => handler.call(args).await,
            Err(problem) => Err(problem),
        }
    };
    let mut answer = match outcome.instrument(span).await {
        Ok(reply) => {
            let mut answer = reply.into_response();
            reply::add_api_headers(&mut answer, id);
            answer
        }
        Err(problem) => {
            let own = request.clone();
            let recorded = async move {
                record_refusal(&own, &problem).await;
                problem
            };
            to_its_end(recorded).await.answer(request, id)
        }
    };
    rate_limit::insert(answer.headers_mut(), request.extensions().get::<LimitState>());
    answer
}

/// A problem that names the methods which the path takes, counted where the path belongs to a surface.
///
/// # Panics
///
/// Never: methods are visible ASCII.
#[must_use]
pub fn other_method(surface: Option<Surface>, methods: &[Method]) -> actix_web::Route {
    // Whatever answers `GET` answers `HEAD`, of which the server makes a `GET` without a body.
    let head = methods.contains(&Method::GET).then_some("HEAD");
    let allow = methods.iter().map(Method::as_str).chain(head).collect::<Vec<_>>().join(", ");
    let allow = HeaderValue::try_from(allow).expect("methods are visible ASCII");
    anybody(surface, move |request, id| Problem::Method(allow.clone()).answer(request, id))
}

/// An answer that needs no permission because it says only that nothing is there, counted where it belongs to a
/// surface.
#[expect(clippy::disallowed_methods, reason = "it says only that nothing is there")]
fn anybody(
    surface: Option<Surface>,
    answer: impl Fn(&HttpRequest, &RequestId) -> HttpResponse + Clone + 'static,
) -> actix_web::Route {
    web::to(move |request: HttpRequest| {
        let answer = answer.clone();
        async move {
            let id = RequestId::keep(&request);
            let answering = async { answer(&request, &id) };
            match surface {
                Some(surface) => observe(&request, surface, "none", answering).await,
                None => answering.await,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::HashSet;
    use std::future::ready;
    use std::rc::Rc;

    use actix_web::App as Actix;
    use actix_web::http::StatusCode;
    use actix_web::http::header::HeaderMap;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use futures_util::future::{Either, select};
    use portico_domain::permission::perm;

    use super::*;
    use crate::extract::{Body, Segment};
    use crate::guard::{Anyone, Caller, Operator};
    use crate::reply::{Json, NoContent};

    #[utoipa::path(get, path = "/api/v1/things", responses((status = 200, body = bool, description = "Yes.")))]
    async fn read(_: Caller<perm::CustomersRead>) -> Result<Json<bool>, Problem> {
        Ok(Json(true))
    }

    #[utoipa::path(post, path = "/api/v1/things", responses((status = 204, description = "Done.")))]
    async fn write(_: Operator<perm::TenantsWrite>, _: Body<bool>) -> Result<NoContent, Problem> {
        Ok(NoContent)
    }

    #[utoipa::path(get, path = "/api/v1/things/{id}", responses((status = 200, body = String, description = "One.")))]
    async fn one(_: Caller<perm::CustomersRead>, Segment(id): Segment<String>) -> Result<Json<String>, Problem> {
        Ok(Json(id))
    }

    #[utoipa::path(delete, path = "/api/v1/things/mine", responses((status = 204, description = "Done.")))]
    async fn end(_: Anyone) -> Result<NoContent, Problem> {
        Ok(NoContent)
    }

    #[utoipa::path(get, path = "/everybody", responses((status = 200, description = "Yes.")))]
    async fn everybody() -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    #[actix_web::test]
    async fn work_that_nobody_waits_for_any_more_ends_all_the_same() {
        let ended = Rc::new(Cell::new(false));
        let work = {
            let ended = Rc::clone(&ended);
            async move {
                actix_web::rt::task::yield_now().await;
                ended.set(true);
            }
        };
        let waiting = select(Box::pin(to_its_end(work)), ready(())).await;
        assert!(matches!(waiting, Either::Right(_)) && !ended.get(), "it waits");
        drop(waiting);
        for _ in 0..10 {
            actix_web::rt::task::yield_now().await;
        }
        assert!(ended.get());
    }

    fn routes() -> Routes {
        Routes::under("/api/v1")
            .guarded(route!(one))
            .guarded(route!(read))
            .guarded(route!(write))
            .guarded(route!(end))
            .public(route!(everybody).document)
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
        let read = (Some("customers:read"), false);
        assert_eq!(said, [read, read, (Some("tenants:write"), true), (None, false)]);
    }

    #[test]
    fn the_document_says_what_each_handlers_type_asks_for() {
        let document = serde_json::to_value(routes().openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let names: Vec<_> = paths.keys().map(String::as_str).collect();
        let things = ["/api/v1/things/{id}", "/api/v1/things", "/api/v1/things/mine", "/everybody"];
        assert_eq!(names.iter().collect::<HashSet<_>>(), things.iter().collect());
        let (get, post) = (&paths["/api/v1/things"]["get"], &paths["/api/v1/things"]["post"]);
        assert_eq!((&get["x-portico-permission"], get.get("security")), (&Value::from("customers:read"), None));
        assert_eq!(post["x-portico-permission"], "tenants:write");
        assert_eq!(post["security"], serde_json::json!([{"operatorToken": []}]));
        assert_eq!(paths["/api/v1/things/mine"]["delete"].get("x-portico-permission"), None);
        assert_eq!(paths["/everybody"]["get"]["security"], serde_json::json!([]));
        assert!(document["components"]["schemas"].get("Problem").is_some());
    }

    #[actix_web::test]
    async fn a_path_that_is_named_literally_is_not_taken_for_a_parameter() {
        let (status, headers, _) = asked(TestRequest::put().uri("/api/v1/things/mine")).await;
        assert_eq!(
            (status, headers.get("allow").unwrap().as_bytes()),
            (StatusCode::METHOD_NOT_ALLOWED, &b"DELETE"[..])
        );
        let (_, headers, _) = asked(TestRequest::put().uri("/api/v1/things/other")).await;
        assert_eq!(headers.get("allow").unwrap().as_bytes(), b"GET, HEAD");
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
            (StatusCode::METHOD_NOT_ALLOWED, &b"GET, POST, HEAD"[..])
        );
    }

    #[actix_web::test]
    async fn the_caller_is_asked_for_before_the_body_is_read() {
        // There is no application here, so asking for the caller fails; a malformed body is not reached.
        let request = TestRequest::post().uri("/api/v1/things").set_payload("{").insert_header(("content-type", "x/y"));
        let (status, _, body) = asked(request).await;
        assert_eq!((status, &body["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &Value::from("internal")));
    }
}
