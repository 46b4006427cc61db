//! `vault status`: which master keys are needed, and how old the data keys are.

use std::collections::BTreeMap;

use portico_storage::StorageError;
use portico_vault::{MasterKeyId, OpenError, needed_master_key};
use serde::Serialize;
use time::OffsetDateTime;

use super::{ReplicaStatus, Vault};

/// What the vault needs, and how far a rotation is.
#[derive(Debug, Clone, Serialize)]
pub struct VaultStatus {
    /// The master key that seals.
    pub sealing_key: String,
    /// Everything that is sealed straight under a master key.
    pub total: u64,
    /// How much of it is under the key that seals: a rotation is done when this is all.
    pub under_sealing_key: u64,
    /// Every master key that is listed or needed: the listed ones first, in their order.
    pub master_keys: Vec<MasterKeyStatus>,
    /// The data keys.
    pub data_keys: DataKeyStatus,
    /// The replicas that run.
    pub replicas: Vec<ReplicaStatus>,
}

/// One master key.
#[derive(Debug, Clone, Serialize)]
pub struct MasterKeyStatus {
    /// Its id.
    pub id: String,
    /// Its provider; none when it is not listed.
    pub provider: Option<&'static str>,
    /// Whether it seals.
    pub seals: bool,
    /// How many data keys need it.
    pub data_keys: u64,
    /// How many secrets of the operator's need it.
    pub operator_secrets: u64,
}

/// The data keys. The classes count the newest of every tenant.
#[derive(Debug, Clone, Serialize)]
pub struct DataKeyStatus {
    /// Tenants that have one.
    pub tenants: u64,
    /// All of them.
    pub versions: u64,
    /// Under 30, 60 and 90 days old, and older: these are replaced by the next seal.
    pub by_age_under_30_60_90_days_and_older: [u64; 4],
    /// Under 2¹⁶, 2²⁰ and 2²⁴ seals, and more: these are replaced by the next seal.
    pub by_seals_under_2_16_2_20_2_24_and_more: [u64; 4],
    /// The most that one of them has sealed.
    pub most_seals: u64,
    /// Tenants that still have older ones besides.
    pub with_old_versions: u64,
    /// When `vault rotate --data-keys` began last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_roll_started_at: Option<OffsetDateTime>,
    /// When it was done; none while it is not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_roll_finished_at: Option<OffsetDateTime>,
}

/// How much needs one master key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) data_keys: u64,
    pub(super) operator_secrets: u64,
}

impl Need {
    pub(super) const fn sum(self) -> u64 {
        self.data_keys + self.operator_secrets
    }
}

impl VaultStatus {
    /// The master keys that something needs and the settings do not list.
    pub fn unlisted(&self) -> impl Iterator<Item = &MasterKeyStatus> {
        self.master_keys.iter().filter(|key| key.provider.is_none() && key.is_needed())
    }

    /// The replicas that run and cannot use the key that seals.
    pub fn lacking(&self) -> impl Iterator<Item = &ReplicaStatus> {
        self.replicas.iter().filter(|replica| !replica.has_sealing_key)
    }
}

impl MasterKeyStatus {
    /// Whether anything needs it.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.data_keys + self.operator_secrets > 0
    }
}

impl Vault {
    /// What the vault needs. Reads the database; only the key that seals is asked, whether it is that of the replicas.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn status(&self) -> Result<VaultStatus, StorageError> {
        let mut needs = self.needs().await?;
        let figures = self.db.data_key_figures().await?;
        let roll = self.db.last_roll().await?;
        let sealing = self.master_keys.sealing_id();
        let total = needs.values().map(|need| need.sum()).sum();
        let under_sealing_key = needs.get(sealing).copied().unwrap_or_default().sum();
        let told = |id: &MasterKeyId, provider, need: Need| MasterKeyStatus {
            id: id.to_string(),
            provider,
            seals: id == sealing,
            data_keys: need.data_keys,
            operator_secrets: need.operator_secrets,
        };
        let mut master_keys: Vec<_> = self
            .master_keys
            .providers()
            .map(|key| told(key.id(), Some(key.kind()), needs.remove(key.id()).unwrap_or_default()))
            .collect();
        master_keys.extend(needs.iter().map(|(id, need)| told(id, None, *need)));
        Ok(VaultStatus {
            sealing_key: sealing.to_string(),
            total,
            under_sealing_key,
            master_keys,
            data_keys: DataKeyStatus {
                tenants: figures.tenants,
                versions: figures.versions,
                by_age_under_30_60_90_days_and_older: figures.ages,
                by_seals_under_2_16_2_20_2_24_and_more: figures.seals,
                most_seals: figures.most_seals,
                with_old_versions: figures.with_old_versions,
                last_roll_started_at: roll.map(|roll| roll.started_at),
                last_roll_finished_at: roll.and_then(|roll| roll.finished_at),
            },
            replicas: self.replicas().await?,
        })
    }

    /// How much needs each master key.
    pub(super) async fn needs(&self) -> Result<BTreeMap<MasterKeyId, Need>, StorageError> {
        let mut needs: BTreeMap<MasterKeyId, Need> = BTreeMap::new();
        for (id, data_keys) in self.db.data_keys_by_master_key().await? {
            needs.entry(id).or_default().data_keys = data_keys;
        }
        for stored in self.db.operator_secrets().await? {
            let corrupt = |error: OpenError| StorageError::Corrupt {
                column: stored.secret.column,
                detail: format!("of the table {}: {error}", stored.secret.table),
            };
            let id = needed_master_key(&stored.sealed).map_err(corrupt)?;
            needs.entry(id).or_default().operator_secrets += 1;
        }
        Ok(needs)
    }
}
