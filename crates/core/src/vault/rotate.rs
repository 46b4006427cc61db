//! `vault rotate`: moves everything under the first master key, and replaces data keys, while replicas
//! serve.
//!
//! There is nothing to resume by: what is still to do is what the database says. Each step writes a few
//! rows in a transaction of its own, and only where they are as they were read, so it may be killed at
//! any moment, run again, or run twice at once.
//!
//! The order of a roll of data keys: a new version of every tenant's key, so that nothing more is sealed
//! with the old; then every sealed value under the new; then the old versions go that nothing needs.
//! Whoever read a value before and finds its key gone reads the value again.

use std::collections::HashMap;
use std::time::Duration;

use portico_auth::{Actor, Origin, Party};
use portico_domain::TenantId;
use portico_storage::{SEALED_COLUMNS, SealedColumn, StaleDataKey, StorageError, StoredDataKey};
use portico_vault::{
    DataKeyVersion, MasterKeyId, OpenError, SealedLocation, WrappedKey, needed_master_key, sealed_version,
};
use serde_json::json;

use super::{ReplicaStatus, Vault};
use crate::audit::{self, Change};
use crate::error::Error;

/// How to rotate.
#[derive(Debug, Clone, Copy)]
pub struct RotateOptions {
    /// Whether every tenant gets a new data key, too, and every sealed value is sealed with it.
    pub data_keys: bool,
    /// How many rows a transaction writes at most.
    pub batch: u16,
    /// How long to rest after each.
    pub pause: Duration,
    /// Whether it goes on although replicas run that lack the first master key. They stop serving.
    pub force: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Things that were sealed under another master key.
    Moved {
        /// So many are under the first one now.
        done: u64,
        /// So many were not when it began.
        of: u64,
    },
    /// Tenants that got a new data key.
    Rolled {
        /// So many since it began, or was taken up again.
        done: u64,
    },
    /// Tenants whose values were sealed with their newest data key.
    Resealed {
        /// So many.
        done: u64,
        /// So many had older ones when it began.
        of: u64,
    },
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Things that are under the first master key now and were not.
    pub moved: u64,
    /// Tenants that got a new data key.
    pub rolled: u64,
    /// Values that were sealed anew.
    pub resealed: u64,
    /// Data keys that nothing needed any more.
    pub deleted: u64,
    /// What does not open, and was left as it is.
    pub damaged: Vec<String>,
}

/// Why it did not begin, or could not go on. Running it again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Something needs master keys that are not listed.
    #[error("something is still sealed under {}, which PORTICO_MASTER_KEYS does not list; nothing was done: list the old key behind the new one, as k2:…,k1:…", list(.0))]
    NotListed(Vec<MasterKeyId>),
    /// There is one key, and it seals everything.
    #[error(
        "PORTICO_MASTER_KEYS lists only {0}, which seals everything already; there is nothing to do: put the new key in front and keep the old one behind it, as k2:…,k1:…"
    )]
    OnlyOne(MasterKeyId),
    /// Replicas run that cannot use the first key, or have other bytes under its id.
    #[error(
        "{} of the replicas that run cannot use {sealing} ({}); nothing was done: let PORTICO_MASTER_KEYS of every replica list {sealing} with the same bytes and start them anew, then run it again. One that was killed counts for 15 s; --force goes on without waiting, and those replicas stop serving",
        .lacking.len(), tell(.lacking)
    )]
    Replicas {
        /// The first key.
        sealing: MasterKeyId,
        /// Those that lack it.
        lacking: Vec<ReplicaStatus>,
    },
    /// A master key does not serve.
    #[error("{0}; run it again when that is mended, and it goes on where it stopped")]
    MasterKey(OpenError),
    /// The database fails.
    #[error("the database fails: {0}; run it again, and it goes on where it stopped")]
    Database(#[from] StorageError),
    /// Some things do not open.
    #[error("{} of what is sealed does not open and was left as it is: {}", .0.damaged.len(), .0.damaged.join("; "))]
    Damaged(Rotated),
}

fn list(ids: &[MasterKeyId]) -> String {
    ids.iter().map(MasterKeyId::as_str).collect::<Vec<_>>().join(", ")
}

fn tell(replicas: &[ReplicaStatus]) -> String {
    let told = |replica: &ReplicaStatus| match &replica.master_keys[..] {
        [] => format!("{} has none", replica.id),
        keys => format!("{} has {}", replica.id, keys.join(", ")),
    };
    replicas.iter().map(told).collect::<Vec<_>>().join("; ")
}

impl From<Error> for RotateError {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => Self::Database(error),
            Error::VaultUnavailable(error) | Error::Vault(error) => Self::MasterKey(error),
            // Nothing else comes out of the vault.
            other => Self::Database(StorageError::Corrupt { column: "data_keys", detail: other.to_string() }),
        }
    }
}

/// A pass over the data keys finds what replicas wrapped meanwhile; more passes than this mean that one
/// of them still seals with the old key, and running it again later helps.
const PASSES: u32 = 5;

impl Vault {
    /// Rotates, and tells how far it is after every transaction.
    ///
    /// # Errors
    ///
    /// See [`RotateError`]. The first three are found before anything is done.
    pub async fn rotate(
        &self,
        options: RotateOptions,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rotated, RotateError> {
        let sealing = self.master_keys.sealing_id();
        let needs = self.needs().await?;
        let missing: Vec<_> = needs.keys().filter(|id| !self.master_keys.ids().any(|listed| listed == *id)).collect();
        if !missing.is_empty() {
            return Err(RotateError::NotListed(missing.into_iter().cloned().collect()));
        }
        let stale: u64 = needs.iter().filter(|(id, _)| *id != sealing).map(|(_, need)| need.sum()).sum();
        if stale == 0 && !options.data_keys && self.master_keys.ids().count() == 1 {
            return Err(RotateError::OnlyOne(sealing.clone()));
        }
        for id in std::iter::once(sealing).chain(needs.keys().filter(|id| *id != sealing)) {
            let proof = self.master_keys.prove(id, &mut rand::rng());
            proof.await.map_err(RotateError::MasterKey)?;
        }
        let mut lacking = self.replicas().await?;
        lacking.retain(|replica| !replica.has_sealing_key);
        if !options.force && !lacking.is_empty() {
            return Err(RotateError::Replicas { sealing: sealing.clone(), lacking });
        }
        let mut run = Run { vault: self, options, progress, stale, done: Rotated::default() };
        let outcome = run.all().await;
        let done = run.done;
        note(self, sealing, &done, outcome.is_ok()).await;
        outcome?;
        if done.damaged.is_empty() { Ok(done) } else { Err(RotateError::Damaged(done)) }
    }
}

/// The one place that knows that a rotation ended, well or not: what belongs into the operator's audit
/// log is written here.
async fn note(vault: &Vault, sealing: &MasterKeyId, done: &Rotated, complete: bool) {
    tracing::info!(
        master_key.id = %sealing,
        moved = done.moved,
        data_keys.rolled = done.rolled,
        values.resealed = done.resealed,
        data_keys.deleted = done.deleted,
        damaged = done.damaged.len(),
        complete,
        "a rotation ended"
    );
    let after = json!({
        "sealing": sealing.as_str(),
        "moved": done.moved,
        "rolled": done.rolled,
        "resealed": done.resealed,
        "deleted": done.deleted,
        "damaged": done.damaged.len(),
        "complete": complete,
    });
    let change = Change::of("vault.rotate").to("master_key", sealing).into(&after);
    if let Err(error) = vault.audit(change).await {
        tracing::error!(%error, "a rotation is missing in the operator's audit log");
    }
}

impl Vault {
    /// Adds an entry to the operator's audit log; whoever runs the command is the operator.
    async fn audit(&self, change: Change) -> Result<(), Error> {
        let Some(row) = self.db.operator().await? else { return Ok(()) };
        let key = self.master_keys.open_mac_key(&row.fingerprint_key).await?.audit_chain_key();
        let party = Party { tenant: TenantId::OPERATOR, actor: Actor::Operator, token: None };
        let mut tx = self.db.begin_system(TenantId::OPERATOR).await?;
        tx.append_audit(&key, &audit::done(self.clock.now(), Some(party), &Origin::default(), change)).await?;
        Ok(tx.commit().await?)
    }
}

/// One rotation under way.
struct Run<'r> {
    vault: &'r Vault,
    options: RotateOptions,
    progress: &'r mut (dyn FnMut(Progress) + Send),
    stale: u64,
    done: Rotated,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), RotateError> {
        self.move_operator_secrets().await?;
        self.move_data_keys().await?;
        if self.options.data_keys {
            let roll = self.vault.db.begin_roll().await?;
            self.roll_tenants(roll.started_at).await?;
            self.reseal_tenants().await?;
            self.vault.db.finish_roll(roll.id).await?;
        }
        Ok(())
    }

    fn moved(&mut self, things: u64) {
        self.done.moved += things;
        let done = self.done.moved;
        (self.progress)(Progress::Moved { done, of: self.stale.max(done) });
    }

    /// Notes what does not open. A master key that does not serve ends the run instead: what it is
    /// needed for may be in order.
    fn damaged(&mut self, what: &str, error: OpenError) -> Result<(), RotateError> {
        match error {
            error if error.is_of_master_key() => Err(RotateError::MasterKey(error)),
            error => {
                let told = format!("{what}: {error}");
                if !self.done.damaged.contains(&told) {
                    self.done.damaged.push(told);
                }
                Ok(())
            }
        }
    }

    async fn move_operator_secrets(&mut self) -> Result<(), RotateError> {
        let Vault { db, master_keys, .. } = self.vault;
        for stored in db.operator_secrets().await? {
            let purpose = stored.purpose();
            let resealing = master_keys.reseal(&purpose, &stored.sealed, &mut rand::rng());
            match resealing.await {
                Ok(None) => {}
                Ok(Some(sealed)) => {
                    if db.replace_operator_secret(&stored, &sealed).await? {
                        self.moved(1);
                    }
                }
                Err(error) => {
                    let what = format!("{}.{} of {}", stored.secret.table, stored.secret.column, stored.row);
                    self.damaged(&what, error)?;
                }
            }
        }
        Ok(())
    }

    async fn move_data_keys(&mut self) -> Result<(), RotateError> {
        let Vault { db, master_keys, .. } = self.vault;
        for _ in 0..PASSES {
            let (mut after, mut found) = (None, false);
            loop {
                let stale = db.stale_data_keys(master_keys.sealing_id(), after, self.options.batch).await?;
                let Some(last) = stale.last() else { break };
                after = Some((last.tenant, last.version));
                let mut rewrapped = Vec::with_capacity(stale.len());
                for stale_key in stale {
                    match self.rewrap(&stale_key).await {
                        Ok(wrapped) => rewrapped.push((stale_key, wrapped)),
                        Err(error) => {
                            let what = format!("data key {} of {}", stale_key.version, stale_key.tenant);
                            self.damaged(&what, error)?;
                        }
                    }
                }
                found |= !rewrapped.is_empty();
                let written = db.rewrap(&rewrapped).await?;
                self.moved(written);
                tokio::time::sleep(self.options.pause).await;
            }
            if !found {
                break;
            }
        }
        Ok(())
    }

    async fn rewrap(&self, stale_key: &StaleDataKey) -> Result<WrappedKey, OpenError> {
        let keys = &self.vault.master_keys;
        // What the column says is a claim; the envelope is what opens.
        needed_master_key(&stale_key.wrapped)?;
        let key = keys.unwrap_data_key(stale_key.tenant, stale_key.version, &stale_key.wrapped).await?;
        let wrapping = keys.wrap_data_key(stale_key.tenant, &key, &mut rand::rng());
        Ok(wrapping.await?)
    }

    /// A new data key for every tenant whose newest is from before this roll.
    async fn roll_tenants(&mut self, before: time::OffsetDateTime) -> Result<(), RotateError> {
        let mut after = None;
        loop {
            let tenants = self.vault.db.tenants_to_roll(before, after, self.options.batch).await?;
            let Some(last) = tenants.last() else { return Ok(()) };
            after = Some(*last);
            for tenant in tenants {
                if let Some(newest) = self.vault.newest(tenant).await?
                    && self.vault.roll(tenant, &newest, None).await?
                {
                    self.done.rolled += 1;
                }
            }
            (self.progress)(Progress::Rolled { done: self.done.rolled });
            tokio::time::sleep(self.options.pause).await;
        }
    }

    async fn reseal_tenants(&mut self) -> Result<(), RotateError> {
        let of = self.vault.db.data_key_figures().await?.with_old_versions;
        let (mut after, mut done) = (None, 0);
        loop {
            let tenants = self.vault.db.tenants_with_old_data_keys(after, self.options.batch).await?;
            let Some(last) = tenants.last() else { return Ok(()) };
            after = Some(*last);
            for tenant in tenants {
                self.reseal_tenant(tenant).await?;
                done += 1;
            }
            (self.progress)(Progress::Resealed { done, of: of.max(done) });
            tokio::time::sleep(self.options.pause).await;
        }
    }

    async fn reseal_tenant(&mut self, tenant: TenantId) -> Result<(), RotateError> {
        let Some(newest) = self.vault.newest(tenant).await? else { return Ok(()) };
        for column in SEALED_COLUMNS {
            if let Err(error) = self.reseal_column(tenant, &newest, column).await {
                match error {
                    Error::Vault(error) => self.damaged(&format!("{} of {tenant}", column.table), error)?,
                    other => return Err(other.into()),
                }
            }
        }
        let mut tx = self.vault.db.begin_system(tenant).await?;
        let deleted = tx.delete_unneeded_data_keys(newest.version).await?;
        tx.commit().await?;
        self.done.deleted += deleted;
        Ok(())
    }

    async fn reseal_column(
        &mut self,
        tenant: TenantId,
        newest: &StoredDataKey,
        column: &SealedColumn,
    ) -> Result<(), Error> {
        let to = self.vault.open(tenant, newest).await?;
        let mut from = HashMap::new();
        loop {
            let mut tx = self.vault.db.begin_system(tenant).await?;
            // The data key's row before the values', as everybody who seals has it.
            if !tx.count_seals(newest.version, 0).await? {
                return Ok(());
            }
            let values = tx.lock_old_values(column, newest.version, self.options.batch).await?;
            if values.is_empty() {
                return Ok(());
            }
            let versions = values.iter().map(|value| sealed_version(&value.sealed)).collect::<Result<Vec<_>, _>>()?;
            if let Some(version) = versions.iter().find(|version| !from.contains_key(*version)) {
                let stored = tx.data_key(*version).await?.ok_or(OpenError::Forged)?;
                // Its master key may be far away, and no row waits for that.
                drop(tx);
                from.insert(*version, self.vault.open(tenant, &stored).await?);
                continue;
            }
            let many = u32::try_from(values.len()).expect("a batch is small");
            tx.count_seals(newest.version, many).await?;
            for (value, version) in values.iter().zip(versions) {
                let row = (column.row)(value.key);
                let location = SealedLocation { tenant, table: column.table, column: column.column, row: &row };
                let key: &portico_vault::DataKey = &from[&version];
                let text = key.open(&location, &value.sealed)?;
                let sealed = to.seal(&location, &text, &mut rand::rng());
                tx.replace_value(column, value.key, &sealed).await?;
            }
            tx.commit().await?;
            self.done.resealed += u64::from(many);
        }
    }
}

/// Versions are compared in SQL as signed numbers.
const _: () = assert!(DataKeyVersion::FIRST.0 < i32::MAX as u32);
