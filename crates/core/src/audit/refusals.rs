//! Refused attempts at management, on their way into the audit log.
//!
//! Each is written down before its caller hears of it, up to a hundred of one caller in a minute. Beyond
//! that they are counted by what was attempted and why it was refused, and each kind becomes one entry
//! that says for how many it stands: after the minute, or when the program stops in order. So a flood
//! neither fills the database nor holds up the changes of others, and the numbers stay true. What is
//! counted and not written yet is lost when the process is killed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_auth::{Actor, Origin, Party};
use portico_domain::{AuditEntry, TenantId};
use portico_storage::turns::Turns;

use crate::tasks::{Failure, Schedule, Tasks};

use super::recorder::{self, AuditRecorder};

/// How many attempts of one caller are written one by one in a window.
const SINGLY: u32 = 100;
/// How often windows that are over are looked for.
const EVERY: Duration = Duration::from_secs(15);
/// How many of one tenant are written at once. All wait for the end of the tenant's log, and what waits
/// there must leave connections to Postgres for the tenant's changes.
const AT_ONCE: usize = 2;
/// How long one waits for that.
const WAIT: Duration = Duration::from_secs(30);
/// How long a window is.
const WINDOW: Duration = Duration::from_mins(1);

/// The present window of every caller that was refused lately.
#[derive(Debug, Default)]
struct Attempts(Mutex<HashMap<Caller, Window>>);

/// The tenant and the actor: a caller gets no second allowance by minting tokens.
type Caller = (TenantId, Actor);

#[derive(Debug)]
struct Window {
    since: Instant,
    written: u32,
    /// The rest by attempt and reason; the entry is that of the last one.
    counted: HashMap<(String, String), AuditEntry>,
}

impl Attempts {
    /// The entry back if it is to be written now; else it is counted.
    fn admit(&self, party: Party, entry: AuditEntry, now: Instant) -> Option<AuditEntry> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Window { since: now, written: 0, counted: HashMap::new() };
        let window = windows.entry((party.tenant, party.actor)).or_insert(new);
        if window.written < SINGLY {
            window.written += 1;
            return Some(entry);
        }
        let kind = (entry.action.clone(), entry.reason.clone().unwrap_or_default());
        let counted = window.counted.get(&kind).and_then(|before| before.attempts).unwrap_or(0);
        window.counted.insert(kind, AuditEntry { attempts: Some(counted + 1), ..entry });
        None
    }

    /// What was counted in windows that are over by then.
    fn over(&self, now: Instant) -> Vec<(TenantId, AuditEntry)> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = windows.extract_if(|_, window| now.saturating_duration_since(window.since) >= WINDOW);
        let entries =
            over.flat_map(|((tenant, _), window)| window.counted.into_values().map(move |entry| (tenant, entry)));
        entries.collect()
    }
}

/// Writes refused attempts into the audit log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Refusals {
    recorder: AuditRecorder,
    attempts: Arc<Attempts>,
    turns: Arc<Turns<TenantId>>,
}

impl Refusals {
    /// One that writes through that recorder.
    #[must_use]
    pub fn new(recorder: AuditRecorder) -> Self {
        Self { recorder, attempts: Arc::default(), turns: Arc::default() }
    }

    /// Writes down that an attempt at management was refused, by method and path template. That it
    /// cannot be written changes nothing for the caller and is logged.
    pub async fn record(&self, party: Party, origin: &Origin, attempt: String, code: &str) {
        let entry = recorder::refused(self.recorder.clock().now(), party, origin, attempt, code);
        if let Some(entry) = self.attempts.admit(party, entry, self.recorder.clock().instant()) {
            self.write(party.tenant, &entry).await;
        }
    }

    /// Registers the task that writes what was counted in windows that are over.
    pub fn register(&self, tasks: &Tasks) {
        let this = self.clone();
        tasks.periodic("refused_attempts", Schedule::every(EVERY), move || {
            let this = this.clone();
            async move {
                this.write_counted().await;
                Ok::<_, Failure>(())
            }
        });
    }

    async fn write_counted(&self) {
        self.write_until(self.recorder.clock().instant()).await;
    }

    /// Writes everything that was counted: the program stops.
    pub async fn write_all(&self) {
        self.write_until(self.recorder.clock().instant() + WINDOW).await;
    }

    async fn write_until(&self, moment: Instant) {
        for (tenant, entry) in self.attempts.over(moment) {
            self.write(tenant, &entry).await;
        }
    }

    async fn write(&self, tenant: TenantId, entry: &AuditEntry) {
        let turn = self.turns.take(tenant, AT_ONCE, WAIT).await;
        if turn.is_none() {
            tracing::error!(tenant.id = %tenant, "a refused attempt is missing in the audit log: too many wait for it");
            return;
        }
        if let Err(error) = self.recorder.append_alone(tenant, entry).await {
            tracing::error!(tenant.id = %tenant, %error, "a refused attempt is missing in the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::ApiKeyId;

    use super::*;
    use time::macros::datetime;

    #[test]
    fn attempts_beyond_the_allowance_are_counted_by_kind_until_the_window_is_over() {
        let attempts = Attempts::default();
        let (start, tenant) = (Instant::now(), TenantId::generate());
        let party = Party { tenant, actor: Actor::ApiKey(ApiKeyId::generate()), token: None };
        let entry = |action: &str| {
            recorder::refused(
                datetime!(2026-01-01 12:00 UTC),
                party,
                &Origin::default(),
                action.to_owned(),
                "permission_denied",
            )
        };
        for _ in 0..SINGLY {
            assert!(attempts.admit(party, entry("POST /a"), start).is_some());
        }
        for action in ["POST /a", "POST /b", "POST /a"] {
            assert_eq!(attempts.admit(party, entry(action), start), None);
        }
        let other = Party { actor: Actor::ApiKey(ApiKeyId::generate()), ..party };
        assert!(attempts.admit(other, entry("POST /a"), start).is_some());

        assert_eq!(attempts.over(start + WINDOW.mul_f32(0.99)), []);
        let mut over = attempts.over(start + WINDOW);
        over.sort_by(|(_, one), (_, other)| one.action.cmp(&other.action));
        let told: Vec<_> = over.iter().map(|(of, entry)| (*of, entry.action.as_str(), entry.attempts)).collect();
        assert_eq!(told, [(tenant, "POST /a", Some(2)), (tenant, "POST /b", Some(1))]);
        assert!(attempts.admit(party, entry("POST /a"), start + WINDOW).is_some());
    }
}
