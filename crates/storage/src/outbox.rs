//! The outbox: what must be told to the outside.

use portico_domain::OutboxId;
use serde_json::Value;

use crate::db::TenantTx;
use crate::error::StorageError;

impl TenantTx {
    /// Writes an event that is true once this transaction commits.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn insert_outbox(&mut self, id: OutboxId, event_type: &str, payload: &Value) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into outbox (tenant_id, outbox_id, event_type, payload) values ($1, $2, $3, $4)",
            self.tenant.uuid(),
            id.uuid(),
            event_type,
            payload
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
