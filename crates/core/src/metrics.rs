//! Counters for the private listener.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted. Labels are few and known beforehand: no tenant, no id.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Proxied calls by class of the answer's status: 2xx, 3xx, 4xx, 5xx.
    calls: [AtomicU64; 4],
    /// Rows of the request log that were written.
    pub log_written: AtomicU64,
    /// Rows of the request log that were dropped because Postgres was too slow.
    pub log_dropped: AtomicU64,
    /// Calls in which Chakra refused a stored key.
    pub keys_refused: AtomicU64,
    /// Look-ups of API keys in Postgres (a warm key needs none).
    pub key_lookups: AtomicU64,
    /// Attempts to listen for changes anew.
    pub changes_reconnects: AtomicU64,
}

impl Metrics {
    /// Counts a proxied call by the class of its status.
    pub fn count_call(&self, status: u16) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.calls[class].fetch_add(1, Ordering::Relaxed);
    }

    /// The Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self, listening: bool) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, u64)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let calls: Vec<u64> = self.calls.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        family(
            "portico_calls_total",
            "counter",
            "Proxied calls by class of the answer's status.",
            &[
                ("{status=\"2xx\"}", calls[0]),
                ("{status=\"3xx\"}", calls[1]),
                ("{status=\"4xx\"}", calls[2]),
                ("{status=\"5xx\"}", calls[3]),
            ],
        );
        for (name, help, value) in [
            ("portico_request_log_written_total", "Rows of the request log that were written.", &self.log_written),
            (
                "portico_request_log_dropped_total",
                "Rows of the request log that were dropped because Postgres was too slow.",
                &self.log_dropped,
            ),
            ("portico_chakra_key_refused_total", "Calls in which Chakra refused a stored key.", &self.keys_refused),
            ("portico_api_key_lookups_total", "Look-ups of API keys in Postgres.", &self.key_lookups),
            (
                "portico_changes_reconnects_total",
                "Attempts to listen for changes anew, after an error or a silence.",
                &self.changes_reconnects,
            ),
        ] {
            family(name, "counter", help, &[("", value.load(Ordering::Relaxed))]);
        }
        family(
            "portico_changes_listening",
            "gauge",
            "1 while word of changes on other replicas is known to arrive; 0: what is remembered holds for less than a second.",
            &[("", u64::from(listening))],
        );
        text
    }
}
