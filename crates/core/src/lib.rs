//! What services and surfaces share: caches and their invalidation, background tasks, the audit recorder, limits, what is
//! written behind the calls, the vault at work, metrics, the clock.
//!
//! Nothing here knows a service. A service takes a [`Core`], clones out of it what it needs, and owns its own
//! state. A thing belongs here when several services or surfaces share it, or when tasks, metrics or a stop must know
//! it beside its user; else it lives with its user.

pub mod access_log;
pub mod audit;
pub mod body_memory;
pub mod bulkhead;
pub mod cache;
pub mod code;
mod error;
mod invalidation;
pub mod limits;
pub mod metrics;
mod paging;
mod shared_read;
pub mod tasks;
pub mod trusted_proxies;
pub mod vault;
pub mod write_behind;

use std::sync::Arc;

use portico_domain::clock::Clock;
use portico_storage::Db;
use portico_vault::{FingerprintSubkey, MacKey, MasterKeys};

pub use error::{Causes, Error, Fault, RequestError, Thing};
pub use paging::{PageRequest, Paged, paged};
pub use shared_read::SharedRead;

use audit::{AuditRecorder, Refusals};
use body_memory::BodyMemory;
use bulkhead::Bulkhead;
use cache::{Caches, Validity};
use invalidation::InvalidationListener;
use limits::Limits;
use metrics::Metrics;
use tasks::Tasks;
use trusted_proxies::TrustedProxies;
use vault::{ReplicaAnnouncement, Vault, VaultAvailability};
use write_behind::WriteBehind;

/// What every service is made from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Core {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Decides which cached values may still be believed.
    pub validity: Arc<Validity>,
    /// Every cache.
    pub caches: Caches,
    /// The master keys.
    pub master_keys: Arc<MasterKeys>,
    /// Data keys, opened.
    pub vault: Vault,
    /// Whether master keys can be used.
    pub vault_availability: VaultAvailability,
    /// Tells rotations which master keys this process can use.
    pub replica: ReplicaAnnouncement,
    /// The key from which each purpose (tickets, forms, throttling) derives its own.
    pub mac_key: Arc<MacKey>,
    /// By which Chakra keys and their teams are recognised.
    pub fingerprints: Arc<FingerprintSubkey>,
    /// Writes changes into the audit log.
    pub audit: AuditRecorder,
    /// Writes refused attempts into the audit log.
    pub refusals: Refusals,
    /// Counts calls against limits.
    pub limits: Arc<Limits>,
    /// How many management calls of one tenant are worked on at once.
    pub bulkhead: Arc<Bulkhead>,
    /// How much memory bodies take.
    pub body_memory: BodyMemory,
    /// Takes what calls leave behind.
    pub write_behind: WriteBehind,
    /// The background tasks.
    pub tasks: Tasks,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where the outside reaches Portico, without a slash at the end; none: at the host that a call names.
    pub public_url: Option<Arc<str>>,
    /// Where Chakra reaches Portico's hooks, without a slash at the end; none: at `public_url`.
    pub hooks_url: Option<Arc<str>>,
    /// Whose word about the addresses of callers is taken.
    pub trusted_proxies: TrustedProxies,
}

/// How the core runs.
#[derive(Debug, Clone)]
pub struct CoreOptions {
    /// Where the outside reaches Portico, without a slash at the end.
    pub public_url: Option<String>,
    /// Where Chakra reaches Portico's hooks, without a slash at the end; none: at `public_url`.
    pub hooks_url: Option<String>,
    /// Whose word about the addresses of callers is taken.
    pub trusted_proxies: TrustedProxies,
    /// How many rows of the request log wait for Postgres before further ones are dropped.
    pub request_log_capacity: usize,
    /// The time.
    pub clock: Clock,
}

impl Core {
    /// Makes everything and registers its tasks; none is started yet. `mac_key` comes from
    /// [`vault::unlock`], which proves the master keys.
    #[must_use]
    pub fn new(db: Db, master_keys: Arc<MasterKeys>, mac_key: MacKey, options: CoreOptions) -> Self {
        let CoreOptions { public_url, hooks_url, trusted_proxies, request_log_capacity, clock } = options;
        let fingerprints = Arc::new(mac_key.fingerprint_subkey());
        let (metrics, limits) = (Arc::<Metrics>::default(), Arc::new(Limits::new(&clock)));
        let validity = Arc::new(Validity::new(clock.clone()));
        let vault = Vault::new(db.clone(), Arc::clone(&master_keys), clock.clone());
        let audit = AuditRecorder::new(db.clone(), Arc::new(mac_key.audit_chain_key()), clock.clone());
        let core = Self {
            vault_availability: VaultAvailability::new(db.clone(), Arc::clone(&master_keys), clock.clone()),
            replica: ReplicaAnnouncement::new(db.clone(), Arc::clone(&master_keys)),
            refusals: Refusals::new(audit.clone()),
            write_behind: WriteBehind::new(db.clone(), Arc::clone(&metrics), clock.clone(), request_log_capacity),
            tasks: Tasks::new(clock.clone()),
            public_url: public_url.map(Arc::from),
            hooks_url: hooks_url.map(Arc::from),
            trusted_proxies,
            bulkhead: Arc::default(),
            body_memory: BodyMemory::default(),
            caches: Caches::default(),
            db,
            clock,
            validity,
            master_keys,
            vault,
            mac_key: Arc::new(mac_key),
            fingerprints,
            audit,
            limits,
            metrics,
        };
        core.register();
        core
    }

    fn register(&self) {
        let Self { db, validity, vault, metrics, .. } = self.clone();
        InvalidationListener::new(db, validity, vault, metrics).register(&self.tasks);
        self.vault_availability.register(&self.tasks);
        self.replica.register(&self.tasks);
        self.write_behind.register(&self.tasks);
        self.vault.register(&self.validity, &self.tasks);
        self.caches.register(&self.validity, &self.tasks);
        self.refusals.register(&self.tasks);
    }
}
