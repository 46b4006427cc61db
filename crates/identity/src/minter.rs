//! Who minted a token, asked at each use.

use portico_auth::{ApiKeyRecord, MemberRecord, Origin, Party, Principal, Refused, Subject};
use portico_storage::{StorageError, TenantTx};
use time::OffsetDateTime;

/// Who minted a token, as storage knows it.
#[derive(Debug, Clone)]
pub(crate) enum Minter {
    ApiKey(ApiKeyRecord),
    Member(MemberRecord),
}

impl Minter {
    pub(crate) async fn read(tx: &mut TenantTx, subject: Subject) -> Result<Option<Self>, StorageError> {
        Ok(match subject {
            Subject::ApiKey(id) => tx.api_key_record(id).await?.map(Self::ApiKey),
            Subject::Member(id) => tx.member_record(id).await?.map(Self::Member),
        })
    }

    /// Until when the minter took back its tokens.
    pub(crate) const fn tokens_not_before(&self) -> Option<OffsetDateTime> {
        match self {
            Self::ApiKey(record) => record.tokens_not_before,
            Self::Member(record) => record.tokens_not_before,
        }
    }

    /// When the minter ends, and its tokens with it.
    pub(crate) const fn expires_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::ApiKey(record) => record.expires_at,
            Self::Member(_) => None,
        }
    }

    /// In whose audit log its attempts belong.
    pub(crate) const fn party(&self) -> Party {
        match self {
            Self::ApiKey(record) => record.party(),
            Self::Member(record) => record.party(),
        }
    }

    /// Judges the minter at that moment.
    pub(crate) fn admit(&self, now: OffsetDateTime, origin: Origin) -> Result<Principal, Refused> {
        match self {
            Self::ApiKey(record) => record.admit(now, origin),
            Self::Member(record) => record.admit(origin),
        }
    }
}

/// Whether the minter took back what it minted until then. Tokens tell whole seconds, so all of that
/// second's are; whoever mints in it again says the next one.
pub(crate) fn is_taken_back(issued_at: OffsetDateTime, not_before: Option<OffsetDateTime>) -> bool {
    not_before.is_some_and(|moment| issued_at.unix_timestamp() <= moment.unix_timestamp())
}
