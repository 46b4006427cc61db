//! Where logs go: the error output, as text or as one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

/// One line for each call: off unless it is named, or everything is logged at `debug` or `trace`.
const NO_ACCESS_LINES: &str = "portico::access=off";
/// At `info` the HTTP server tells how many workers it starts, on which addresses; its warnings and errors stay.
const NO_SERVER_START_LINES: &str = "actix_server=warn";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One object a line, the event's fields at its top level.
    Json,
}

/// Which log lines are written, and how.
#[derive(Debug)]
pub(crate) struct LogSettings {
    /// As [`filter`] makes it.
    pub(crate) filter: Targets,
    pub(crate) format: LogFormat,
}

/// The filter of a text such as `info` or `portico_gateway=debug,warn`.
///
/// What it says of a target holds. Where it says nothing of them, a level for everything up to `info` leaves out the
/// access lines, and `info` the start lines of the HTTP server; `debug` and `trace` leave out nothing.
///
/// Decides by target and level alone: a filter that also looks into spans takes a lock of the whole process whenever
/// one is entered, several times in each call.
///
/// # Errors
/// When the text is no filter.
pub(crate) fn filter(text: &str) -> Result<Targets, ParseError> {
    let text = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect::<Vec<_>>().join(",");
    // Of two directives for one target the last one holds, so the text's own follow.
    match level_for_everything(&text) {
        Some(LevelFilter::INFO) => format!("{NO_SERVER_START_LINES},{NO_ACCESS_LINES},{text}").parse(),
        Some(level) if level < LevelFilter::INFO => format!("{NO_ACCESS_LINES},{text}").parse(),
        _ => text.parse(),
    }
}

/// The last directive that is a level alone.
fn level_for_everything(text: &str) -> Option<LevelFilter> {
    text.split(',').filter_map(|directive| directive.parse().ok()).next_back()
}

/// Begins to write logs. What is logged before is lost.
pub(crate) fn start(settings: LogSettings) {
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = registry().with(settings.filter).with(lines).try_init();
    // Only a second call in one process fails; the first one's settings stay.
    drop(started);
}

#[cfg(test)]
mod tests {
    use tracing::{Level, enabled, subscriber};

    use super::*;

    /// Whether lines pass: the server's start at `info`, its trouble at `warn`, access at any level, our own at `info`.
    fn passes(text: &str) -> [bool; 4] {
        let lines = registry().with(filter(text).unwrap());
        subscriber::with_default(lines, || {
            [
                enabled!(target: "actix_server::builder", Level::INFO),
                enabled!(target: "actix_server::accept", Level::WARN),
                enabled!(target: "portico::access", Level::ERROR),
                enabled!(target: "portico_gateway", Level::INFO),
            ]
        })
    }

    #[test]
    fn at_info_the_servers_start_and_access_lines_are_left_out() {
        assert_eq!(passes("info"), [false, true, false, true]);
        assert_eq!(passes("INFO,sqlx=warn"), [false, true, false, true]);
    }

    #[test]
    fn at_debug_and_trace_nothing_is_left_out() {
        assert_eq!(passes("debug"), [true; 4]);
        assert_eq!(passes("info,trace"), [true; 4]);
    }

    #[test]
    fn a_target_that_the_text_names_has_the_level_that_it_says() {
        assert_eq!(passes("info,portico::access=info"), [false, true, true, true]);
        assert_eq!(passes("warn,portico::access=info"), [false, true, true, false]);
        assert_eq!(passes("actix_server=info,info"), [true, true, false, true]);
        assert_eq!(passes("info,actix_server=off"), [false, false, false, true]);
        assert_eq!(passes("portico=info"), [false, false, true, true], "a beginning of a target names it");
    }

    #[test]
    fn what_is_left_out_at_info_is_not_let_in_below() {
        assert_eq!(passes("error"), [false; 4]);
        assert_eq!(passes("off"), [false; 4]);
        assert_eq!(passes("warn"), [false, true, false, false]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        assert!(filter("info=what=ever").is_err());
        assert!(filter("portico=loud").is_err());
    }

    #[test]
    fn blanks_and_commas_to_spare_change_nothing() {
        assert_eq!(passes(" info, portico::access=info,"), [false, true, true, true]);
    }
}
