//! The outbox: events that are to be sent once the transaction that wrote them has committed.

use portico_domain::Event;

use crate::db::TenantTx;
use crate::error::StorageError;

impl TenantTx {
    /// Puts an event into the outbox. It is sent once this transaction commits, and only then.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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
