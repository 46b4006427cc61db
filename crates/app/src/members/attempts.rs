//! Slowing down those who guess: by e-mail address and by network address, counted in Postgres, so
//! that all replicas count together.

use std::net::IpAddr;

use portico_storage::AttemptLimit;
use time::{Duration, OffsetDateTime};

use super::sign_in::SignInError;
use crate::error::Error;
use crate::start::Shared;

/// Five attempts are free; then 30 s, doubling up to 15 min. An hour of rest begins anew.
const BY_EMAIL: AttemptLimit = AttemptLimit {
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

/// One attempt, counted as failed until it is said to have succeeded.
#[derive(Debug)]
pub(super) struct Attempt {
    email: Option<[u8; 32]>,
    address: Option<[u8; 32]>,
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

impl Shared {
    /// Counts an attempt before it is made.
    ///
    /// # Errors
    ///
    /// [`SignInError::Throttled`] when there were too many.
    pub(super) async fn attempt(&self, email: Option<&str>, address: Option<IpAddr>) -> Result<Attempt, SignInError> {
        let bucket = |kind: &str, text: &str| self.fingerprint_key.fingerprint(kind, text).0;
        let attempt = Attempt {
            email: email.map(|email| bucket("sign-in by e-mail", email)),
            address: address.map(|address| bucket("sign-in by address", &network(address))),
        };
        for (bucket, limit) in [(&attempt.address, BY_ADDRESS), (&attempt.email, BY_EMAIL)] {
            let Some(bucket) = bucket else { continue };
            if let Some(until) = self.db.count_attempt(bucket, limit).await.map_err(Error::from)? {
                let left = (until - OffsetDateTime::now_utc()).whole_seconds().max(0).unsigned_abs() + 1;
                return Err(SignInError::Throttled { retry_after: left });
            }
        }
        Ok(attempt)
    }

    /// Takes back an attempt that succeeded. Failures of the same person are forgotten; of the same
    /// address, where others may guess, only this attempt.
    pub(super) async fn attempt_succeeded(&self, attempt: &Attempt) -> Result<(), SignInError> {
        for (bucket, forget_all) in [(&attempt.address, false), (&attempt.email, true)] {
            if let Some(bucket) = bucket {
                self.db.attempt_succeeded(bucket, forget_all).await.map_err(Error::from)?;
            }
        }
        Ok(())
    }
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
