//! Master keys that are elsewhere: in a PKCS#11 token ([`Pkcs11Key`]) or behind the transit API of
//! HashiCorp Vault and its kin ([`TransitKey`]).
//!
//! Both are [`MasterKeyProvider`]s: they seal and open the few bytes
//! of a data key, and the key itself never comes here. This crate knows the vault alone; [`ring`] makes
//! [`MasterKeys`] of the entries of the settings.
//!
//! | provider | encrypts by | associated data | unreachable |
//! |---|---|---|---|
//! | token | `CKM_AES_GCM`, 96-bit nonce, 128-bit tag | by the mechanism | module, token or session gone, no answer in 5 s |
//! | transit | the engine's own AEAD key | by the engine, and a hash of it beside the plaintext | no connection in 2 s, no answer in 5 s, sealed, 429, 5xx |
//!
//! To add a provider, write a module like these, a variant of [`MasterKeyEntry`] and an arm of [`ring`].

mod pkcs11_key;
mod pkcs11_token;
mod transit_client;
mod transit_key;

use std::sync::Arc;
use std::time::Duration;

use portico_vault::{MasterKeyEntry, MasterKeyProvider, MasterKeys};

pub use pkcs11_key::Pkcs11Key;
pub use pkcs11_token::{Pkcs11Token, Pkcs11TokenOptions};
pub use transit_client::{BadTransit, TransitClient, TransitOptions};
pub use transit_key::TransitKey;

/// How long a provider may take for one call.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The providers of the keys that do not stand in the settings themselves.
#[derive(Debug, Clone, Default)]
pub struct KeyProviders {
    /// The token; needed if an entry names one of its keys.
    pub token: Option<Arc<Pkcs11Token>>,
    /// The transit engine; needed if an entry names one of its keys.
    pub transit: Option<Arc<TransitClient>>,
}

/// Why entries give no [`MasterKeys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// There is no entry.
    #[error("no master key is listed")]
    Empty,
    /// An entry names a key of a token, and nothing says which token.
    #[error("a key in a PKCS#11 token is listed, but no token is named")]
    NoToken,
    /// An entry names a key of a transit engine, and nothing says where that is.
    #[error("a key of a transit engine is listed, but no engine is named")]
    NoTransit,
}

/// The master keys of these entries: the first seals, all open. Calls no provider yet.
///
/// # Errors
///
/// [`RingError`] when the list is empty, or an entry's provider is missing.
pub fn ring(entries: Vec<MasterKeyEntry>, providers: &KeyProviders) -> Result<MasterKeys, RingError> {
    let mut keys = entries.into_iter().map(|entry| provider(entry, providers));
    let sealing = keys.next().ok_or(RingError::Empty)??;
    Ok(MasterKeys::new(sealing, keys.collect::<Result<_, _>>()?))
}

fn provider(entry: MasterKeyEntry, providers: &KeyProviders) -> Result<Box<dyn MasterKeyProvider>, RingError> {
    Ok(match entry {
        MasterKeyEntry::Local(key) => Box::new(key),
        MasterKeyEntry::Pkcs11 { id, label } => {
            let token = providers.token.as_ref().ok_or(RingError::NoToken)?;
            Box::new(Pkcs11Key::new(id, label, Arc::clone(token)))
        }
        MasterKeyEntry::Transit { id, name } => {
            let client = providers.transit.as_ref().ok_or(RingError::NoTransit)?;
            Box::new(TransitKey::new(id, name, Arc::clone(client)))
        }
    })
}
