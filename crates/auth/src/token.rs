//! Short-lived tokens: JWTs (RFC 7519) that an API key or a member mints and that can do no more than
//! their minter.
//!
//! There is one form and no choice in it: signed with Ed25519 (`alg` `EdDSA`, RFC 8037), `typ` `at+jwt`,
//! as RFC 8725 advises. The header holds nothing but algorithm, type and key id, in the very bytes that
//! [`TokenSigner`] writes; whatever a key could be smuggled in with (`jwk`, `jku`, `x5c`, `crit`) is
//! refused with it. A key id is looked up among the keys in memory and nowhere else. Claims are read
//! after the signature held, and strictly all the same. `jsonwebtoken` signs, verifies and reads; each
//! check of our own says what the library lacks, and the tests hold it against the library alone.
//!
//! A valid token proves who minted it and how far it was narrowed. What its minter may do now is asked
//! anew on each use, and the token gets what both allow: see [`Principal::narrowed`](crate::Principal).
//!
//! No I/O, no clock and no randomness of its own: all are passed in.

mod claims;
mod header;
#[cfg(test)]
mod hostile;
mod keys;

pub use claims::{Subject, TokenClaims};
pub use keys::{TokenKey, TokenKeys, TokenSigner};

use time::Duration;

/// The longest token, in bytes: below what proxies commonly take as one header. A longer one is refused
/// unread; [`LIST_LONGEST`] keeps the minted ones below it.
pub const TOKEN_LONGEST: usize = 6 * 1024;
/// How many customers, and how many phone numbers, a token can name.
pub const LIST_LONGEST: usize = 50;
/// How long a token lives at the most.
pub const LIFETIME_LONGEST: Duration = Duration::HOUR;
/// How far the clock of the replica that minted may be ahead of the one that judges.
pub const LEEWAY: Duration = Duration::seconds(30);
/// For whom tokens are: the `aud` of every one.
pub const AUDIENCE: &str = "portico-api";

/// Why a token is not believed. For logs and tests: the outside hears no more than "not valid", and of
/// [`TokenFault::Expired`], which is told only of a token that was genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Longer than [`TOKEN_LONGEST`].
    #[error("it is too long")]
    Length,
    /// Not three parts in base64url without padding, in canonical form.
    #[error("it is not three parts of base64url")]
    Shape,
    /// The header is not the one that Portico writes.
    #[error("its header is another one than Portico writes")]
    Header,
    /// Another algorithm than `EdDSA`.
    #[error("it names another algorithm")]
    Algorithm,
    /// Another type than `at+jwt`.
    #[error("it is of another type")]
    Type,
    /// No key of ours has this id, or it has retired.
    #[error("it names no key of ours")]
    UnknownKey,
    /// The signature is not that key's.
    #[error("the signature does not hold")]
    Signature,
    /// The claims are not those that Portico writes.
    #[error("its claims are other ones than Portico writes")]
    Claims,
    /// Another issuer.
    #[error("somebody else issued it")]
    Issuer,
    /// For somebody else.
    #[error("it is for somebody else")]
    Audience,
    /// It lives longer than a token may.
    #[error("it lives too long")]
    Lifetime,
    /// Not valid yet.
    #[error("it is not valid yet")]
    NotYet,
    /// No longer valid.
    #[error("it has expired")]
    Expired,
}
