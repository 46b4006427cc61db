//! The application: what it holds, and how it starts and stops.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portico_auth::ApiKeyRecord;
use portico_chakra::{BadChakraUrl, ChosenPaths, Client};
use portico_domain::TenantId;
use portico_storage::{Db, Learned, OperatorRow, StorageError};
use portico_vault::{DataKeyVersion, FingerprintKey, KeyEnvironment, MasterKeys, OpenError, OperatorToken, SecretHash};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::cache::{Freshness, Memo};
use crate::follow;
use crate::keys::{OpenChakraKey, OpenDataKey};
use crate::learned::{LearnedKey, Unwritten};
use crate::metrics::Metrics;
use crate::ownership::OwnedKey;
use crate::refusals::{self, KeyRefusal};
use crate::request_log::{self, LogEntry};

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
    Vault(#[from] OpenError),
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
    pub(crate) master_keys: MasterKeys,
    pub(crate) fingerprint_key: FingerprintKey,
    pub(crate) operator: OperatorToken,
    pub(crate) environment: KeyEnvironment,
    pub(crate) public_url: Option<String>,
    pub(crate) freshness: Freshness,
    pub(crate) api_keys: Memo<SecretHash, ApiKeyRecord>,
    pub(crate) owned: Memo<OwnedKey, portico_storage::OwnedId>,
    pub(crate) learned: Memo<LearnedKey, Learned>,
    pub(crate) unwritten: Unwritten,
    pub(crate) data_keys: Memo<(TenantId, DataKeyVersion), Arc<OpenDataKey>>,
    pub(crate) chakra_keys: Memo<TenantId, Arc<OpenChakraKey>>,
    pub(crate) metrics: Metrics,
    pub(crate) log: mpsc::Sender<LogEntry>,
    pub(crate) refusals: mpsc::Sender<KeyRefusal>,
    background: Mutex<Vec<JoinHandle<()>>>,
    log_writer: Mutex<Option<JoinHandle<()>>>,
    stop_log: tokio::sync::Notify,
}

/// Whether calls can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The database answers.
    pub database: bool,
    /// The vault opened its canary at the start.
    pub vault: bool,
    /// Word of changes on other replicas is known to arrive; without it caches hold for less than a second.
    pub changes: bool,
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
            None => db.ensure_operator(&first_row(&master_keys)).await?,
        };
        master_keys.check_canary(&row.canary)?;
        let fingerprint_key = master_keys.open_fingerprint_key(&row.fingerprint_key)?;
        let (log, log_entries) = mpsc::channel(options.request_log_capacity.max(1));
        let (refusals, refused) = mpsc::channel(64);
        let shared = Arc::new(Shared {
            db,
            master_keys,
            fingerprint_key,
            operator,
            environment: options.environment,
            freshness: Freshness::default(),
            api_keys: Memo::default(),
            owned: Memo::default(),
            learned: Memo::default(),
            unwritten: Unwritten::default(),
            public_url: options.public_url,
            data_keys: Memo::default(),
            chakra_keys: Memo::default(),
            metrics: Metrics::default(),
            log,
            refusals,
            background: Mutex::default(),
            log_writer: Mutex::default(),
            stop_log: tokio::sync::Notify::new(),
        });
        let tasks = vec![
            tokio::spawn(follow::changes(Arc::clone(&shared))),
            tokio::spawn(refusals::write(Arc::clone(&shared), refused)),
            tokio::spawn(sweep(Arc::clone(&shared))),
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

    /// Writes what waits for the request log, for at most five seconds, and ends all background work.
    pub async fn stop(&self) {
        self.shared.stop_log.notify_one();
        let writer = self.shared.log_writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && tokio::time::timeout(Duration::from_secs(5), writer).await.is_err()
        {
            tracing::warn!("the request log was not written to its end");
        }
        for task in self.shared.background.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Whether calls can be served now.
    pub async fn readiness(&self) -> Readiness {
        let ping = tokio::time::timeout(Duration::from_secs(2), self.shared.db.ping()).await;
        Readiness { database: matches!(ping, Ok(Ok(()))), vault: true, changes: self.shared.freshness.is_listening() }
    }

    /// What was counted, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.shared.metrics.render(self.shared.freshness.is_listening())
    }
}

impl Shared {
    /// Waits until the application stops.
    pub(crate) async fn stopping(&self) {
        self.stop_log.notified().await;
    }
}

fn first_row(master_keys: &MasterKeys) -> OperatorRow {
    let mut rng = rand::rng();
    let fingerprint_key = FingerprintKey::generate(&mut rng);
    OperatorRow {
        canary: master_keys.seal_canary(&mut rng),
        fingerprint_key: master_keys.seal_fingerprint_key(&fingerprint_key, &mut rng),
    }
}

/// Opened keys are wiped when they are dropped, so they must be dropped in time.
async fn sweep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(Duration::from_secs(15));
    loop {
        every.tick().await;
        shared.chakra_keys.sweep(&shared.freshness);
        shared.data_keys.sweep(&shared.freshness);
        shared.api_keys.sweep(&shared.freshness);
        shared.owned.sweep(&shared.freshness);
        shared.learned.sweep(&shared.freshness);
    }
}
