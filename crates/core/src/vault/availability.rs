//! Whether the master keys can be used, found out before a call needs one: whether they can be reached, and whether
//! they still open the canary, which a rotation elsewhere may have sealed under a key that is not listed here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::clock::Clock;
use portico_storage::{Db, OperatorRow, StorageError};
use portico_vault::{MacKey, MasterKeyFailure, MasterKeys, OpenError};

use crate::cache::LONGEST;
use crate::tasks::{Schedule, Tasks};

/// How often the canary is opened, and master keys outside of this process are tried.
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

/// Since when a master key cannot be used. Cheap to clone.
#[derive(Debug, Clone)]
pub struct VaultAvailability {
    db: Db,
    master_keys: Arc<MasterKeys>,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when a key outside of this process cannot be reached.
    lost: Option<Instant>,
    /// Why the canary does not open: nothing that is sealed from now on will.
    locked: Option<OpenError>,
}

impl VaultAvailability {
    /// All can be reached, as far as is known.
    #[must_use]
    pub fn new(db: Db, master_keys: Arc<MasterKeys>, clock: Clock) -> Self {
        Self { db, master_keys, clock, state: Arc::default() }
    }

    /// Registers the task that tries the keys now and then.
    pub fn register(&self, tasks: &Tasks) {
        let this = self.clone();
        tasks.periodic("vault_availability", Schedule::every(EVERY), move || {
            let this = this.clone();
            async move { this.look().await }
        });
    }

    /// Whether every master key that is needed can be used.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let state = self.state();
        state.lost.is_none() && state.locked.is_none() && self.master_keys.unreachable().next().is_none()
    }

    /// Whether calls can be served: the canary opens, and all keys can be reached, or could a minute ago, so that
    /// opened ones go on.
    #[must_use]
    pub fn serves(&self) -> bool {
        let state = self.state();
        let is_reached = state.lost.is_none_or(|since| self.clock.instant().saturating_duration_since(since) < LONGEST);
        is_reached && state.locked.is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at both.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the canary cannot be read; then what was known of it stays.
    pub(crate) async fn look(&self) -> Result<(), StorageError> {
        if !self.master_keys.providers().all(|key| key.kind() == "local") {
            self.look_outside().await;
        }
        let Some(row) = self.db.operator().await? else { return Ok(()) };
        let opened = self.master_keys.check_canary(&row.canary).await;
        // A key that cannot be reached says nothing of the canary.
        let locked = opened.err().filter(|error| !matches!(error, OpenError::MasterKey(_)));
        let mut state = self.state();
        match (&locked, &state.locked) {
            (None, Some(_)) => tracing::info!("the master keys open the vault again"),
            (Some(error), None) => tracing::error!(
                %error,
                "the master keys of this replica do not open the vault any more; no call that needs it is served until PORTICO_MASTER_KEYS lists the key that seals it"
            ),
            _ => {}
        }
        state.locked = locked;
        Ok(())
    }

    async fn look_outside(&self) {
        let probing = self.master_keys.probe(&mut rand::rng());
        probing.await;
        let gone: Vec<_> = self.master_keys.unreachable().map(ToString::to_string).collect();
        let mut state = self.state();
        let lost = &mut state.lost;
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
