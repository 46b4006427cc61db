//! The application: what it holds, and how it starts and stops.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_auth::{SessionRecord, Subject};
use portico_chakra::{BadChakraUrl, ChosenPaths, Client};
use portico_domain::TenantId;
use portico_storage::{Db, Learned, OperatorRow, StorageError};
use portico_vault::{
    FingerprintKey, KeyEnvironment, MasterKeyFailure, MasterKeys, OpenError, OperatorToken, SecretHash,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::attempts::Attempts;
use crate::authenticate::KnownSecret;
use crate::cache::{Freshness, LONGEST, Memo, SWEEP};
use crate::erase;
use crate::export::Exports;
use crate::follow;
use crate::gates::Gates;
use crate::key_notices;
use crate::key_uses::KeyUses;
use crate::keys::OpenChakraKey;
use crate::learned::{LearnedKey, Unwritten};
use crate::limits::Limits;
use crate::members::{self, Hashing};
use crate::metrics::Metrics;
use crate::ownership::OwnedKey;
use crate::refusals::{self, KeyRefusal};
use crate::request_log::{self, LogEntry};
use crate::signing_keys::{self, SigningKeys};
use crate::tokens::Minter;
use crate::turns::Turns;
use crate::vault::Vault;

/// How often master keys outside of this process are tried.
const WATCH: Duration = Duration::from_secs(2);

/// How the application runs.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Where Chakra is.
    pub chakra_url: String,
    /// The paths on which calls go out, where settings choose.
    pub chakra_paths: ChosenPaths,
    /// Where the outside reaches Portico, without a slash at the end; none: at the host that a call names.
    pub public_url: Option<String>,
    /// The environment in the text of new API keys.
    pub environment: KeyEnvironment,
    /// Where people sign in, if not with a password alone.
    pub oidc: Option<Arc<portico_oidc::Provider>>,
    /// How many rows of the request log wait for Postgres before further ones are dropped.
    pub request_log_capacity: usize,
}

/// Why the application does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings name a key that this database does not know.
    #[error(
        "PORTICO_MASTER_KEYS does not open this database's vault ({0}); set the key it was sealed with (the first seals, every listed one opens)"
    )]
    Vault(OpenError),
    /// A master key is listed and does not serve.
    #[error(
        "{0}; see that its provider answers, and look at the settings that name it (`portico check` proves each key)"
    )]
    MasterKey(#[from] MasterKeyFailure),
    /// The address of Chakra is wrong.
    #[error(transparent)]
    ChakraUrl(#[from] BadChakraUrl),
    /// The database fails.
    #[error("the database fails: {0}")]
    Database(#[from] StorageError),
}

/// The application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chakra: Client,
}

/// What every clone has in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) master_keys: Arc<MasterKeys>,
    pub(crate) vault: Vault,
    /// Since when a master key cannot be reached; none while all can.
    vault_lost: Mutex<Option<Instant>>,
    pub(crate) fingerprint_key: FingerprintKey,
    pub(crate) operator: OperatorToken,
    pub(crate) environment: KeyEnvironment,
    pub(crate) public_url: Option<String>,
    pub(crate) freshness: Freshness,
    pub(crate) api_keys: Memo<SecretHash, KnownSecret>,
    pub(crate) token_minters: Memo<(TenantId, Subject), Minter>,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) sessions: Memo<SecretHash, SessionRecord>,
    pub(crate) hashing: Hashing,
    pub(crate) oidc: Option<Arc<portico_oidc::Provider>>,
    pub(crate) owned: Memo<OwnedKey, portico_storage::OwnedId>,
    pub(crate) learned: Memo<LearnedKey, Learned>,
    pub(crate) unwritten: Unwritten,
    pub(crate) chakra_keys: Memo<TenantId, Arc<OpenChakraKey>>,
    pub(crate) key_uses: KeyUses,
    pub(crate) first_uses: Gates<TenantId>,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
    pub(crate) turns: Turns,
    /// Rung after a change of a key here, because a notice may be due at once.
    pub(crate) key_changed: tokio::sync::Notify,
    pub(crate) log: mpsc::Sender<LogEntry>,
    pub(crate) refusals: mpsc::Sender<KeyRefusal>,
    pub(crate) attempts: Attempts,
    pub(crate) exports: Exports,
    /// A tenant was erased here.
    pub(crate) erased: tokio::sync::Notify,
    background: Mutex<Vec<JoinHandle<()>>>,
    log_writer: Mutex<Option<JoinHandle<()>>>,
    stop_log: tokio::sync::Notify,
}

/// Whether calls can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of /readyz")]
pub struct Readiness {
    /// The database answers.
    pub database: bool,
    /// The master keys that are needed can be reached.
    pub vault: bool,
    /// Word of changes on other replicas is known to arrive; without it caches hold for less than a second.
    pub changes: bool,
    /// Calls can be served. Without the vault they can for a while: with the keys that are open.
    pub serves: bool,
}

impl App {
    /// Proves the master key against the database's canary (sealing one on the first start), and
    /// begins to listen for changes and to write the request log.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(
        db: Db,
        master_keys: MasterKeys,
        operator: OperatorToken,
        options: AppOptions,
    ) -> Result<Self, StartError> {
        let chakra = Client::new(&options.chakra_url)?.with_paths(options.chakra_paths);
        let row = match db.operator().await? {
            Some(row) => row,
            None => db.ensure_operator(&first_row(&master_keys).await?).await?,
        };
        master_keys.check_canary(&row.canary).await?;
        let fingerprint_key = master_keys.open_fingerprint_key(&row.fingerprint_key).await?;
        let master_keys = Arc::new(master_keys);
        let (log, log_entries) = mpsc::channel(options.request_log_capacity.max(1));
        let (refusals, refused) = mpsc::channel(64);
        let shared = Arc::new(Shared {
            vault: Vault::new(db.clone(), Arc::clone(&master_keys)),
            vault_lost: Mutex::default(),
            db,
            master_keys,
            fingerprint_key,
            operator,
            environment: options.environment,
            freshness: Freshness::default(),
            api_keys: Memo::default(),
            token_minters: Memo::default(),
            signing_keys: SigningKeys::default(),
            sessions: Memo::default(),
            hashing: Hashing::default(),
            oidc: options.oidc,
            owned: Memo::default(),
            learned: Memo::default(),
            unwritten: Unwritten::default(),
            public_url: options.public_url,
            chakra_keys: Memo::default(),
            key_uses: KeyUses::default(),
            first_uses: Gates::default(),
            metrics: Metrics::default(),
            limits: Limits::default(),
            turns: Turns::default(),
            key_changed: tokio::sync::Notify::new(),
            log,
            refusals,
            attempts: Attempts::default(),
            exports: Exports::default(),
            erased: tokio::sync::Notify::new(),
            background: Mutex::default(),
            log_writer: Mutex::default(),
            stop_log: tokio::sync::Notify::new(),
        });
        let tasks = vec![
            tokio::spawn(follow::changes(Arc::clone(&shared))),
            tokio::spawn(refusals::write(Arc::clone(&shared), refused)),
            tokio::spawn(sweep(Arc::clone(&shared))),
            tokio::spawn(key_notices::run(Arc::clone(&shared))),
            tokio::spawn(signing_keys::keep(Arc::clone(&shared))),
            tokio::spawn(watch_vault(Arc::clone(&shared))),
            tokio::spawn(members::keep_up(Arc::clone(&shared))),
            tokio::spawn(wipe(Arc::clone(&shared))),
            tokio::spawn(erase::purge(Arc::clone(&shared))),
        ];
        *shared.background.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        let writer = tokio::spawn(request_log::write(Arc::clone(&shared), log_entries));
        *shared.log_writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        Ok(Self { shared, chakra })
    }

    /// A clone whose connections to Chakra are its own: one for each worker thread.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), chakra: self.chakra.detached() }
    }

    /// Writes what waits for the request log, for at most five seconds, and the refused attempts that were
    /// counted, and ends all background work.
    pub async fn stop(&self) {
        self.shared.stop_log.notify_one();
        let writer = self.shared.log_writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && tokio::time::timeout(Duration::from_secs(5), writer).await.is_err()
        {
            tracing::warn!("the request log was not written to its end");
        }
        self.shared.write_all_attempts().await;
        for task in self.shared.background.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Whether calls can be served now.
    pub async fn readiness(&self) -> Readiness {
        let ping = tokio::time::timeout(Duration::from_secs(2), self.shared.db.ping()).await;
        let database = matches!(ping, Ok(Ok(())));
        let lost = *self.shared.vault_lost.lock().unwrap_or_else(PoisonError::into_inner);
        let vault = lost.is_none() && self.shared.master_keys.unreachable().next().is_none();
        let serves = database && lost.is_none_or(|since| since.elapsed() < LONGEST);
        Readiness { database, vault, changes: self.shared.freshness.is_listening(), serves }
    }

    /// What was counted, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.shared.metrics.render(self.shared.freshness.is_listening())
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::MasterKey(failure) => Self::MasterKey(failure),
            error => Self::Vault(error),
        }
    }
}

impl Shared {
    /// Waits until the application stops.
    pub(crate) async fn stopping(&self) {
        self.stop_log.notified().await;
    }
}

async fn first_row(master_keys: &MasterKeys) -> Result<OperatorRow, MasterKeyFailure> {
    let fingerprint_key = FingerprintKey::generate(&mut rand::rng());
    let sealing = (
        master_keys.seal_canary(&mut rand::rng()),
        master_keys.seal_fingerprint_key(&fingerprint_key, &mut rand::rng()),
    );
    Ok(OperatorRow { canary: sealing.0.await?, fingerprint_key: sealing.1.await? })
}

/// Tries the master keys now and then, so that readiness knows before a call does.
async fn watch_vault(shared: Arc<Shared>) {
    if shared.master_keys.providers().all(|key| key.kind() == "local") {
        return;
    }
    let mut every = tokio::time::interval(WATCH);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let probing = shared.master_keys.probe(&mut rand::rng());
        probing.await;
        let gone: Vec<_> = shared.master_keys.unreachable().map(ToString::to_string).collect();
        let mut lost = shared.vault_lost.lock().unwrap_or_else(PoisonError::into_inner);
        match (gone.is_empty(), *lost) {
            (true, Some(_)) => tracing::info!("every master key can be reached again"),
            (false, None) => {
                tracing::error!(
                    master_key.ids = gone.join(","),
                    "a master key cannot be reached; opened keys go on for a minute"
                );
            }
            _ => {}
        }
        *lost = if gone.is_empty() { None } else { Some(lost.unwrap_or_else(Instant::now)) };
    }
}

/// Opened keys are wiped when they are dropped, so they must be dropped in time: within a second of a
/// change, such as the end of their tenant.
async fn wipe(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        shared.chakra_keys.sweep(&shared.freshness);
        shared.vault.sweep(!shared.freshness.is_listening()).await;
    }
}

/// What may no longer be believed needs no memory.
async fn sweep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(Duration::from_secs(15));
    loop {
        every.tick().await;
        shared.write_counted_attempts().await;
        shared.api_keys.sweep(&shared.freshness);
        shared.token_minters.sweep(&shared.freshness);
        shared.sessions.sweep(&shared.freshness);
        shared.owned.sweep(&shared.freshness);
        shared.learned.sweep(&shared.freshness);
        shared.limits.sweep();
    }
}
