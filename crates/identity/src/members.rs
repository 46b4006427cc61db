//! People of a tenant, as those see them who manage them. Nobody becomes a member without an invitation.

use portico_auth::{Actor, Denied, Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{Member, MemberId, Name, RoleName};
use portico_storage::{MemberPatch, Page, TenantTx};

use crate::Error;
use crate::grantor::Grantor;
use crate::last_owner::keeps_an_owner;
use crate::roles::role_to_give;
use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing};
use portico_core::{PageRequest, Paged, paged};

/// What changes of a member.
#[derive(Debug, Clone, Default)]
pub struct PatchMember {
    /// Another name, or none.
    pub name: Option<Option<Name>>,
    /// Another role.
    pub role: Option<RoleName>,
}

/// The member with that id.
///
/// # Errors
///
/// [`CoreError::Missing`].
pub(crate) async fn find_member(tx: &mut TenantTx, id: MemberId) -> Result<Member, Error> {
    let page = Page { limit: 1, after: None };
    tx.members(Some(id), page).await?.data.pop().ok_or(CoreError::Missing(Thing::Member).into())
}

/// People of a tenant.
#[derive(Debug)]
pub struct Members {
    core: Core,
}

impl Members {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the members, oldest first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for a limited caller.
    pub async fn list(
        &self,
        scope: &Scope<perm::MembersRead>,
        page: PageRequest<MemberId>,
    ) -> Result<Paged<Member>, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        Ok(paged(tx.members(None, page.into()).await?, |member| member.id.to_string()))
    }

    /// One member.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Denied`] for a limited caller.
    pub async fn get(&self, scope: &Scope<perm::MembersRead>, id: MemberId) -> Result<Member, Error> {
        scope.whole_tenant()?;
        find_member(&mut self.core.db.begin(scope).await?, id).await
    }

    /// Changes a member; its sessions feel it within a second on every replica.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::MoreThanOwn`] for a role, present or new, that allows more than the
    /// caller may do, and for a new role from a key that ends, is tied to addresses or has a rate limit;
    /// [`CoreError::Conflict`] for the last owner.
    pub async fn patch(
        &self,
        scope: &Scope<perm::MembersWrite>,
        id: MemberId,
        patch: PatchMember,
    ) -> Result<Member, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = find_member(&mut tx, id).await?;
        role_to_give(&own, &mut tx, &present.role).await?;
        let role = match &patch.role {
            Some(name) => {
                own.may_empower_people()?;
                Some(role_to_give(&own, &mut tx, name).await?)
            }
            None => None,
        };
        let before = tx.ownership().await?;
        tx.patch_member(id, &MemberPatch { name: patch.name, role }).await?;
        let member = find_member(&mut tx, id).await?;
        keeps_an_owner(&mut tx, before).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("member.change").to("member", id).from(&present).into(&member))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(member)
    }

    /// Removes a member; its sessions end within a second on every replica.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::MoreThanOwn`] for another member that may do more than the caller;
    /// [`CoreError::Conflict`] for the last owner.
    pub async fn remove(&self, scope: &Scope<perm::MembersWrite>, id: MemberId) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        if scope.actor() != Actor::Member(id) {
            let present = find_member(&mut tx, id).await?;
            role_to_give(&own, &mut tx, &present.role).await?;
        }
        self.delete(tx, scope, id, "member.remove").await
    }

    /// Takes the calling member itself out of the tenant, whatever its role.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] for a caller that is no member; [`CoreError::Denied`] for a token that one minted;
    /// [`CoreError::Conflict`] for the last owner.
    pub async fn leave(&self, scope: &TenantScope) -> Result<(), Error> {
        if scope.party().token.is_some() {
            return Err(Denied::NotForToken.into());
        }
        let Actor::Member(id) = scope.actor() else { return Err(CoreError::Missing(Thing::Member).into()) };
        let mut tx = self.core.db.begin(scope).await?;
        tx.lock_grants().await?;
        self.delete(tx, scope, id, "member.leave").await
    }

    /// Removes a member in a transaction that holds the grants.
    async fn delete(
        &self,
        mut tx: TenantTx,
        scope: &TenantScope,
        id: MemberId,
        action: &'static str,
    ) -> Result<(), Error> {
        let present = find_member(&mut tx, id).await?;
        let before = tx.ownership().await?;
        if !tx.delete_member(id).await? {
            return Err(CoreError::Missing(Thing::Member).into());
        }
        keeps_an_owner(&mut tx, before).await?;
        self.core.audit.record(&mut tx, scope, Change::of(action).to("member", id).from(&present)).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }
}
