//! Tenants, as the operator and as they themselves see them.

use portico_auth::{OperatorScope, Scope};
use portico_domain::permission::perm;
use portico_domain::{ChakraKeyId, Tenant, TenantId, TenantSettings};
use portico_storage::{NewTenant, TenantPatch, TenantSettingsPatch};
use portico_vault::{DataKey, DataKeyVersion};

use crate::audit::Change;
use crate::error::{Error, Thing};
use crate::paging::{PageRequest, Paged, paged};
use crate::start::App;

impl App {
    /// Creates a tenant with a data key of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::VaultUnavailable`].
    pub async fn create_tenant(
        &self,
        scope: &OperatorScope<perm::TenantsWrite>,
        new: NewTenant,
    ) -> Result<Tenant, Error> {
        let id = TenantId::generate();
        let key = DataKey::generate(DataKeyVersion::FIRST, &mut rand::rng());
        let wrapping = self.shared.master_keys.wrap_data_key(id, &key, &mut rand::rng());
        let wrapped = wrapping.await?;
        let inside = scope.on(id);
        let mut tx = self.shared.db.begin(&inside).await?;
        tx.insert_tenant(&new).await?;
        tx.insert_data_key(DataKeyVersion::FIRST, &wrapped).await?;
        let tenant = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        self.audit(&mut tx, &inside, Change::of("tenant.create").to("tenant", id).into(&tenant)).await?;
        tx.commit().await?;
        Ok(tenant)
    }

    /// A page of all tenants, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn tenants(
        &self,
        _: &OperatorScope<perm::TenantsRead>,
        page: PageRequest<TenantId>,
    ) -> Result<Paged<Tenant>, Error> {
        Ok(paged(self.shared.db.tenants(page.into()).await?, |tenant| tenant.id.to_string()))
    }

    /// One tenant.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn tenant(&self, scope: &OperatorScope<perm::TenantsRead>, id: TenantId) -> Result<Tenant, Error> {
        let mut tx = self.shared.db.begin(&scope.on(id)).await?;
        tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))
    }

    /// Renames, suspends, resumes or limits a tenant. Its keys feel it at once on every replica.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn patch_tenant(
        &self,
        scope: &OperatorScope<perm::TenantsWrite>,
        id: TenantId,
        patch: TenantPatch,
    ) -> Result<Tenant, Error> {
        let inside = scope.on(id);
        let mut tx = self.shared.db.begin(&inside).await?;
        let before = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        tx.patch_tenant(&patch).await?;
        let tenant = tx.tenant_row().await?.ok_or(Error::Missing(Thing::Tenant))?;
        self.audit(&mut tx, &inside, Change::of("tenant.change").to("tenant", id).from(&before).into(&tenant)).await?;
        tx.commit().await?;
        self.shared.freshness.changed(id);
        Ok(tenant)
    }

    /// Deletes a tenant with its data keys and everything that it owns.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn delete_tenant(&self, scope: &OperatorScope<perm::TenantsWrite>, id: TenantId) -> Result<(), Error> {
        let mut tx = self.shared.db.begin(&scope.on(id)).await?;
        if !tx.delete_tenant().await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        tx.commit().await?;
        self.shared.freshness.changed(id);
        Ok(())
    }

    /// The tenant's own settings.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the operator names a tenant that does not exist.
    pub async fn tenant_settings(&self, scope: &Scope<perm::TenantRead>) -> Result<TenantSettings, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))
    }

    /// Changes the tenant's own settings.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; [`Error::Invalid`] when the Chakra key does not exist.
    pub async fn patch_tenant_settings(
        &self,
        scope: &Scope<perm::TenantWrite>,
        patch: TenantSettingsPatch,
        default_chakra_key: Option<ChakraKeyId>,
    ) -> Result<TenantSettings, Error> {
        scope.whole_tenant()?;
        let mut tx = self.shared.db.begin(scope).await?;
        let before = tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))?;
        tx.patch_tenant_settings(&patch).await?;
        if let Some(key) = default_chakra_key
            && !tx.set_default_chakra_key(key).await?
        {
            return Err(Error::invalid("/default_chakra_key", "names a Chakra key that does not exist"));
        }
        let settings = tx.tenant_settings().await?.ok_or(Error::Missing(Thing::Tenant))?;
        let change = Change::of("tenant_settings.change").to("tenant", scope.tenant()).from(&before).into(&settings);
        self.audit(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(settings)
    }
}
