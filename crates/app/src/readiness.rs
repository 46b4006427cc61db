//! Whether calls can be served.

use std::time::Duration;

use portico_core::metrics::Metrics;
use portico_core::tasks::TaskStatus;

use crate::app::App;

/// How long the database may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether calls can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of /readyz")]
pub struct Readiness {
    /// The database answers.
    pub database: bool,
    /// The master keys that are needed can be used.
    pub vault: bool,
    /// Notifications of changes on other replicas are known to arrive; without them caches hold for less than a second.
    pub changes: bool,
    /// Calls can be served. Without a master key outside of this process they can for a while: with the keys that are
    /// open.
    pub serves: bool,
    /// How every background task is doing.
    pub tasks: Vec<TaskStatus>,
}

impl App {
    /// Whether calls can be served now.
    pub async fn readiness(&self) -> Readiness {
        let core = self.core();
        let ping = tokio::time::timeout(PROBE_TIMEOUT, core.db.ping()).await;
        let database = matches!(ping, Ok(Ok(())));
        let serves = database && core.vault_availability.serves();
        Readiness {
            database,
            vault: core.vault_availability.is_usable(),
            changes: core.validity.is_listening(),
            serves,
            tasks: core.tasks.statuses(),
        }
    }

    /// What is counted, in the text format of `OpenMetrics`.
    #[must_use]
    pub fn metrics(&self) -> String {
        Metrics::render(self.core())
    }
}
