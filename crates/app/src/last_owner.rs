//! The last owner stays: a tenant that had one can always be administered from inside.

use portico_storage::TenantTx;

use crate::error::Error;

/// Fails when the change that this transaction made took away the tenant's last owner. Owners are
/// members with the role `owner`, and API keys with it that are neither limited, expired nor revoked.
///
/// Call it after the change: it waits for other changes of owners of the same tenant.
///
/// # Errors
///
/// [`Error::Conflict`] with `last_owner`.
pub(crate) async fn keeps_an_owner(tx: &mut TenantTx) -> Result<(), Error> {
    tx.hold_owners().await?;
    if tx.active_owner_members().await? + tx.active_owner_keys().await? > 0 {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "last_owner",
        pointer: None,
        detail: "this is the tenant's last owner; make another member or API key owner first",
    })
}
