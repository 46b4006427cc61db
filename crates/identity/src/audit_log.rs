//! Reading the audit log: in pages, as a whole, and verified.

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use portico_auth::{OperatorScope, Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{AuditFilter, AuditRecord, AuditVerdict, ChainEnd, TenantId};
use portico_storage::Db;
use portico_vault::{AuditChainKey, MasterKeys};
use time::OffsetDateTime;

use portico_core::Core;
use portico_core::Error;
use portico_core::vault::UnlockError;
use portico_core::{PageRequest, Paged, paged};

/// Entries that are read at once for an export.
const PART: u16 = 500;

/// From when on, and until when: the moments themselves are in and out.
pub type Span = (Option<OffsetDateTime>, Option<OffsetDateTime>);

/// Reads the audit log: in pages, as a whole, and verified.
#[derive(Debug)]
pub struct AuditLog {
    core: Core,
}

impl AuditLog {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the tenant's entries, newest first; the cursor is an entry's place.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key.
    pub async fn list(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        filter: &AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Paged<AuditRecord>, Error> {
        scope.whole_tenant()?;
        self.audit_records(scope, filter, page).await
    }

    /// [`AuditLog::list`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn operator_list(
        &self,
        scope: &OperatorScope<perm::TenantsRead>,
        filter: &AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Paged<AuditRecord>, Error> {
        self.audit_records(&scope.on(TenantId::OPERATOR), filter, page).await
    }

    /// Whether the tenant's chain is the one that was written, and holds the end that was noted.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key.
    pub async fn verify(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        noted: Option<ChainEnd>,
    ) -> Result<AuditVerdict, Error> {
        scope.whole_tenant()?;
        let core = &self.core;
        Ok(core.db.verify_audit_chain(&core.mac_key.audit_chain_key(), scope.tenant(), noted).await?)
    }

    /// [`AuditLog::verify`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn operator_verify(
        &self,
        _: &OperatorScope<perm::TenantsRead>,
        noted: Option<ChainEnd>,
    ) -> Result<AuditVerdict, Error> {
        let core = &self.core;
        Ok(core.db.verify_audit_chain(&core.mac_key.audit_chain_key(), TenantId::OPERATOR, noted).await?)
    }

    /// Every entry of the tenant in order, a line of JSON each, as far as the log reaches now. It is read
    /// as it is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; in the stream [`Error::Database`].
    pub async fn export(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        span: Span,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        scope.whole_tenant()?;
        self.audit_lines((**scope).clone(), span).await
    }

    /// [`AuditLog::export`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], also in the stream.
    pub async fn operator_export(
        &self,
        scope: &OperatorScope<perm::TenantsRead>,
        span: Span,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        self.audit_lines(scope.on(TenantId::OPERATOR), span).await
    }

    async fn audit_records(
        &self,
        scope: &TenantScope,
        filter: &AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Paged<AuditRecord>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.audit_records(filter, page.into()).await?;
        tx.commit().await?;
        Ok(paged(rows, |record| record.seq.to_string()))
    }

    async fn audit_lines(
        &self,
        scope: TenantScope,
        span: Span,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        let mut tx = self.core.db.begin(&scope).await?;
        let last = tx.audit_tail().await?.map_or(0, |end| end.seq);
        tx.commit().await?;
        let db = self.core.db.clone();
        Ok(try_unfold((db, scope, 0), move |(db, scope, after)| async move {
            let (part, after) = lines(&db, &scope, after, last, span).await?;
            Ok((!part.is_empty()).then_some((part, (db, scope, after))))
        }))
    }
}

async fn lines(db: &Db, scope: &TenantScope, after: u64, last: u64, span: Span) -> Result<(Bytes, u64), Error> {
    let mut tx = db.begin(scope).await?;
    let entries = tx.audit_entries(after, last, span, PART).await?;
    tx.commit().await?;
    let after = entries.last().map_or(after, |entry| entry.seq);
    let mut text = String::new();
    for entry in entries {
        text.push_str(&entry.line());
        text.push('\n');
    }
    Ok((text.into(), after))
}

/// Verifies chains without a running gateway.
#[derive(Debug)]
pub struct AuditVerifier {
    db: Db,
    key: AuditChainKey,
}

impl AuditVerifier {
    /// One for this database; none when no gateway was ever started on it, so that there is no chain.
    ///
    /// # Errors
    ///
    /// [`UnlockError`] when the keys do not open the vault, or the database fails.
    pub async fn open(db: Db, master_keys: &MasterKeys) -> Result<Option<Self>, UnlockError> {
        let Some(row) = db.operator().await? else { return Ok(None) };
        let key = master_keys.open_mac_key(&row.fingerprint_key).await?.audit_chain_key();
        Ok(Some(Self { db, key }))
    }

    /// Walks along one chain: a tenant's, or under [`TenantId::OPERATOR`] the operator's own.
    ///
    /// # Errors
    ///
    /// [`UnlockError::Database`]. A fault of the chain is no error.
    pub async fn verify(&self, chain: TenantId, noted: Option<ChainEnd>) -> Result<AuditVerdict, UnlockError> {
        Ok(self.db.verify_audit_chain(&self.key, chain, noted).await?)
    }

    /// The chains after that one: every tenant's, and any that is left of none.
    ///
    /// # Errors
    ///
    /// [`UnlockError::Database`].
    pub async fn chains(&self, after: Option<TenantId>) -> Result<Vec<TenantId>, UnlockError> {
        Ok(self.db.audit_chains(after, PART).await?)
    }
}
