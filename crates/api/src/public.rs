//! What needs no permission: liveness, readiness, public keys, documentation, metrics, reports of leaked
//! secrets, and the door to the compatible surface, behind which [`Gateway::forward`](portico_gateway::Gateway::forward) asks for the permission
//! that the catalogue names.

use std::rc::Rc;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource};
use portico_app::App;
use portico_auth::Origin;
use portico_core::metrics::Surface;
use portico_docs::Docs;
use portico_domain::signing_key::JsonWebKey;
use portico_identity::JWKS_MAX_AGE;
use portico_web::client_address::client_address;
use portico_web::extract::Body;
use portico_web::observed::observe;
use portico_web::problem::Problem;
use portico_web::reply;
use portico_web::request_id::RequestId;
use portico_web::route;
use portico_web::routes::{Described, other_method};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use crate::{compatible, hooks};

/// That the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether calls can be served.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own")]
pub(crate) struct ReadinessReport {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether the database answers.
    database: bool,
    /// Whether the master keys can be used: those outside of Portico can be reached, and they open what seals the vault.
    /// Keys that are open go on for a minute without.
    vault: bool,
    /// Whether word of changes on other replicas is known to arrive, by a beat of less than a second ago.
    /// Without it caches hold for less than a second; so they do behind a connection pooler, unless
    /// `PORTICO_LISTEN_DATABASE_URL` leads around it.
    changes: bool,
    /// Whether the process is told to stop: it accepts nothing more in a moment.
    draining: bool,
    /// Names of background tasks whose last round failed, that wait to be started again after a panic, or that
    /// stopped. All but the last try again by themselves; the log says why they failed, the metrics how often.
    #[schema(value_type = Vec<String>, example = json!([]))]
    failing_tasks: Vec<&'static str>,
}

/// Says that the process answers.
///
/// Nothing else is looked at: restart it when this fails.
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz",
    responses((status = 200, body = Liveness, description = "It answers.")))]
pub(crate) async fn healthz(request: HttpRequest) -> HttpResponse {
    report(&request, StatusCode::OK, &Liveness { status: "ok" })
}

/// Says whether calls can be served.
///
/// Asks the database, and tells whether the vault's master keys can be used. Send no calls while this
/// fails. It does not fail for the first minute in which a master key outside of Portico cannot be reached: calls are
/// served with the keys that are open; only `vault` is false then. It fails at once when the vault was moved to a
/// master key that this replica does not list.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses(
        (status = 200, body = ReadinessReport, description = "Calls can be served."),
        (status = 503, body = ReadinessReport, description = "They cannot."),
    ))]
pub(crate) async fn readyz(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let ready = app.readiness().await;
    let (code, status) =
        if ready.serves { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    let (database, vault, changes, draining) = (ready.database, ready.vault, ready.changes, ready.draining);
    let failing_tasks = ready.tasks.iter().filter(|task| !task.is_healthy()).map(|task| task.name).collect();
    report(&request, code, &ReadinessReport { status, database, vault, changes, draining, failing_tasks })
}

/// The longest report, in bytes: a secret has less than sixty.
const REPORT: usize = 1024;

/// A secret that leaked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeakedBody {
    /// The secret, as it was found.
    #[schema(value_type = String, example = "ptc_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0v_0HGDh0")]
    secret: LeakedSecret,
}

/// Any text that somebody takes for a secret.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct LeakedSecret(SecretString);

impl From<String> for LeakedSecret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Revokes the API key whose secret leaked.
///
/// Needs no credential but the secret. Whoever finds one in a log, a repository or a chat can end it: the key
/// is revoked on every replica within a second, the tenant is told by the event `api_key.leaked`, and its
/// audit log says so. The secret may be the key's present one or an old one that still opens. The answer is
/// the same for any other text, so that it says nothing about keys. An address may report 60 in a minute.
#[utoipa::path(post, path = "/api/v1/api-keys/revoke-leaked", tag = "api-keys", operation_id = "revoke_leaked_api_key",
    request_body = LeakedBody,
    responses((status = 204, description = "If this was the secret of a key, the key is revoked.")))]
pub(crate) async fn revoke_leaked(request: HttpRequest, payload: web::Payload, app: web::Data<App>) -> HttpResponse {
    let id = RequestId::keep(&request);
    let answering =
        async { revoke(&request, payload, &app, &id).await.unwrap_or_else(|problem| problem.answer(&request, &id)) };
    observe(&request, Surface::Management, "api-keys", answering).await
}

async fn revoke(
    request: &HttpRequest,
    payload: web::Payload,
    app: &App,
    id: &RequestId,
) -> Result<HttpResponse, Problem> {
    let address = client_address(request, &app.core().trusted_proxies);
    app.core().limits.count_leak_report(address)?;
    let Body(body) = Body::<LeakedBody>::within(REPORT, request, &mut payload.into_inner()).await?;
    let origin = Origin { address, request_id: Some(id.as_str().into()) };
    app.api_keys().revoke_leaked(&body.secret.0, &origin).await?;
    let mut answer = HttpResponse::new(StatusCode::NO_CONTENT);
    reply::add_api_headers(&mut answer, id);
    Ok(answer)
}

fn report(request: &HttpRequest, status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let mut answer = reply::json(status, body);
    reply::add_api_headers(&mut answer, &RequestId::of(request));
    answer
}

/// The public keys with which anybody can verify a token of Portico.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JsonWebKeySet {
    /// The keys; one of them signs now.
    keys: Vec<JsonWebKey>,
}

/// Gives the public keys that verify tokens.
///
/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037). Keep it for a minute at most, and read it
/// anew when a token names a `kid` that is not in it.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "tokens", operation_id = "jwks",
    responses(
        (status = 200, body = JsonWebKeySet, description = "The keys."),
        (status = 503, body = portico_web::problem::Document, content_type = "application/problem+json",
            description = "The database cannot be reached."),
    ))]
pub(crate) async fn jwks(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let id = RequestId::of(&request);
    let keys = match app.signing_keys().published().await {
        Ok(keys) => keys,
        Err(error) => return Problem::from(error).answer(&request, &id),
    };
    let mut answer = reply::json(StatusCode::OK, &JsonWebKeySet { keys });
    let headers = answer.headers_mut();
    let age = HeaderValue::try_from(format!("public, max-age={JWKS_MAX_AGE}")).expect("digits are a header value");
    headers.insert(CACHE_CONTROL, age);
    // The keys are for everybody, pages of any origin included.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply::add_common_headers(headers, &id);
    answer
}

/// A call for everybody.
pub(crate) struct PublicCall {
    /// What the OpenAPI document says of it.
    pub(crate) document: &'static OpenApi,
    resource: Resource,
}

/// The report of a leaked secret, below `/api/`.
pub(crate) fn leak_report() -> PublicCall {
    public(&route!(revoke_leaked))
}

/// What is read beside the management API.
pub(crate) fn reads() -> [PublicCall; 3] {
    [public(&route!(healthz)), public(&route!(readyz)), public(&route!(jwks))]
}

/// What Chakra calls: one resource, and what the document says of its two methods.
pub(crate) struct HookCalls {
    /// What the OpenAPI document says of them.
    pub(crate) documents: [&'static OpenApi; 2],
    resource: Resource,
}

/// The hooks.
#[expect(clippy::disallowed_methods, reason = "a hook is guarded by Chakra's signature")]
pub(crate) fn hook_calls() -> HookCalls {
    let (post, get) = (route!(hooks::receive), route!(hooks::verify));
    let others = other_method(Some(Surface::Management), &[Method::POST, Method::GET]);
    let resource = web::resource(post.path())
        .default_service(others)
        .route(web::post().to(post.handler))
        .route(web::get().to(get.handler));
    HookCalls { documents: [post.document, get.document], resource }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever has a secret that leaked may end it; health and public keys are public"
)]
fn public<F, Args>(described: &Described<F>) -> PublicCall
where
    F: Handler<Args, Output = HttpResponse>,
    Args: FromRequest + 'static,
{
    let methods = [described.method()];
    let surface = described.path().starts_with("/api/").then_some(Surface::Management);
    let resource = web::resource(described.path()).default_service(other_method(surface, &methods));
    let route = |method| web::method(method).to(described.handler.clone());
    let resource = methods.into_iter().fold(resource, |resource, method| resource.route(route(method)));
    PublicCall { document: described.document, resource }
}

/// Registers all of it. Before the management API, which takes whatever is left below `/api/`; the compatible
/// surface takes what nothing else took.
#[expect(clippy::disallowed_methods, reason = "Gateway::forward asks for itself")]
pub(crate) fn register(config: &mut ServiceConfig, app: App, docs: &Docs) {
    for call in [leak_report()].into_iter().chain(reads()) {
        config.service(call.resource);
    }
    config.service(hook_calls().resource);
    docs.register(config);
    let app = Rc::new(app);
    config.default_service(web::to(move |request: HttpRequest, payload: web::Payload| {
        let app = Rc::clone(&app);
        async move { compatible::forward(&app, &request, payload).await }
    }));
}

/// Registers the page of counts for the private listener.
#[expect(clippy::disallowed_methods, reason = "the private listener is closed to the outside")]
pub(crate) fn register_metrics(config: &mut ServiceConfig, app: App) {
    let read = move || {
        let text = app.metrics();
        async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, HeaderValue::from_static(TEXT))).body(text) }
    };
    config.service(web::resource("/metrics").route(web::get().to(read)));
}

/// The text format of `OpenMetrics`, which Prometheus reads.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
