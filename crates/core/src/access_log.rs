//! The access log: one line for each call, under the target `portico::access`, which the default filter switches off.
//!
//! It tells who called what and how it ended, and nothing of bodies, credentials or people.

use std::time::Duration;

use portico_domain::TenantId;

use crate::metrics::Surface;

/// A call that has ended.
#[derive(Debug, Clone, Copy)]
pub struct AccessLine<'a> {
    /// The door it came through.
    pub surface: Surface,
    /// The id by which it is known in logs.
    pub request_id: &'a str,
    /// The tenant acted in; none for a caller who is not known.
    pub tenant: Option<TenantId>,
    /// The operation of the catalogue, or method and path template; empty where nothing matched.
    pub operation: &'a str,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// From the head of the request to the end of the answer.
    pub duration: Duration,
}

impl AccessLine<'_> {
    /// Writes the line.
    pub fn write(self) {
        let Self { surface, request_id, tenant, operation, status, duration } = self;
        let duration_ms = duration.as_secs_f64() * 1_000.0;
        tracing::info!(
            target: "portico::access",
            surface = surface.as_str(),
            request.id = request_id,
            tenant.id = tenant.map(tracing::field::display),
            operation,
            status,
            duration_ms,
            "a call has ended"
        );
    }
}
