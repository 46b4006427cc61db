//! What the metrics and the access log are told of a call of the management API.

use std::time::Instant;

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};
use portico_app::App;
use portico_core::access_log::AccessLine;
use portico_core::metrics::{InFlight, Surface};

use crate::guard::Attempt;
use crate::request_id::RequestId;

/// A call of the management API that is worked on.
#[derive(Debug)]
pub(crate) struct Observed {
    app: Data<App>,
    template: &'static str,
    began: Instant,
    _in_flight: InFlight,
}

impl Observed {
    /// A call of that path template that begins now; none where the application is not wired.
    pub(crate) fn begin(request: &HttpRequest, template: &'static str) -> Option<Self> {
        let app = request.app_data::<Data<App>>()?.clone();
        let (began, in_flight) = (app.core().clock.instant(), app.core().metrics.in_flight(Surface::Management));
        Some(Self { app, template, began, _in_flight: in_flight })
    }

    /// The call has ended with that status.
    pub(crate) fn end(self, request: &HttpRequest, id: &RequestId, status: u16) {
        let core = self.app.core();
        let duration = core.clock.instant().saturating_duration_since(self.began);
        core.metrics.request(Surface::Management, class(self.template), status, duration);
        let tenant = request.extensions().get::<Attempt>().map(Attempt::tenant);
        let operation = format!("{} {}", request.method(), self.template);
        AccessLine {
            surface: Surface::Management,
            request_id: id.as_str(),
            tenant,
            operation: &operation,
            status,
            duration,
        }
        .write();
    }
}

/// The resource of a path template, as the metrics name it.
fn class(template: &'static str) -> &'static str {
    template.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()).unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_classed_by_its_resource() {
        assert_eq!(class("/api/v1/api-keys/{id}/rotate"), "api-keys");
        assert_eq!(class("/api/v1/tenant"), "tenant");
        assert_eq!(class("/healthz"), "none");
    }
}
