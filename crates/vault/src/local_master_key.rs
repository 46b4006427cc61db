//! A master key whose bytes stand in the settings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::CryptoRng;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cipher::{self, KEY_LEN, NONCE_LEN, SecretKey};
use crate::master_key_id::MasterKeyId;
use crate::provider::{MasterKeyProvider, Pending, ProviderError};

/// 32 bytes from the environment or a file; seals by AES-256-GCM in this process. Wiped on drop.
///
/// What it seals is: nonce (12 bytes), ciphertext, tag (16 bytes).
pub struct LocalMasterKey {
    id: MasterKeyId,
    key: SecretKey,
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadKeyText {
    /// It is not base64.
    Base64,
    /// It has so many bytes.
    Length(usize),
}

impl LocalMasterKey {
    /// The key that `text`, base64 with the standard alphabet and padding, stands for.
    pub(crate) fn parse(id: MasterKeyId, text: &str) -> Result<Self, BadKeyText> {
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        let len = STANDARD.decode_slice(text, &mut bytes).map_err(|_| BadKeyText::Base64)?;
        let key = SecretKey::from_slice(&bytes[..len]).ok_or(BadKeyText::Length(len))?;
        Ok(Self { id, key })
    }

    /// A new random key, and its entry in the setting.
    pub fn generate(id: MasterKeyId, rng: &mut impl CryptoRng) -> (Self, SecretString) {
        let key = SecretKey::generate(rng);
        // As long as it will be: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(id.as_str().len() + 1 + KEY_LEN.div_ceil(3) * 4));
        text.push_str(id.as_str());
        text.push(':');
        STANDARD.encode_string(key.expose(), &mut text);
        let text = SecretString::from(std::mem::take(&mut *text));
        (Self { id, key }, text)
    }

    fn open_now(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let (nonce, sealed) = body.split_first_chunk().ok_or(ProviderError::Forged)?;
        cipher::open(&self.key, nonce, aad, sealed).ok_or(ProviderError::Forged)
    }
}

impl MasterKeyProvider for LocalMasterKey {
    fn id(&self) -> &MasterKeyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "local"
    }

    fn seal<'a>(&'a self, nonce: [u8; NONCE_LEN], aad: &'a [u8], plain: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(async move { Ok([&nonce[..], &cipher::seal(&self.key, &nonce, aad, plain)].concat()) })
    }

    fn open<'a>(&'a self, aad: &'a [u8], body: &'a [u8]) -> Pending<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.open_now(aad, body) })
    }
}

impl fmt::Debug for LocalMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalMasterKey").field("id", &self.id.as_str()).finish_non_exhaustive()
    }
}
