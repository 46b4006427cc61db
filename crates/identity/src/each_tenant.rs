//! Work that Portico does by itself for several tenants.

use portico_domain::TenantId;
use portico_storage::StorageError;

/// Does a piece of work for each tenant. One for which it fails does not keep it from the others: that
/// is logged, and the next round tries again.
pub(crate) async fn each_tenant<F: Future<Output = Result<(), StorageError>>>(
    work: &'static str,
    tenants: Vec<TenantId>,
    one: impl Fn(TenantId) -> F,
) {
    for tenant in tenants {
        if let Err(error) = one(tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, work, "work for a tenant could not be done; it is tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn a_tenant_for_which_it_fails_does_not_keep_it_from_the_others() {
        let tenants = [0; 3].map(|_| TenantId::generate());
        let done = Mutex::new(Vec::new());
        let one = |tenant| {
            let (done, fails) = (&done, tenant == tenants[1]);
            async move {
                if fails {
                    return Err(StorageError::Slow);
                }
                done.lock().expect("nobody panics").push(tenant);
                Ok(())
            }
        };
        each_tenant("test", tenants.to_vec(), one).await;
        assert_eq!(done.into_inner().expect("nobody panics"), [tenants[0], tenants[2]]);
    }
}
