//! What a request presents, and how it is turned away.

use std::net::IpAddr;
use std::time::Duration;

use portico_auth::{Origin, Party};

use crate::Error;
use crate::browser::Browser;

/// How long a caller who was let in may wait for the rest of the own request before being judged anew: a
/// body that trickles in must not carry a key past its revocation. Together with the age of what callers
/// are judged by, this stays within a second.
pub const REJUDGED_AFTER: Duration = Duration::from_millis(100);

/// What a request presents.
#[derive(Debug, Clone, Copy)]
pub struct RequestCredentials<'a> {
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// The value of `Portico-Tenant`, by which the operator names a tenant.
    pub tenant: Option<&'a str>,
    /// The signed-in browser, where its cookie counts.
    pub browser: Option<Browser<'a>>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The id by which the request is known in logs.
    pub request_id: &'a str,
}

impl RequestCredentials<'_> {
    /// Where the request came from, as the audit log keeps it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { address: self.address, request_id: Some(self.request_id.into()) }
    }
}

/// Why a request is not let in, and whose it was if that is known.
#[derive(Debug)]
pub struct NotAdmitted {
    /// Why.
    pub error: Error,
    /// In whose audit log the attempt belongs; none for a credential that is nobody's.
    pub party: Option<Party>,
}

impl<E: Into<Error>> From<E> for NotAdmitted {
    fn from(error: E) -> Self {
        Self { error: error.into(), party: None }
    }
}
