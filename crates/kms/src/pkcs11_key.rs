//! A master key in a PKCS#11 token.
//!
//! What it seals is: nonce (12 bytes), ciphertext, tag (16 bytes), by `CKM_AES_GCM`.

use std::sync::Arc;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use portico_vault::{MasterKeyId, MasterKeyProvider, Pending, ProviderError};
use zeroize::Zeroizing;

use crate::pkcs11_token::{Pkcs11Token, TokenError};

const NONCE_LEN: usize = 12;
const TAG_BITS: u64 = 128;

/// An AES key in a token, found by its label. It must not be extractable.
#[derive(Debug)]
pub struct Pkcs11Key {
    id: MasterKeyId,
    label: String,
    token: Arc<Pkcs11Token>,
}

impl Pkcs11Key {
    /// The key with that `CKA_LABEL`, which is looked for at its first use.
    #[must_use]
    pub fn new(id: MasterKeyId, label: String, token: Arc<Pkcs11Token>) -> Self {
        Self { id, label, token }
    }
}

impl MasterKeyProvider for Pkcs11Key {
    fn id(&self) -> &MasterKeyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "pkcs11"
    }

    fn seal<'a>(&'a self, nonce: [u8; NONCE_LEN], aad: &'a [u8], plain: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            let (aad, plain) = (aad.to_vec(), Zeroizing::new(plain.to_vec()));
            self.token.with_key(&self.label, move |session, key| encrypt(session, key, nonce, &aad, &plain)).await
        })
    }

    fn open<'a>(&'a self, aad: &'a [u8], body: &'a [u8]) -> Pending<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move {
            let (nonce, sealed) = body.split_first_chunk().ok_or(ProviderError::Forged)?;
            let (nonce, aad, sealed) = (*nonce, aad.to_vec(), sealed.to_vec());
            self.token.with_key(&self.label, move |session, key| decrypt(session, key, nonce, &aad, &sealed)).await
        })
    }
}

fn encrypt(
    session: &Session,
    key: ObjectHandle,
    mut nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, TokenError> {
    let parameters = GcmParams::new(&mut nonce, aad, TAG_BITS.into())?;
    let sealed = session.encrypt(&Mechanism::AesGcm(parameters), key, plain)?;
    // Some devices put a nonce of their own in the place of ours, so it is read afterwards.
    Ok([&nonce[..], &sealed].concat())
}

fn decrypt(
    session: &Session,
    key: ObjectHandle,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    match decrypt_once(session, key, nonce, aad, sealed) {
        Ok(plain) => Ok(plain),
        // Devices differ in how they say that the tag does not fit; some only say that it failed. One
        // that opens what it has just sealed is well, so what it was given is not.
        Err(_) if opens_its_own(session, key) => Err(TokenError::Provider(ProviderError::Forged)),
        Err(error) => Err(error.into()),
    }
}

fn decrypt_once(
    session: &Session,
    key: ObjectHandle,
    mut nonce: [u8; NONCE_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let parameters = GcmParams::new(&mut nonce, aad, TAG_BITS.into())?;
    let plain = Zeroizing::new(session.decrypt(&Mechanism::AesGcm(parameters), key, sealed)?);
    // Without the spare capacity that the module asked for.
    Ok(Zeroizing::new(plain.as_slice().to_vec()))
}

fn opens_its_own(session: &Session, key: ObjectHandle) -> bool {
    let mut nonce = [0; NONCE_LEN];
    let Ok(()) = session.generate_random_slice(&mut nonce) else { return false };
    let Ok(sealed) = encrypt(session, key, nonce, b"proof", b"proof") else { return false };
    let Some((nonce, sealed)) = sealed.split_first_chunk() else { return false };
    decrypt_once(session, key, *nonce, b"proof", sealed).is_ok_and(|plain| plain.as_slice() == b"proof")
}
