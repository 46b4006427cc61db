//! Who owns a tenant besides its members.

use crate::db::TenantTx;
use crate::error::StorageError;

impl TenantTx {
    /// Waits until no other transaction changes who owns the tenant, and keeps others waiting.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn hold_owners(&mut self) -> Result<(), StorageError> {
        sqlx::query!(r#"select 1 as "one!" from tenants where tenant_id = $1 for no key update"#, self.tenant.uuid())
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// How many API keys have the role `owner` and are neither limited, expired nor revoked.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn active_owner_keys(&mut self) -> Result<i64, StorageError> {
        Ok(sqlx::query_scalar!(
            r#"
            select count(*) as "count!" from api_keys
            where tenant_id = $1 and built_in_role = 'owner' and revoked_at is null and not is_limited
                and phone_numbers is null and (expires_at is null or expires_at > now())
            "#,
            self.tenant.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?)
    }
}
