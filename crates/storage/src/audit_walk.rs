//! Verifying an audit chain: whether its entries are those that Portico wrote, all of them and in order.
//!
//! The walk reads a thousand entries at a time and keeps only the number and the hash of the last one. It
//! reads the head first, so entries that are added meanwhile are no part of it.

use portico_domain::audit::{AuditFault, AuditFaultKind, AuditVerdict};
use portico_domain::{ChainEnd, TenantId};
use portico_vault::audit_chain::{AuditChainKey, BrokenLink, Link, Walk};
use time::OffsetDateTime;

use crate::audit::{StoredAuditEntry, digest, seq_number};
use crate::db::Db;
use crate::error::StorageError;

/// Entries that are read at a time.
const PAGE: i64 = 1_000;

/// What is known of a chain before the walk, read at one moment.
struct Ends {
    head: Option<(ChainEnd, Vec<u8>)>,
    /// The number of the last entry in the table.
    last: u64,
    /// Whether the first entry must be the tenant's creation: the tenant is not older than the log.
    begins: bool,
}

struct Row {
    stored: StoredAuditEntry,
    /// Whether the columns beside the text say what the text says.
    agrees: bool,
    action: Option<String>,
}

impl Db {
    /// Walks along a tenant's chain and tells the first fault. `noted` is an end that somebody noted earlier:
    /// the chain must still hold it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors). A fault of
    /// the chain is no error.
    pub async fn verify_audit_chain(
        &self,
        key: &AuditChainKey,
        chain: TenantId,
        noted: Option<ChainEnd>,
    ) -> Result<AuditVerdict, StorageError> {
        let ends = self.ends(chain).await?;
        let mut walk = Walk::default();
        let mut fault = self.walk(chain, &ends, noted, &mut walk).await?;
        if fault.is_none() {
            fault = end_fault(key, chain, &ends, &walk);
        }
        if fault.is_none()
            && let Some(noted) = noted
            && noted.seq > walk.seq
        {
            fault = Some(AuditFault {
                seq: walk.seq + 1,
                kind: AuditFaultKind::Missing,
                detail: format!("the chain ended with entry {} once, and has {} now", noted.seq, walk.seq),
            });
        }
        let head = ends.head.as_ref().map(|(end, _)| (*end).into());
        Ok(AuditVerdict { valid: fault.is_none(), entries: walk.seq, head, fault, begins: ends.begins })
    }

    async fn ends(&self, chain: TenantId) -> Result<Ends, StorageError> {
        let mut tx = self.begin_for(chain).await?;
        let row = sqlx::query!(
            r#"
            select
                h.seq as "seq?",
                h.hash as "hash?",
                h.mac as "mac?",
                (select max(l.seq) from audit_log l where l.tenant_id = $1) as last,
                coalesce((
                    select t.created_at > m.installed_on
                    from tenants t, _sqlx_migrations m
                    where t.tenant_id = $1 and m.version = 20261126000001
                ), false) as "begins!"
            from (select 1) one
            left join audit_heads h on h.tenant_id = $1
            "#,
            chain.uuid()
        )
        .fetch_one(&mut *tx.tx)
        .await?;
        tx.commit().await?;
        let head = match (row.seq, row.hash, row.mac) {
            (Some(seq), Some(hash), Some(mac)) => Some((ChainEnd { seq: seq_number(seq)?, hash: digest(&hash)? }, mac)),
            _ => None,
        };
        Ok(Ends { head, last: row.last.map(seq_number).transpose()?.unwrap_or(0), begins: row.begins })
    }

    async fn walk(
        &self,
        chain: TenantId,
        ends: &Ends,
        noted: Option<ChainEnd>,
        walk: &mut Walk,
    ) -> Result<Option<AuditFault>, StorageError> {
        loop {
            let rows = self.page(chain, walk.seq, ends.last).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let seq = walk.seq + 1;
                let stored = &row.stored;
                let next =
                    Link { seq: stored.seq, entry: &stored.entry, previous: &stored.previous, hash: &stored.hash };
                if let Err(broken) = walk.step(next) {
                    return self.fault_of(chain, seq, stored, broken).await.map(Some);
                }
                let wrong = if !row.agrees {
                    Some((AuditFaultKind::Changed, "a column beside the entry says something else than the entry"))
                } else if seq == 1 && ends.begins && row.action.as_deref() != Some("tenant.create") {
                    Some((AuditFaultKind::Missing, "the chain does not begin with the creation of the tenant"))
                } else if noted.is_some_and(|noted| noted.seq == seq && noted.hash != walk.hash) {
                    Some((AuditFaultKind::Head, "the hash is not the one that was noted"))
                } else {
                    None
                };
                if let Some((kind, detail)) = wrong {
                    walk.seq -= 1;
                    return Ok(Some(AuditFault { seq, kind, detail: detail.to_owned() }));
                }
            }
        }
    }

    async fn page(&self, chain: TenantId, after: u64, last: u64) -> Result<Vec<Row>, StorageError> {
        let mut tx = self.begin_for(chain).await?;
        let rows = sqlx::query!(
            r#"
            select
                seq,
                at,
                entry::text as "entry!",
                previous,
                hash,
                entry ->> 'at' as said_at,
                entry ->> 'action' as said_action,
                (action is not distinct from entry ->> 'action'
                    and outcome is not distinct from entry ->> 'outcome'
                    and actor_id is not distinct from entry -> 'actor' ->> 'id'
                    and target_id is not distinct from entry -> 'target' ->> 'id') as "agrees!"
            from audit_log
            where tenant_id = $1 and seq > $2 and seq <= $3
            order by seq
            limit $4
            "#,
            chain.uuid(),
            after.cast_signed(),
            last.cast_signed(),
            PAGE
        )
        .fetch_all(&mut *tx.tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let said = row.said_at.as_deref().map(rfc3339);
                Ok(Row {
                    stored: StoredAuditEntry::of(row.seq, row.entry, row.previous, row.hash)?,
                    agrees: row.agrees && said == Some(Some(row.at)),
                    action: row.said_action,
                })
            })
            .collect()
    }

    /// Which fault it is that the entry which was read as number `seq` does not continue the chain.
    async fn fault_of(
        &self,
        chain: TenantId,
        seq: u64,
        stored: &StoredAuditEntry,
        broken: BrokenLink,
    ) -> Result<AuditFault, StorageError> {
        let (seq, kind, detail) = match broken {
            BrokenLink::Changed => {
                (seq, AuditFaultKind::Changed, "the entry does not give the hash that stands beside it".to_owned())
            }
            BrokenLink::Gap => (seq, AuditFaultKind::Missing, format!("after it comes entry {}", stored.seq)),
            // Whole in itself: the one that it follows tells where it belongs.
            BrokenLink::OutOfOrder => match self.seq_of_hash(chain, &stored.previous).await? {
                Some(before) if before >= seq => {
                    (seq, AuditFaultKind::Swapped, format!("here stands the entry that follows number {before}"))
                }
                Some(before) => (
                    before + 1,
                    AuditFaultKind::Added,
                    format!("the next entry that Portico wrote stands at {seq} and follows number {before}"),
                ),
                None => (
                    seq,
                    AuditFaultKind::Missing,
                    "here stands an entry that follows one which is not there".to_owned(),
                ),
            },
        };
        Ok(AuditFault { seq, kind, detail })
    }

    /// The number of the entry with that hash; 0 for [`GENESIS`](portico_vault::audit_chain::GENESIS).
    async fn seq_of_hash(&self, chain: TenantId, hash: &[u8]) -> Result<Option<u64>, StorageError> {
        if hash == portico_vault::audit_chain::GENESIS {
            return Ok(Some(0));
        }
        let mut tx = self.begin_for(chain).await?;
        let seq = sqlx::query_scalar!(
            "select seq from audit_log where tenant_id = $1 and hash = $2 order by seq limit 1",
            chain.uuid(),
            hash
        )
        .fetch_optional(&mut *tx.tx)
        .await?;
        tx.commit().await?;
        seq.map(seq_number).transpose()
    }
}

/// What is wrong with the end of a chain whose entries all continue it.
fn end_fault(key: &AuditChainKey, chain: TenantId, ends: &Ends, walk: &Walk) -> Option<AuditFault> {
    let fault = |seq, kind, detail: &str| Some(AuditFault { seq, kind, detail: detail.to_owned() });
    let Some((head, mac)) = &ends.head else {
        return match (walk.seq, ends.begins) {
            (0, false) => None,
            (0, true) => fault(1, AuditFaultKind::Missing, "the tenant's whole chain is not there"),
            (last, _) => fault(last, AuditFaultKind::Head, "the chain has entries and no noted end"),
        };
    };
    if head.seq == 0 || !key.is_head_mac(chain.uuid().as_bytes(), head.seq, &head.hash, mac) {
        let detail = "the noted end was not written by Portico, or an entry was written behind one that was not";
        return fault(head.seq.max(1), AuditFaultKind::Head, detail);
    }
    if walk.seq < head.seq {
        return fault(walk.seq + 1, AuditFaultKind::Missing, "the chain ends before the end that Portico noted");
    }
    if walk.seq > head.seq {
        return fault(head.seq + 1, AuditFaultKind::Added, "the entry stands behind the end that Portico noted");
    }
    if walk.hash != head.hash {
        return fault(head.seq, AuditFaultKind::Head, "the last entry is not the one that Portico noted as the end");
    }
    None
}

fn rfc3339(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
}

#[cfg(test)]
mod tests;
