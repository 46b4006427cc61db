//! The audit log: entries are added, never changed.

use portico_domain::audit::hexadecimal;
use portico_domain::{AuditEntry, AuditFilter, AuditOutcome, AuditRecord, ChainEnd, TenantId};
use portico_vault::{AuditChainKey, audit_chain};
use time::OffsetDateTime;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// The end of a chain as `audit_heads` holds it.
struct Head {
    end: ChainEnd,
    mac: Vec<u8>,
}

/// An entry of the audit log as it is kept.
#[derive(Debug, Clone)]
pub struct StoredAuditEntry {
    /// Its number in the chain, counted from 1.
    pub seq: u64,
    /// The exact text that was hashed.
    pub entry: String,
    /// The hash of the entry before.
    pub previous: Vec<u8>,
    /// SHA-256 over `previous` and `entry`.
    pub hash: Vec<u8>,
}

impl StoredAuditEntry {
    pub(crate) fn of(seq: i64, entry: String, previous: Vec<u8>, hash: Vec<u8>) -> Result<Self, StorageError> {
        Ok(Self { seq: seq_number(seq)?, entry, previous, hash })
    }

    /// The record as one line of JSON without its line break, in which the entry stands byte for byte as it
    /// was hashed.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            r#"{{"seq":{},"previous_hash":"{}","hash":"{}","entry":{}}}"#,
            self.seq,
            hexadecimal(&self.previous),
            hexadecimal(&self.hash),
            self.entry
        )
    }
}

impl TryFrom<StoredAuditEntry> for AuditRecord {
    type Error = StorageError;

    fn try_from(stored: StoredAuditEntry) -> Result<Self, StorageError> {
        Ok(Self {
            seq: stored.seq,
            previous_hash: hexadecimal(&stored.previous),
            hash: hexadecimal(&stored.hash),
            entry: serde_json::from_str(&stored.entry)
                .map_err(|error| StorageError::corrupt("audit_log.entry", error))?,
        })
    }
}

impl TenantTx {
    /// Whether the tenant exists, and keeps it from being erased until the transaction ends, so that nothing
    /// is added to the chain of a tenant that is gone. The operator's own chain has no tenant: always true.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_tenant_shared(&mut self) -> Result<bool, StorageError> {
        if self.tenant == TenantId::OPERATOR {
            return Ok(true);
        }
        let row =
            sqlx::query!(r#"select 1 as "one!" from tenants where tenant_id = $1 for key share"#, self.tenant.uuid())
                .fetch_optional(&mut *self.tx)
                .await?;
        Ok(row.is_some())
    }

    /// Adds an entry to the tenant's chain and gives the chain's new end. The end is locked until the
    /// transaction ends, so that entries follow one another. Call it last: whoever waits for the end keeps
    /// locked what it changed before.
    ///
    /// An end that Portico did not write is never repaired by writing after it: what follows carries no proof
    /// either, so that verifying the chain still finds it broken.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn append_audit(&mut self, key: &AuditChainKey, entry: &AuditEntry) -> Result<ChainEnd, StorageError> {
        let chain = self.tenant.uuid();
        let head = self.head_for_append().await?;
        let is_proved = |head: &Head| key.is_head_mac(chain.as_bytes(), head.end.seq, &head.end.hash, &head.mac);
        let (end, is_whole) = if head.end.seq > 0 && is_proved(&head) {
            (head.end, true)
        } else {
            match self.audit_tail().await? {
                None if head.end.seq == 0 => (ChainEnd { seq: 0, hash: audit_chain::GENESIS }, true),
                tail => (tail.unwrap_or(head.end), false),
            }
        };
        let text = entry.canonical();
        let new = ChainEnd { seq: end.seq + 1, hash: audit_chain::link(&end.hash, &text) };
        let mac = if is_whole {
            key.head_mac(chain.as_bytes(), new.seq, &new.hash)
        } else {
            tracing::error!(tenant.id = %self.tenant, "the audit log was tampered with; `portico audit verify` says where");
            [0; 32]
        };
        // As text, so that it is kept letter by letter.
        sqlx::query!(
            r#"
            with added as (
                insert into audit_log (tenant_id, seq, at, entry, previous, hash) values ($1, $2, $3, $4::text::json, $5, $6)
            )
            update audit_heads set seq = $2, hash = $6, mac = $7 where tenant_id = $1
            "#,
            chain,
            new.seq.cast_signed(),
            entry.at,
            text,
            &end.hash[..],
            &new.hash[..],
            &mac[..]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(new)
    }

    async fn head_for_append(&mut self) -> Result<Head, StorageError> {
        if let Some(head) = self.lock_head().await? {
            return Ok(head);
        }
        let zeros = [0_u8; 32];
        sqlx::query!(
            "insert into audit_heads (tenant_id, seq, hash, mac) values ($1, 0, $2, $2) on conflict do nothing",
            self.tenant.uuid(),
            &zeros[..]
        )
        .execute(&mut *self.tx)
        .await?;
        self.lock_head().await?.ok_or(StorageError::corrupt("audit_heads", "a chain's head cannot be kept"))
    }

    async fn lock_head(&mut self) -> Result<Option<Head>, StorageError> {
        let row =
            sqlx::query!("select seq, hash, mac from audit_heads where tenant_id = $1 for update", self.tenant.uuid())
                .fetch_optional(&mut *self.tx)
                .await?;
        row.map(|row| Ok(Head { end: ChainEnd { seq: seq_number(row.seq)?, hash: digest(&row.hash)? }, mac: row.mac }))
            .transpose()
    }

    /// The last entry in the table, whatever the head says.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn audit_tail(&mut self) -> Result<Option<ChainEnd>, StorageError> {
        let row = sqlx::query!(
            "select seq, hash from audit_log where tenant_id = $1 order by seq desc limit 1",
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        row.map(|row| Ok(ChainEnd { seq: seq_number(row.seq)?, hash: digest(&row.hash)? })).transpose()
    }

    /// A page of the tenant's entries that fit the filter, newest first. The cursor is an entry's number.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn audit_records(
        &mut self,
        filter: &AuditFilter,
        page: Page<u64>,
    ) -> Result<PageRows<AuditRecord>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                seq,
                entry::text as "entry!",
                previous,
                hash
            from audit_log
            where tenant_id = $1
                and ($2::bigint is null or seq < $2)
                and ($3::text is null or action = $3)
                and ($4::text is null or actor_id = $4)
                and ($5::text is null or target_id = $5)
                and ($6::text is null or outcome = $6)
                and ($7::timestamptz is null or at >= $7)
                and ($8::timestamptz is null or at < $8)
            order by seq desc
            limit $9
            "#,
            self.tenant.uuid(),
            page.after.map(u64::cast_signed),
            filter.action,
            filter.actor_id,
            filter.target_id,
            filter.outcome.map(AuditOutcome::as_str),
            filter.from,
            filter.to,
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let rows = rows.into_iter().map(|row| {
            StoredAuditEntry::of(row.seq, row.entry, row.previous, row.hash).and_then(AuditRecord::try_from)
        });
        Ok(page.cut(rows.collect::<Result<_, _>>()?))
    }

    /// The next entries with numbers after `after` up to `last`, in order, as they are kept; of those, the
    /// ones between the two moments. At most `limit`.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn audit_entries(
        &mut self,
        after: u64,
        last: u64,
        (from, to): (Option<OffsetDateTime>, Option<OffsetDateTime>),
        limit: u16,
    ) -> Result<Vec<StoredAuditEntry>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                seq,
                entry::text as "entry!",
                previous,
                hash
            from audit_log
            where tenant_id = $1
                and seq > $2
                and seq <= $3
                and ($4::timestamptz is null or at >= $4)
                and ($5::timestamptz is null or at < $5)
            order by seq
            limit $6
            "#,
            self.tenant.uuid(),
            after.cast_signed(),
            last.cast_signed(),
            from,
            to,
            i64::from(limit)
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter().map(|row| StoredAuditEntry::of(row.seq, row.entry, row.previous, row.hash)).collect()
    }
}

/// The number of an entry, which Postgres keeps signed.
pub(crate) fn seq_number(seq: i64) -> Result<u64, StorageError> {
    u64::try_from(seq).map_err(|error| StorageError::corrupt("audit_log.seq", error))
}

pub(crate) fn digest(hash: &[u8]) -> Result<[u8; 32], StorageError> {
    hash.try_into().map_err(|error| StorageError::corrupt("audit_log.hash", error))
}
