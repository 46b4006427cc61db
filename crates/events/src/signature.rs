//! The signature that Chakra puts on what it posts: HMAC-SHA256 over the raw bytes, in hexadecimal digits.

use hmac::{Hmac, KeyInit as _, Mac as _};
use portico_domain::SignatureVerdict;
use portico_vault::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// How many signatures of a header are looked at.
const MOST: usize = 8;

/// What a body's signature is worth, with these secrets in force. Taken as well: upper-case digits, `sha256=` in front,
/// and several signatures with commas between them, of which one must be right. How long it takes does not depend on
/// which digits are wrong.
#[must_use]
pub fn judge(secrets: &[&SecretString], header: Option<&[u8]>, body: &[u8]) -> SignatureVerdict {
    let Some(header) = header.map(<[u8]>::trim_ascii).filter(|header| !header.is_empty()) else {
        return SignatureVerdict::Absent;
    };
    let given: Vec<[u8; 32]> = header.split(|byte| *byte == b',').take(MOST).filter_map(digest).collect();
    let mut fits = Choice::from(0);
    for secret in secrets {
        let made = signature(secret, body);
        for given in &given {
            fits |= made.ct_eq(given);
        }
    }
    if bool::from(fits) { SignatureVerdict::Valid } else { SignatureVerdict::Wrong }
}

fn signature(secret: &SecretString, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("takes a key of any length");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// The bytes that 64 hexadecimal digits stand for.
fn digest(text: &[u8]) -> Option<[u8; 32]> {
    let text = text.trim_ascii();
    let digits = match text.split_at_checked(7) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(b"sha256=") => rest,
        _ => text,
    };
    let digits: &[u8; 64] = digits.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    const BODY: &[u8] = b"what do ya want for nothing?";
    const DIGITS: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn judged(secrets: &[&str], header: &str, body: &[u8]) -> SignatureVerdict {
        let secrets: Vec<SecretString> = secrets.iter().map(|&secret| secret.into()).collect();
        judge(&secrets.iter().collect::<Vec<_>>(), Some(header.as_bytes()), body)
    }

    #[test]
    fn a_signature_is_taken_in_the_forms_that_relays_give_it() {
        let other = "0".repeat(64);
        for header in [
            DIGITS.to_owned(),
            DIGITS.to_uppercase(),
            format!("sha256={DIGITS}"),
            format!(" SHA256={DIGITS} "),
            format!("{other}, {DIGITS}"),
            format!("{other},nonsense,sha256={DIGITS}"),
        ] {
            assert_eq!(judged(&["Jefe"], &header, BODY), SignatureVerdict::Valid, "{header}");
        }
        assert_eq!(judged(&["new", "Jefe"], DIGITS, BODY), SignatureVerdict::Valid, "two secrets during a change");
    }

    #[test]
    fn anything_else_is_wrong_or_absent() {
        for header in [&DIGITS[1..], &format!("{DIGITS}0"), "sha256=", "sha1=abc", &"g".repeat(64), ",", "\u{e9}"] {
            assert_eq!(judged(&["Jefe"], header, BODY), SignatureVerdict::Wrong, "{header}");
        }
        assert_eq!(judged(&["Jefe"], DIGITS, b"what do ya want for nothing!"), SignatureVerdict::Wrong);
        assert_eq!(judged(&["other"], DIGITS, BODY), SignatureVerdict::Wrong);
        assert_eq!(judged(&[], DIGITS, BODY), SignatureVerdict::Wrong);
        assert_eq!(judged(&["Jefe"], " ", BODY), SignatureVerdict::Absent);
        assert_eq!(judge(&[], None, BODY), SignatureVerdict::Absent);
        let ninth = format!("{}{DIGITS}", "0,".repeat(8));
        assert_eq!(judged(&["Jefe"], &ninth, BODY), SignatureVerdict::Wrong, "only eight are looked at");
    }
}
