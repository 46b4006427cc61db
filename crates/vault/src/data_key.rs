//! The key of one tenant, and the columns that it seals.
//!
//! A sealed column is: format (one byte, 1), data key version (32 bits, big endian), nonce
//! (12 bytes), ciphertext, tag (16 bytes).

use std::fmt;
use std::time::Duration;

use portico_domain::TenantId;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

use crate::associated_data::AssociatedData;
use crate::cipher::{self, NONCE_LEN, SecretKey, TAG_LEN};
pub use crate::data_key_version::DataKeyVersion;
use crate::open_error::OpenError;

/// The column of a row that a value is sealed for. What was sealed for one location opens at no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedLocation<'a> {
    /// The tenant to whom the row belongs.
    pub tenant: TenantId,
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The row's primary key within the tenant, as text.
    pub row: &'a str,
}

/// The key that seals the columns of one tenant. Wiped on drop.
pub struct DataKey {
    version: DataKeyVersion,
    key: SecretKey,
}

impl DataKey {
    /// How many values one data key may seal before it must be replaced: with random 96-bit nonces
    /// NIST SP 800-38D, section 8.3, allows 2³². Whoever stores the rows counts.
    pub const SEAL_LIMIT: u64 = 1 << 32;

    /// After so many seals the next one makes a new version: 2²⁴, a 256th of what NIST allows.
    pub const ROLL_AFTER_SEALS: u64 = 1 << 24;

    /// A key older than this is not sealed with any more, the next seal makes a new version: 90 days.
    pub const ROLL_AFTER_AGE: Duration = Duration::from_hours(90 * 24);

    /// Whether the next seal is to make a new version.
    #[must_use]
    pub const fn is_due(seals: u64, age: Duration) -> bool {
        seals >= Self::ROLL_AFTER_SEALS || age.as_secs() >= Self::ROLL_AFTER_AGE.as_secs()
    }

    /// A new random key of that version.
    pub fn generate(version: DataKeyVersion, rng: &mut impl CryptoRng) -> Self {
        Self { version, key: SecretKey::generate(rng) }
    }

    /// Which of the tenant's data keys this is.
    #[must_use]
    pub fn version(&self) -> DataKeyVersion {
        self.version
    }

    /// Seals `plain` for `location`. What it gives is 33 bytes longer than `plain`.
    pub fn seal(&self, location: &SealedLocation<'_>, plain: &SecretString, rng: &mut impl CryptoRng) -> Vec<u8> {
        let nonce = cipher::fresh_nonce(rng);
        let aad = associated_data(location, self.version);
        let body = cipher::seal(&self.key, &nonce, aad.as_bytes(), plain.expose_secret().as_bytes());
        [&[FORMAT], &self.version.0.to_be_bytes()[..], &nonce, &body].concat()
    }

    /// Opens what was sealed for `location`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Truncated`] or [`OpenError::Format`] if `sealed` is not a sealed column,
    /// [`OpenError::Version`] if another version of the key sealed it, and [`OpenError::Forged`] if it was
    /// changed, was sealed for another location, or by another key.
    pub fn open(&self, location: &SealedLocation<'_>, sealed: &[u8]) -> Result<SecretString, OpenError> {
        let Envelope { version, nonce, body } = Envelope::read(sealed)?;
        if version != self.version {
            return Err(OpenError::Version { needed: version, has: self.version });
        }
        let aad = associated_data(location, version);
        let plain = cipher::open(&self.key, nonce, aad.as_bytes(), body).ok_or(OpenError::Forged)?;
        into_text(plain)
    }

    /// The key that `bytes` are, if there are 32.
    pub(crate) fn from_slice(version: DataKeyVersion, bytes: &[u8]) -> Option<Self> {
        SecretKey::from_slice(bytes).map(|key| Self { version, key })
    }

    /// The bytes of the key, for wrapping.
    pub(crate) fn expose(&self) -> &[u8] {
        self.key.expose()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The version of the data key that opens `sealed`, without opening it. It is a claim until
/// [`DataKey::open`] succeeds.
///
/// # Errors
///
/// [`OpenError::Truncated`] or [`OpenError::Format`] if `sealed` is not a sealed column.
pub fn sealed_version(sealed: &[u8]) -> Result<DataKeyVersion, OpenError> {
    Envelope::read(sealed).map(|envelope| envelope.version)
}

const FORMAT: u8 = 1;
const LABEL: &str = "portico/vault/row";

/// The parts of a sealed column.
struct Envelope<'a> {
    version: DataKeyVersion,
    nonce: &'a [u8; NONCE_LEN],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let (&format, rest) = sealed.split_first().ok_or(OpenError::Truncated)?;
        if format != FORMAT {
            return Err(OpenError::Format(format));
        }
        let (version, rest) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        let (nonce, body) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        if body.len() < TAG_LEN {
            return Err(OpenError::Truncated);
        }
        Ok(Self { version: DataKeyVersion(u32::from_be_bytes(*version)), nonce, body })
    }
}

fn associated_data(location: &SealedLocation<'_>, version: DataKeyVersion) -> AssociatedData {
    AssociatedData::new(LABEL)
        .field([FORMAT])
        .field(location.tenant.uuid().as_bytes())
        .field(location.table)
        .field(location.row)
        .field(location.column)
        .field(version.0.to_be_bytes())
}

/// Moves the bytes, so that no copy of the secret stays behind.
fn into_text(mut plain: Zeroizing<Vec<u8>>) -> Result<SecretString, OpenError> {
    match String::from_utf8(std::mem::take(&mut *plain)) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(error) => {
            // Only texts are sealed: whoever sealed this was not us.
            error.into_bytes().zeroize();
            Err(OpenError::Forged)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn location(tenant: TenantId) -> SealedLocation<'static> {
        SealedLocation { tenant, table: "chakra_keys", column: "access_token", row: "chk_1" }
    }

    /// A key, a location, and a secret sealed there.
    fn sealed() -> (DataKey, SealedLocation<'static>, Vec<u8>) {
        let rng = &mut rand::rng();
        let key = DataKey::generate(DataKeyVersion(7), rng);
        let location = location(TenantId::generate());
        let sealed = key.seal(&location, &SecretString::from("a secret"), rng);
        (key, location, sealed)
    }

    fn refusal(key: &DataKey, location: &SealedLocation<'_>, sealed: &[u8]) -> OpenError {
        key.open(location, sealed).expect_err("must not open")
    }

    #[test]
    fn a_sealed_text_opens_at_its_location() {
        let (key, location, sealed) = sealed();
        assert_eq!(key.open(&location, &sealed).expect("opens").expose_secret(), "a secret");
    }

    #[test]
    fn the_layout_is_format_version_nonce_ciphertext_tag() {
        let (_, _, sealed) = sealed();
        assert_eq!(sealed[..5], [1, 0, 0, 0, 7]);
        assert_eq!(sealed.len(), 1 + 4 + 12 + "a secret".len() + 16);
        assert_eq!(sealed_version(&sealed), Ok(DataKeyVersion(7)));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let (key, location, first) = sealed();
        let second = key.seal(&location, &SecretString::from("a secret"), &mut rand::rng());
        assert_ne!(first[5..17], second[5..17], "nonces differ");
        assert_ne!(first[17..], second[17..]);
    }

    #[test]
    fn another_row_does_not_open_it() {
        let (key, location, sealed) = sealed();
        assert_eq!(refusal(&key, &SealedLocation { row: "chk_2", ..location }, &sealed), OpenError::Forged);
    }

    #[test]
    fn another_column_does_not_open_it() {
        let (key, location, sealed) = sealed();
        assert_eq!(refusal(&key, &SealedLocation { column: "webhook_secret", ..location }, &sealed), OpenError::Forged);
    }

    #[test]
    fn another_table_does_not_open_it() {
        let (key, location, sealed) = sealed();
        assert_eq!(refusal(&key, &SealedLocation { table: "plugins", ..location }, &sealed), OpenError::Forged);
    }

    #[test]
    fn another_tenant_does_not_open_it_even_with_the_same_key() {
        let (key, location, sealed) = sealed();
        assert_eq!(
            refusal(&key, &SealedLocation { tenant: TenantId::generate(), ..location }, &sealed),
            OpenError::Forged
        );
    }

    #[test]
    fn row_and_column_cannot_trade_places_or_characters() {
        let (key, location, sealed) = sealed();
        let traded = SealedLocation { row: location.column, column: location.row, ..location };
        assert_eq!(refusal(&key, &traded, &sealed), OpenError::Forged);
        let shifted = SealedLocation { table: "chakra_key", row: "schk_1", ..location };
        assert_eq!(refusal(&key, &shifted, &sealed), OpenError::Forged);
    }

    #[test]
    fn another_version_of_the_key_is_told_which_one_is_needed() {
        let (_, location, sealed) = sealed();
        let newer = DataKey::generate(DataKeyVersion(8), &mut rand::rng());
        let expected = OpenError::Version { needed: DataKeyVersion(7), has: DataKeyVersion(8) };
        assert_eq!(refusal(&newer, &location, &sealed), expected);
        assert_eq!(expected.to_string(), "data key version 7 is needed, but version 8 was given");
    }

    #[test]
    fn the_version_is_bound_even_if_the_bytes_of_the_key_are_the_same() {
        let (key, location, mut sealed) = sealed();
        let twin = DataKey::from_slice(DataKeyVersion(8), key.expose()).expect("32 bytes");
        sealed[4] = 8;
        assert_eq!(refusal(&twin, &location, &sealed), OpenError::Forged);
    }

    #[test]
    fn another_key_of_the_same_version_does_not_open_it() {
        let (key, location, sealed) = sealed();
        let other = DataKey::generate(key.version(), &mut rand::rng());
        assert_eq!(refusal(&other, &location, &sealed), OpenError::Forged);
    }

    #[test]
    fn an_unknown_format_is_named() {
        let (key, location, mut sealed) = sealed();
        sealed[0] = 2;
        assert_eq!(refusal(&key, &location, &sealed), OpenError::Format(2));
        assert_eq!(sealed_version(&sealed), Err(OpenError::Format(2)));
    }

    #[test]
    fn every_cut_and_every_appended_byte_is_refused() {
        let (key, location, mut sealed) = sealed();
        for len in 0..sealed.len() {
            let expected = if len < 1 + 4 + NONCE_LEN + TAG_LEN { OpenError::Truncated } else { OpenError::Forged };
            assert_eq!(refusal(&key, &location, &sealed[..len]), expected, "cut to {len}");
        }
        sealed.push(0);
        assert_eq!(refusal(&key, &location, &sealed), OpenError::Forged);
    }

    #[test]
    fn sealed_bytes_that_are_no_text_are_refused() {
        let (key, location, _) = sealed();
        let nonce = [3; NONCE_LEN];
        let body = cipher::seal(&key.key, &nonce, associated_data(&location, key.version).as_bytes(), &[0xff]);
        let sealed = [&[FORMAT], &key.version.0.to_be_bytes()[..], &nonce, &body].concat();
        assert_eq!(refusal(&key, &location, &sealed), OpenError::Forged);
    }

    #[test]
    fn a_key_is_due_by_age_or_by_count_and_long_before_the_limit() {
        let day = Duration::from_hours(24);
        assert!(!DataKey::is_due(0, Duration::ZERO));
        assert!(!DataKey::is_due((1 << 24) - 1, day * 89));
        assert!(DataKey::is_due(1 << 24, Duration::ZERO));
        assert!(DataKey::is_due(0, day * 90));
        assert_eq!(DataKey::SEAL_LIMIT / DataKey::ROLL_AFTER_SEALS, 256);
        assert_eq!(DataKeyVersion::FIRST.next(), DataKeyVersion(2));
    }

    #[test]
    fn debug_shows_the_version_only() {
        let key = DataKey::from_slice(DataKeyVersion(3), &[0xab; 32]).expect("32 bytes");
        assert_eq!(format!("{key:?}"), "DataKey { version: DataKeyVersion(3), .. }");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(text: String, row: String, column: String, version: u32, seed: u64) {
            let rng = &mut StdRng::seed_from_u64(seed);
            let key = DataKey::generate(DataKeyVersion(version), rng);
            let location = SealedLocation { row: &row, column: &column, ..location(TenantId::generate()) };
            let sealed = key.seal(&location, &SecretString::from(text.as_str()), rng);
            prop_assert_eq!(sealed_version(&sealed), Ok(DataKeyVersion(version)));
            let opened = key.open(&location, &sealed);
            prop_assert_eq!(opened.as_ref().map(ExposeSecret::expose_secret), Ok(text.as_str()));
        }

        #[test]
        fn no_flipped_bit_goes_unnoticed(text in ".{0,24}", seed: u64) {
            let rng = &mut StdRng::seed_from_u64(seed);
            let key = DataKey::generate(DataKeyVersion::FIRST, rng);
            let location = location(TenantId::generate());
            let mut sealed = key.seal(&location, &SecretString::from(text), rng);
            for bit in 0..sealed.len() * 8 {
                sealed[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(key.open(&location, &sealed).is_err(), "bit {bit}");
                sealed[bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert!(key.open(&location, &sealed).is_ok());
        }

        #[test]
        fn junk_never_opens_and_never_panics(junk: Vec<u8>) {
            let key = DataKey::generate(DataKeyVersion::FIRST, &mut rand::rng());
            prop_assert!(key.open(&location(TenantId::generate()), &junk).is_err());
        }
    }
}
