//! Roles that tenants define, beside the built-in ones.

use portico_domain::{Description, PermissionSet, Role, RoleId, RoleName};
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

#[derive(Debug)]
struct RoleRow {
    role_id: Uuid,
    name: String,
    description: Option<String>,
    permissions: Vec<String>,
}

/// The permissions of these names. One that this version does not know (a newer one wrote it) is left out.
pub(crate) fn permission_set(names: &[String]) -> PermissionSet {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn names(permissions: PermissionSet) -> Vec<String> {
    permissions.iter().map(|permission| permission.as_str().to_owned()).collect()
}

impl TryFrom<RoleRow> for Role {
    type Error = StorageError;

    fn try_from(row: RoleRow) -> Result<Self, StorageError> {
        let description = row.description.map(Description::try_from).transpose();
        Ok(Self {
            id: Some(RoleId::from_uuid(row.role_id)),
            name: row.name.parse().map_err(|error| StorageError::corrupt("roles.name", error))?,
            description: description.map_err(|error| StorageError::corrupt("roles.description", error))?,
            built_in: false,
            permissions: permission_set(&row.permissions),
        })
    }
}

impl TenantTx {
    /// Stores a role.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another role of the tenant has the name (`RoleName`).
    pub async fn insert_role(
        &mut self,
        id: RoleId,
        name: &RoleName,
        description: Option<&Description>,
        permissions: PermissionSet,
    ) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into roles (tenant_id, role_id, name, description, permissions) values ($1, $2, $3, $4, $5)",
            self.tenant.uuid(),
            id.uuid(),
            name.as_str(),
            description.map(Description::as_str),
            &names(permissions)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the tenant's own roles, oldest first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn roles(&mut self, page: Page<RoleId>) -> Result<PageRows<Role>, StorageError> {
        let rows = sqlx::query_as!(
            RoleRow,
            r#"
            select
                role_id,
                name,
                description,
                permissions
            from roles
            where tenant_id = $1 and ($2::uuid is null or role_id > $2)
            order by role_id
            limit $3
            "#,
            self.tenant.uuid(),
            page.after.map(RoleId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(Role::try_from).collect::<Result<_, _>>()?))
    }

    /// One of the tenant's own roles, by id or by name.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn role(&mut self, id: Option<RoleId>, name: Option<&str>) -> Result<Option<Role>, StorageError> {
        sqlx::query_as!(
            RoleRow,
            r#"
            select
                role_id,
                name,
                description,
                permissions
            from roles
            where tenant_id = $1 and (role_id = $2 or name = $3)
            "#,
            self.tenant.uuid(),
            id.map(RoleId::uuid),
            name
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(Role::try_from)
        .transpose()
    }

    /// Changes a role, and with it whatever has it; false when there is none. `Some(None)` removes the
    /// description.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another role of the tenant has the name (`RoleName`).
    pub async fn patch_role(
        &mut self,
        id: RoleId,
        name: Option<&RoleName>,
        description: Option<Option<&Description>>,
        permissions: Option<PermissionSet>,
    ) -> Result<bool, StorageError> {
        let permissions = permissions.map(names);
        let done = sqlx::query!(
            r#"
            update roles set
                name = coalesce($3, name),
                description = case when $4 then $5 else description end,
                permissions = coalesce($6, permissions),
                updated_at = now()
            where tenant_id = $1 and role_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            name.map(RoleName::as_str),
            description.is_some(),
            description.flatten().map(Description::as_str),
            permissions.as_deref()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes a role; false when there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when API keys, members or open invitations have it (`RoleInUse`).
    pub async fn delete_role(&mut self, id: RoleId) -> Result<bool, StorageError> {
        let done =
            sqlx::query!("delete from roles where tenant_id = $1 and role_id = $2", self.tenant.uuid(), id.uuid())
                .execute(&mut *self.tx)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}
