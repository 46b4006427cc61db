//! Anything as a token, and anything rightly signed: no panic, nothing is accepted that we did not sign,
//! and what is accepted is what we would have written ourselves.

#![no_main]

use arbitrary::Arbitrary;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use portico_auth::token::{LEEWAY, LIFETIME_LONGEST, TOKEN_LONGEST};
use portico_auth::{TokenKey, TokenKeys, TokenSigner};
use portico_domain::{Permission, SigningKeyId};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use time::OffsetDateTime;

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 12:00 UTC);
const SEED: [u8; 32] = [7; 32];
const ISSUER: &str = "portico";

struct Ours {
    id: SigningKeyId,
    pair: Ed25519KeyPair,
    signer: TokenSigner,
    keys: TokenKeys,
}

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let id = "sgk_01h455vb4pex5vsknk084sn02q".parse().expect("is an id");
    let signer = TokenSigner::from_seed(id, &SEED).expect("32 bytes");
    let key = TokenKey { id, public_key: signer.public_key(), retires_at: None };
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("32 bytes");
    Ours { id, pair, signer, keys: TokenKeys::new(ISSUER.to_owned(), vec![key]) }
});

/// How one claim differs from a good one.
#[derive(Debug, Arbitrary)]
enum Change<'a> {
    Gone(u8),
    Number(u8, i64),
    Near(u8, i16),
    Text(u8, &'a str),
    List(u8, Vec<&'a str>),
    More(&'a str, &'a str),
}

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Sent as it is.
    Raw(&'a str),
    /// Three parts that are base64url, unsigned.
    Parts(&'a [u8], &'a [u8], &'a [u8]),
    /// Signed with our key, whatever it is.
    Signed { header: Option<&'a [u8]>, claims: &'a [u8] },
    /// Signed with our key, good but for these changes.
    Changed(Vec<Change<'a>>),
    /// The same JSON with a few bytes changed, then signed.
    Bent(Vec<(u16, u8)>),
}

fn header() -> String {
    format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"at+jwt"}}"#, OURS.id)
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(OURS.pair.sign(text.as_bytes())))
}

fn good() -> Map<String, Value> {
    let now = NOW.unix_timestamp();
    let claims = json!({
        "iss": ISSUER, "aud": "portico-api", "sub": "key_01h455vb4pex5vsknk084sn02q",
        "tenant": "ten_01h455vb4pex5vsknk084sn02q", "jti": "tok_01h455vb4pex5vsknk084sn02q",
        "iat": now, "nbf": now, "exp": now + 900, "scope": "messages:send customers:read",
        "customers": ["cus_01h455vb4pex5vsknk084sn02q"], "phone_numbers": ["200300400500600"],
    });
    claims.as_object().cloned().expect("is an object")
}

fn changed(changes: Vec<Change<'_>>) -> Vec<u8> {
    let mut claims = good();
    let names: Vec<String> = claims.keys().cloned().collect();
    let name = |at: u8| names[usize::from(at) % names.len()].clone();
    for change in changes {
        match change {
            Change::Gone(at) => drop(claims.remove(&name(at))),
            Change::Number(at, number) => drop(claims.insert(name(at), number.into())),
            Change::Near(at, off) => drop(claims.insert(name(at), (NOW.unix_timestamp() + i64::from(off)).into())),
            Change::Text(at, text) => drop(claims.insert(name(at), text.into())),
            Change::List(at, list) => drop(claims.insert(name(at), list.into())),
            Change::More(name, text) => drop(claims.insert(name.to_owned(), text.into())),
        }
    }
    serde_json::to_vec(&claims).expect("is JSON")
}

fuzz_target!(|input: Input<'_>| {
    let keys = &OURS.keys;
    let token = match input {
        Input::Raw(text) => {
            assert!(keys.verify(text, NOW).is_err(), "nobody but us signed it");
            return;
        }
        Input::Parts(header, claims, signature) => {
            let [header, claims, signature] = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
            assert!(keys.verify(&format!("{header}.{claims}.{signature}"), NOW).is_err(), "nobody but us signed it");
            return;
        }
        Input::Signed { header: None, claims } => signed(header().as_bytes(), claims),
        Input::Signed { header: Some(other), claims } => {
            let token = signed(other, claims);
            if other != header().as_bytes() {
                assert!(keys.verify(&token, NOW).is_err(), "another header than ours");
            }
            token
        }
        Input::Changed(changes) => signed(header().as_bytes(), &changed(changes)),
        Input::Bent(bends) => {
            let mut claims = serde_json::to_vec(&good()).expect("is JSON");
            for (at, byte) in bends {
                let at = usize::from(at) % claims.len();
                claims[at] = byte;
            }
            signed(header().as_bytes(), &claims)
        }
    };
    let Ok(claims) = keys.verify(&token, NOW) else { return };
    assert!(token.len() <= TOKEN_LONGEST);
    assert!(claims.expires_at - claims.issued_at <= LIFETIME_LONGEST && claims.expires_at > NOW);
    assert!(claims.issued_at - NOW <= LEEWAY);
    assert!(claims.permissions.iter().all(|permission| Permission::ALL.contains(&permission)));
    // What was understood is what we would say: nothing is lost or added on the way.
    let again = OURS.signer.sign(&claims, keys.issuer());
    if again.len() <= TOKEN_LONGEST {
        assert_eq!(keys.verify(&again, NOW).as_ref(), Ok(&claims));
    }
});
