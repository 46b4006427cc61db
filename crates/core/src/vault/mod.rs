//! The vault at work: data keys opened and remembered, made and replaced.
//!
//! The running gateway and the commands `vault status` and `vault rotate` share it. A master key may be
//! far away, so it is never asked inside a transaction.

mod availability;
mod opened;
mod replica;
mod rotate;
mod status;

use std::sync::Arc;

use portico_auth::Origin;
use portico_domain::TenantId;
use portico_domain::clock::Clock;
use portico_storage::{Db, StorageError, StoredDataKey, TenantTx};
use portico_vault::{AuditChainKey, DataKey, MasterKeys, OpenError};
use serde_json::json;

pub use availability::{UnlockError, VaultAvailability, unlock};
pub use replica::{ReplicaAnnouncement, ReplicaStatus};
pub use rotate::{Progress, RotateError, RotateOptions, Rotated};
pub use status::{DataKeyStatus, MasterKeyStatus, VaultStatus};

use crate::audit::{self, Change};
use crate::cache::{SWEEP, Validity};
use crate::error::{Error, Thing};
use crate::tasks::{Failure, Schedule, Tasks};
use opened::OpenedKeys;

/// How often a key is looked for that somebody replaces at the same moment.
const ATTEMPTS: u32 = 5;

/// A database and the master keys that open its vault. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    db: Db,
    master_keys: Arc<MasterKeys>,
    opened: Arc<OpenedKeys>,
    clock: Clock,
}

impl Vault {
    /// The vault of that database. Nothing is proved yet.
    #[must_use]
    pub fn new(db: Db, master_keys: Arc<MasterKeys>, clock: Clock) -> Self {
        Self { db, master_keys, opened: Arc::new(OpenedKeys::new(clock.clone())), clock }
    }

    /// The master keys.
    #[must_use]
    pub fn master_keys(&self) -> &MasterKeys {
        &self.master_keys
    }

    /// How many data keys are open.
    #[must_use]
    pub fn open_keys(&self) -> u64 {
        self.opened.len() as u64
    }

    /// A stored data key, opened: from memory, or by its master key.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it is damaged or its master key cannot be reached.
    pub async fn open(&self, tenant: TenantId, stored: &StoredDataKey) -> Result<Arc<DataKey>, OpenError> {
        if let Some(key) = self.opened.get(tenant, stored.version) {
            return Ok(key);
        }
        let key = Arc::new(self.master_keys.unwrap_data_key(tenant, stored.version, &stored.wrapped).await?);
        self.opened.put(tenant, Arc::clone(&key));
        Ok(key)
    }

    /// The data key that a tenant's next value is sealed with: the newest, or one that is made now
    /// because that is too old or has sealed too much.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the tenant has none; [`Error::VaultUnavailable`].
    pub async fn sealing_key(&self, tenant: TenantId) -> Result<Arc<DataKey>, Error> {
        let mut newest = self.newest(tenant).await?.ok_or(Error::Missing(Thing::Tenant))?;
        if DataKey::is_due(newest.seals, newest.age) {
            match self.roll_by_itself(tenant, &newest).await {
                Ok(_) => newest = self.newest(tenant).await?.ok_or(Error::Missing(Thing::Tenant))?,
                // What is due can wait as long as the limit is far.
                Err(Error::VaultUnavailable(reason)) if newest.seals < DataKey::SEAL_LIMIT => {
                    tracing::warn!(tenant.id = %tenant, %reason, "a data key is due, but cannot be replaced now");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.open(tenant, &newest).await?)
    }

    /// A transaction in which one value is sealed and stored, and the key to seal it with. The seal is counted already,
    /// which keeps the key from being deleted before the value is there.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the tenant has no data key; [`Error::VaultUnavailable`].
    pub async fn begin_sealing(&self, tenant: TenantId) -> Result<(TenantTx, Arc<DataKey>), Error> {
        for _ in 0..ATTEMPTS {
            let key = self.sealing_key(tenant).await?;
            let mut tx = self.db.begin_system(tenant).await?;
            if tx.count_seals(key.version(), 1).await? {
                return Ok((tx, key));
            }
        }
        Err(Error::Missing(Thing::Tenant))
    }

    async fn newest(&self, tenant: TenantId) -> Result<Option<StoredDataKey>, StorageError> {
        let mut tx = self.db.begin_system(tenant).await?;
        let newest = tx.newest_data_key().await?;
        tx.commit().await?;
        Ok(newest)
    }

    /// [`Vault::roll`] that nobody asked for: the tenant's audit log tells of it.
    async fn roll_by_itself(&self, tenant: TenantId, newest: &StoredDataKey) -> Result<bool, Error> {
        // Like the wrapping of the key: its master key may be far away, and no row waits for that.
        let key = match self.db.operator().await? {
            Some(row) => Some(self.master_keys.open_mac_key(&row.fingerprint_key).await?.audit_chain_key()),
            None => None,
        };
        self.roll(tenant, newest, key.as_ref()).await
    }

    /// Makes the data key that follows. False when another replica was faster: then that one's is there.
    /// With the key of the audit log, the tenant's log tells of it.
    async fn roll(&self, tenant: TenantId, newest: &StoredDataKey, log: Option<&AuditChainKey>) -> Result<bool, Error> {
        let key = DataKey::generate(newest.version.next(), &mut rand::rng());
        let wrapping = self.master_keys.wrap_data_key(tenant, &key, &mut rand::rng());
        let wrapped = wrapping.await?;
        let mut tx = self.db.begin_system(tenant).await?;
        let made = tx.insert_next_data_key(newest.version, &wrapped).await?;
        if let (true, Some(log)) = (made, log) {
            let (before, after) = (json!({"version": newest.version.0}), json!({"version": key.version().0}));
            let change = Change::of("data_key.roll").to("data_key", key.version()).from(&before).into(&after);
            tx.append_audit(log, &audit::done(self.clock.now(), None, &Origin::default(), change)).await?;
        }
        tx.commit().await?;
        if made {
            tracing::info!(tenant.id = %tenant, data_key.version = %key.version(), "a new data key seals from now on");
        }
        Ok(made)
    }

    /// Registers the task that drops opened keys in time, so that they are wiped: within a second of a change,
    /// such as the end of their tenant.
    pub(crate) fn register(&self, validity: &Arc<Validity>, tasks: &Tasks) {
        let (vault, validity) = (self.clone(), Arc::clone(validity));
        tasks.periodic("opened_data_keys", Schedule::every(SWEEP), move || {
            let (vault, validity) = (vault.clone(), Arc::clone(&validity));
            async move {
                vault.sweep(validity.is_listening()).await;
                Ok::<_, Failure>(())
            }
        });
    }

    /// Something of that tenant changed: it may have been erased.
    pub fn changed(&self, tenant: TenantId) {
        self.opened.check(tenant);
    }

    /// Anything may have changed.
    pub fn everything_changed(&self) {
        self.opened.check_all();
    }

    /// Drops opened keys that were held long enough, and those of tenants that are gone. Unless notifications
    /// of changes arrive, each tenant is looked for.
    pub async fn sweep(&self, is_listening: bool) {
        self.opened.sweep();
        if !is_listening {
            self.opened.check_all();
        }
        for tenant in self.opened.to_check() {
            match self.newest(tenant).await {
                Ok(Some(_)) => {}
                Ok(None) => self.opened.forget(tenant),
                // It is looked for again in the next round.
                Err(_) => self.opened.check(tenant),
            }
        }
    }
}
