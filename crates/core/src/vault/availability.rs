//! Whether the master keys can be reached, found out before a call needs one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::clock::Clock;
use portico_storage::{Db, OperatorRow, StorageError};
use portico_vault::{MacKey, MasterKeyFailure, MasterKeys, OpenError};

use crate::cache::LONGEST;
use crate::tasks::{Failure, Schedule, Tasks};

/// How often master keys outside of this process are tried.
const EVERY: Duration = Duration::from_secs(2);

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
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
    /// The database fails.
    #[error("the database fails: {0}")]
    Database(#[from] StorageError),
}

impl From<OpenError> for UnlockError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::MasterKey(failure) => Self::MasterKey(failure),
            error => Self::Vault(error),
        }
    }
}

/// Proves the master keys against the database's canary, sealing one on the first start, and opens the key of
/// authentication codes.
///
/// # Errors
///
/// See [`UnlockError`].
pub async fn unlock(db: &Db, master_keys: &MasterKeys) -> Result<MacKey, UnlockError> {
    let row = match db.operator().await? {
        Some(row) => row,
        None => db.ensure_operator(&first_row(master_keys).await?).await?,
    };
    master_keys.check_canary(&row.canary).await?;
    Ok(master_keys.open_mac_key(&row.fingerprint_key).await?)
}

async fn first_row(master_keys: &MasterKeys) -> Result<OperatorRow, MasterKeyFailure> {
    let mac_key = MacKey::generate(&mut rand::rng());
    let sealing = (master_keys.seal_canary(&mut rand::rng()), master_keys.seal_mac_key(&mac_key, &mut rand::rng()));
    Ok(OperatorRow { canary: sealing.0.await?, fingerprint_key: sealing.1.await? })
}

/// Since when a master key cannot be reached. Cheap to clone.
#[derive(Debug, Clone)]
pub struct VaultAvailability {
    master_keys: Arc<MasterKeys>,
    clock: Clock,
    lost: Arc<Mutex<Option<Instant>>>,
}

impl VaultAvailability {
    /// All can be reached, as far as is known.
    #[must_use]
    pub fn new(master_keys: Arc<MasterKeys>, clock: Clock) -> Self {
        Self { master_keys, clock, lost: Arc::default() }
    }

    /// Registers the task that tries the keys now and then; keys in this process need none.
    pub fn register(&self, tasks: &Tasks) {
        if self.master_keys.providers().all(|key| key.kind() == "local") {
            return;
        }
        let this = self.clone();
        tasks.periodic("vault_availability", Schedule::every(EVERY), move || {
            let this = this.clone();
            async move {
                this.look().await;
                Ok::<_, Failure>(())
            }
        });
    }

    /// Whether every master key that is needed can be reached.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.lost().is_none() && self.master_keys.unreachable().next().is_none()
    }

    /// Whether calls can be served: all keys can be reached, or could a minute ago, so that opened ones go on.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.lost().is_none_or(|since| self.clock.instant().saturating_duration_since(since) < LONGEST)
    }

    fn lost(&self) -> Option<Instant> {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) {
        let probing = self.master_keys.probe(&mut rand::rng());
        probing.await;
        let gone: Vec<_> = self.master_keys.unreachable().map(ToString::to_string).collect();
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
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
        *lost = if gone.is_empty() { None } else { Some(lost.unwrap_or_else(|| self.clock.instant())) };
    }
}
