//! Slowing down those who guess: by member and by network address, counted in Postgres, so that all
//! replicas count together.
//!
//! Members with the same e-mail address are counted each by itself. Who signs in to one of their tenants
//! proves nothing for the others: there, the attempt stays a guess, whatever comes of it.

use std::net::IpAddr;
use std::sync::Arc;

use portico_domain::{Email, MemberId, TenantId};
use portico_storage::AttemptLimit;
use portico_vault::ThrottleKey;
use time::{Duration, OffsetDateTime};

use super::error::SignInError;
use portico_core::Core;

/// A member that an address led to.
pub(super) type Known = (TenantId, MemberId);

/// Five attempts are free; then 30 s, doubling up to 15 min. An hour of rest begins anew.
const BY_MEMBER: AttemptLimit = AttemptLimit {
    free: 5,
    first_wait: Duration::seconds(30),
    longest_wait: Duration::minutes(15),
    memory: Duration::hours(1),
};
/// Thirty failures; then a minute, doubling up to ten. Ten minutes of rest begin anew.
const BY_ADDRESS: AttemptLimit = AttemptLimit {
    free: 30,
    first_wait: Duration::minutes(1),
    longest_wait: Duration::minutes(10),
    memory: Duration::minutes(10),
};

/// One attempt from a network address, counted as failed until it is said to have succeeded.
#[derive(Debug)]
pub(super) struct Attempt {
    address: [u8; 32],
}

/// Nobody has only one address of IPv6: the network counts.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Counts attempts to sign in. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LoginThrottle {
    core: Core,
    key: Arc<ThrottleKey>,
}

impl LoginThrottle {
    pub(super) fn new(core: &Core) -> Self {
        Self { core: core.clone(), key: Arc::new(core.mac_key.throttle_key()) }
    }

    fn bucket(&self, kind: &str, text: &str) -> [u8; 32] {
        self.key.bucket(kind, text)
    }

    /// Counts an attempt from there before it is made.
    ///
    /// # Errors
    ///
    /// [`SignInError::Throttled`] when there were too many.
    pub(super) async fn count(&self, address: Option<IpAddr>) -> Result<Attempt, SignInError> {
        // Whoever hides the address behind a proxy counts with all others who do.
        let from = address.map_or_else(|| "unknown".to_owned(), network);
        let address = self.bucket("sign-in by address", &from);
        if let Some(until) = self.core.db.count_attempt(&address, BY_ADDRESS).await? {
            return Err(throttled(until, self.core.clock.now()));
        }
        Ok(Attempt { address })
    }

    /// Takes back an attempt that succeeded. Others from there may guess: theirs stay counted.
    pub(super) async fn succeeded(&self, attempt: &Attempt) -> Result<(), SignInError> {
        Ok(self.core.db.attempt_succeeded(&attempt.address, false).await?)
    }

    /// Counts an attempt at each of those who have this e-mail address, before it is made, and gives
    /// those at whom it may be made. An address that nobody has is counted just so.
    ///
    /// # Errors
    ///
    /// [`SignInError::Throttled`] when it may be made at none.
    pub(super) async fn count_at(&self, email: &Email, members: &[Known]) -> Result<Vec<Known>, SignInError> {
        if members.is_empty() {
            let nobody = self.bucket("sign-in by e-mail", email.as_str());
            let until = self.core.db.count_attempt(&nobody, BY_MEMBER).await?;
            return until.map_or(Ok(Vec::new()), |until| Err(throttled(until, self.core.clock.now())));
        }
        let (mut free, mut first) = (Vec::new(), None::<OffsetDateTime>);
        for &known in members {
            match self.core.db.count_attempt(&self.member(known), BY_MEMBER).await? {
                None => free.push(known),
                Some(until) => first = Some(first.map_or(until, |first| first.min(until))),
            }
        }
        match first {
            Some(until) if free.is_empty() => Err(throttled(until, self.core.clock.now())),
            _ => Ok(free),
        }
    }

    /// Forgets the attempts at a member whose password was told.
    pub(super) async fn member_proved(&self, known: Known) -> Result<(), SignInError> {
        Ok(self.core.db.attempt_succeeded(&self.member(known), true).await?)
    }

    fn member(&self, (tenant, member): Known) -> [u8; 32] {
        self.bucket("sign-in by member", &format!("{tenant}/{member}"))
    }

    /// Whether something of that kind is used for the first time. It is remembered for two hours.
    pub(super) async fn is_first_use(&self, kind: &str, id: &str) -> Result<bool, SignInError> {
        let bucket = self.bucket(kind, id);
        Ok(self.core.db.use_once(&bucket).await?)
    }
}

fn throttled(until: OffsetDateTime, now: OffsetDateTime) -> SignInError {
    let left = (until - now).whole_seconds().max(0).unsigned_abs() + 1;
    SignInError::Throttled { retry_after: left }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let network = |text: &str| network(text.parse().expect("is an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
