//! How many connections the process has descriptors for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for Postgres, listeners, files, and whatever else is no call.
const RESERVED: u64 = 128;
/// The most connections that are accepted, whatever the system allows: they take memory too.
const MOST: usize = 32_768;

/// How many connections are kept at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all. Further ones wait to be accepted.
    pub all: usize,
    /// From one address (IPv6: from one network of 64 bits). Further ones are closed.
    pub per_address: usize,
}

impl ConnectionLimits {
    /// What so many descriptors allow: each connection may need a second one, for its call to Chakra. One address may
    /// have half of all, unless the setting says how many.
    #[must_use]
    pub fn within(descriptors: u64, per_address: Option<usize>) -> Self {
        let room = descriptors.saturating_sub(RESERVED) / 2;
        let all = usize::try_from(room).unwrap_or(MOST).clamp(16, MOST);
        Self { all, per_address: per_address.unwrap_or(all.div_ceil(2)) }
    }
}

/// Raises this process's limit of descriptors as far as it may, and gives it.
#[must_use]
pub fn raise_descriptors() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "cannot read the limit of descriptors; taking it for 1024");
            return 1024;
        }
    };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(%error, limit = soft, "cannot raise the limit of descriptors");
            soft
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stay_below_the_descriptors_with_room_for_calls_to_chakra() {
        let limits = ConnectionLimits::within(1024, None);
        assert_eq!(limits, ConnectionLimits { all: 448, per_address: 224 });
        assert_eq!(ConnectionLimits::within(1024, Some(1000)).per_address, 1000);
        assert_eq!(ConnectionLimits::within(u64::MAX, None).all, MOST);
        assert_eq!(ConnectionLimits::within(0, None).all, 16);
    }
}
