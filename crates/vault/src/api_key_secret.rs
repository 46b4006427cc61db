//! The keys that Portico issues: `ptc_<env>_<random>_<checksum>`.
//!
//! * `env` is 2 to 8 lower-case letters and says which installation a key is for, such as `live`.
//! * `random` is 32 characters of base 62 (`0-9A-Za-z`): 190 bits, drawn without bias.
//! * `checksum` is the CRC-32 (ISO-HDLC, as in zip) of everything before the last underscore, in base
//!   62, padded with `0` to 6 characters. It refuses junk without a look-up and lets secret scanners
//!   be sure. It notices every change of up to four neighbouring bytes, so in particular every change
//!   of one character, and lets other junk through once in 2³² times. It protects nothing.

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A regular expression that finds API keys in texts, in the syntax that every engine knows. A scanner that
/// can should also check the checksum ([`hash_of`] does).
pub const API_KEY_PATTERN: &str = "ptc_[a-z]{2,8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}";

/// Why a text is no API key. The texts quote nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedApiKey {
    /// Shorter or longer than a key can be.
    #[error("is not as long as an API key")]
    Length,
    /// Not of the form `ptc_<env>_<random>_<checksum>`, or with a character that does not belong.
    #[error("does not have the form of an API key")]
    Shape,
    /// Mistyped or cut: the checksum does not fit.
    #[error("has a wrong checksum: it was mistyped or changed")]
    Checksum,
}

/// Which installation a key is for: 2 to 8 lower-case letters, such as `live` and `dev`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyEnvironment(String);

/// A text that is no [`KeyEnvironment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 2 to 8 lower-case letters, such as \"live\"")]
pub struct MalformedKeyEnvironment;

impl KeyEnvironment {
    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyEnvironment {
    type Err = MalformedKeyEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_environment(text.as_bytes()) { Ok(Self(text.to_owned())) } else { Err(MalformedKeyEnvironment) }
    }
}

impl fmt::Display for KeyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of an API key, all that is kept of one. A key holds 190 random bits, so the hash needs
/// neither salt nor stretching.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// The hash of any text, whether it is a key or not: for a look-up that must do the same work either way.
    #[must_use]
    pub fn of(text: &str) -> Self {
        digest(text)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// An API key in full. Exists while it is shown to its new owner; wiped on drop.
pub struct ApiKeySecret(SecretString);

impl ApiKeySecret {
    /// A new random key of that environment.
    pub fn generate(environment: &KeyEnvironment, rng: &mut impl CryptoRng) -> Self {
        Self(SecretString::from(std::mem::take(&mut *compose(environment, rng))))
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`MalformedApiKey`] if `text` cannot be a key that Portico issued. A refused text is not copied.
    pub fn parse(text: &str) -> Result<Self, MalformedApiKey> {
        check(text.as_bytes())?;
        Ok(Self(SecretString::from(text)))
    }

    /// The hash that is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        digest(self.expose())
    }

    /// What people recognise a key by: everything before the random part, and its first 6 characters.
    #[must_use]
    pub fn prefix(&self) -> String {
        let text = self.expose();
        text[..text.len() - TAIL + RANDOM_SHOWN].to_owned()
    }

    /// The key in full, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(..)")
    }
}

/// Checks that `text` is a key and gives its hash, without copying the key: what every request needs.
///
/// # Errors
///
/// [`MalformedApiKey`] if `text` cannot be a key that Portico issued.
pub fn hash_of(text: &str) -> Result<SecretHash, MalformedApiKey> {
    check(text.as_bytes())?;
    Ok(digest(text))
}

const PREFIX: &str = "ptc_";
const ENVIRONMENT_SHORTEST: usize = 2;
const ENVIRONMENT_LONGEST: usize = 8;
const RANDOM_LEN: usize = 32;
const RANDOM_SHOWN: usize = 6;
const CHECKSUM_LEN: usize = 6;
/// Random part, underscore and checksum.
const TAIL: usize = RANDOM_LEN + 1 + CHECKSUM_LEN;
const SHORTEST: usize = PREFIX.len() + ENVIRONMENT_SHORTEST + 1 + TAIL;
const LONGEST: usize = PREFIX.len() + ENVIRONMENT_LONGEST + 1 + TAIL;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether a byte is a character of [`ALPHABET`].
static IN_ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let mut index = 0;
    while index < ALPHABET.len() {
        table[ALPHABET[index] as usize] = true;
        index += 1;
    }
    table
};

/// Runs on every request: no allocation, one pass for the alphabet and one for the checksum.
fn check(text: &[u8]) -> Result<(), MalformedApiKey> {
    if !(SHORTEST..=LONGEST).contains(&text.len()) {
        return Err(MalformedApiKey::Length);
    }
    let (head, tail) = text.split_at(text.len() - TAIL);
    let (random, tail) = tail.split_at(RANDOM_LEN);
    let environment = head.strip_prefix(PREFIX.as_bytes()).and_then(|rest| rest.strip_suffix(b"_"));
    // The characters of the checksum are compared below, so only the random ones need a look.
    let shaped = environment.is_some_and(is_environment)
        && random.iter().all(|&byte| IN_ALPHABET[usize::from(byte)])
        && tail.first() == Some(&b'_');
    if !shaped {
        return Err(MalformedApiKey::Shape);
    }
    let (covered, given) = text.split_at(text.len() - CHECKSUM_LEN);
    if checksum(&covered[..covered.len() - 1]) == given { Ok(()) } else { Err(MalformedApiKey::Checksum) }
}

fn is_environment(text: &[u8]) -> bool {
    (ENVIRONMENT_SHORTEST..=ENVIRONMENT_LONGEST).contains(&text.len()) && text.iter().all(u8::is_ascii_lowercase)
}

fn checksum(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(covered);
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

fn digest(text: &str) -> SecretHash {
    SecretHash(Sha256::digest(text).into())
}

/// A new key's text, in a buffer exactly as long: one that grows, or is cut to fit later, leaves copies
/// behind.
fn compose(environment: &KeyEnvironment, rng: &mut impl CryptoRng) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + environment.0.len() + 1 + TAIL));
    text.push_str(PREFIX);
    text.push_str(&environment.0);
    text.push('_');
    push_random(&mut text, rng);
    let checksum = checksum(text.as_bytes());
    text.push('_');
    text.extend(checksum.map(char::from));
    text
}

/// Six random bits make a character; the two values beyond the alphabet are drawn again, because
/// folding them back would favour some characters.
fn push_random(text: &mut String, rng: &mut impl CryptoRng) {
    let mut missing = RANDOM_LEN;
    let mut drawn = Zeroizing::new([0_u8; RANDOM_LEN]);
    while missing > 0 {
        rng.fill_bytes(drawn.as_mut_slice());
        let characters = drawn.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        for &character in characters.take(missing) {
            text.push(char::from(character));
            missing -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::string::string_regex;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// Its checksum was computed with Python's `zlib.crc32`.
    const KNOWN: &str = "ptc_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0v_0HGDh0";

    fn environment(text: &str) -> KeyEnvironment {
        text.parse().expect("an environment")
    }

    fn generate(seed: u64) -> ApiKeySecret {
        ApiKeySecret::generate(&environment("live"), &mut StdRng::seed_from_u64(seed))
    }

    /// Whether `text` is matched whole by `pattern`, which may hold literals and `[x-y]{n}` or
    /// `[x-y]{m,n}`, where whatever follows a repetition is not in its class.
    fn matches(mut pattern: &str, mut text: &str) -> bool {
        while let Some(rest) = pattern.strip_prefix('[') {
            let (class, rest) = rest.split_once("]{").expect("a repetition");
            let (count, rest) = rest.split_once('}').expect("a closing brace");
            let (least, most) = count.split_once(',').unwrap_or((count, count));
            let ranges = class.as_bytes().chunks(3).map(|range| range[0]..=range[2]).collect::<Vec<_>>();
            let found = text.bytes().take_while(|byte| ranges.iter().any(|range| range.contains(byte))).count();
            let counts = least.parse().expect("a number")..=most.parse::<usize>().expect("a number");
            if !counts.contains(&found) {
                return false;
            }
            (pattern, text) = (rest, &text[found..]);
            let literal = pattern.find('[').unwrap_or(pattern.len());
            let Some(rest) = text.strip_prefix(&pattern[..literal]) else { return false };
            (pattern, text) = (&pattern[literal..], rest);
        }
        pattern.is_empty() && text.is_empty()
    }

    fn matches_api_key_pattern(text: &str) -> bool {
        let (literal, rest) = API_KEY_PATTERN.split_at(API_KEY_PATTERN.find('[').expect("a class"));
        text.strip_prefix(literal).is_some_and(|text| matches(rest, text))
    }

    #[test]
    fn a_known_key_is_accepted() {
        let key = ApiKeySecret::parse(KNOWN).expect("well-formed");
        assert_eq!(key.expose(), KNOWN);
        assert_eq!(key.hash(), SecretHash(Sha256::digest(KNOWN).into()));
        assert_eq!(hash_of(KNOWN), Ok(key.hash()));
    }

    #[test]
    fn the_prefix_shows_environment_and_six_random_characters() {
        let key = ApiKeySecret::parse(KNOWN).expect("well-formed");
        assert_eq!(key.prefix(), "ptc_live_0aB1cD");
        let key = ApiKeySecret::generate(&environment("ab"), &mut rand::rng());
        assert_eq!(key.prefix(), key.expose()[.."ptc_ab_".len() + 6]);
    }

    #[test]
    fn a_checksum_is_padded_with_zeros() {
        // CRC-32 of nothing is zero; that of "123456789" is the check value of the standard, 0xCBF43926.
        assert_eq!(&checksum(b""), b"000000");
        assert_eq!(&checksum(b"123456789"), b"3jZRME");
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let refusal = |text: &str| ApiKeySecret::parse(text).expect_err("malformed");
        assert_eq!(refusal(""), MalformedApiKey::Length);
        assert_eq!(refusal(&KNOWN[..KNOWN.len() - 5]), MalformedApiKey::Length);
        assert_eq!(refusal(&KNOWN.repeat(2)), MalformedApiKey::Length);
        assert_eq!(refusal(&KNOWN.replace("ptc", "sk1")), MalformedApiKey::Shape);
        assert_eq!(refusal(&KNOWN.replace("live", "Live")), MalformedApiKey::Shape);
        assert_eq!(refusal(&KNOWN.replace("0aB1", "0a-1")), MalformedApiKey::Shape);
        assert_eq!(refusal(&KNOWN.replace("0aB1", "0é1")), MalformedApiKey::Shape);
        assert_eq!(refusal(&KNOWN.replace("live", "live_")), MalformedApiKey::Shape);
        assert_eq!(refusal(&KNOWN.replace("0aB1", "0aB2")), MalformedApiKey::Checksum);
        assert_eq!(refusal(&KNOWN.replace("live", "dev")), MalformedApiKey::Checksum);
        assert_eq!(refusal(&format!(" {KNOWN}")), MalformedApiKey::Shape);
        assert_eq!(refusal(&format!("{}é", &KNOWN[..KNOWN.len() - 2])), MalformedApiKey::Checksum);
    }

    #[test]
    fn an_environment_is_two_to_eight_lower_case_letters() {
        for good in ["live", "dev", "ab", "abcdefgh"] {
            assert_eq!(environment(good).to_string(), good);
            assert_eq!(environment(good).as_str(), good);
        }
        for bad in ["", "a", "abcdefghi", "Live", "d3v", "de_v", "é"] {
            assert_eq!(bad.parse::<KeyEnvironment>(), Err(MalformedKeyEnvironment), "{bad:?}");
        }
    }

    #[test]
    fn a_new_key_fills_its_buffer_exactly() {
        for (name, len) in [("ab", SHORTEST), ("abcdefgh", LONGEST)] {
            let text = compose(&environment(name), &mut rand::rng());
            assert_eq!((text.len(), text.capacity()), (len, len));
        }
    }

    #[test]
    fn every_character_is_drawn_about_equally_often() {
        let rng = &mut StdRng::seed_from_u64(1);
        let mut drawn = String::new();
        for _ in 0..2_000 {
            push_random(&mut drawn, rng);
        }
        let mut counts = [0_u32; 62];
        for byte in drawn.bytes() {
            counts[ALPHABET.iter().position(|&letter| letter == byte).expect("in the alphabet")] += 1;
        }
        // 64 000 draws: 1032 each, standard deviation 32. Folding the two surplus values back would
        // give two characters about 2000.
        assert!(counts.iter().all(|&count| (870..1190).contains(&count)), "{counts:?}");
    }

    #[test]
    fn debug_shows_nothing() {
        let key = ApiKeySecret::parse(KNOWN).expect("well-formed");
        assert_eq!(format!("{key:?} {:?}", key.hash()), "ApiKeySecret(..) SecretHash(..)");
    }

    #[test]
    fn the_pattern_refuses_what_is_no_key() {
        assert!(matches_api_key_pattern(KNOWN));
        assert!(!matches_api_key_pattern(&KNOWN[1..]));
        assert!(!matches_api_key_pattern(&KNOWN[..KNOWN.len() - 1]));
        assert!(!matches_api_key_pattern(&KNOWN.replace("0aB1", "0a-1")));
        assert!(!matches_api_key_pattern(&format!("{KNOWN}0")));
    }

    proptest! {
        #[test]
        fn a_new_key_is_accepted_and_matches_the_pattern(seed: u64, env in "[a-z]{2,8}") {
            let key = ApiKeySecret::generate(&environment(&env), &mut StdRng::seed_from_u64(seed));
            let parsed = ApiKeySecret::parse(key.expose());
            prop_assert_eq!(parsed.as_ref().map(ApiKeySecret::expose), Ok(key.expose()));
            prop_assert_eq!(hash_of(key.expose()), Ok(key.hash()));
            prop_assert!(matches_api_key_pattern(key.expose()));
        }

        #[test]
        fn whatever_the_pattern_finds_has_the_shape_of_a_key(
            text in string_regex(API_KEY_PATTERN).expect("a regular expression"),
        ) {
            let verdict = hash_of(&text);
            prop_assert!(matches!(verdict, Ok(_) | Err(MalformedApiKey::Checksum)), "{verdict:?}");
        }

        #[test]
        fn any_changed_character_is_refused(seed: u64, at: prop::sample::Index, new: char) {
            let key = generate(seed);
            let at = at.index(key.expose().len());
            let mut text = key.expose().to_owned();
            text.replace_range(at..=at, new.encode_utf8(&mut [0; 4]));
            prop_assert_eq!(hash_of(&text).is_ok(), text == key.expose());
        }

        #[test]
        fn any_character_replaced_by_any_of_the_alphabet_is_refused(seed: u64) {
            let key = generate(seed);
            for at in 0..key.expose().len() {
                for &new in ALPHABET.iter().chain(b"_") {
                    let mut text = key.expose().to_owned();
                    text.replace_range(at..=at, &char::from(new).to_string());
                    prop_assert_eq!(hash_of(&text).is_ok(), text == key.expose(), "{} at {}", new, at);
                }
            }
        }

        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            prop_assert!(hash_of(&text).is_err());
        }
    }
}
