//! What whoever calls may give away at this moment: nobody grants more than they have.

use ipnet::IpNet;
use portico_auth::{Actor, Denied, Scope};
use portico_domain::permission::Required;
use portico_domain::{PermissionSet, RateLimit};
use portico_storage::TenantTx;
use time::OffsetDateTime;

use crate::Error;

/// What the caller has, read in the transaction that gives something away.
#[derive(Debug)]
pub(crate) struct Grantor {
    permissions: PermissionSet,
    expires_at: Option<OffsetDateTime>,
    allowed_ips: Option<Vec<IpNet>>,
    rate_limit: Option<RateLimit>,
}

impl Grantor {
    /// What the caller may do now. Holds all grants of the tenant until the transaction ends: a caller
    /// whose role or limits change in the same moment is judged before or after, and not in between.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`] for a key that was revoked meanwhile, [`Denied`](portico_core::Error::Denied) for
    /// one that may not any more or reaches only a part of the tenant.
    pub(crate) async fn of<P: Required>(scope: &Scope<P>, tx: &mut TenantTx) -> Result<Self, Error> {
        scope.whole_tenant()?;
        tx.lock_grants().await?;
        match scope.actor() {
            Actor::ApiKey(id) => {
                let own = tx.api_key_record(id).await?.ok_or(Error::UnknownKey)?;
                if !own.reach.is_whole_tenant() {
                    return Err(Denied::Limited.into());
                }
                if !own.permissions.contains(P::PERMISSION) {
                    return Err(Denied::Permission(P::PERMISSION).into());
                }
                // The caller may be a token that may do less than its key.
                let permissions = own.permissions.intersection(scope.permissions());
                let (expires_at, allowed_ips, rate_limit) = (own.expires_at, own.allowed_ips, own.rate_limit);
                Ok(Self { permissions, expires_at, allowed_ips, rate_limit })
            }
            Actor::Member(id) => {
                let own = tx.member_record(id).await?.ok_or(Error::NoSession)?;
                if !own.permissions.contains(P::PERMISSION) {
                    return Err(Denied::Permission(P::PERMISSION).into());
                }
                let permissions = own.permissions.intersection(scope.permissions());
                Ok(Self { permissions, expires_at: None, allowed_ips: None, rate_limit: None })
            }
            Actor::Operator => {
                let permissions = scope.permissions();
                Ok(Self { permissions, expires_at: None, allowed_ips: None, rate_limit: None })
            }
        }
    }

    /// What the caller may do.
    pub(crate) const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// Fails for an end after the caller's own.
    pub(crate) fn may_end(&self, end: Option<OffsetDateTime>) -> Result<(), Error> {
        if is_later(end, self.expires_at) { Err(Error::MoreThanOwn("/expires_at")) } else { Ok(()) }
    }

    /// Fails for addresses beyond the caller's own.
    pub(crate) fn may_open_to(&self, ranges: Option<&[IpNet]>) -> Result<(), Error> {
        if is_wider(ranges, self.allowed_ips.as_deref()) { Err(Error::MoreThanOwn("/allowed_ips")) } else { Ok(()) }
    }

    /// Fails for a rate above the caller's own.
    pub(crate) fn may_speed_up_to(&self, limit: Option<RateLimit>) -> Result<(), Error> {
        if is_faster(limit, self.rate_limit) { Err(Error::MoreThanOwn("/rate_limit")) } else { Ok(()) }
    }

    /// Fails for a caller that ends, is tied to addresses or has a rate limit: a person has no such
    /// limits, so it would give what it has not.
    pub(crate) fn may_empower_people(&self) -> Result<(), Error> {
        if self.expires_at.is_some() || self.allowed_ips.is_some() || self.rate_limit.is_some() {
            return Err(Error::MoreThanOwn("/role"));
        }
        Ok(())
    }
}

/// Whether one end is after another; none is after all.
fn is_later(end: Option<OffsetDateTime>, than: Option<OffsetDateTime>) -> bool {
    than.is_some_and(|than| end.is_none_or(|end| end > than))
}

/// Whether some ranges hold an address that others do not; none holds all. Each range must lie in a
/// single other one, which is a stricter question.
fn is_wider(ranges: Option<&[IpNet]>, than: Option<&[IpNet]>) -> bool {
    let Some(than) = than else { return false };
    let within = |range: &IpNet| than.iter().any(|one| one.contains(range));
    !ranges.is_some_and(|ranges| ranges.iter().all(within))
}

/// Whether one rate is above another; none is above all.
fn is_faster(limit: Option<RateLimit>, than: Option<RateLimit>) -> bool {
    than.is_some_and(|than| limit.is_none_or(|limit| limit > than))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn ranges(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().expect("is a range")).collect()
    }

    #[test]
    fn no_limit_is_wider_than_any() {
        let (soon, late) = (Some(datetime!(2030-01-01 0:00 UTC)), Some(datetime!(2031-01-01 0:00 UTC)));
        assert!(is_later(late, soon) && is_later(None, soon));
        assert!(!is_later(soon, soon) && !is_later(soon, late) && !is_later(None, None) && !is_later(soon, None));
        let limit = |number: u64| Some(RateLimit::try_from(number).expect("is in range"));
        assert!(is_faster(limit(6), limit(5)) && is_faster(None, limit(5)));
        assert!(!is_faster(limit(5), limit(5)) && !is_faster(limit(4), limit(5)) && !is_faster(None, None));
    }

    #[test]
    fn ranges_must_lie_within_ranges() {
        let (office, desk, home) = (ranges(&["192.0.2.0/24"]), ranges(&["192.0.2.7/32"]), ranges(&["198.51.100.0/24"]));
        assert!(!is_wider(Some(&desk), Some(&office)) && !is_wider(Some(&office), Some(&office)));
        assert!(is_wider(Some(&office), Some(&desk)) && is_wider(Some(&home), Some(&office)));
        assert!(is_wider(None, Some(&office)) && !is_wider(None, None) && !is_wider(Some(&home), None));
        assert!(is_wider(Some(&ranges(&["192.0.2.7/32", "198.51.100.1/32"])), Some(&office)));
    }
}
