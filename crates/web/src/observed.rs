//! What the metrics and the access log are told of a call of the management API or the console.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use portico_app::App;
use portico_core::access_log::AccessLine;
use portico_core::metrics::Surface;

use crate::guard::Attempt;
use crate::request_id::RequestId;

/// What is recorded for a caller who went away before there was an answer, as nginx has it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Awaits the answer to a request, and counts it by that class when it is there or nobody waits for it any more.
/// Counts nothing where the application is not wired.
pub async fn observe(
    request: &HttpRequest,
    surface: Surface,
    class: &'static str,
    answering: impl Future<Output = HttpResponse>,
) -> HttpResponse {
    let mut observed = Observed::begin(request, surface, class);
    let answer = answering.await;
    if let Some(observed) = &mut observed {
        observed.status = answer.status().as_u16();
    }
    answer
}

/// A call that is worked on. It is counted when it is dropped.
struct Observed {
    app: Data<App>,
    request: HttpRequest,
    surface: Surface,
    class: &'static str,
    began: Instant,
    status: u16,
}

impl Observed {
    fn begin(request: &HttpRequest, surface: Surface, class: &'static str) -> Option<Self> {
        let app = request.app_data::<Data<App>>()?.clone();
        app.core().metrics.began(surface);
        let (request, began) = (request.clone(), app.core().clock.instant());
        Some(Self { app, request, surface, class, began, status: CLIENT_CLOSED_REQUEST })
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let core = self.app.core();
        let panics = std::thread::panicking();
        let status = if panics { StatusCode::INTERNAL_SERVER_ERROR.as_u16() } else { self.status };
        let duration = core.clock.instant().saturating_duration_since(self.began);
        core.metrics.ended(self.surface, self.class, status, duration);
        let tenant = self.request.extensions().get::<Attempt>().map(Attempt::tenant);
        // A path that nothing matched may hold anything, a secret too.
        let template = self.request.match_pattern();
        let operation = template.map(|template| format!("{} {template}", self.request.method())).unwrap_or_default();
        let id = RequestId::of(&self.request);
        AccessLine { surface: self.surface, request_id: id.as_str(), tenant, operation: &operation, status, duration }
            .write();
    }
}

/// The resource of a path template of the management API, as the metrics name it.
pub(crate) fn class(template: &'static str) -> &'static str {
    template.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()).unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_classed_by_its_resource() {
        assert_eq!(class("/api/v1/api-keys/{id}/rotate"), "api-keys");
        assert_eq!(class("/api/v1/lookup"), "lookup");
        assert_eq!(class("/healthz"), "none");
    }
}
