//! The master keys of an installation, and what they seal directly: data keys, the fingerprint key
//! and the canary.
//!
//! Such a thing is: format (one byte, 1), length of the master key's id (one byte), the id, nonce
//! (12 bytes), ciphertext, tag (16 bytes).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portico_domain::TenantId;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::associated_data::AssociatedData;
use crate::cipher::{self, KEY_LEN, NONCE_LEN, SecretKey, TAG_LEN};
use crate::data_key::{DataKey, DataKeyVersion};
use crate::fingerprint::FingerprintKey;
use crate::open_error::OpenError;

/// The name of a master key: 1 to 32 lower-case letters, digits, `_` and `-`, such as `k1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterKeyId(String);

/// A text is no [`MasterKeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {ID_LONGEST} lower-case letters, digits, \"_\" and \"-\"")]
pub struct MalformedMasterKeyId;

impl MasterKeyId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MasterKeyId {
    type Err = MalformedMasterKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let fits = (1..=ID_LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(MalformedMasterKeyId) }
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no list of master keys. Entries are named by their place in the list, counted from
/// 1, because what stands where an id belongs may be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeysError {
    /// There is no entry at all.
    #[error("must list at least one master key, as <id>:<base64 of 32 bytes>")]
    Empty,
    /// An entry has no colon between id and key, or is empty.
    #[error("entry {entry} must have the form <id>:<base64 of 32 bytes>")]
    MissingColon {
        /// Which entry.
        entry: usize,
    },
    /// What precedes the colon is no id.
    #[error("the id of entry {entry} must be 1 to {ID_LONGEST} lower-case letters, digits, \"_\" and \"-\"")]
    Id {
        /// Which entry.
        entry: usize,
    },
    /// What follows the colon is not base64.
    #[error("the key of entry {entry} is not base64 with the standard alphabet and padding")]
    Base64 {
        /// Which entry.
        entry: usize,
    },
    /// The key has another length than 32 bytes.
    #[error("the key of entry {entry} has {bytes} bytes, but must have {KEY_LEN}")]
    Length {
        /// Which entry.
        entry: usize,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Two entries have the same id.
    #[error("the id \"{id}\" is given twice")]
    Duplicate {
        /// The id.
        id: MasterKeyId,
    },
}

/// A data key, sealed under a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The master key that sealed it; `bytes` say so too.
    pub master_key: MasterKeyId,
    /// What [`MasterKeys::unwrap_data_key`] takes.
    pub bytes: Vec<u8>,
}

/// The master keys of an installation: the first seals, all open. Wiped on drop.
pub struct MasterKeys {
    sealing: MasterKey,
    others: Vec<MasterKey>,
}

impl MasterKeys {
    /// The keys of the setting `PORTICO_MASTER_KEYS`: `k2:<base64 of 32 bytes>,k1:…`. White space
    /// around entries is ignored, so that a file may end with a line break.
    ///
    /// # Errors
    ///
    /// [`MasterKeysError`], which says what to correct and quotes no key.
    pub fn parse(text: &SecretString) -> Result<Self, MasterKeysError> {
        let text = text.expose_secret().trim();
        if text.is_empty() {
            return Err(MasterKeysError::Empty);
        }
        let mut entries = text.split(',').zip(1..).map(|(text, entry)| MasterKey::parse(text.trim(), entry));
        let mut keys = Self { sealing: entries.next().ok_or(MasterKeysError::Empty)??, others: Vec::new() };
        for key in entries {
            let key = key?;
            if keys.find(&key.id).is_some() {
                return Err(MasterKeysError::Duplicate { id: key.id });
            }
            keys.others.push(key);
        }
        Ok(keys)
    }

    /// One new random key, and the text that [`MasterKeys::parse`] reads it from.
    pub fn generate(id: MasterKeyId, rng: &mut impl CryptoRng) -> (Self, SecretString) {
        let key = SecretKey::generate(rng);
        // As long as it will be: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(id.0.len() + 1 + KEY_LEN.div_ceil(3) * 4));
        text.push_str(&id.0);
        text.push(':');
        STANDARD.encode_string(key.expose(), &mut text);
        let text = SecretString::from(std::mem::take(&mut *text));
        (Self { sealing: MasterKey { id, key }, others: Vec::new() }, text)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> &MasterKeyId {
        &self.sealing.id
    }

    /// The ids of all keys, in the order of the setting: the one that seals is first.
    pub fn ids(&self) -> impl Iterator<Item = &MasterKeyId> {
        self.all().map(|key| &key.id)
    }

    /// A sealed nothing, to be stored once and checked at every start.
    pub fn seal_canary(&self, rng: &mut impl CryptoRng) -> Vec<u8> {
        self.seal(AssociatedData::new(CANARY), b"", rng)
    }

    /// Whether the master key that sealed this canary is still listed, with the same bytes.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownMasterKey`] if it is not listed, [`OpenError::Forged`] if its bytes are
    /// others now or the canary was changed, [`OpenError::Truncated`] or [`OpenError::Format`] if this
    /// is no canary.
    pub fn check_canary(&self, sealed: &[u8]) -> Result<(), OpenError> {
        self.open(AssociatedData::new(CANARY), sealed).map(drop)
    }

    /// A tenant's data key, sealed for that tenant.
    pub fn wrap_data_key(&self, tenant: TenantId, key: &DataKey, rng: &mut impl CryptoRng) -> WrappedKey {
        let bytes = self.seal(data_key_binding(tenant, key.version()), key.expose(), rng);
        WrappedKey { master_key: self.sealing.id.clone(), bytes }
    }

    /// The data key that [`MasterKeys::wrap_data_key`] sealed for this tenant, of this version.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::check_canary`]; [`OpenError::Forged`] also if it was sealed for another tenant
    /// or version.
    pub fn unwrap_data_key(
        &self,
        tenant: TenantId,
        version: DataKeyVersion,
        wrapped: &[u8],
    ) -> Result<DataKey, OpenError> {
        let bytes = self.open(data_key_binding(tenant, version), wrapped)?;
        DataKey::from_slice(version, &bytes).ok_or(OpenError::Forged)
    }

    /// The fingerprint key, sealed.
    pub fn seal_fingerprint_key(&self, key: &FingerprintKey, rng: &mut impl CryptoRng) -> Vec<u8> {
        self.seal(AssociatedData::new(FINGERPRINT_KEY), key.expose(), rng)
    }

    /// The fingerprint key that [`MasterKeys::seal_fingerprint_key`] sealed.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::check_canary`].
    pub fn open_fingerprint_key(&self, sealed: &[u8]) -> Result<FingerprintKey, OpenError> {
        let bytes = self.open(AssociatedData::new(FINGERPRINT_KEY), sealed)?;
        FingerprintKey::from_slice(&bytes).ok_or(OpenError::Forged)
    }

    /// A secret of the operator's, sealed for that column of the row that has this text as its key.
    pub fn seal_operator_secret(
        &self,
        [table, column, row]: [&str; 3],
        plain: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        self.seal(operator_secret_binding(table, column, row), plain, rng)
    }

    /// What [`MasterKeys::seal_operator_secret`] sealed for this place.
    ///
    /// # Errors
    ///
    /// As [`MasterKeys::check_canary`]; [`OpenError::Forged`] also if it was sealed for another place.
    pub fn open_operator_secret(
        &self,
        [table, column, row]: [&str; 3],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.open(operator_secret_binding(table, column, row), sealed)
    }

    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.sealing).chain(&self.others)
    }

    fn find(&self, id: &MasterKeyId) -> Option<&MasterKey> {
        self.all().find(|key| key.id == *id)
    }

    fn seal(&self, purpose: AssociatedData, plain: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let MasterKey { id, key } = &self.sealing;
        let nonce = cipher::fresh_nonce(rng);
        let body = cipher::seal(key, &nonce, bind(purpose, id).as_bytes(), plain);
        let id_len = u8::try_from(id.0.len()).expect("an id has at most 32 bytes");
        [&[FORMAT, id_len], id.0.as_bytes(), &nonce, &body].concat()
    }

    fn open(&self, purpose: AssociatedData, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let Envelope { id, nonce, body } = Envelope::read(sealed)?;
        let Some(MasterKey { id, key }) = self.find(&id) else {
            return Err(OpenError::UnknownMasterKey(id));
        };
        cipher::open(key, nonce, bind(purpose, id).as_bytes(), body).ok_or(OpenError::Forged)
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

const ID_LONGEST: usize = 32;
const FORMAT: u8 = 1;

// What a master key is used for. Each use has a label that no other use has.
const DATA_KEY: &str = "portico/vault/data-key";
const FINGERPRINT_KEY: &str = "portico/vault/fingerprint-key";
const CANARY: &str = "portico/vault/canary";
const OPERATOR_SECRET: &str = "portico/vault/operator-secret";

struct MasterKey {
    id: MasterKeyId,
    key: SecretKey,
}

impl MasterKey {
    fn parse(text: &str, entry: usize) -> Result<Self, MasterKeysError> {
        let (id, key) = text.split_once(':').ok_or(MasterKeysError::MissingColon { entry })?;
        let id = id.trim().parse().map_err(|MalformedMasterKeyId| MasterKeysError::Id { entry })?;
        let key = key.trim();
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(key.len())]);
        let len = STANDARD.decode_slice(key, &mut bytes).map_err(|_| MasterKeysError::Base64 { entry })?;
        let key = SecretKey::from_slice(&bytes[..len]).ok_or(MasterKeysError::Length { entry, bytes: len })?;
        Ok(Self { id, key })
    }
}

/// The parts of something sealed under a master key.
struct Envelope<'a> {
    id: MasterKeyId,
    nonce: &'a [u8; NONCE_LEN],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let (&format, rest) = sealed.split_first().ok_or(OpenError::Truncated)?;
        if format != FORMAT {
            return Err(OpenError::Format(format));
        }
        let (&id_len, rest) = rest.split_first().ok_or(OpenError::Truncated)?;
        let (id, rest) = rest.split_at_checked(id_len.into()).ok_or(OpenError::Truncated)?;
        let (nonce, body) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        if body.len() < TAG_LEN {
            return Err(OpenError::Truncated);
        }
        let id = str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(OpenError::Forged)?;
        Ok(Self { id, nonce, body })
    }
}

fn data_key_binding(tenant: TenantId, version: DataKeyVersion) -> AssociatedData {
    AssociatedData::new(DATA_KEY).field(tenant.uuid().as_bytes()).field(version.0.to_be_bytes())
}

fn operator_secret_binding(table: &str, column: &str, row: &str) -> AssociatedData {
    AssociatedData::new(OPERATOR_SECRET).field(table).field(column).field(row)
}

fn bind(purpose: AssociatedData, id: &MasterKeyId) -> AssociatedData {
    purpose.field([FORMAT]).field(&id.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// Base64 of 32 bytes 0x00 and of 32 bytes 0xff.
    const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const ONES: &str = "//////////////////////////////////////////8=";

    const VERSION: DataKeyVersion = DataKeyVersion(3);

    fn parse(text: &str) -> Result<MasterKeys, MasterKeysError> {
        MasterKeys::parse(&SecretString::from(text))
    }

    fn id(text: &str) -> MasterKeyId {
        text.parse().expect("an id")
    }

    fn masters(name: &str) -> MasterKeys {
        MasterKeys::generate(id(name), &mut rand::rng()).0
    }

    /// A ring, a tenant, a data key and its wrapped form.
    fn wrapped() -> (MasterKeys, TenantId, DataKey, Vec<u8>) {
        let rng = &mut rand::rng();
        let (masters, tenant) = (masters("k1"), TenantId::generate());
        let key = DataKey::generate(VERSION, rng);
        let wrapped = masters.wrap_data_key(tenant, &key, rng);
        assert_eq!(wrapped.master_key, id("k1"));
        (masters, tenant, key, wrapped.bytes)
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let rng = &mut rand::rng();
        let old = parse(&format!("k1:{ZEROS}")).expect("well-formed");
        let both = parse(&format!("k2:{ONES},k1:{ZEROS}")).expect("well-formed");
        assert_eq!(both.sealing_id(), &id("k2"));
        assert_eq!(both.ids().map(MasterKeyId::as_str).collect::<Vec<_>>(), ["k2", "k1"]);

        let (tenant, key) = (TenantId::generate(), DataKey::generate(VERSION, rng));
        let by_old = old.wrap_data_key(tenant, &key, rng);
        let opened = both.unwrap_data_key(tenant, VERSION, &by_old.bytes).expect("k1 opens");
        let by_new = both.wrap_data_key(tenant, &opened, rng);
        assert_eq!(by_new.master_key, id("k2"));
        let missing = old.unwrap_data_key(tenant, VERSION, &by_new.bytes).expect_err("k2 is not listed");
        assert_eq!(missing, OpenError::UnknownMasterKey(id("k2")));
    }

    #[test]
    fn an_operators_secret_opens_only_where_it_was_put() {
        let rng = &mut rand::rng();
        let masters = masters("k1");
        let sealed = masters.seal_operator_secret(["signing_keys", "private_key", "a"], b"secret", rng);
        let open = |place| masters.open_operator_secret(place, &sealed);
        assert_eq!(open(["signing_keys", "private_key", "a"]).expect("opens").as_slice(), b"secret");
        for place in
            [["signing_keys", "private_key", "b"], ["other", "private_key", "a"], ["signing_keys", "other", "a"]]
        {
            assert_eq!(open(place).err(), Some(OpenError::Forged), "{place:?}");
        }
    }

    #[test]
    fn white_space_around_entries_is_ignored() {
        let keys = parse(&format!(" k2:{ONES} ,\n k1:{ZEROS}\n")).expect("well-formed");
        assert_eq!(format!("{keys:?}"), r#"MasterKeys["k2", "k1"]"#);
    }

    #[test]
    fn every_mistake_in_the_setting_has_its_own_answer() {
        let refusal = |text: &str| parse(text).expect_err("malformed");
        assert_eq!(refusal(""), MasterKeysError::Empty);
        assert_eq!(refusal(" \n"), MasterKeysError::Empty);
        assert_eq!(refusal(ZEROS), MasterKeysError::MissingColon { entry: 1 });
        assert_eq!(refusal(&format!("k1:{ZEROS},")), MasterKeysError::MissingColon { entry: 2 });
        assert_eq!(refusal(&format!("K1:{ZEROS}")), MasterKeysError::Id { entry: 1 });
        assert_eq!(refusal(&format!(":{ZEROS}")), MasterKeysError::Id { entry: 1 });
        assert_eq!(refusal(&format!("{ZEROS}:k1")), MasterKeysError::Id { entry: 1 });
        assert_eq!(refusal("k1:not base64"), MasterKeysError::Base64 { entry: 1 });
        assert_eq!(refusal(&format!("k1:{}", ZEROS.trim_end_matches('='))), MasterKeysError::Base64 { entry: 1 });
        assert_eq!(refusal(&format!("k1:{ZEROS},k2:AAAA")), MasterKeysError::Length { entry: 2, bytes: 3 });
        assert_eq!(refusal("k1:"), MasterKeysError::Length { entry: 1, bytes: 0 });
        assert_eq!(refusal(&format!("k1:{ZEROS},k1:{ONES}")), MasterKeysError::Duplicate { id: id("k1") });
        assert_eq!(refusal(&format!("k1:{}", "A".repeat(44))), MasterKeysError::Length { entry: 1, bytes: 33 });
    }

    #[test]
    fn no_mistake_quotes_what_was_given() {
        let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ";
        for text in [secret.to_owned(), format!("{secret}:k1"), format!("k1:{secret}"), format!("k1:{secret}!")] {
            let error = parse(&text).expect_err("malformed");
            assert!(!format!("{error} {error:?}").contains(&secret[..8]), "{error}");
        }
    }

    #[test]
    fn ids_are_short_slugs() {
        for good in ["k", "k1", "2026-07_eu", &"a".repeat(32)] {
            assert_eq!(id(good).to_string(), good);
        }
        for bad in ["", "K1", "k 1", "k:1", "k,1", "ä", &"a".repeat(33)] {
            assert_eq!(bad.parse::<MasterKeyId>(), Err(MalformedMasterKeyId), "{bad:?}");
        }
    }

    #[test]
    fn a_generated_key_is_read_back_from_its_text() {
        let rng = &mut rand::rng();
        let (keys, text) = MasterKeys::generate(id("k9"), rng);
        assert_eq!(text.expose_secret().len(), "k9:".len() + 44);
        let again = MasterKeys::parse(&text).expect("well-formed");
        assert_eq!(again.check_canary(&keys.seal_canary(rng)), Ok(()));
    }

    #[test]
    fn debug_shows_ids_only() {
        assert_eq!(format!("{:?}", parse(&format!("k1:{ZEROS}")).expect("well-formed")), r#"MasterKeys["k1"]"#);
    }

    #[test]
    fn a_wrapped_key_seals_as_before() {
        let rng = &mut rand::rng();
        let (masters, tenant, key, wrapped) = wrapped();
        let opened = masters.unwrap_data_key(tenant, VERSION, &wrapped).expect("opens");
        assert_eq!((opened.expose(), opened.version()), (key.expose(), VERSION));
        assert_ne!(masters.wrap_data_key(tenant, &key, rng).bytes, wrapped);
    }

    #[test]
    fn the_layout_is_format_id_nonce_ciphertext_tag() {
        let (_, _, _, wrapped) = wrapped();
        assert_eq!(wrapped[..4], [1, 2, b'k', b'1']);
        assert_eq!(wrapped.len(), 4 + 12 + 32 + 16);
        assert_eq!(needed_master_key(&wrapped), Ok(id("k1")));
    }

    #[test]
    fn a_wrapped_key_opens_for_no_other_tenant() {
        let (masters, _, _, wrapped) = wrapped();
        let other = masters.unwrap_data_key(TenantId::generate(), VERSION, &wrapped);
        assert_eq!(other.expect_err("bound to its tenant"), OpenError::Forged);
    }

    #[test]
    fn a_wrapped_key_opens_as_no_other_version() {
        let (masters, tenant, _, wrapped) = wrapped();
        let other = masters.unwrap_data_key(tenant, DataKeyVersion(4), &wrapped);
        assert_eq!(other.expect_err("bound to its version"), OpenError::Forged);
    }

    #[test]
    fn nothing_opens_for_another_purpose() {
        let rng = &mut rand::rng();
        let (masters, tenant, _, wrapped) = wrapped();
        let fingerprint = masters.seal_fingerprint_key(&FingerprintKey::generate(rng), rng);
        let canary = masters.seal_canary(rng);
        assert!(masters.open_fingerprint_key(&fingerprint).is_ok());
        for sealed in [&wrapped, &canary] {
            assert_eq!(masters.open_fingerprint_key(sealed).err(), Some(OpenError::Forged));
        }
        for sealed in [&wrapped, &fingerprint] {
            assert_eq!(masters.check_canary(sealed), Err(OpenError::Forged));
        }
        for sealed in [&canary, &fingerprint] {
            assert_eq!(masters.unwrap_data_key(tenant, VERSION, sealed).err(), Some(OpenError::Forged));
        }
    }

    #[test]
    fn the_id_is_bound_even_if_two_keys_have_the_same_bytes() {
        let keys = parse(&format!("k1:{ZEROS},k2:{ZEROS}")).expect("well-formed");
        let mut canary = keys.seal_canary(&mut rand::rng());
        canary[3] = b'2';
        assert_eq!(needed_master_key(&canary), Ok(id("k2")));
        assert_eq!(keys.check_canary(&canary), Err(OpenError::Forged));
    }

    #[test]
    fn a_canary_tells_a_missing_key_from_a_wrong_one() {
        let canary = masters("k1").seal_canary(&mut rand::rng());
        assert_eq!(masters("k2").check_canary(&canary), Err(OpenError::UnknownMasterKey(id("k1"))));
        assert_eq!(masters("k1").check_canary(&canary), Err(OpenError::Forged));
    }

    #[test]
    fn a_fingerprint_key_gives_the_same_fingerprints_after_opening() {
        let rng = &mut rand::rng();
        let (masters, key) = (masters("k1"), FingerprintKey::generate(rng));
        let opened = masters.open_fingerprint_key(&masters.seal_fingerprint_key(&key, rng)).expect("opens");
        assert_eq!(opened.fingerprint("team", "secret"), key.fingerprint("team", "secret"));
    }

    #[test]
    fn every_cut_and_every_appended_byte_is_refused() {
        let (masters, tenant, _, mut wrapped) = wrapped();
        for len in 0..wrapped.len() {
            let cut = masters.unwrap_data_key(tenant, VERSION, &wrapped[..len]).expect_err("cut");
            let expected = if len < 4 + NONCE_LEN + TAG_LEN { OpenError::Truncated } else { OpenError::Forged };
            assert_eq!(cut, expected, "cut to {len}");
        }
        wrapped.push(0);
        assert_eq!(masters.unwrap_data_key(tenant, VERSION, &wrapped).err(), Some(OpenError::Forged));
    }

    #[test]
    fn an_unknown_format_is_named() {
        let (masters, tenant, _, mut wrapped) = wrapped();
        wrapped[0] = 9;
        assert_eq!(masters.unwrap_data_key(tenant, VERSION, &wrapped).err(), Some(OpenError::Format(9)));
    }

    proptest! {
        #[test]
        fn what_is_wrapped_unwraps(seed: u64, version: u32, name in "[a-z0-9_-]{1,32}") {
            let rng = &mut StdRng::seed_from_u64(seed);
            let (masters, _) = MasterKeys::generate(id(&name), rng);
            let (tenant, key) = (TenantId::generate(), DataKey::generate(DataKeyVersion(version), rng));
            let wrapped = masters.wrap_data_key(tenant, &key, rng).bytes;
            let opened = masters.unwrap_data_key(tenant, key.version(), &wrapped);
            prop_assert_eq!(opened.as_ref().map(DataKey::expose), Ok(key.expose()));
        }

        #[test]
        fn no_flipped_bit_goes_unnoticed(seed: u64) {
            let rng = &mut StdRng::seed_from_u64(seed);
            // "j" and "c" differ by one bit from "k", so that flipped ids are listed too.
            let twins = parse(&format!("k:{ZEROS},j:{ZEROS},c:{ZEROS}")).expect("well-formed");
            let (tenant, key) = (TenantId::generate(), DataKey::generate(VERSION, rng));
            let mut wrapped = twins.wrap_data_key(tenant, &key, rng).bytes;
            for bit in 0..wrapped.len() * 8 {
                wrapped[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(twins.unwrap_data_key(tenant, VERSION, &wrapped).is_err(), "bit {bit}");
                wrapped[bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert!(twins.unwrap_data_key(tenant, VERSION, &wrapped).is_ok());
        }

        #[test]
        fn junk_never_opens_and_never_panics(junk: Vec<u8>) {
            prop_assert!(masters("k1").check_canary(&junk).is_err());
        }

        #[test]
        fn any_text_parses_or_is_refused_without_panic(text: String) {
            prop_assert!(parse(&text).is_err());
        }
    }
}
