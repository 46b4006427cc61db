//! The last owner stays: a tenant that has somebody who may do everything keeps somebody.
//!
//! An owner is a member with the role owner, or an API key with it that is neither revoked nor expired nor
//! limited to customers, phone numbers or addresses. Refused is what leaves a tenant that has an owner without one,
//! and what leaves a tenant that has one for good (without an expiry) with none but such as end by
//! themselves one day. Nobody is exempt, the operator neither: make another owner first. Only a secret
//! that leaked dies whatever it leaves behind; the event `api_key.leaked` says so then.

use portico_storage::{Ownership, TenantTx};

use portico_core::{Error, code};

/// Fails when the tenant has less of an owner than `before`. Ask for `before` with
/// [`TenantTx::ownership`] after [`TenantTx::lock_grants`], so that of two removals at once the second
/// sees what the first did.
pub(crate) async fn keeps_an_owner(tx: &mut TenantTx, before: Ownership) -> Result<(), Error> {
    if tx.ownership().await? < before {
        return Err(Error::Conflict {
            code: code::LAST_OWNER,
            pointer: None,
            detail: "this would leave the tenant without an owner that has no limits and does not expire; make another one first",
        });
    }
    Ok(())
}
