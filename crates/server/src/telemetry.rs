//! Where logs go: the error output, as text or as one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Which log lines are written, and how.
#[derive(Debug)]
pub(crate) struct LogSettings {
    /// The filter, such as `info` or `portico_app=debug,warn`.
    pub(crate) filter: EnvFilter,
    /// The format.
    pub(crate) format: LogFormat,
}

/// Begins to write logs. What is logged before is lost.
pub(crate) fn start(settings: LogSettings) {
    let lines = tracing_subscriber::fmt().with_env_filter(settings.filter).with_writer(io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    // Only a second call in one process fails; the first one's settings stay.
    drop(started);
}
