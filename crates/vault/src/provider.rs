//! What a master key can be: bytes of our own, or a key in a device or service that never shows it.

use std::fmt;
use std::pin::Pin;

use zeroize::Zeroizing;

use crate::cipher::NONCE_LEN;
use crate::master_key_id::MasterKeyId;

/// What a provider is working on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// One master key, wherever it is.
///
/// What [`seal`](Self::seal) gives, [`open`](Self::open) takes, with the same associated data and no
/// other. A provider whose key cannot bind associated data binds it in another way, for instance by
/// sealing its hash along and comparing it after opening.
///
/// To add a provider, implement this (outside this crate if it does I/O) and give
/// [`MasterKeyEntry`](crate::MasterKeyEntry) a form by which the settings name it.
pub trait MasterKeyProvider: fmt::Debug + Send + Sync {
    /// The id that the settings give to the key.
    fn id(&self) -> &MasterKeyId;

    /// What kind of provider this is, for people: `local`, `pkcs11`, `transit`.
    fn kind(&self) -> &'static str;

    /// Encrypts `plain` and authenticates it together with `aad`. `nonce` is fresh and random, for
    /// providers that let their user choose it.
    fn seal<'a>(&'a self, nonce: [u8; NONCE_LEN], aad: &'a [u8], plain: &'a [u8]) -> Pending<'a, Vec<u8>>;

    /// Decrypts what [`seal`](Self::seal) gave. The answer has no spare capacity.
    fn open<'a>(&'a self, aad: &'a [u8], body: &'a [u8]) -> Pending<'a, Zeroizing<Vec<u8>>>;
}

/// Why a provider did not do what it was asked. The texts name no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be reached, is sealed itself, or did not answer in time: the same may work later.
    #[error("{0}")]
    Unreachable(String),
    /// It answered, and does not do it: no such key, no permission, a key that is not fit for this.
    #[error("{0}")]
    Refused(String),
    /// What was to be opened is not what the key sealed with this associated data.
    #[error("sealed bytes were changed, moved or sealed with another key")]
    Forged,
}
