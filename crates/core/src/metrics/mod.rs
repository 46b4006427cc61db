//! What is counted, for the private listener: in the text format of `OpenMetrics`.
//!
//! Names follow Prometheus' conventions: `portico_` in front, the unit at the end (`_seconds`, `_bytes`), `_total`
//! on counters. Labels are few and known beforehand: no tenant, no id. `class` is what a call asks for: on the
//! compatible surface the permission of its operation (`messages:send`), on the management API the resource
//! (`api-keys`), else `none`. `code` is the HTTP status that the caller got.
//!
//! To add a metric, add a field, make it in [`Metrics::default`], name it in `register`, and count where it happens. What is better
//! asked for than counted (pool, tasks, caches) is in `gauges`.

mod gauges;
mod process;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::Core;

/// Latencies from 0.5 ms to a minute, in seconds.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0];

/// Through which door a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Chakra's paths.
    Compatible,
    /// Portico's own API.
    Management,
    /// Pages for people.
    Console,
}

impl Surface {
    const ALL: [Self; 3] = [Self::Compatible, Self::Management, Self::Console];

    /// The value of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Management => "management",
            Self::Console => "console",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    surface: &'static str,
    class: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SurfaceLabel {
    surface: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

/// The counters of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<SurfaceLabel, Gauge>,
    /// Those of `in_flight` by surface, so that no call looks for its own.
    in_flight_of: [Gauge; Surface::ALL.len()],
    upstream: Family<ClassLabel, Histogram, fn() -> Histogram>,
    upstream_failures: Family<ReasonLabel, Counter>,
    unknown_shapes: Family<OperationLabel, Counter>,
    events_received: Family<OutcomeLabel, Counter>,
    hooks_refused: Family<ReasonLabel, Counter>,
    /// Rows of the request log that were written.
    pub(crate) log_written: Counter,
    /// Rows of the request log that were dropped because Postgres was too slow.
    pub(crate) log_dropped: Counter,
    /// Calls in which Chakra refused a stored key.
    pub keys_refused: Counter,
    /// Calls that may have reached Chakra, broken off because their callers went away and too many went on already.
    pub calls_broken_off: Counter,
    /// Look-ups of credentials in Postgres (a warm key needs none).
    pub key_lookups: Counter,
    /// Attempts to listen for changes anew.
    pub(crate) changes_reconnects: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn latency() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        let in_flight = Family::<SurfaceLabel, Gauge>::default();
        let in_flight_of =
            Surface::ALL.map(|surface| in_flight.get_or_create_owned(&SurfaceLabel { surface: surface.as_str() }));
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::new_with_constructor(latency),
            in_flight,
            in_flight_of,
            upstream: Family::new_with_constructor(latency),
            upstream_failures: Family::default(),
            unknown_shapes: Family::default(),
            events_received: Family::default(),
            hooks_refused: Family::default(),
            log_written: Counter::default(),
            log_dropped: Counter::default(),
            keys_refused: Counter::default(),
            calls_broken_off: Counter::default(),
            key_lookups: Counter::default(),
            changes_reconnects: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "portico_request_duration_seconds",
            "Requests, refused ones too, from their head to the end of an answer that streams, else to the answer",
            self.requests.clone(),
        );
        registry.register("portico_requests_in_flight", "Requests that are worked on now", self.in_flight.clone());
        registry.register(
            "portico_upstream_duration_seconds",
            "Calls to Chakra until the head of the answer",
            self.upstream.clone(),
        );
        registry.register(
            "portico_upstream_failures",
            "Calls to Chakra that got no answer, by reason",
            self.upstream_failures.clone(),
        );
        registry.register(
            "portico_unknown_answer_shapes",
            "Answers of Chakra with a field that the catalogue does not know beside rows that are filtered",
            self.unknown_shapes.clone(),
        );
        registry.register(
            "portico_events_received",
            "Events that were acknowledged, by what became of them",
            self.events_received.clone(),
        );
        registry.register(
            "portico_hooks_refused",
            "Bodies posted to hooks that were refused, or taken although their signature is wrong, by reason",
            self.hooks_refused.clone(),
        );
        registry.register(
            "portico_request_log_written",
            "Rows of the request log that were written",
            self.log_written.clone(),
        );
        registry.register(
            "portico_request_log_dropped",
            "Rows of the request log that were dropped because Postgres was too slow",
            self.log_dropped.clone(),
        );
        registry.register(
            "portico_chakra_key_refused",
            "Calls in which Chakra refused a stored key",
            self.keys_refused.clone(),
        );
        registry.register(
            "portico_calls_broken_off",
            "Calls without a caller that were broken off although they may have reached Chakra",
            self.calls_broken_off.clone(),
        );
        registry.register("portico_api_key_lookups", "Look-ups of credentials in Postgres", self.key_lookups.clone());
        registry.register(
            "portico_changes_reconnects",
            "Attempts to listen for changes anew, after an error or a silence",
            self.changes_reconnects.clone(),
        );
        registry.register("portico_build", "The running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(process::Process));
    }

    /// Counts events that were acknowledged: `routed`, `quarantined` or `copy`.
    pub fn received(&self, outcome: &'static str, events: u64) {
        self.events_received.get_or_create(&OutcomeLabel { outcome }).inc_by(events);
    }

    /// Counts a body that a hook refused, or took although its signature is wrong.
    pub fn hook_refused(&self, reason: &'static str) {
        self.hooks_refused.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Counts a request as worked on until [`Metrics::ended`].
    pub fn began(&self, surface: Surface) {
        self.in_flight_of[surface as usize].inc();
    }

    /// Adds a request that has ended.
    pub fn ended(&self, surface: Surface, class: &'static str, code: u16, duration: Duration) {
        self.in_flight_of[surface as usize].dec();
        let labels = RequestLabels { surface: surface.as_str(), class, code };
        self.requests.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// Adds a call to Chakra whose answer's head took so long.
    pub fn upstream(&self, class: &'static str, duration: Duration) {
        self.upstream.get_or_create(&ClassLabel { class }).observe(duration.as_secs_f64());
    }

    /// Adds a call to Chakra that got no answer.
    pub fn upstream_failure(&self, reason: &'static str) {
        self.upstream_failures.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Adds an answer of Chakra with a field that the catalogue does not know beside rows that are filtered.
    pub fn unknown_shape(&self, operation: &'static str) {
        self.unknown_shapes.get_or_create(&OperationLabel { operation }).inc();
    }

    /// Everything that was counted, and how things stand now, in the text format of `OpenMetrics` 1.0.
    #[must_use]
    pub fn render(core: &Core) -> String {
        let mut now = Registry::default();
        now.register_collector(Box::new(gauges::Gauges(core.clone())));
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode_registry(&mut text, &now)
            .and_then(|()| encode_registry(&mut text, &core.metrics.registry))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        let mut text = String::new();
        encode_registry(&mut text, &metrics.registry).expect("writes to a String");
        text
    }

    #[test]
    fn requests_are_told_by_surface_class_and_code() {
        let metrics = Metrics::default();
        metrics.ended(Surface::Compatible, "messages:send", 200, Duration::from_millis(3));
        metrics.ended(Surface::Compatible, "messages:send", 200, Duration::from_millis(40));
        metrics.ended(Surface::Management, "api-keys", 401, Duration::from_millis(1));
        let text = text(&metrics);
        for line in [
            "portico_request_duration_seconds_count{surface=\"compatible\",class=\"messages:send\",code=\"200\"} 2",
            "portico_request_duration_seconds_bucket{le=\"0.005\",surface=\"compatible\",class=\"messages:send\",code=\"200\"} 1",
            "portico_request_duration_seconds_count{surface=\"management\",class=\"api-keys\",code=\"401\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_request_is_in_flight_until_it_has_ended() {
        let metrics = Metrics::default();
        for _ in 0..2 {
            metrics.began(Surface::Console);
        }
        assert!(text(&metrics).contains("portico_requests_in_flight{surface=\"console\"} 2"));
        metrics.ended(Surface::Console, "none", 200, Duration::ZERO);
        let text = text(&metrics);
        assert!(text.contains("portico_requests_in_flight{surface=\"console\"} 1"), "{text}");
        assert!(text.contains("portico_requests_in_flight{surface=\"compatible\"} 0"), "{text}");
    }

    #[test]
    fn failures_of_the_upstream_and_the_program_are_told() {
        let metrics = Metrics::default();
        metrics.upstream("messages:send", Duration::from_millis(7));
        metrics.upstream_failure("timeout");
        metrics.log_dropped.inc_by(3);
        let text = text(&metrics);
        assert!(text.contains("portico_upstream_failures_total{reason=\"timeout\"} 1"), "{text}");
        assert!(text.contains("portico_request_log_dropped_total 3"));
        assert!(text.contains(concat!("portico_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")));
        assert!(text.contains("process_start_time_seconds") || !cfg!(target_os = "linux"));
    }
}
