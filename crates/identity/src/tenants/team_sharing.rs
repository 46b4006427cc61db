//! Which tenants may share whose Chakra team: the operator's leave.

use portico_auth::OperatorScope;
use portico_domain::permission::perm;
use portico_domain::{TeamSharing, TenantId};

use portico_core::audit::Change;
use portico_core::{Error, Thing};
use portico_core::{PageRequest, Paged, paged};
use serde_json::json;

use super::Tenants;

impl Tenants {
    /// Lets a tenant store keys of a Chakra team that the other one holds. Nothing changes when it may already.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when one of the two does not exist, or they are the same.
    pub async fn allow_team_sharing(
        &self,
        scope: &OperatorScope<perm::TenantsWrite>,
        id: TenantId,
        with: TenantId,
    ) -> Result<(), Error> {
        let missing = || Error::Missing(Thing::Tenant);
        if id == with {
            return Err(missing());
        }
        let there = self.core.db.begin(&scope.on(with)).await?.tenant_row().await?;
        there.ok_or_else(missing)?;
        let inside = scope.on(id);
        let mut tx = self.core.db.begin(&inside).await?;
        tx.tenant_row().await?.ok_or_else(missing)?;
        if tx.allow_team_sharing(with).await? {
            // The tenant's own log does not name the other tenant.
            self.core.audit.record(&mut tx, &inside, Change::of("team_sharing.allow").to("tenant", id)).await?;
            let change = Change::of("team_sharing.allow").to("tenant", id).into(&json!({ "with": with }));
            self.core.audit.record_for_operator(&mut tx, &inside, change).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A page of the tenants whose teams a tenant may share, in order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn team_sharing(
        &self,
        scope: &OperatorScope<perm::TenantsRead>,
        id: TenantId,
        page: PageRequest<TenantId>,
    ) -> Result<Paged<TeamSharing>, Error> {
        let mut tx = self.core.db.begin(&scope.on(id)).await?;
        tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        Ok(paged(tx.team_sharing(page.into()).await?, |sharing| sharing.with.to_string()))
    }

    /// Takes the leave back: the tenant stores no further key of that team. Those that are stored go on.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when there is no such tenant or no such leave.
    pub async fn end_team_sharing(
        &self,
        scope: &OperatorScope<perm::TenantsWrite>,
        id: TenantId,
        with: TenantId,
    ) -> Result<(), Error> {
        let inside = scope.on(id);
        let mut tx = self.core.db.begin(&inside).await?;
        if !tx.end_team_sharing(with).await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        self.core.audit.record(&mut tx, &inside, Change::of("team_sharing.end").to("tenant", id)).await?;
        let change = Change::of("team_sharing.end").to("tenant", id).from(&json!({ "with": with }));
        self.core.audit.record_for_operator(&mut tx, &inside, change).await?;
        Ok(tx.commit().await?)
    }
}
