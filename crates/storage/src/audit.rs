//! The audit log: entries are added, never changed.

use sqlx::types::Json;
use time::OffsetDateTime;

use crate::db::TenantTx;
use crate::error::StorageError;

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// How many entries there are.
    pub seq: u64,
    /// The hash of the last one; zeros when there is none.
    pub hash: [u8; 32],
    /// What authenticates this end; empty when there is no entry.
    pub mac: Vec<u8>,
}

/// An entry to add, in its place.
#[derive(Debug)]
pub struct NewAuditEntry<'a> {
    /// Its place: one more than the head's.
    pub seq: u64,
    /// When.
    pub at: OffsetDateTime,
    /// The exact text that was hashed.
    pub entry: &'a str,
    /// The hash of the one before.
    pub previous: &'a [u8; 32],
    /// Its hash.
    pub hash: &'a [u8; 32],
    /// What authenticates the chain's new end.
    pub mac: &'a [u8; 32],
}

impl TenantTx {
    /// The end of the tenant's chain, held until the transaction ends, so that entries follow one after
    /// the other. Ask for it last: whoever waits for it holds all else that it changed.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn audit_head_for_append(&mut self) -> Result<AuditHead, StorageError> {
        let zeros = [0_u8; 32];
        sqlx::query!(
            "insert into audit_heads (tenant_id, seq, hash, mac) values ($1, 0, $2, $2) on conflict do nothing",
            self.tenant.uuid(),
            &zeros[..]
        )
        .execute(&mut *self.tx)
        .await?;
        let row =
            sqlx::query!("select seq, hash, mac from audit_heads where tenant_id = $1 for update", self.tenant.uuid())
                .fetch_one(&mut *self.tx)
                .await?;
        head(row.seq, &row.hash, row.mac)
    }

    /// The end of the tenant's chain, if anything was ever added.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn audit_head(&mut self) -> Result<Option<AuditHead>, StorageError> {
        let row = sqlx::query!("select seq, hash, mac from audit_heads where tenant_id = $1", self.tenant.uuid())
            .fetch_optional(&mut *self.tx)
            .await?;
        row.map(|row| head(row.seq, &row.hash, row.mac)).transpose()
    }

    /// Adds an entry behind the head that this transaction holds.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when the place is taken: the head was not held.
    pub async fn append_audit(&mut self, new: &NewAuditEntry<'_>) -> Result<(), StorageError> {
        let seq = new.seq.cast_signed();
        let entry = serde_json::value::RawValue::from_string(new.entry.to_owned())
            .map_err(|error| StorageError::corrupt("audit_log.entry", error))?;
        sqlx::query!(
            "insert into audit_log (tenant_id, seq, at, entry, previous, hash) values ($1, $2, $3, $4, $5, $6)",
            self.tenant.uuid(),
            seq,
            new.at,
            Json(entry) as _,
            &new.previous[..],
            &new.hash[..]
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "update audit_heads set seq = $2, hash = $3, mac = $4 where tenant_id = $1",
            self.tenant.uuid(),
            seq,
            &new.hash[..],
            &new.mac[..]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

fn head(seq: i64, hash: &[u8], mac: Vec<u8>) -> Result<AuditHead, StorageError> {
    Ok(AuditHead {
        seq: u64::try_from(seq).map_err(|error| StorageError::corrupt("audit_heads.seq", error))?,
        hash: hash.try_into().map_err(|error| StorageError::corrupt("audit_heads.hash", error))?,
        mac,
    })
}
