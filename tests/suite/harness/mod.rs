//! What the suites share: the process under test, callers of its surfaces, the sandbox's controls,
//! tenants, and a list of findings that is told as a whole.

mod answer;
pub(crate) mod browser;
mod call;
mod caller;
mod data_dir;
pub(crate) mod database;
mod findings;
pub(crate) mod hunt;
mod middle;
mod owner;
mod portico;
mod processes;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod sandbox;
pub(crate) mod schemathesis;
mod senders;
mod serve;
pub(crate) mod tenant;
pub(crate) mod things;
mod typescript;
mod vault;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use answer::Answer;
pub(crate) use browser::Browser;
pub(crate) use call::Call;
pub(crate) use caller::{Body, Caller};
pub(crate) use data_dir::DataDir;
pub(crate) use findings::Findings;
pub(crate) use middle::{Fate, Middle};
pub(crate) use owner::Owner;
pub(crate) use portico::{Portico, pooler};
pub(crate) use processes::running_with;
pub(crate) use sandbox::Sandbox;
pub(crate) use senders::Senders;
pub(crate) use serve::{Serve, free_port, run_beside, run_beside_with};
pub(crate) use tenant::{Connected, Tenant};
pub(crate) use typescript::Programs;
pub(crate) use vault::Terminal;

/// How long a condition that must come true may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer, or until the deadline has passed.
pub(crate) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: still not so after {} s", DEADLINE.as_secs());
        tokio::time::sleep(POLL).await;
    }
}

/// An id of a plugin that nobody has.
pub(crate) fn random_uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Fifteen digits that are nobody's WABA or phone number.
pub(crate) fn random_digits() -> String {
    let random = uuid::Uuid::new_v4().as_u128() % 100_000_000_000_000;
    format!("9{random:014}")
}
