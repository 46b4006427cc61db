//! Invitations, as their makers see them.

use portico_auth::{Actor, Scope};
use portico_domain::permission::perm;
use portico_domain::{Email, Invitation, InvitationId, Name, RoleName};
use portico_storage::{NewInvitation, Page, TenantTx};
use portico_vault::BrowserToken;
use time::Duration;

use crate::Error;
use crate::grantor::Grantor;
use crate::roles::role_to_give;
use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};

/// How long an invitation can be accepted, unless said otherwise.
const LIFETIME: Duration = Duration::days(7);
/// And at the shortest and longest.
const SHORTEST: Duration = Duration::minutes(1);
const LONGEST: Duration = Duration::days(30);

/// What tells an invitation's token from others.
pub(crate) const INVITATION: &str = "invitation";

/// An invitation to be.
#[derive(Debug, Clone)]
pub struct CreateInvitation {
    /// Who is invited.
    pub email: Email,
    /// What people call the one who is invited.
    pub name: Option<Name>,
    /// The name of the role to be given.
    pub role: RoleName,
    /// For how long it can be accepted, in seconds.
    pub expires_in: Option<u32>,
}

/// A new invitation and its token, which is never to be had again.
#[derive(Debug)]
pub struct CreatedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// Its token, for the link.
    pub token: BrowserToken,
}

fn lifetime(expires_in: Option<u32>) -> Result<Duration, Error> {
    let lifetime = expires_in.map_or(LIFETIME, |seconds| Duration::seconds(seconds.into()));
    if (SHORTEST..=LONGEST).contains(&lifetime) {
        return Ok(lifetime);
    }
    let (shortest, longest) = (SHORTEST.whole_seconds(), LONGEST.whole_seconds());
    Err(CoreError::invalid("/expires_in", format!("must be {shortest} to {longest} seconds")).into())
}

async fn one(tx: &mut TenantTx, id: InvitationId) -> Result<Invitation, Error> {
    let page = Page { limit: 1, after: None };
    tx.invitations(Some(id), page).await?.data.pop().ok_or(CoreError::Missing(Thing::Invitation).into())
}

/// Invitations, as their makers see them.
#[derive(Debug)]
pub struct Invitations {
    core: Core,
}

impl Invitations {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// Invites somebody; the token is shown this once, and nothing is sent.
    ///
    /// Only the operator may invite somebody who is a member already, who then signs in anew: anybody
    /// else would see the link and could take the member's place.
    ///
    /// # Errors
    ///
    /// [`Error::MoreThanOwn`] for a role that allows more than the caller may do, and for a key that ends, is
    /// tied to addresses or has a rate limit; [`CoreError::Conflict`] when the address is a member's or has an
    /// open invitation; [`CoreError::Invalid`] for the lifetime or a role that does not exist.
    pub async fn create(
        &self,
        scope: &Scope<perm::MembersWrite>,
        new: CreateInvitation,
    ) -> Result<CreatedInvitation, Error> {
        let expires_at = self.core.clock.now() + lifetime(new.expires_in)?;
        let token = BrowserToken::generate(&mut rand::rng());
        let id = InvitationId::generate();
        let mut tx = self.core.db.begin(scope).await?;
        tx.tenant_row().await?.ok_or(CoreError::Missing(Thing::Tenant))?;
        let own = Grantor::of(scope, &mut tx).await?;
        own.may_empower_people()?;
        let role = role_to_give(&own, &mut tx, &new.role).await?;
        if scope.actor() != Actor::Operator && tx.member_by_email(&new.email).await?.is_some() {
            return Err(CoreError::Conflict {
                code: code::MEMBER_EXISTS,
                pointer: Some("/email"),
                detail: "somebody with this address is a member already; change the role with PATCH /api/v1/members/{id}, or help with a lost password by POST /api/v1/members/{id}/sign-in-link",
            }
            .into());
        }
        tx.insert_invitation(&NewInvitation {
            id,
            email: new.email,
            name: new.name,
            role,
            role_name: new.role,
            token_hash: token.hash(INVITATION).0,
            invited_by: inviter(scope.actor()),
            expires_at,
        })
        .await?;
        let invitation = one(&mut tx, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("invitation.create").to("invitation", id).into(&invitation))
            .await?;
        tx.commit().await?;
        Ok(CreatedInvitation { invitation, token })
    }

    /// A page of the invitations, oldest first, those that are over too.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller.
    pub async fn list(
        &self,
        scope: &Scope<perm::MembersRead>,
        page: PageRequest<InvitationId>,
    ) -> Result<Paged<Invitation>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        Ok(paged(tx.invitations(None, page.into()).await?, |invitation| invitation.id.to_string()))
    }

    /// One invitation.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited caller.
    pub async fn get(&self, scope: &Scope<perm::MembersRead>, id: InvitationId) -> Result<Invitation, Error> {
        scope.whole_tenant()?;
        one(&mut self.core.db.begin(scope).await?, id).await
    }

    /// Takes an invitation back. A second time changes nothing.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::MoreThanOwn`] for a role that allows more than the caller may do;
    /// [`CoreError::Conflict`] for one that was accepted.
    pub async fn revoke(&self, scope: &Scope<perm::MembersWrite>, id: InvitationId) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = one(&mut tx, id).await?;
        if present.accepted_at.is_some() {
            return Err(CoreError::Conflict {
                code: code::INVITATION_ACCEPTED,
                pointer: None,
                detail: "the invitation was accepted; remove the member instead",
            }
            .into());
        }
        // Its role may be gone once it was taken back.
        if present.revoked_at.is_some() {
            return Ok(());
        }
        role_to_give(&own, &mut tx, &present.role).await?;
        if !tx.revoke_invitation(id).await? {
            return Ok(());
        }
        let after = one(&mut tx, id).await?;
        let change = Change::of("invitation.revoke").to("invitation", id).from(&present).into(&after);
        self.core.audit.record(&mut tx, scope, change).await?;
        Ok(tx.commit().await?)
    }
}

fn inviter(actor: Actor) -> String {
    match actor {
        Actor::Operator => "operator".to_owned(),
        Actor::ApiKey(id) => id.to_string(),
        Actor::Member(id) => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_lives_for_a_week_unless_said() {
        assert_eq!(lifetime(None).expect("fits"), Duration::days(7));
        assert_eq!(lifetime(Some(60)).expect("fits"), Duration::MINUTE);
        assert!(lifetime(Some(59)).is_err() && lifetime(Some(2_592_001)).is_err() && lifetime(Some(u32::MAX)).is_err());
    }
}
