//! From an invitation to a member.

use portico_auth::{Actor, Origin, Party};
use portico_domain::{InvitationId, MemberId, TenantId, TenantStatus};
use portico_storage::{InvitationGrant, MemberPatch, NewMember, OidcAccount, Page, TenantTx};
use portico_vault::{BrowserToken, HashedPassword, SecretString, check_password};

use super::error::SignInError;
use super::hashing::Hashing;
use super::session_opening::{Method, NewBrowserSession, SessionOpener, bind};
use crate::invitations::INVITATION;
use crate::last_owner::keeps_an_owner;
use crate::members::find_member;
use portico_core::Core;
use portico_core::audit::Change;

/// What an invitation's page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The tenant's name.
    pub tenant: String,
    /// Who is invited.
    pub email: String,
    /// The role.
    pub role: String,
}

/// From an invitation to a member. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InvitationAcceptance {
    core: Core,
    hashing: Hashing,
    opener: SessionOpener,
}

impl InvitationAcceptance {
    pub(super) fn new(core: &Core, hashing: Hashing, opener: SessionOpener) -> Self {
        Self { core: core.clone(), hashing, opener }
    }

    /// What the invitation with this token is about.
    ///
    /// # Errors
    ///
    /// [`SignInError::NoInvitation`] unless it is open and its tenant served.
    pub async fn invited(&self, token: &str) -> Result<Invited, SignInError> {
        let (tenant, id) = self.find_invitation(token).await?;
        let mut tx = self.core.db.begin_system(tenant).await?;
        let row = tx.tenant_row().await?.filter(|row| row.status == TenantStatus::Active);
        let row = row.ok_or(SignInError::NoInvitation)?;
        let grant = tx.open_invitation(id).await?.ok_or(SignInError::NoInvitation)?;
        let shown = tx.invitations(Some(id), Page { limit: 1, after: None }).await?.data.pop();
        let role = shown.map(|shown| shown.role.to_string()).unwrap_or_default();
        Ok(Invited { tenant: row.name.to_string(), email: grant.email.to_string(), role })
    }

    pub(super) async fn find_invitation(&self, token: &str) -> Result<(TenantId, InvitationId), SignInError> {
        let token = BrowserToken::parse(token).ok_or(SignInError::NoInvitation)?;
        let found = self.core.db.resolve_invitation(&token.hash(INVITATION).0).await?;
        found.ok_or(SignInError::NoInvitation)
    }

    /// Accepts an invitation with a new password, and signs in.
    ///
    /// # Errors
    ///
    /// [`SignInError::NoInvitation`], [`SignInError::Weak`], [`SignInError::AlreadyMember`],
    /// [`SignInError::Busy`].
    pub async fn with_password(
        &self,
        token: &str,
        password: SecretString,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let invited = self.invited(token).await?;
        check_password(&password, &invited.email)?;
        let hash = self.hashing.run(move || HashedPassword::of(&password, &mut rand::rng())).await?;
        let (tenant, id) = self.find_invitation(token).await?;
        let mut tx = self.opener.served(tenant).await?;
        let member = self.join(&mut tx, id, origin).await?;
        tx.set_member_password(member, hash.as_stored()).await?;
        self.opener.open(tx, member, Method::Password, origin).await
    }

    /// Accepts an invitation as an account at the identity provider, and signs in. Whose address it is
    /// has been looked at.
    pub(super) async fn accept_with_account(
        &self,
        tenant: TenantId,
        id: InvitationId,
        account: &OidcAccount,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let mut tx = self.opener.served(tenant).await?;
        let member = self.join(&mut tx, id, origin).await?;
        bind(&mut tx, member, account).await?;
        self.opener.open(tx, member, Method::Provider, origin).await
    }

    /// Makes the member, or gives the one with this address a new beginning if the operator invited it.
    async fn join(&self, tx: &mut TenantTx, id: InvitationId, origin: &Origin) -> Result<MemberId, SignInError> {
        tx.lock_grants().await?;
        let ownership = tx.ownership().await?;
        let grant = tx.open_invitation(id).await?.ok_or(SignInError::NoInvitation)?;
        let known = tx.member_by_email(&grant.email).await?;
        let before = match known {
            Some(member) => Some(find_member(tx, member).await?),
            None => None,
        };
        let member = match known {
            Some(member) if grant.by_operator => begin_anew(tx, member, grant).await?,
            Some(_) => return Err(SignInError::AlreadyMember),
            None => {
                let member = MemberId::generate();
                let InvitationGrant { email, name, role, .. } = grant;
                tx.insert_member(&NewMember { id: member, email, name, role }).await?;
                member
            }
        };
        let after = find_member(tx, member).await?;
        keeps_an_owner(tx, ownership).await?;
        tx.accept_invitation(id).await?;
        let party = Party { tenant: tx.tenant(), actor: Actor::Member(member), token: None };
        let change = Change::of("invitation.accept").to("invitation", id).from(&before).into(&after);
        self.core.audit.record_by(tx, Some(party), origin, change).await?;
        Ok(member)
    }
}

async fn begin_anew(tx: &mut TenantTx, member: MemberId, grant: InvitationGrant) -> Result<MemberId, SignInError> {
    let patch = MemberPatch { name: grant.name.map(Some), role: Some(grant.role) };
    tx.patch_member(member, &patch).await?;
    tx.forget_sign_in(member).await?;
    Ok(member)
}
