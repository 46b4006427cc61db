//! The master keys of an installation, and what they seal directly: data keys, the MAC key,
//! the canary and other secrets of the operator's.
//!
//! Such a thing is: format (one byte, 1), length of the master key's id (one byte), the id, and what
//! the key's provider made of it. For a [`LocalMasterKey`] that is nonce (12 bytes),
//! ciphertext, tag (16 bytes).

use std::fmt;

use portico_domain::{Clock, TenantId};
use rand::CryptoRng;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cipher::{self, NONCE_LEN, TAG_LEN};
use crate::data_key::DataKey;
use crate::data_key_version::DataKeyVersion;
use crate::local_master_key::LocalMasterKey;
use crate::mac_key::MacKey;
use crate::master_key_breaker::MasterKeyBreaker;
use crate::master_key_entry::{MasterKeyEntry, MasterKeysError};
use crate::master_key_id::MasterKeyId;
use crate::open_error::{MasterKeyFailure, OpenError};
use crate::provider::MasterKeyProvider;
use crate::purpose::Purpose;

/// A data key, sealed under a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The master key that sealed it; `bytes` say so too.
    pub master_key: MasterKeyId,
    /// What [`MasterKeys::unwrap_data_key`] takes.
    pub bytes: Vec<u8>,
}

/// The master keys of an installation: the first seals, all open. Local ones are wiped on drop.
///
/// Sealing draws its nonce when the method is called, not when its future is awaited, so the source of
/// randomness need not live as long as that.
pub struct MasterKeys {
    sealing: MasterKeyBreaker,
    others: Vec<MasterKeyBreaker>,
}

impl MasterKeys {
    /// The keys of these providers, which have different ids.
    #[must_use]
    pub fn new(sealing: Box<dyn MasterKeyProvider>, others: Vec<Box<dyn MasterKeyProvider>>) -> Self {
        let breaker = |provider| MasterKeyBreaker::new(provider, Clock::system());
        Self { sealing: breaker(sealing), others: others.into_iter().map(breaker).collect() }
    }

    /// The same keys, which take from this clock when a provider that cannot be reached is tried again.
    #[must_use]
    pub fn with_clock(self, clock: &Clock) -> Self {
        let others = self.others.into_iter().map(|master_key| master_key.with_clock(clock.clone())).collect();
        Self { sealing: self.sealing.with_clock(clock.clone()), others }
    }

    /// The keys of a setting that lists local keys alone; see [`MasterKeyEntry::parse`].
    ///
    /// # Errors
    ///
    /// [`MasterKeysError`], which says what to correct and quotes no key; [`MasterKeysError::Elsewhere`] for
    /// an entry that names a key of a provider.
    pub fn parse(text: &SecretString) -> Result<Self, MasterKeysError> {
        let local = |(listed, entry)| match listed {
            MasterKeyEntry::Local(key) => Ok(Box::new(key) as Box<dyn MasterKeyProvider>),
            MasterKeyEntry::Pkcs11 { .. } | MasterKeyEntry::Transit { .. } => Err(MasterKeysError::Elsewhere { entry }),
        };
        let mut keys = MasterKeyEntry::parse(text)?.into_iter().zip(1..).map(local);
        let sealing = keys.next().ok_or(MasterKeysError::Empty)??;
        Ok(Self::new(sealing, keys.collect::<Result<_, _>>()?))
    }

    /// One new random local key, and the text from which [`MasterKeys::parse`] reads it.
    pub fn generate(id: MasterKeyId, rng: &mut impl CryptoRng) -> (Self, SecretString) {
        let (key, text) = LocalMasterKey::generate(id, rng);
        (Self::new(Box::new(key), Vec::new()), text)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> &MasterKeyId {
        self.sealing.provider.id()
    }

    /// The ids of all keys, in the order of the setting: the one that seals is first.
    pub fn ids(&self) -> impl Iterator<Item = &MasterKeyId> {
        self.providers().map(MasterKeyProvider::id)
    }

    /// All keys, in the order of the setting.
    pub fn providers(&self) -> impl Iterator<Item = &dyn MasterKeyProvider> {
        self.all().map(|master_key| &*master_key.provider)
    }

    /// The ids of the keys whose provider the last attempt did not reach.
    pub fn unreachable(&self) -> impl Iterator<Item = &MasterKeyId> {
        self.all().filter(|master_key| !master_key.is_reachable()).map(|master_key| master_key.provider.id())
    }

    /// Seals a test value under that key and opens it again.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownMasterKey`] if it is not listed, [`OpenError::MasterKey`] if its provider fails,
    /// [`OpenError::Forged`] if it does not open what it sealed.
    pub fn prove<'a, R: CryptoRng>(
        &'a self,
        id: &'a MasterKeyId,
        rng: &mut R,
    ) -> impl Future<Output = Result<(), OpenError>> + Send + use<'a, R> {
        let sealing = self.seal_proof(id, rng);
        async move { self.check_proof(&sealing.await?).await }
    }

    /// Tries the key that seals, and those that could not be reached before, so that
    /// [`MasterKeys::unreachable`] is up to date.
    pub fn probe<'a, R: CryptoRng>(&'a self, rng: &mut R) -> impl Future<Output = ()> + Send + use<'a, R> {
        let due = self.all().enumerate().filter(|(index, master_key)| *index == 0 || !master_key.is_reachable());
        let proofs: Vec<_> = due.map(|(_, master_key)| self.prove(master_key.provider.id(), rng)).collect();
        async move {
            for proof in proofs {
                // What came of it is remembered with the key.
                let _ = proof.await;
            }
        }
    }

    /// `plain`, sealed under the first key.
    ///
    /// # Errors
    ///
    /// [`MasterKeyFailure`] if its provider fails.
    pub fn seal<'a, R: CryptoRng>(
        &'a self,
        purpose: &'a Purpose,
        plain: &'a [u8],
        rng: &mut R,
    ) -> impl Future<Output = Result<Vec<u8>, MasterKeyFailure>> + Send + use<'a, R> {
        seal(&self.sealing, purpose, cipher::fresh_nonce(rng), plain)
    }

    /// Opens what [`MasterKeys::seal`] sealed for this purpose, under any of the keys.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownMasterKey`] if its key is not listed, [`OpenError::MasterKey`] if the key's
    /// provider fails, [`OpenError::Forged`] if the key has other bytes now, or `sealed` was changed or
    /// sealed for something else, [`OpenError::Truncated`] or [`OpenError::Format`] if `sealed` was not made
    /// here.
    pub async fn open(&self, purpose: &Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let Envelope { id, body } = Envelope::read(sealed)?;
        let master_key = self.find(&id).ok_or_else(|| OpenError::UnknownMasterKey(id.clone()))?;
        master_key.open(purpose.bound_to(FORMAT, &id).as_bytes(), body).await
    }

    /// The same secret, sealed under the first key; none if it is already.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::open`], and as [`MasterKeys::seal`].
    pub fn reseal<'a, R: CryptoRng>(
        &'a self,
        purpose: &'a Purpose,
        sealed: &'a [u8],
        rng: &mut R,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, OpenError>> + Send + use<'a, R> {
        let nonce = cipher::fresh_nonce(rng);
        async move {
            if needed_master_key(sealed)? == *self.sealing_id() {
                return Ok(None);
            }
            let plain = self.open(purpose, sealed).await?;
            Ok(Some(seal(&self.sealing, purpose, nonce, &plain).await?))
        }
    }

    /// An empty value, sealed: to be stored once, and checked at every start.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::seal`].
    pub fn seal_canary<'a, R: CryptoRng>(
        &'a self,
        rng: &mut R,
    ) -> impl Future<Output = Result<Vec<u8>, MasterKeyFailure>> + Send + use<'a, R> {
        let nonce = cipher::fresh_nonce(rng);
        async move { seal(&self.sealing, &Purpose::canary(), nonce, b"").await }
    }

    /// Succeeds if the master key that sealed this canary is still listed, with the same bytes. One with other
    /// bytes serves for nothing else until it opens a canary; and while the canary's key is not listed, nothing is
    /// sealed.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::open`].
    pub async fn check_canary(&self, sealed: &[u8]) -> Result<(), OpenError> {
        let Envelope { id, body } = Envelope::read(sealed)?;
        let found = self.find(&id);
        self.sealing.set_overtaken(found.is_none());
        let master_key = found.ok_or_else(|| OpenError::UnknownMasterKey(id.clone()))?;
        let opened = master_key.open_canary(Purpose::canary().bound_to(FORMAT, &id).as_bytes(), body).await;
        match &opened {
            Ok(_) => master_key.set_other_bytes(false),
            Err(OpenError::Forged) => master_key.set_other_bytes(true),
            Err(_) => {}
        }
        opened.map(drop)
    }

    /// A value sealed under that key, by which whoever lists the key sees that it has the same bytes here.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownMasterKey`] if it is not listed, else as [`MasterKeys::seal`].
    pub fn seal_proof<'a, R: CryptoRng>(
        &'a self,
        id: &'a MasterKeyId,
        rng: &mut R,
    ) -> impl Future<Output = Result<Vec<u8>, OpenError>> + Send + use<'a, R> {
        let nonce = cipher::fresh_nonce(rng);
        async move {
            let master_key = self.find(id).ok_or_else(|| OpenError::UnknownMasterKey(id.clone()))?;
            Ok(seal(master_key, &Purpose::proof(), nonce, PROOF).await?)
        }
    }

    /// Succeeds if [`MasterKeys::seal_proof`] made this anywhere, under a key that is listed here with the same
    /// bytes.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::open`].
    pub async fn check_proof(&self, sealed: &[u8]) -> Result<(), OpenError> {
        let opened = self.open(&Purpose::proof(), sealed).await?;
        if opened.as_slice() == PROOF { Ok(()) } else { Err(OpenError::Forged) }
    }

    /// Seals a data key for its tenant and version.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::seal`].
    pub fn wrap_data_key<'a, R: CryptoRng>(
        &'a self,
        tenant: TenantId,
        key: &'a DataKey,
        rng: &mut R,
    ) -> impl Future<Output = Result<WrappedKey, MasterKeyFailure>> + Send + use<'a, R> {
        let nonce = cipher::fresh_nonce(rng);
        async move {
            let purpose = Purpose::data_key(tenant, key.version());
            let bytes = seal(&self.sealing, &purpose, nonce, key.expose()).await?;
            Ok(WrappedKey { master_key: self.sealing_id().clone(), bytes })
        }
    }

    /// Opens a data key that [`MasterKeys::wrap_data_key`] sealed for this tenant and version.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::open`]; [`OpenError::Forged`] also if it was sealed for another tenant or version.
    pub async fn unwrap_data_key(
        &self,
        tenant: TenantId,
        version: DataKeyVersion,
        wrapped: &[u8],
    ) -> Result<DataKey, OpenError> {
        let bytes = self.open(&Purpose::data_key(tenant, version), wrapped).await?;
        DataKey::from_slice(version, &bytes).ok_or(OpenError::Forged)
    }

    /// Seals the installation's MAC key.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::seal`].
    pub fn seal_mac_key<'a, R: CryptoRng>(
        &'a self,
        key: &'a MacKey,
        rng: &mut R,
    ) -> impl Future<Output = Result<Vec<u8>, MasterKeyFailure>> + Send + use<'a, R> {
        let nonce = cipher::fresh_nonce(rng);
        async move { seal(&self.sealing, &Purpose::mac_key(), nonce, key.expose()).await }
    }

    /// Opens the MAC key that [`MasterKeys::seal_mac_key`] sealed.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::open`].
    pub async fn open_mac_key(&self, sealed: &[u8]) -> Result<MacKey, OpenError> {
        let bytes = self.open(&Purpose::mac_key(), sealed).await?;
        MacKey::from_slice(&bytes).ok_or(OpenError::Forged)
    }

    fn all(&self) -> impl Iterator<Item = &MasterKeyBreaker> {
        std::iter::once(&self.sealing).chain(&self.others)
    }

    fn find(&self, id: &MasterKeyId) -> Option<&MasterKeyBreaker> {
        self.all().find(|master_key| master_key.provider.id() == id)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys")?;
        f.debug_list().entries(self.ids().map(MasterKeyId::as_str)).finish()
    }
}

/// The id of the master key that opens `sealed`, which any of the sealing methods of [`MasterKeys`]
/// made, without opening it. It is a claim until it opens.
///
/// # Errors
///
/// [`OpenError::Truncated`] or [`OpenError::Format`] if `sealed` is none of these, and
/// [`OpenError::Forged`] if what it names cannot be an id.
pub fn needed_master_key(sealed: &[u8]) -> Result<MasterKeyId, OpenError> {
    Envelope::read(sealed).map(|envelope| envelope.id)
}

const FORMAT: u8 = 1;
/// What a proof seals.
const PROOF: &[u8] = b"proof";
/// Bytes in the shortest body that any provider makes.
const BODY_SHORTEST: usize = NONCE_LEN + TAG_LEN;

async fn seal(
    master_key: &MasterKeyBreaker,
    purpose: &Purpose,
    nonce: [u8; NONCE_LEN],
    plain: &[u8],
) -> Result<Vec<u8>, MasterKeyFailure> {
    let id = master_key.provider.id();
    let body = master_key.seal(nonce, purpose.bound_to(FORMAT, id).as_bytes(), plain).await?;
    let id_len = u8::try_from(id.as_str().len()).expect("an id has at most 32 bytes");
    Ok([&[FORMAT, id_len], id.as_str().as_bytes(), &body].concat())
}

/// The parts of something sealed under a master key.
struct Envelope<'a> {
    id: MasterKeyId,
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let (&format, rest) = sealed.split_first().ok_or(OpenError::Truncated)?;
        if format != FORMAT {
            return Err(OpenError::Format(format));
        }
        let (&id_len, rest) = rest.split_first().ok_or(OpenError::Truncated)?;
        let (id, body) = rest.split_at_checked(id_len.into()).ok_or(OpenError::Truncated)?;
        if body.len() < BODY_SHORTEST {
            return Err(OpenError::Truncated);
        }
        let id = str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(OpenError::Forged)?;
        Ok(Self { id, body })
    }
}

#[cfg(test)]
mod tests;
