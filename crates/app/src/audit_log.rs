//! Reading the audit log: in pages, as a whole, and verified.

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use portico_auth::{OperatorScope, Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{AuditFilter, AuditRecord, AuditVerdict, ChainEnd, TenantId};
use portico_storage::Db;
use portico_vault::{FingerprintKey, MasterKeys};
use std::sync::Arc;
use time::OffsetDateTime;

use crate::error::Error;
use crate::paging::{PageRequest, Paged, paged};
use crate::start::{App, Shared, StartError};

/// Entries that are read at once for an export.
const PART: u16 = 500;

/// From when on, and until when: the moments themselves are in and out.
pub type Span = (Option<OffsetDateTime>, Option<OffsetDateTime>);

impl App {
    /// A page of the tenant's entries, newest first; the cursor is an entry's place.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key.
    pub async fn audit_log(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        filter: &AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Paged<AuditRecord>, Error> {
        scope.whole_tenant()?;
        self.audit_records(scope, filter, page).await
    }

    /// [`App::audit_log`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn operator_audit_log(
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
    pub async fn verify_audit_log(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        noted: Option<ChainEnd>,
    ) -> Result<AuditVerdict, Error> {
        scope.whole_tenant()?;
        let shared = &self.shared;
        Ok(shared.db.verify_audit_chain(&shared.fingerprint_key, scope.tenant(), noted).await?)
    }

    /// [`App::verify_audit_log`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn verify_operator_audit_log(
        &self,
        _: &OperatorScope<perm::TenantsRead>,
        noted: Option<ChainEnd>,
    ) -> Result<AuditVerdict, Error> {
        let shared = &self.shared;
        Ok(shared.db.verify_audit_chain(&shared.fingerprint_key, TenantId::OPERATOR, noted).await?)
    }

    /// Every entry of the tenant in order, a line of JSON each, as far as the log reaches now. It is read
    /// as it is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; in the stream [`Error::Database`].
    pub async fn export_audit_log(
        &self,
        scope: &Scope<perm::AuditLogRead>,
        span: Span,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        scope.whole_tenant()?;
        self.audit_lines((**scope).clone(), span).await
    }

    /// [`App::export_audit_log`] of the operator's own log.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], also in the stream.
    pub async fn export_operator_audit_log(
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
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.audit_records(filter, page.into()).await?;
        tx.commit().await?;
        Ok(paged(rows, |record| record.seq.to_string()))
    }

    async fn audit_lines(
        &self,
        scope: TenantScope,
        span: Span,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        let mut tx = self.shared.db.begin(&scope).await?;
        let last = tx.audit_tail().await?.map_or(0, |end| end.seq);
        tx.commit().await?;
        let shared = Arc::clone(&self.shared);
        Ok(try_unfold((shared, scope, 0), move |(shared, scope, after)| async move {
            let (part, after) = lines(&shared, &scope, after, last, span).await?;
            Ok((!part.is_empty()).then_some((part, (shared, scope, after))))
        }))
    }
}

async fn lines(shared: &Shared, scope: &TenantScope, after: u64, last: u64, span: Span) -> Result<(Bytes, u64), Error> {
    let mut tx = shared.db.begin(scope).await?;
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
    key: FingerprintKey,
}

impl AuditVerifier {
    /// One for this database; none when no gateway was ever started on it, so that there is no chain.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the keys do not open the vault, or the database fails.
    pub async fn open(db: Db, master_keys: &MasterKeys) -> Result<Option<Self>, StartError> {
        let Some(row) = db.operator().await? else { return Ok(None) };
        let key = master_keys.open_fingerprint_key(&row.fingerprint_key).await?;
        Ok(Some(Self { db, key }))
    }

    /// Walks along one chain: a tenant's, or under [`TenantId::OPERATOR`] the operator's own.
    ///
    /// # Errors
    ///
    /// [`StartError::Database`]. A fault of the chain is no error.
    pub async fn verify(&self, chain: TenantId, noted: Option<ChainEnd>) -> Result<AuditVerdict, StartError> {
        Ok(self.db.verify_audit_chain(&self.key, chain, noted).await?)
    }

    /// The chains after that one: every tenant's, and any that is left of none.
    ///
    /// # Errors
    ///
    /// [`StartError::Database`].
    pub async fn chains(&self, after: Option<TenantId>) -> Result<Vec<TenantId>, StartError> {
        Ok(self.db.audit_chains(after, PART).await?)
    }
}
