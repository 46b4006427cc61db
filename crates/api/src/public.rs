//! What needs no permission: liveness, readiness, documentation, metrics, and the door to the
//! compatible surface, behind which [`App::forward`] asks for the permission that the catalogue names.

use std::rc::Rc;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use portico_app::App;
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::Docs;
use crate::guard::other_method;
use crate::request_id::RequestId;
use crate::{compatible, reply};

/// That the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether calls can be served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadinessReport {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether the database answers.
    database: bool,
    /// Whether the vault opened its canary at the start.
    vault: bool,
    /// Whether word of changes on other replicas is known to arrive, by a beat of less than a second ago.
    /// Without it, and always behind a connection pooler, caches hold for less than a second.
    changes: bool,
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
/// Asks the database, and tells what the start found of the vault. Send no calls while this fails.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses(
        (status = 200, body = ReadinessReport, description = "Calls can be served."),
        (status = 503, body = ReadinessReport, description = "They cannot."),
    ))]
pub(crate) async fn readyz(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let ready = app.readiness().await;
    let (code, status) = if ready.database && ready.vault {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    let (database, vault, changes) = (ready.database, ready.vault, ready.changes);
    report(&request, code, &ReadinessReport { status, database, vault, changes })
}

fn report(request: &HttpRequest, status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let mut answer = reply::json(status, body);
    reply::finish(&mut answer, &RequestId::of(request));
    answer
}

/// Registers all of it; the compatible surface takes what nothing else took.
#[expect(clippy::disallowed_methods, reason = "health and documentation are public; App::forward asks for itself")]
pub(crate) fn register(config: &mut ServiceConfig, app: App, docs: &Docs) {
    let reads = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let resource = |path| web::resource(path).default_service(other_method(&[Method::GET, Method::HEAD]));
    config.service(resource("/healthz").route(reads().to(healthz)));
    config.service(resource("/readyz").route(reads().to(readyz)));
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

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4";
