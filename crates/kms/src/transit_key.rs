//! A master key of a transit engine.
//!
//! What it seals is the engine's own text, `vault:v1:…`. The plaintext begins with the SHA-256 of the
//! associated data, which is compared after opening: an engine that is too old to know
//! `associated_data` ignores it silently.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portico_vault::{MasterKeyId, MasterKeyProvider, Pending, ProviderError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::transit_client::TransitClient;

/// A key of a transit engine, by its name; of a type that encrypts with associated data, such as
/// `aes256-gcm96`.
#[derive(Debug)]
pub struct TransitKey {
    id: MasterKeyId,
    name: String,
    client: Arc<TransitClient>,
}

impl TransitKey {
    /// The key of that name. It must exist: an engine may make a missing one at its first use.
    #[must_use]
    pub fn new(id: MasterKeyId, name: String, client: Arc<TransitClient>) -> Self {
        Self { id, name, client }
    }

    async fn encrypt(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, ProviderError> {
        let bound = Zeroizing::new([&Sha256::digest(aad)[..], plain].concat());
        let request = Encrypt { plaintext: &base64(&bound), associated_data: &STANDARD.encode(aad) };
        let answer = self.client.ask("encrypt", &self.name, json(&request)).await?;
        let answer: Answer<Encrypted> = read(&answer)?;
        if !answer.data.ciphertext.starts_with("vault:v") {
            return Err(malformed_answer());
        }
        Ok(answer.data.ciphertext.into_bytes())
    }

    async fn decrypt(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let ciphertext = str::from_utf8(body).map_err(|_| ProviderError::Forged)?;
        let request = Decrypt { ciphertext, associated_data: &STANDARD.encode(aad) };
        let answer = self.client.ask("decrypt", &self.name, json(&request)).await?;
        let answer: Answer<Decrypted<'_>> = read(&answer)?;
        let text = answer.data.plaintext;
        let mut bound = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        let len = STANDARD.decode_slice(text, &mut bound).map_err(|_| malformed_answer())?;
        let (hash, plain) = bound[..len].split_first_chunk::<32>().ok_or(ProviderError::Forged)?;
        if bool::from(hash[..].ct_eq(&Sha256::digest(aad)[..])) {
            Ok(Zeroizing::new(plain.to_vec()))
        } else {
            Err(ProviderError::Forged)
        }
    }
}

impl MasterKeyProvider for TransitKey {
    fn id(&self) -> &MasterKeyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "transit"
    }

    /// The engine draws its own nonce.
    fn seal<'a>(&'a self, _: [u8; 12], aad: &'a [u8], plain: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(self.encrypt(aad, plain))
    }

    fn open<'a>(&'a self, aad: &'a [u8], body: &'a [u8]) -> Pending<'a, Zeroizing<Vec<u8>>> {
        Box::pin(self.decrypt(aad, body))
    }
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

/// Borrowed, so that no copy of the secret is left behind. Base64 needs no escapes in JSON.
#[derive(Deserialize)]
struct Decrypted<'a> {
    plaintext: &'a str,
}

fn base64(bytes: &[u8]) -> Zeroizing<String> {
    // As long as it will be: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    STANDARD.encode_string(bytes, &mut text);
    text
}

fn json(request: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer(&mut *body, request).expect("two texts can be written as JSON");
    body
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(answer).map_err(|_| malformed_answer())
}

fn malformed_answer() -> ProviderError {
    ProviderError::Unreachable("the transit engine's answer cannot be read".to_owned())
}
