use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use time::OffsetDateTime;

use super::*;
use crate::cipher::SecretKey;
use crate::mac_key::MacKey;
use crate::open_error::MasterKeyFailure;
use crate::provider::{Pending, ProviderError};
use secrecy::ExposeSecret as _;

/// Base64 of 32 bytes 0x00 and of 32 bytes 0xff.
const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const ONES: &str = "//////////////////////////////////////////8=";

const VERSION: DataKeyVersion = DataKeyVersion(3);

/// What a future gives that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing in these tests waits"),
    }
}

/// What a key seals that serves.
fn sealed<T>(sealing: impl Future<Output = Result<T, MasterKeyFailure>>) -> T {
    now(sealing).expect("the key serves")
}

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
    let wrapped = sealed(masters.wrap_data_key(tenant, &key, rng));
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
    let by_old = sealed(old.wrap_data_key(tenant, &key, rng));
    let opened = now(both.unwrap_data_key(tenant, VERSION, &by_old.bytes)).expect("k1 opens");
    let by_new = sealed(both.wrap_data_key(tenant, &opened, rng));
    assert_eq!(by_new.master_key, id("k2"));
    let missing = now(old.unwrap_data_key(tenant, VERSION, &by_new.bytes)).expect_err("k2 is not listed");
    assert_eq!(missing, OpenError::UnknownMasterKey(id("k2")));
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
fn a_generated_key_is_read_back_from_its_text() {
    let rng = &mut rand::rng();
    let (keys, text) = MasterKeys::generate(id("k9"), rng);
    assert_eq!(text.expose_secret().len(), "k9:".len() + 44);
    let again = MasterKeys::parse(&text).expect("well-formed");
    assert_eq!(now(again.check_canary(&sealed(keys.seal_canary(rng)))), Ok(()));
}

#[test]
fn debug_shows_ids_only() {
    assert_eq!(format!("{:?}", parse(&format!("k1:{ZEROS}")).expect("well-formed")), r#"MasterKeys["k1"]"#);
}

#[test]
fn a_wrapped_key_seals_as_before() {
    let rng = &mut rand::rng();
    let (masters, tenant, key, wrapped) = wrapped();
    let opened = now(masters.unwrap_data_key(tenant, VERSION, &wrapped)).expect("opens");
    assert_eq!((opened.expose(), opened.version()), (key.expose(), VERSION));
    assert_ne!(sealed(masters.wrap_data_key(tenant, &key, rng)).bytes, wrapped);
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
    let other = now(masters.unwrap_data_key(TenantId::generate(), VERSION, &wrapped));
    assert_eq!(other.expect_err("bound to its tenant"), OpenError::Forged);
}

#[test]
fn a_wrapped_key_opens_as_no_other_version() {
    let (masters, tenant, _, wrapped) = wrapped();
    let other = now(masters.unwrap_data_key(tenant, DataKeyVersion(4), &wrapped));
    assert_eq!(other.expect_err("bound to its version"), OpenError::Forged);
}

#[test]
fn nothing_opens_for_another_purpose() {
    let rng = &mut rand::rng();
    let (masters, tenant, _, wrapped) = wrapped();
    let fingerprint = sealed(masters.seal_mac_key(&MacKey::generate(rng), rng));
    let canary = sealed(masters.seal_canary(rng));
    assert!(now(masters.open_mac_key(&fingerprint)).is_ok());
    for sealed in [&wrapped, &canary] {
        assert_eq!(now(masters.open_mac_key(sealed)).err(), Some(OpenError::Forged));
    }
    for sealed in [&canary, &fingerprint] {
        assert_eq!(now(masters.unwrap_data_key(tenant, VERSION, sealed)).err(), Some(OpenError::Forged));
    }
    // Last: a key that does not open the canary opens nothing more.
    for sealed in [&wrapped, &fingerprint] {
        assert_eq!(now(masters.check_canary(sealed)), Err(OpenError::Forged));
    }
}

#[test]
fn the_id_is_bound_even_if_two_keys_have_the_same_bytes() {
    let keys = parse(&format!("k1:{ZEROS},k2:{ZEROS}")).expect("well-formed");
    let mut canary = sealed(keys.seal_canary(&mut rand::rng()));
    canary[3] = b'2';
    assert_eq!(needed_master_key(&canary), Ok(id("k2")));
    assert_eq!(now(keys.check_canary(&canary)), Err(OpenError::Forged));
}

#[test]
fn a_canary_tells_a_missing_key_from_a_wrong_one() {
    let canary = sealed(masters("k1").seal_canary(&mut rand::rng()));
    assert_eq!(now(masters("k2").check_canary(&canary)), Err(OpenError::UnknownMasterKey(id("k1"))));
    assert_eq!(now(masters("k1").check_canary(&canary)), Err(OpenError::Forged));
}

#[test]
fn a_mac_key_is_the_same_after_opening() {
    let rng = &mut rand::rng();
    let (masters, key) = (masters("k1"), MacKey::generate(rng));
    let opened = now(masters.open_mac_key(&sealed(masters.seal_mac_key(&key, rng)))).expect("opens");
    assert_eq!(opened.expose(), key.expose());
}

#[test]
fn every_cut_and_every_appended_byte_is_refused() {
    let (masters, tenant, _, mut wrapped) = wrapped();
    for len in 0..wrapped.len() {
        let cut = now(masters.unwrap_data_key(tenant, VERSION, &wrapped[..len])).expect_err("cut");
        let expected = if len < 4 + NONCE_LEN + TAG_LEN { OpenError::Truncated } else { OpenError::Forged };
        assert_eq!(cut, expected, "cut to {len}");
    }
    wrapped.push(0);
    assert_eq!(now(masters.unwrap_data_key(tenant, VERSION, &wrapped)).err(), Some(OpenError::Forged));
}

#[test]
fn an_unknown_format_is_named() {
    let (masters, tenant, _, mut wrapped) = wrapped();
    wrapped[0] = 9;
    assert_eq!(now(masters.unwrap_data_key(tenant, VERSION, &wrapped)).err(), Some(OpenError::Format(9)));
}

/// As databases of the first release hold it, written down byte by byte.
#[test]
fn what_the_first_release_sealed_opens() {
    let field = |field: &[u8]| [&(field.len() as u64).to_be_bytes()[..], field].concat();
    let key = SecretKey::from_slice(&[0; 32]).expect("32 bytes");
    let sealed_then = |aad: &[u8], plain: &[u8]| {
        [&[1, 2, b'k', b'1'], &[9; 12][..], &cipher::seal(&key, &[9; 12], aad, plain)].concat()
    };
    let keys = parse(&format!("k1:{ZEROS}")).expect("well-formed");
    let end = [field(&[1]), field(b"k1")].concat();
    let canary = sealed_then(&[field(b"portico/vault/canary"), end.clone()].concat(), b"");
    assert_eq!(now(keys.check_canary(&canary)), Ok(()));
    let fingerprint = sealed_then(&[field(b"portico/vault/fingerprint-key"), end.clone()].concat(), &[7; 32]);
    let opened = now(keys.open_mac_key(&fingerprint)).expect("opens");
    assert_eq!(opened.fingerprint_subkey().fingerprint("chakra-key", "secret").short(), "8316fcd23ac863f1");
    let tenant = TenantId::generate();
    let start = [field(b"portico/vault/data-key"), field(tenant.uuid().as_bytes()), field(&[0, 0, 0, 3])].concat();
    let data_key = now(keys.unwrap_data_key(tenant, VERSION, &sealed_then(&[start, end].concat(), &[5; 32])));
    assert_eq!(data_key.expect("opens").expose(), [5; 32]);
}

#[test]
fn an_operators_secret_opens_at_its_place_only() {
    let rng = &mut rand::rng();
    let keys = masters("k1");
    let purpose = |table: &str, column: &str, row: &str| Purpose::operator_secret(table, column, row);
    let secret = sealed(keys.seal(&purpose("signing_keys", "private_key", "7"), b"a secret", rng));
    let opened = now(keys.open(&purpose("signing_keys", "private_key", "7"), &secret)).expect("opens");
    assert_eq!(opened.as_slice(), b"a secret");
    for other in [
        purpose("signing_key", "private_key", "7"),
        purpose("signing_keys", "private_keys", "7"),
        purpose("signing_keys", "private_key", "8"),
        purpose("signing_keys", "private_key7", ""),
        Purpose::canary(),
    ] {
        assert_eq!(now(keys.open(&other, &secret)).err(), Some(OpenError::Forged));
    }
}

#[test]
fn resealing_moves_a_secret_under_the_first_key_and_leaves_it_there() {
    let rng = &mut rand::rng();
    let old = parse(&format!("k1:{ZEROS}")).expect("well-formed");
    let both = parse(&format!("k2:{ONES},k1:{ZEROS}")).expect("well-formed");
    let new = parse(&format!("k2:{ONES}")).expect("well-formed");
    let purpose = Purpose::operator_secret("t", "c", "r");
    let before = sealed(old.seal(&purpose, b"secret", rng));
    let moved = now(both.reseal(&purpose, &before, rng)).expect("opens").expect("was under k1");
    assert_eq!(needed_master_key(&moved), Ok(id("k2")));
    assert_eq!(now(new.open(&purpose, &moved)).expect("k1 is not needed").as_slice(), b"secret");
    assert_eq!(now(both.reseal(&purpose, &moved, rng)), Ok(None));
    assert_eq!(now(both.reseal(&Purpose::canary(), &before, rng)), Err(OpenError::Forged));
    assert_eq!(now(new.reseal(&purpose, &before, rng)), Err(OpenError::UnknownMasterKey(id("k1"))));
}

#[test]
fn only_a_list_of_local_keys_is_a_ring_by_itself() {
    let refusal = |text: &str| parse(text).expect_err("not local");
    assert_eq!(refusal("k1:pkcs11:portico"), MasterKeysError::Elsewhere { entry: 1 });
    assert_eq!(refusal(&format!("k1:{ZEROS},k2:transit:portico")), MasterKeysError::Elsewhere { entry: 2 });
}

/// A provider that does as it is told and counts how often it is asked.
#[derive(Debug)]
struct Scripted {
    id: MasterKeyId,
    script: Arc<Script>,
}

#[derive(Debug, Default)]
struct Script {
    asked: AtomicUsize,
    failure: Mutex<Option<ProviderError>>,
}

impl Script {
    fn fail(&self, failure: impl Into<Option<ProviderError>>) {
        *self.failure.lock().expect("no test panics while it holds this") = failure.into();
    }

    fn answer<T>(&self, value: T) -> Result<T, ProviderError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.failure.lock().expect("no test panics while it holds this").clone().map_or(Ok(value), Err)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl MasterKeyProvider for Scripted {
    fn id(&self) -> &MasterKeyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn seal<'a>(&'a self, nonce: [u8; NONCE_LEN], aad: &'a [u8], plain: &'a [u8]) -> Pending<'a, Vec<u8>> {
        let tag = u8::try_from(aad.len() % 256).expect("a remainder");
        Box::pin(async move { self.script.answer([&nonce[..], &[tag; 16], plain].concat()) })
    }

    fn open<'a>(&'a self, _: &'a [u8], body: &'a [u8]) -> Pending<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.script.answer(Zeroizing::new(body[28..].to_vec())) })
    }
}

fn scripted(name: &str) -> (Arc<Script>, Box<dyn MasterKeyProvider>) {
    let script = Arc::new(Script::default());
    (Arc::clone(&script), Box::new(Scripted { id: id(name), script }))
}

fn unreachable(reason: &str) -> ProviderError {
    ProviderError::Unreachable(reason.to_owned())
}

#[test]
fn a_key_that_cannot_be_reached_is_not_a_forged_one_and_is_tried_once_a_second() {
    let rng = &mut rand::rng();
    let (script, provider) = scripted("hsm");
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let keys = MasterKeys::new(provider, Vec::new()).with_clock(&clock);
    let canary = sealed(keys.seal_canary(rng));
    assert_eq!((script.asked(), keys.unreachable().count()), (1, 0));

    script.fail(unreachable("gone"));
    let gone = MasterKeyFailure::Unreachable { id: id("hsm"), reason: "gone".to_owned() };
    assert_eq!(now(keys.check_canary(&canary)), Err(OpenError::MasterKey(gone.clone())));
    assert_eq!(keys.unreachable().collect::<Vec<_>>(), [&id("hsm")]);
    assert_eq!(gone.to_string(), "master key \"hsm\" cannot be reached: gone");
    assert_eq!(script.asked(), 2);

    // It is back, but within the second nobody asks.
    script.fail(None);
    assert_eq!(now(keys.check_canary(&canary)), Err(gone.clone().into()));
    assert_eq!(now(keys.seal_canary(rng)), Err(gone));
    assert_eq!((script.asked(), keys.unreachable().count()), (2, 1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(now(keys.check_canary(&canary)), Ok(()));
    assert_eq!((script.asked(), keys.unreachable().count()), (3, 0));
    assert_eq!(now(keys.check_canary(&canary)), Ok(()));
}

#[test]
fn a_refusal_is_told_each_time_and_is_no_outage() {
    let (script, provider) = scripted("kms");
    let keys = MasterKeys::new(provider, Vec::new());
    script.fail(ProviderError::Refused("permission denied".to_owned()));
    let refused = MasterKeyFailure::Refused { id: id("kms"), reason: "permission denied".to_owned() };
    for asked in 1..3 {
        assert_eq!(now(keys.seal_canary(&mut rand::rng())), Err(refused.clone()));
        assert_eq!((script.asked(), keys.unreachable().count()), (asked, 0));
    }
    assert_eq!(refused.id(), &id("kms"));
    script.fail(ProviderError::Forged);
    let proof = now(keys.prove(&id("kms"), &mut rand::rng()));
    assert!(matches!(proof, Err(OpenError::MasterKey(MasterKeyFailure::Refused { .. }))), "{proof:?}");
}

#[test]
fn a_key_is_proved_by_name() {
    let rng = &mut rand::rng();
    let (script, provider) = scripted("new");
    let keys = MasterKeys::new(Box::new(LocalMasterKey::generate(id("old"), rng).0), vec![provider]);
    assert_eq!(now(keys.prove(&id("old"), rng)), Ok(()));
    assert_eq!(script.asked(), 0);
    assert_eq!(now(keys.prove(&id("new"), rng)), Ok(()));
    assert_eq!(script.asked(), 2);
    assert_eq!(now(keys.prove(&id("other"), rng)), Err(OpenError::UnknownMasterKey(id("other"))));
    let kinds: Vec<_> = keys.providers().map(|key| (key.id().as_str(), key.kind())).collect();
    assert_eq!(kinds, [("old", "local"), ("new", "scripted")]);
}

#[test]
fn a_probe_asks_the_key_that_seals_and_those_that_were_gone() {
    let rng = &mut rand::rng();
    let ((first, one), (second, two)) = (scripted("one"), scripted("two"));
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let keys = MasterKeys::new(one, vec![two]).with_clock(&clock);
    now(keys.probe(rng));
    assert_eq!((first.asked(), second.asked()), (2, 0));
    second.fail(unreachable("gone"));
    assert!(now(keys.prove(&id("two"), rng)).is_err());
    clock.advance(Duration::from_secs(1));
    now(keys.probe(rng));
    assert_eq!((first.asked(), second.asked()), (4, 2));
    second.fail(None);
    clock.advance(Duration::from_secs(1));
    now(keys.probe(rng));
    assert_eq!(keys.unreachable().count(), 0);
}

proptest! {
    #[test]
    fn what_is_wrapped_unwraps(seed: u64, version: u32, name in "[a-z0-9_-]{1,32}") {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (masters, _) = MasterKeys::generate(id(&name), rng);
        let (tenant, key) = (TenantId::generate(), DataKey::generate(DataKeyVersion(version), rng));
        let wrapped = sealed(masters.wrap_data_key(tenant, &key, rng)).bytes;
        let opened = now(masters.unwrap_data_key(tenant, key.version(), &wrapped));
        prop_assert_eq!(opened.as_ref().map(DataKey::expose), Ok(key.expose()));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(seed: u64) {
        let rng = &mut StdRng::seed_from_u64(seed);
        // "j" and "c" differ by one bit from "k", so that flipped ids are listed too.
        let twins = parse(&format!("k:{ZEROS},j:{ZEROS},c:{ZEROS}")).expect("well-formed");
        let (tenant, key) = (TenantId::generate(), DataKey::generate(VERSION, rng));
        let mut wrapped = sealed(twins.wrap_data_key(tenant, &key, rng)).bytes;
        for bit in 0..wrapped.len() * 8 {
            wrapped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(now(twins.unwrap_data_key(tenant, VERSION, &wrapped)).is_err(), "bit {bit}");
            wrapped[bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(now(twins.unwrap_data_key(tenant, VERSION, &wrapped)).is_ok());
    }

    #[test]
    fn junk_never_opens_and_never_panics(junk: Vec<u8>) {
        prop_assert!(now(masters("k1").check_canary(&junk)).is_err());
    }

    #[test]
    fn any_text_parses_or_is_refused_without_panic(text: String) {
        prop_assert!(parse(&text).is_err());
    }
}

#[test]
fn a_key_that_does_not_open_the_canary_serves_for_nothing_until_it_opens_one() {
    let (rng, purpose) = (&mut rand::rng(), Purpose::proof());
    let (right, wrong) = (masters("k1"), masters("k1"));
    let (before, own) = (sealed(wrong.seal(&purpose, b"x", rng)), sealed(wrong.seal_canary(rng)));
    assert_eq!(now(wrong.check_canary(&sealed(right.seal_canary(rng)))), Err(OpenError::Forged));
    assert!(matches!(now(wrong.seal(&purpose, b"x", rng)), Err(MasterKeyFailure::Refused { .. })));
    assert!(now(wrong.open(&purpose, &before)).is_err_and(|error| error.is_of_master_key()));
    assert_eq!(now(wrong.check_canary(&own)), Ok(()));
    assert!(now(wrong.open(&purpose, &before)).is_ok());
}

#[test]
fn nothing_is_sealed_while_the_canary_is_under_a_key_that_is_not_listed() {
    let (rng, purpose) = (&mut rand::rng(), Purpose::proof());
    let (old, new) = (masters("k1"), masters("k2"));
    let (before, own) = (sealed(old.seal(&purpose, b"x", rng)), sealed(old.seal_canary(rng)));
    assert!(now(old.check_canary(&sealed(new.seal_canary(rng)))).is_err());
    assert!(matches!(now(old.seal(&purpose, b"x", rng)), Err(MasterKeyFailure::Refused { .. })));
    assert!(now(old.open(&purpose, &before)).is_ok(), "what is still under it opens");
    assert_eq!(now(old.check_canary(&own)), Ok(()));
    assert!(now(old.seal(&purpose, b"x", rng)).is_ok());
}

#[test]
fn a_proof_tells_the_same_bytes_from_others_under_one_id() {
    let rng = &mut rand::rng();
    let (here, elsewhere) = (masters("k1"), masters("k1"));
    let proof = now(here.seal_proof(&id("k1"), rng)).expect("the key serves");
    assert_eq!(now(here.check_proof(&proof)), Ok(()));
    assert_eq!(now(elsewhere.check_proof(&proof)), Err(OpenError::Forged));
    assert_eq!(now(here.seal_proof(&id("k2"), rng)), Err(OpenError::UnknownMasterKey(id("k2"))));
}
