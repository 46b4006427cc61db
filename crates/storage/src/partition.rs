//! Partitions by time: made in advance, and dropped when they were kept long enough.

use crate::db::Db;
use crate::error::StorageError;

impl Db {
    /// Makes the partitions of the days to come and drops those that were kept long enough: how many. What somebody
    /// else holds at this moment is left for the next time; so is all of it while another replica is at it.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn roll_partitions(&self) -> Result<u32, StorageError> {
        let mut tx = self.writing().await?;
        let done = sqlx::query_scalar!(r#"select portico_roll_partitions() as "done!""#).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.unsigned_abs())
    }
}
