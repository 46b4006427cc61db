//! Events in the outbox: what must be told to the outside.

use portico_domain::Event;

use crate::db::TenantTx;
use crate::error::StorageError;

impl TenantTx {
    /// Writes an event that is true once this transaction commits.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn insert_event(&mut self, event: &Event) -> Result<(), StorageError> {
        let payload = serde_json::to_value(event).map_err(|error| StorageError::corrupt("outbox.payload", error))?;
        sqlx::query!(
            "insert into outbox (tenant_id, outbox_id, event_type, payload) values ($1, $2, $3, $4)",
            self.tenant.uuid(),
            event.id.uuid(),
            event.event_type,
            payload
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
