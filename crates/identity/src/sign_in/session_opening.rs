//! Opening a session, the last step of every sign-in.

use portico_auth::{Actor, Origin, Party, SESSION_LONGEST};
use portico_core::Core;
use portico_core::audit::Change;
use portico_domain::{MemberId, SessionId, TenantId, TenantStatus};
use portico_storage::{NewSession, OidcAccount, TenantTx};
use portico_vault::BrowserToken;
use serde_json::json;

use super::error::SignInError;
use super::tickets::Means;
use crate::sessions::SESSION;

/// A session that was just opened.
#[derive(Debug)]
pub struct NewBrowserSession {
    /// What the cookie holds; nobody can read it again.
    pub token: BrowserToken,
}

/// What kind of sign-in is audited.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    Password,
    Provider,
    Link,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "identity_provider",
            Self::Link => "one_time_link",
        }
    }
}

/// Opens sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SessionOpener {
    core: Core,
}

impl SessionOpener {
    pub(super) fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A transaction of a tenant that is served.
    pub(super) async fn served(&self, tenant: TenantId) -> Result<TenantTx, SignInError> {
        let mut tx = self.core.db.begin_system(tenant).await?;
        match tx.tenant_row().await? {
            Some(row) if row.status == TenantStatus::Active => Ok(tx),
            _ => Err(SignInError::Refused),
        }
    }

    /// Opens a session, as the last thing that the transaction does.
    pub(super) async fn open(
        &self,
        mut tx: TenantTx,
        member: MemberId,
        method: Method,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let token = BrowserToken::generate(&mut rand::rng());
        let (id, tenant) = (SessionId::generate(), tx.tenant());
        let expires_at = self.core.clock.now() + SESSION_LONGEST;
        match tx.insert_session(&NewSession { id, member, token_hash: token.hash(SESSION).0, expires_at }).await {
            // The member was removed a moment ago.
            Err(portico_storage::StorageError::Broken(_)) => return Err(SignInError::Refused),
            outcome => outcome?,
        }
        let party = Party { tenant, actor: Actor::Member(member), token: None };
        let change = Change::of("member.sign_in").to("session", id).into(&json!({"method": method.as_str()}));
        self.core.audit.record_by(&mut tx, Some(party), origin, change).await?;
        tx.commit().await?;
        self.core.validity.changed(tenant);
        Ok(NewBrowserSession { token })
    }
}

/// Binds a member whose means were forgotten, or that is new, to the account.
pub(super) async fn bind(tx: &mut TenantTx, member: MemberId, account: &OidcAccount) -> Result<(), SignInError> {
    match tx.bind_member(member, account).await {
        Err(portico_storage::StorageError::Broken(_)) => Err(SignInError::OtherAccount),
        outcome => Ok(outcome.map(|_| ())?),
    }
}

/// Whether the member still signs in as when that was proved; it does then until the transaction ends.
pub(super) async fn unchanged(tx: &mut TenantTx, means: Means) -> Result<(), SignInError> {
    let record = tx.sign_in_record(means.member).await?;
    record.filter(|record| record.epoch == means.epoch).map(|_| ()).ok_or(SignInError::Stale)
}
