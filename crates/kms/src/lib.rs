//! Master keys that are elsewhere: in a PKCS#11 token ([`Pkcs11Key`]) or behind the transit API of
//! HashiCorp Vault and its kin ([`TransitKey`]).
//!
//! Both are [`MasterKeyProvider`](portico_vault::MasterKeyProvider)s: they seal and open the few bytes
//! of a data key, and the key itself never comes here. This crate knows the vault alone; [`ring`] turns
//! what the settings list into [`MasterKeys`].
//!
//! | provider | encrypts by | associated data | unreachable |
//! |---|---|---|---|
//! | token | `CKM_AES_GCM`, 96-bit nonce, 128-bit tag | by the mechanism | module, token or session gone, no answer in 5 s |
//! | transit | the engine's own AEAD key | by the engine, and a hash of it beside the plaintext | no connection in 2 s, no answer in 5 s, sealed, 429, 5xx |
//!
//! To add a provider, write a module like these, an entry of [`Listed`], and a
//! line in [`ring`].

mod pkcs11_key;
mod pkcs11_token;
mod transit_client;
mod transit_key;

use std::sync::Arc;
use std::time::Duration;

use portico_vault::{Listed, MasterKeyProvider, MasterKeys};

pub use pkcs11_key::Pkcs11Key;
pub use pkcs11_token::{Token, TokenOptions};
pub use transit_client::{BadTransit, TransitClient, TransitOptions};
pub use transit_key::TransitKey;

/// How long a provider may take for one thing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where keys are that do not stand in the settings themselves.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The token, where an entry names one of its keys.
    pub token: Option<Arc<Token>>,
    /// The transit engine, where an entry names one of its keys.
    pub transit: Option<Arc<TransitClient>>,
}

/// Why a list does not become a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// The list is empty.
    #[error("no master key is listed")]
    Empty,
    /// An entry names a key of a token, and nothing says which token.
    #[error("a key in a PKCS#11 token is listed, but no token is named")]
    NoToken,
    /// An entry names a key of a transit engine, and nothing says where that is.
    #[error("a key of a transit engine is listed, but no engine is named")]
    NoTransit,
}

/// The ring of the listed keys: the first seals, all open. Reaches for nothing yet.
///
/// # Errors
///
/// [`RingError`] when a key is listed whose place is missing.
pub fn ring(listed: Vec<Listed>, places: &Places) -> Result<MasterKeys, RingError> {
    let mut keys = listed.into_iter().map(|one| provider(one, places));
    let sealing = keys.next().ok_or(RingError::Empty)??;
    Ok(MasterKeys::new(sealing, keys.collect::<Result<_, _>>()?))
}

fn provider(listed: Listed, places: &Places) -> Result<Box<dyn MasterKeyProvider>, RingError> {
    Ok(match listed {
        Listed::Local(key) => Box::new(key),
        Listed::Pkcs11 { id, label } => {
            let token = places.token.as_ref().ok_or(RingError::NoToken)?;
            Box::new(Pkcs11Key::new(id, label, Arc::clone(token)))
        }
        Listed::Transit { id, name } => {
            let client = places.transit.as_ref().ok_or(RingError::NoTransit)?;
            Box::new(TransitKey::new(id, name, Arc::clone(client)))
        }
    })
}
