//! Which master keys each running replica can use: announced while it runs, and read before a rotation.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portico_domain::ReplicaId;
use portico_storage::{Db, LiveReplica, StorageError};
use portico_vault::{MasterKeyId, MasterKeys, needed_master_key};
use serde::Serialize;

use super::Vault;
use crate::tasks::{Schedule, Tasks};

/// How often a replica announces itself.
const EVERY: Duration = Duration::from_secs(3);
/// For how long after its last announcement a replica counts as running: several may fail to come.
const LIVE: Duration = Duration::from_secs(15);

/// A replica that runs, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaStatus {
    /// Which.
    pub id: ReplicaId,
    /// The master keys that it can use.
    pub master_keys: Vec<String>,
    /// Whether it can use the key that seals here, with the same bytes.
    pub has_sealing_key: bool,
    /// How long ago it announced itself, in seconds.
    pub seen_seconds_ago: u64,
}

/// What was sealed under a master key.
type Proof = (MasterKeyId, Vec<u8>);

/// The announcement of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReplicaAnnouncement {
    db: Db,
    master_keys: Arc<MasterKeys>,
    id: ReplicaId,
    /// What was sealed under which key; a key is tried again until it has sealed.
    proofs: Arc<Mutex<Vec<Proof>>>,
}

impl ReplicaAnnouncement {
    /// That of a new replica with these keys. Nothing is announced yet.
    #[must_use]
    pub fn new(db: Db, master_keys: Arc<MasterKeys>) -> Self {
        Self { db, master_keys, id: ReplicaId::generate(), proofs: Arc::default() }
    }

    /// Announces the replica once, with every key that can be used now.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn announce(&self) -> Result<(), StorageError> {
        for id in self.master_keys.ids() {
            if self.proven().iter().any(|(proven, _)| proven == id) {
                continue;
            }
            let sealing = self.master_keys.seal_proof(id, &mut rand::rng());
            // A key outside of this process that cannot be reached is tried again with the next announcement.
            if let Ok(proof) = sealing.await {
                self.proofs.lock().unwrap_or_else(PoisonError::into_inner).push((id.clone(), proof));
            }
        }
        let proofs: Vec<_> = self.proven().into_iter().map(|(_, proof)| proof).collect();
        self.db.announce_replica(self.id, &proofs).await
    }

    /// Says that the replica stops.
    pub async fn withdraw(&self) {
        if let Err(error) = self.db.withdraw_replica(self.id).await {
            tracing::debug!(%error, "a replica that stops counts as running for some seconds more");
        }
    }

    /// Registers the task that announces the replica now and then.
    pub(crate) fn register(&self, tasks: &Tasks) {
        let this = self.clone();
        tasks.periodic("replica", Schedule::every(EVERY), move || {
            let this = this.clone();
            async move { this.announce().await }
        });
    }

    fn proven(&self) -> Vec<Proof> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Vault {
    /// The replicas that run, and whether each can use the master key that seals here. Only that key is asked.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn replicas(&self) -> Result<Vec<ReplicaStatus>, StorageError> {
        let mut replicas = Vec::new();
        for LiveReplica { id, proofs, seen_ago } in self.db.live_replicas(LIVE).await? {
            let mut replica = ReplicaStatus {
                id,
                master_keys: Vec::new(),
                has_sealing_key: false,
                seen_seconds_ago: seen_ago.as_secs(),
            };
            for proof in proofs {
                let Ok(key) = needed_master_key(&proof) else { continue };
                if key == *self.master_keys.sealing_id() {
                    // One that cannot be asked now says nothing against the replica.
                    let checked = self.master_keys.check_proof(&proof).await;
                    replica.has_sealing_key = !checked.is_err_and(|error| !error.is_of_master_key());
                }
                replica.master_keys.push(key.to_string());
            }
            replicas.push(replica);
        }
        Ok(replicas)
    }
}
