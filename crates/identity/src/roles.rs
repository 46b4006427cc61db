//! Roles: those that every tenant has, and the tenant's own.

use portico_auth::Scope;
use portico_domain::permission::perm;
use portico_domain::{BuiltInRole, Description, PermissionSet, Role, RoleId, RoleName};
use portico_storage::{StoredRole, TenantTx};

use crate::Error;
use crate::grantor::Grantor;
use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};

/// A role to be.
#[derive(Debug, Clone)]
pub struct CreateRole {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<Description>,
    /// What it allows: nothing that its creator may not do.
    pub permissions: PermissionSet,
}

/// What changes of a role.
#[derive(Debug, Clone, Default)]
pub struct PatchRole {
    /// Another name.
    pub name: Option<RoleName>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Other permissions, as a whole.
    pub permissions: Option<PermissionSet>,
}

/// A built-in role as the API shows it.
fn built_in(role: BuiltInRole) -> Result<Role, Error> {
    let broken = |_| CoreError::invalid("/name", "is not a role");
    Ok(Role {
        id: None,
        name: role.as_str().parse().map_err(broken)?,
        description: Some(role.what().parse().map_err(broken)?),
        built_in: true,
        permissions: role.permissions(),
    })
}

/// Nobody grants what they may not do themselves.
fn may_grant(own: &Grantor, permissions: PermissionSet, pointer: &'static str) -> Result<(), Error> {
    let foreign = permissions.iter().find(|permission| permission.is_operator_only());
    if let Some(permission) = foreign {
        return Err(CoreError::invalid(pointer, format!("{permission} belongs to the operator alone")).into());
    }
    if permissions.is_subset_of(own.permissions()) {
        return Ok(());
    }
    Err(Error::Lacks { pointer, missing: permissions.minus(own.permissions()) })
}

fn free_name(name: &RoleName) -> Result<(), Error> {
    if name.as_str().parse::<BuiltInRole>().is_ok() {
        return Err(CoreError::Conflict {
            code: code::ROLE_NAME_TAKEN,
            pointer: Some("/name"),
            detail: "this is the name of a built-in role; choose another",
        }
        .into());
    }
    Ok(())
}

/// Roles: those that every tenant has, and the tenants' own.
#[derive(Debug)]
pub struct Roles {
    core: Core,
}

impl Roles {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the roles; the built-in ones come first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn list(&self, scope: &Scope<perm::RolesRead>, page: PageRequest<RoleId>) -> Result<Paged<Role>, Error> {
        let first = page.after.is_none();
        let mut tx = self.core.db.begin(scope).await?;
        let own = tx.roles(page.into()).await?;
        let mut paged = paged(own, |role| role.id.map(|id| id.to_string()).unwrap_or_default());
        if first {
            let mut all = BuiltInRole::ALL.iter().copied().map(built_in).collect::<Result<Vec<_>, _>>()?;
            all.append(&mut paged.data);
            paged.data = all;
        }
        Ok(paged)
    }

    /// A role, by id or by the name of a built-in one.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn get(&self, scope: &Scope<perm::RolesRead>, name: &str) -> Result<Role, Error> {
        if let Ok(role) = name.parse::<BuiltInRole>() {
            return built_in(role);
        }
        let id = name.parse().map_err(|_| CoreError::Missing(Thing::Role))?;
        let mut tx = self.core.db.begin(scope).await?;
        tx.role(Some(id), None).await?.ok_or(CoreError::Missing(Thing::Role).into())
    }

    /// Creates a role.
    ///
    /// # Errors
    ///
    /// [`CoreError::Conflict`] when the name is taken, [`Error::MoreThanOwn`] when it allows more than the
    /// caller may do.
    pub async fn create(&self, scope: &Scope<perm::RolesWrite>, new: CreateRole) -> Result<Role, Error> {
        scope.whole_tenant()?;
        free_name(&new.name)?;
        let id = RoleId::generate();
        let mut tx = self.core.db.begin(scope).await?;
        may_grant(&Grantor::of(scope, &mut tx).await?, new.permissions, "/permissions")?;
        tx.insert_role(id, &new.name, new.description.as_ref(), new.permissions).await?;
        let role = tx.role(Some(id), None).await?.ok_or(CoreError::Missing(Thing::Role))?;
        self.core.audit.record(&mut tx, scope, Change::of("role.create").to("role", id).into(&role)).await?;
        tx.commit().await?;
        Ok(role)
    }

    /// Changes a role, and with it every key that has it.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] as for creation, also when the role already allows more
    /// than the caller may do.
    pub async fn patch(&self, scope: &Scope<perm::RolesWrite>, id: RoleId, patch: PatchRole) -> Result<Role, Error> {
        scope.whole_tenant()?;
        if let Some(name) = &patch.name {
            free_name(name)?;
        }
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let present = tx.role(Some(id), None).await?.ok_or(CoreError::Missing(Thing::Role))?;
        may_grant(&own, present.permissions, "/permissions")?;
        may_grant(&own, patch.permissions.unwrap_or_default(), "/permissions")?;
        let description = patch.description.as_ref().map(Option::as_ref);
        tx.patch_role(id, patch.name.as_ref(), description, patch.permissions).await?;
        let role = tx.role(Some(id), None).await?.ok_or(CoreError::Missing(Thing::Role))?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("role.change").to("role", id).from(&present).into(&role))
            .await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(role)
    }

    /// Deletes a role that no key has.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] when keys have it.
    pub async fn delete(&self, scope: &Scope<perm::RolesWrite>, id: RoleId) -> Result<(), Error> {
        scope.whole_tenant()?;
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let before = tx.role(Some(id), None).await?.ok_or(CoreError::Missing(Thing::Role))?;
        // Whoever may not grant a role may not take it away either.
        may_grant(&own, before.permissions, "/permissions")?;
        tx.delete_role(id).await?;
        self.core.audit.record(&mut tx, scope, Change::of("role.delete").to("role", id).from(&before)).await?;
        Ok(tx.commit().await?)
    }
}

/// The role of that name, if the caller may give it to a key.
pub(crate) async fn role_to_give(own: &Grantor, tx: &mut TenantTx, name: &RoleName) -> Result<StoredRole, Error> {
    let (role, permissions) = if let Ok(role) = name.as_str().parse::<BuiltInRole>() {
        (StoredRole::BuiltIn(role), role.permissions())
    } else {
        let role = tx.role(None, Some(name.as_str())).await?;
        let found = role.and_then(|role| Some((role.id?, role.permissions)));
        let (id, permissions) = found.ok_or_else(|| {
            CoreError::invalid("/role", format!("names no role: \"{name}\"; GET /api/v1/roles lists them"))
        })?;
        (StoredRole::Own(id), permissions)
    };
    may_grant(own, permissions, "/role")?;
    Ok(role)
}
