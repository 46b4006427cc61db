//! Tenants as the operator sees them, and the settings that are their own.

use portico_domain::{
    Branding, ChakraKeyId, GraphVersion, Limits, Name, Origin, Tenant, TenantId, TenantSettings, TenantStatus,
};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;

/// A tenant to insert.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// What people call the tenant.
    pub name: Name,
}

/// What the operator changes of a tenant; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// Another name.
    pub name: Option<Name>,
    /// Suspends or resumes the tenant.
    pub status: Option<TenantStatus>,
    /// Other limits, as a whole.
    pub limits: Option<Limits>,
}

/// What a tenant changes of its own settings; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct TenantSettingsPatch {
    /// Other origins, as a whole.
    pub allowed_origins: Option<Vec<Origin>>,
    /// Another branding, as a whole.
    pub branding: Option<Branding>,
    /// Another Graph API version, or Portico's choice.
    pub graph_version: Option<Option<GraphVersion>>,
    /// For how many days the log of calls is kept from now on.
    pub retention_days: Option<u16>,
}

/// A row of `tenants`, as the operator sees it.
#[derive(Debug)]
pub(crate) struct TenantRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) limits: serde_json::Value,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StorageError;

    fn try_from(row: TenantRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: TenantId::from_uuid(row.tenant_id),
            name: row.name.parse().map_err(|error| StorageError::corrupt("tenants.name", error))?,
            status: row.status.parse().map_err(|error| StorageError::corrupt("tenants.status", error))?,
            limits: serde_json::from_value(row.limits)
                .map_err(|error| StorageError::corrupt("tenants.limits", error))?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl TenantTx {
    /// Stores the tenant with the transaction's id.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_tenant(&mut self, new: &NewTenant) -> Result<(), StorageError> {
        sqlx::query!("insert into tenants (tenant_id, name) values ($1, $2)", self.tenant.uuid(), new.name.as_str())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// The transaction's tenant as the operator sees it; none when it does not exist.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn tenant_row(&mut self) -> Result<Option<Tenant>, StorageError> {
        sqlx::query_as!(
            TenantRow,
            r#"
            select
                tenant_id,
                name,
                status,
                limits,
                created_at,
                updated_at
            from tenants
            where tenant_id = $1
            "#,
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(Tenant::try_from)
        .transpose()
    }

    /// Changes the tenant as the operator; false when it does not exist.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn patch_tenant(&mut self, patch: &TenantPatch) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update tenants set
                name = coalesce($2, name),
                status = coalesce($3, status),
                limits = coalesce($4, limits),
                updated_at = now()
            where tenant_id = $1
            "#,
            self.tenant.uuid(),
            patch.name.as_ref().map(Name::as_str),
            patch.status.map(TenantStatus::as_str),
            patch.limits.as_ref().map(Json) as _
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The tenant's own settings; none when it does not exist.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn tenant_settings(&mut self) -> Result<Option<TenantSettings>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                t.name,
                t.status,
                t.allowed_origins,
                t.branding,
                t.graph_version,
                t.created_at,
                t.updated_at,
                k.chakra_key_id as "chakra_key_id?"
            from tenants t
            left join chakra_keys k on k.tenant_id = t.tenant_id and k.is_default
            where t.tenant_id = $1
            "#,
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let origins = row.allowed_origins.into_iter().map(Origin::try_from).collect::<Result<_, _>>();
        Ok(Some(TenantSettings {
            id: self.tenant,
            name: row.name.parse().map_err(|error| StorageError::corrupt("tenants.name", error))?,
            status: row.status.parse().map_err(|error| StorageError::corrupt("tenants.status", error))?,
            allowed_origins: origins.map_err(|error| StorageError::corrupt("tenants.allowed_origins", error))?,
            branding: serde_json::from_value(row.branding)
                .map_err(|error| StorageError::corrupt("tenants.branding", error))?,
            default_chakra_key: row.chakra_key_id.map(ChakraKeyId::from_uuid),
            graph_version: row
                .graph_version
                .map(GraphVersion::try_from)
                .transpose()
                .map_err(|error| StorageError::corrupt("tenants.graph_version", error))?,
            // Nothing deletes rows of the log, whatever is stored.
            retention_days: None,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }))
    }

    /// Changes the tenant's own settings; false when it does not exist.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn patch_tenant_settings(&mut self, patch: &TenantSettingsPatch) -> Result<bool, StorageError> {
        let origins: Option<Vec<String>> =
            patch.allowed_origins.as_ref().map(|all| all.iter().map(ToString::to_string).collect());
        let version = patch.graph_version.as_ref().and_then(Option::as_ref).map(GraphVersion::as_str);
        let done = sqlx::query!(
            r#"
            update tenants set
                allowed_origins = coalesce($2, allowed_origins),
                branding = coalesce($3, branding),
                graph_version = case when $4 then $5 else graph_version end,
                retention_days = coalesce($6, retention_days),
                updated_at = now()
            where tenant_id = $1
            "#,
            self.tenant.uuid(),
            origins.as_deref(),
            patch.branding.as_ref().map(Json) as _,
            patch.graph_version.is_some(),
            version,
            patch.retention_days.map(i32::from)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
