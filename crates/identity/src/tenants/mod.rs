//! Tenants, as the operator and as they themselves see them.

mod erase;
mod export;
mod team_sharing;

use portico_auth::{OperatorScope, Scope};
use portico_domain::permission::perm;
use portico_domain::{ChakraKeyId, Event, Tenant, TenantId, TenantSettings, TenantStatus};
use portico_storage::{NewTenant, TenantPatch, TenantSettingsPatch};
use portico_vault::{DataKey, DataKeyVersion};
use serde_json::json;

use portico_core::Core;
use portico_core::audit::Change;
use portico_core::tasks::Wake;
use portico_core::{Error, Thing};
use portico_core::{PageRequest, Paged, paged};

pub use export::TenantExports;

/// What a change of status is called in the audit log and as an event; none when it stays.
fn turn(before: TenantStatus, after: TenantStatus) -> Option<(&'static str, &'static str)> {
    match (before, after) {
        (TenantStatus::Active, TenantStatus::Suspended) => Some(("tenant.suspend", "tenant.suspended")),
        (TenantStatus::Suspended, TenantStatus::Active) => Some(("tenant.resume", "tenant.resumed")),
        (TenantStatus::Active, TenantStatus::Active) | (TenantStatus::Suspended, TenantStatus::Suspended) => None,
    }
}

/// Tenants, as the operator and as they themselves see them.
#[derive(Debug)]
pub struct Tenants {
    core: Core,
    /// Wakes the task that takes away what is left of erased tenants.
    purge: Wake,
}

impl Tenants {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), purge: erase::register(core) }
    }

    /// Creates a tenant with a data key of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::VaultUnavailable`].
    pub async fn create(&self, scope: &OperatorScope<perm::TenantsWrite>, new: NewTenant) -> Result<Tenant, Error> {
        let id = TenantId::generate();
        let key = DataKey::generate(DataKeyVersion::FIRST, &mut rand::rng());
        let wrapping = self.core.master_keys.wrap_data_key(id, &key, &mut rand::rng());
        let wrapped = wrapping.await?;
        let inside = scope.on(id);
        let mut tx = self.core.db.begin(&inside).await?;
        tx.insert_tenant(&new).await?;
        tx.insert_data_key(DataKeyVersion::FIRST, &wrapped).await?;
        let tenant = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let change = Change::of("tenant.create").to("tenant", id).into(&tenant);
        self.core.audit.record(&mut tx, &inside, change.clone()).await?;
        self.core.audit.record_for_operator(&mut tx, &inside, change).await?;
        tx.commit().await?;
        Ok(tenant)
    }

    /// A page of all tenants, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(
        &self,
        _: &OperatorScope<perm::TenantsRead>,
        page: PageRequest<TenantId>,
    ) -> Result<Paged<Tenant>, Error> {
        Ok(paged(self.core.db.tenants(page.into()).await?, |tenant| tenant.id.to_string()))
    }

    /// One tenant.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn get(&self, scope: &OperatorScope<perm::TenantsRead>, id: TenantId) -> Result<Tenant, Error> {
        let mut tx = self.core.db.begin(&scope.on(id)).await?;
        tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))
    }

    /// Renames, suspends, resumes or limits a tenant. Its keys feel it at once on every replica.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn patch(
        &self,
        scope: &OperatorScope<perm::TenantsWrite>,
        id: TenantId,
        patch: TenantPatch,
    ) -> Result<Tenant, Error> {
        let inside = scope.on(id);
        let mut tx = self.core.db.begin(&inside).await?;
        if !tx.lock_tenant().await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        let before = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        tx.patch_tenant(&patch).await?;
        let tenant = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let action = match turn(before.status, tenant.status) {
            Some((action, event)) => {
                let data = json!({"name": tenant.name, "status": tenant.status});
                tx.insert_event(&Event::new(id, event, self.core.clock.now(), data)).await?;
                action
            }
            None => "tenant.change",
        };
        let change = Change::of(action).to("tenant", id).from(&before).into(&tenant);
        self.core.audit.record(&mut tx, &inside, change.clone()).await?;
        self.core.audit.record_for_operator(&mut tx, &inside, change).await?;
        tx.commit().await?;
        self.core.validity.changed(id);
        Ok(tenant)
    }

    /// Erases a tenant: at once its data keys, its Chakra keys and every secret of its own are destroyed
    /// and nobody sees it any more; its rows go soon afterwards in the background, its audit log last.
    /// The operator's own audit log keeps who did it, when, and where the tenant's log ended.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn delete(&self, scope: &OperatorScope<perm::TenantsWrite>, id: TenantId) -> Result<(), Error> {
        let inside = scope.on(id);
        let mut tx = self.core.db.begin(&inside).await?;
        if !tx.lock_tenant().await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        let tenant = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        // Before the chain's end is held: whoever waits for that end holds rows that go now.
        if !tx.erase_tenant().await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        let change = Change::of("tenant.delete").to("tenant", id).from(&tenant);
        let end = self.core.audit.record_last(&mut tx, inside.party(), inside.origin(), change).await?;
        let last = json!({"id": id, "name": tenant.name, "status": tenant.status, "audit_log_end": end.to_string()});
        let change = Change::of("tenant.delete").to("tenant", id).from(&last);
        self.core.audit.record_for_operator(&mut tx, &inside, change).await?;
        tx.commit().await?;
        self.core.validity.changed(id);
        self.purge.wake();
        Ok(())
    }

    /// The tenant's own settings.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the operator names a tenant that does not exist.
    pub async fn settings(&self, scope: &Scope<perm::TenantRead>) -> Result<TenantSettings, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))
    }

    /// Changes the tenant's own settings.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; [`Error::Invalid`] when the Chakra key does not exist.
    pub async fn patch_settings(
        &self,
        scope: &Scope<perm::TenantWrite>,
        patch: TenantSettingsPatch,
        default_chakra_key: Option<ChakraKeyId>,
    ) -> Result<TenantSettings, Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        tx.lock_tenant().await?;
        let before = tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))?;
        tx.patch_tenant_settings(&patch).await?;
        if let Some(key) = default_chakra_key
            && !tx.set_default_chakra_key(key).await?
        {
            return Err(Error::invalid("/default_chakra_key", "names a Chakra key that does not exist"));
        }
        let settings = tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let change = Change::of("tenant_settings.change").to("tenant", scope.tenant()).from(&before).into(&settings);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(settings)
    }
}
