//! Passwords of people: argon2id, with the parameters that OWASP names (19 MiB, two passes, one lane).
//!
//! A hash takes tens of milliseconds and 19 MiB: callers bound how many run at once and keep them off
//! the threads that serve.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};

/// Memory of one hash, in KiB.
const MEMORY: u32 = 19_456;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Fewest characters of a new password (NIST SP 800-63B asks for 8; it is the only factor here).
pub const PASSWORD_MIN_CHARS: usize = 12;
/// Most bytes of a password; hashing stays bounded.
pub const PASSWORD_MAX_BYTES: usize = 128;

/// Long passwords that guessers try first, in lower case.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "123456123456",
    "111111111111",
    "000000000000",
    "121212121212",
    "123123123123",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "qwerty123456",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "password123!",
    "p@ssw0rd1234",
    "passw0rd1234",
    "welcome12345",
    "welcome123456",
    "letmeinletmein",
    "administrator",
    "administrator1",
    "iloveyou1234",
    "changeme1234",
    "changemenow!",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "abcdefghijkl",
    "abcdefghijklmnop",
    "abc123abc123",
    "qazwsxedcrfv",
    "asdfghjklasdf",
    "zaq12wsxcde3",
    "superman1234",
    "football1234",
    "trustno1trustno1",
];

/// Why a text is refused as password. The texts quote nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`PASSWORD_MIN_CHARS`] characters.
    #[error("must have at least {PASSWORD_MIN_CHARS} characters; several words in a row make a good one")]
    Short,
    /// More than [`PASSWORD_MAX_BYTES`] bytes.
    #[error("must have at most {PASSWORD_MAX_BYTES} bytes")]
    Long,
    /// One of those that guessers try first, or one character repeated.
    #[error("is one of those that are tried first; choose another")]
    Common,
    /// The e-mail address of its owner, or a part of it.
    #[error("must not be your e-mail address; choose another")]
    Address,
}

/// Checks a new password of somebody with that e-mail address: its length, and that guessers do not try it
/// first. There are no rules of composition (NIST SP 800-63B).
///
/// # Errors
///
/// See [`WeakPassword`].
pub fn check_password(password: &SecretString, email: &str) -> Result<(), WeakPassword> {
    let text = password.expose_secret();
    if text.chars().count() < PASSWORD_MIN_CHARS {
        return Err(WeakPassword::Short);
    }
    if text.len() > PASSWORD_MAX_BYTES {
        return Err(WeakPassword::Long);
    }
    let lower = text.to_lowercase();
    let mut chars = lower.chars();
    let first = chars.next();
    if COMMON.contains(&lower.as_str()) || chars.all(|next| Some(next) == first) {
        return Err(WeakPassword::Common);
    }
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let said = letters(&lower);
    if !said.is_empty() && letters(email).contains(&said) {
        return Err(WeakPassword::Address);
    }
    Ok(())
}

/// A password as it is kept: a PHC string with parameters and salt. Neither shown nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    /// Hashes a password with a new salt. Takes tens of milliseconds.
    ///
    /// # Panics
    ///
    /// Never: parameters and lengths are fixed.
    pub fn of(password: &SecretString, rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let hash: PasswordHash = hasher()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .expect("argon2 takes every password and a salt of 16 bytes");
        Self(hash.to_string())
    }

    /// A hash that no password matches, and that takes as long to check: for addresses that nobody has.
    #[must_use]
    pub fn of_nobody() -> Self {
        let salt_and_hash = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self(format!("$argon2id$v=19$m={MEMORY},t={PASSES},p=1${salt_and_hash}"))
    }

    /// The hash as storage kept it.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The hash as storage keeps it.
    #[must_use]
    pub fn as_stored(&self) -> &str {
        &self.0
    }

    /// Whether this is the hash of `password`. Takes tens of milliseconds, whatever the answer; a password
    /// longer than any that can be set never matches.
    #[must_use]
    pub fn is(&self, password: &SecretString) -> bool {
        let text = password.expose_secret();
        let fits = text.len() <= PASSWORD_MAX_BYTES;
        let tried = if fits { text.as_bytes() } else { b"" };
        let matches = PasswordHash::new(&self.0).is_ok_and(|hash| hasher().verify_password(tried, &hash).is_ok());
        fits && matches
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(..)")
    }
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, 1, None).expect("OWASP's parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &str = "ada.lovelace@example.com";

    fn check(text: &str) -> Result<(), WeakPassword> {
        check_password(&text.into(), EMAIL)
    }

    #[test]
    fn length_decides_and_composition_does_not() {
        assert_eq!(check("twelve chars"), Ok(()));
        assert_eq!(check("ein Fußweg über Brücken"), Ok(()));
        assert_eq!(check("eleven char"), Err(WeakPassword::Short));
        assert_eq!(check(&"ab".repeat(64)), Ok(()));
        assert_eq!(check(&"ab".repeat(65)), Err(WeakPassword::Long));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        assert_eq!(check("PasswordPassword"), Err(WeakPassword::Common));
        assert_eq!(check("zzzzzzzzzzzzzzz"), Err(WeakPassword::Common));
        assert_eq!(check(EMAIL), Err(WeakPassword::Address));
        assert_eq!(check("ada-lovelace!"), Err(WeakPassword::Address));
        assert!(COMMON.iter().all(|text| text.chars().count() >= PASSWORD_MIN_CHARS && text.to_lowercase() == *text));
    }

    #[test]
    fn only_the_same_password_fits() {
        let hash = HashedPassword::of(&"a good long password".into(), &mut rand::rng());
        assert!(hash.as_stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_stored());
        let hash = HashedPassword::from_stored(hash.as_stored().to_owned());
        assert!(hash.is(&"a good long password".into()));
        for other in ["", "A good long password", "a good long password "] {
            assert!(!hash.is(&other.into()), "{other:?}");
        }
        assert!(!HashedPassword::from_stored("junk".into()).is(&"junk".into()));
    }

    #[test]
    fn nobodys_hash_can_be_tried_and_never_fits() {
        let nobody = HashedPassword::of_nobody();
        assert!(PasswordHash::new(nobody.as_stored()).is_ok(), "is read, so that trying it takes as long");
        assert!(!nobody.is(&"".into()) && !nobody.is(&"a good long password".into()));
        assert_eq!(format!("{nobody:?}"), "HashedPassword(..)");
    }
}
