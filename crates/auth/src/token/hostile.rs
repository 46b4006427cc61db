//! RFC 8725 as a table of hostile tokens: each is refused, and for the reason that it was made for.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use portico_domain::{ApiKeyId, CustomerId, MemberId, Permission, PermissionSet, SigningKeyId, TenantId, TokenId};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::claims::Wire;
use super::*;
use crate::principal::Actor;
use crate::reach::Reach;

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 12:00 UTC);
const ISSUER: &str = "https://portico.example.com";

/// One key, and what is signed with it.
struct Mint {
    signer: TokenSigner,
    keys: TokenKeys,
}

impl Mint {
    fn new() -> Self {
        let signer = signer();
        let keys = vec![TokenKey { id: signer.id(), public_key: signer.public_key(), retires_at: None }];
        Self { signer, keys: TokenKeys::new(ISSUER.to_owned(), keys) }
    }

    fn verify(&self, token: &str) -> Result<TokenClaims, TokenFault> {
        self.keys.verify(token, NOW)
    }

    fn header(&self) -> String {
        format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"at+jwt"}}"#, self.signer.id())
    }

    /// Signed with the right header.
    fn with_claims(&self, claims: &str) -> String {
        self.signer.sign_parts(self.header().as_bytes(), claims.as_bytes())
    }

    /// Good claims, of which some are changed; null takes one away.
    fn with(&self, changes: &Value) -> String {
        self.with_claims(&changed(changes).to_string())
    }

    /// Good claims behind that header, rightly signed.
    fn under(&self, header: &str) -> String {
        self.signer.sign_parts(header.as_bytes(), good().to_string().as_bytes())
    }
}

fn signer() -> TokenSigner {
    let seed = TokenSigner::generate_seed(&mut rand::rng());
    TokenSigner::from_seed(SigningKeyId::generate(), &*seed).expect("32 bytes")
}

fn claims() -> TokenClaims {
    TokenClaims {
        id: TokenId::generate(),
        subject: Subject::ApiKey(ApiKeyId::generate()),
        tenant: TenantId::generate(),
        issued_at: NOW,
        expires_at: NOW + Duration::minutes(15),
        permissions: PermissionSet::of(&[Permission::MessagesSend, Permission::CustomersRead]),
        reach: std::sync::Arc::new(Reach { customers: Some(vec![CustomerId::generate()]), phone_numbers: None }),
    }
}

fn good() -> Value {
    serde_json::from_slice(&claims().to_json(ISSUER)).expect("is JSON")
}

fn changed(changes: &Value) -> Value {
    let mut all: Map<String, Value> = good().as_object().cloned().expect("is an object");
    for (name, value) in changes.as_object().expect("is an object") {
        if value.is_null() {
            all.remove(name)
        } else {
            all.insert(name.clone(), value.clone())
        };
    }
    Value::Object(all)
}

/// The claims without their names, in the order in which they are declared.
fn listed(claims: &str) -> String {
    let claims: Value = serde_json::from_str(claims).expect("is JSON");
    let names = ["iss", "aud", "sub", "tenant", "jti", "iat", "nbf", "exp", "scope", "customers", "phone_numbers"];
    Value::Array(names.iter().map(|name| claims[name].clone()).collect()).to_string()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The token with another part at that place.
fn replaced(token: &str, at: usize, part: &str) -> String {
    let mut parts: Vec<_> = token.split('.').collect();
    parts[at] = part;
    parts.join(".")
}

fn part(token: &str, at: usize) -> String {
    token.split('.').nth(at).expect("three parts").to_owned()
}

/// The order of the group, which a malleable verifier lets one add to a signature's second half.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn malleable(token: &str) -> String {
    let mut signature = URL_SAFE_NO_PAD.decode(part(token, 2)).expect("is base64");
    let mut carry = 0_u16;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    replaced(token, 2, &encode(signature))
}

/// The last character of the part stands for bits that are not there; another one may decode alike.
fn not_canonical(token: &str, at: usize) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = part(token, at);
    let last = text.pop().expect("is not empty");
    let place = ALPHABET.find(last).expect("is of the alphabet");
    text.push(ALPHABET.as_bytes()[place | 1].into());
    replaced(token, at, &text)
}

#[test]
fn a_good_token_says_what_was_signed() {
    let mint = Mint::new();
    let claims = claims();
    let token = mint.signer.sign(&claims, ISSUER);
    assert_eq!(mint.verify(&token), Ok(claims));
    // What the table below starts from is good but for the one change.
    assert!(mint.verify(&mint.with(&json!({}))).is_ok());
    assert!(mint.verify(&mint.under(&mint.header())).is_ok());
}

#[test]
fn whoever_can_mint_is_the_subject_of_its_tokens() {
    let mint = Mint::new();
    assert_eq!(mint.keys.issuer(), ISSUER);
    for actor in [Actor::ApiKey(ApiKeyId::generate()), Actor::Member(MemberId::generate())] {
        let subject = Subject::of(actor).expect("can mint");
        assert_eq!(subject.actor(), actor);
        let claims = TokenClaims { subject, ..claims() };
        assert_eq!(mint.verify(&mint.signer.sign(&claims, ISSUER)), Ok(claims));
    }
    assert_eq!(Subject::of(Actor::Operator), None);
}

#[test]
fn a_hostile_header_is_refused() {
    let mint = Mint::new();
    let kid = mint.signer.id();
    let table: Vec<(&str, String, TokenFault)> = [
        ("none", format!(r#"{{"alg":"none","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("None", format!(r#"{{"alg":"None","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("no algorithm", format!(r#"{{"alg":"","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("another case", format!(r#"{{"alg":"eddsa","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("Ed448", format!(r#"{{"alg":"Ed448","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("RS256", format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Algorithm),
        ("algorithm missing", format!(r#"{{"kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Header),
        ("algorithm is a list", format!(r#"{{"alg":["EdDSA"],"kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Header),
        ("type JWT", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"JWT"}}"#), TokenFault::Type),
        ("type connect", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"connect+jwt"}}"#), TokenFault::Type),
        ("type in full", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"application/at+jwt"}}"#), TokenFault::Type),
        ("type missing", format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), TokenFault::Header),
        (
            "an unknown kid",
            r#"{"alg":"EdDSA","kid":"sgk_01h455vb4pex5vsknk084sn02q","typ":"at+jwt"}"#.into(),
            TokenFault::UnknownKey,
        ),
        (
            "a kid like a path",
            r#"{"alg":"EdDSA","kid":"../../../dev/null","typ":"at+jwt"}"#.into(),
            TokenFault::UnknownKey,
        ),
        ("a kid like SQL", r#"{"alg":"EdDSA","kid":"' or 1=1 --","typ":"at+jwt"}"#.into(), TokenFault::UnknownKey),
        (
            "a kid like a URL",
            r#"{"alg":"EdDSA","kid":"https://evil.example/k","typ":"at+jwt"}"#.into(),
            TokenFault::UnknownKey,
        ),
        ("an empty kid", r#"{"alg":"EdDSA","kid":"","typ":"at+jwt"}"#.into(), TokenFault::UnknownKey),
        ("kid missing", r#"{"alg":"EdDSA","typ":"at+jwt"}"#.into(), TokenFault::Header),
        ("kid is a number", r#"{"alg":"EdDSA","kid":1,"typ":"at+jwt"}"#.into(), TokenFault::Header),
        ("alg twice", format!(r#"{{"alg":"EdDSA","alg":"none","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Header),
        (
            "alg twice, one escaped",
            format!(r#"{{"\u0061lg":"none","alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
            TokenFault::Header,
        ),
        ("kid twice", format!(r#"{{"alg":"EdDSA","kid":"x","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Header),
        (
            "crit",
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":["b64"],"b64":false}}"#),
            TokenFault::Header,
        ),
        (
            "crit that is null",
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":null}}"#),
            TokenFault::Header,
        ),
        ("an empty crit", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":[]}}"#), TokenFault::Header),
        (
            "jku",
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","jku":"https://evil.example"}}"#),
            TokenFault::Header,
        ),
        (
            "x5u",
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","x5u":"https://evil.example"}}"#),
            TokenFault::Header,
        ),
        ("x5c", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","x5c":["MIIB"]}}"#), TokenFault::Header),
        ("zip", format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","zip":"DEF"}}"#), TokenFault::Header),
        (
            "cty of a nested token",
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","cty":"JWT"}}"#),
            TokenFault::Header,
        ),
        ("another order", format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#), TokenFault::Header),
        ("white space", format!(r#"{{"alg": "EdDSA","kid":"{kid}","typ":"at+jwt"}}"#), TokenFault::Header),
        ("a line break behind", format!("{}\n", mint.header()), TokenFault::Header),
        ("a byte order mark", format!("\u{feff}{}", mint.header()), TokenFault::Header),
        ("an array", format!(r#"["EdDSA","{kid}","at+jwt"]"#), TokenFault::Header),
        ("no JSON", "EdDSA".into(), TokenFault::Header),
        ("nothing", String::new(), TokenFault::Header),
    ]
    .into();
    for (what, header, fault) in table {
        assert_eq!(mint.verify(&mint.under(&header)), Err(fault), "{what}");
    }
}

#[test]
fn hostile_claims_are_refused_though_rightly_signed() {
    let mint = Mint::new();
    let at = |seconds: i64| NOW.unix_timestamp() + seconds;
    let text = good().to_string();
    let table: Vec<(&str, String, TokenFault)> = [
        ("another issuer", mint.with(&json!({"iss": "https://evil.example"})), TokenFault::Issuer),
        ("the issuer with a slash", mint.with(&json!({"iss": format!("{ISSUER}/")})), TokenFault::Issuer),
        ("no issuer", mint.with(&json!({"iss": null})), TokenFault::Claims),
        ("another audience", mint.with(&json!({"aud": "connect"})), TokenFault::Audience),
        ("audiences", mint.with(&json!({"aud": ["portico-api", "connect"]})), TokenFault::Claims),
        ("no audience", mint.with(&json!({"aud": null})), TokenFault::Claims),
        ("expired", mint.with(&json!({"iat": at(-901), "nbf": at(-901), "exp": at(0)})), TokenFault::Expired),
        ("no expiry", mint.with(&json!({"exp": null})), TokenFault::Claims),
        ("expiry is a text", mint.with(&json!({"exp": at(900).to_string()})), TokenFault::Claims),
        ("expiry is a fraction", mint.with(&json!({"exp": 1_795_000_000.5})), TokenFault::Claims),
        ("expiry beyond time", mint.with(&json!({"exp": i64::MAX})), TokenFault::Claims),
        ("an hour and a second", mint.with(&json!({"exp": at(3_601)})), TokenFault::Lifetime),
        ("expiry before time", mint.with(&json!({"exp": -1})), TokenFault::Claims),
        ("it ends before it begins", mint.with(&json!({"exp": at(-1)})), TokenFault::Claims),
        (
            "minted later than now",
            mint.with(&json!({"iat": at(31), "nbf": at(31), "exp": at(900)})),
            TokenFault::NotYet,
        ),
        ("not valid yet", mint.with(&json!({"nbf": at(31)})), TokenFault::NotYet),
        ("it ends as it begins", mint.with(&json!({"exp": at(0)})), TokenFault::Expired),
        ("valid before it was minted", mint.with(&json!({"nbf": at(-1)})), TokenFault::Claims),
        ("no nbf", mint.with(&json!({"nbf": null})), TokenFault::Claims),
        ("no iat", mint.with(&json!({"iat": null})), TokenFault::Claims),
        ("no subject", mint.with(&json!({"sub": null})), TokenFault::Claims),
        ("the operator as subject", mint.with(&json!({"sub": "operator"})), TokenFault::Claims),
        ("no tenant", mint.with(&json!({"tenant": null})), TokenFault::Claims),
        (
            "a tenant of another kind",
            mint.with(&json!({"tenant": "cus_01h455vb4pex5vsknk084sn02q"})),
            TokenFault::Claims,
        ),
        ("no id", mint.with(&json!({"jti": null})), TokenFault::Claims),
        ("no scope", mint.with(&json!({"scope": null})), TokenFault::Claims),
        ("scope is a list", mint.with(&json!({"scope": ["messages:send"]})), TokenFault::Claims),
        ("a claim too much", mint.with(&json!({"admin": true})), TokenFault::Claims),
        ("customers is a text", mint.with(&json!({"customers": "*"})), TokenFault::Claims),
        ("a claim twice", mint.with_claims(&text.replacen('{', r#"{"aud":"connect","#, 1)), TokenFault::Claims),
        (
            "a claim twice, alike",
            mint.with_claims(&text.replacen('{', r#"{"aud":"portico-api","#, 1)),
            TokenFault::Claims,
        ),
        (
            "a claim twice, one escaped",
            mint.with_claims(&text.replacen('{', r#"{"\u0061ud":"connect","#, 1)),
            TokenFault::Claims,
        ),
        ("two objects", mint.with_claims(&format!("{text}{text}")), TokenFault::Claims),
        ("white space around", mint.with_claims(&format!(" {text}")), TokenFault::Claims),
        ("a line break behind", mint.with_claims(&format!("{text}\n")), TokenFault::Claims),
        ("an array", mint.with_claims("[1]"), TokenFault::Claims),
        ("an array of all claims", mint.with_claims(&listed(&text)), TokenFault::Claims),
        ("a token inside", mint.with_claims(&mint.with(&json!({}))), TokenFault::Claims),
        ("nothing", mint.with_claims(""), TokenFault::Claims),
        ("no UTF-8", mint.signer.sign_parts(mint.header().as_bytes(), b"{\"iss\":\"\xff\"}"), TokenFault::Claims),
    ]
    .into();
    for (what, token, fault) in table {
        assert_eq!(mint.verify(&token), Err(fault), "{what}");
    }
}

#[test]
fn a_hostile_signature_is_refused() {
    let mint = Mint::new();
    let token = mint.with(&json!({}));
    let kid = mint.signer.id();
    let public_key = mint.signer.public_key();
    let unsigned = |alg: &str| {
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"at+jwt"}}"#);
        format!("{}.{}", encode(header), encode(good().to_string()))
    };
    // The public key is known to all: as a secret of HMAC it must be worth nothing.
    let hs256 = unsigned("HS256");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public_key), hs256.as_bytes());
    let hs256_as_eddsa = unsigned("EdDSA");
    let tag_as_eddsa = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, &public_key), hs256_as_eddsa.as_bytes());
    let es256 = unsigned("ES256");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key is made");
    let ecdsa = pair.sign(&SystemRandom::new(), es256.as_bytes()).expect("signs");
    // Signed by a key of the attacker's, under the id of ours.
    let foreign = signer().sign_parts(mint.header().as_bytes(), good().to_string().as_bytes());
    let elsewhere = mint.with(&json!({"scope": "messages:send"}));
    let zeros = encode([0; 64]);
    let table: Vec<(&str, String, TokenFault)> = [
        ("none, unsigned", format!("{}.", unsigned("none")), TokenFault::Algorithm),
        ("ours, unsigned", format!("{}.", unsigned("EdDSA")), TokenFault::Signature),
        ("HS256 with the public key", format!("{hs256}.{}", encode(tag)), TokenFault::Algorithm),
        ("the same, called EdDSA", format!("{hs256_as_eddsa}.{}", encode(tag_as_eddsa)), TokenFault::Signature),
        ("ES256", format!("{es256}.{}", encode(ecdsa)), TokenFault::Algorithm),
        ("the attacker's key", foreign, TokenFault::Signature),
        ("the signature of another token", replaced(&token, 2, &part(&elsewhere, 2)), TokenFault::Signature),
        ("the claims of another token", replaced(&token, 1, &part(&elsewhere, 1)), TokenFault::Signature),
        ("zeros", replaced(&token, 2, &zeros), TokenFault::Signature),
        ("a truncated signature", token[..token.len() - 2].to_owned(), TokenFault::Signature),
        ("a longer signature", format!("{token}AAAA"), TokenFault::Signature),
        ("a malleable signature", malleable(&token), TokenFault::Signature),
        ("a signature that is not canonical", not_canonical(&token, 2), TokenFault::Shape),
        ("padding", format!("{token}=="), TokenFault::Shape),
        ("padded claims", replaced(&token, 1, &format!("{}==", part(&token, 1))), TokenFault::Shape),
        ("the other alphabet", replaced(&token, 2, &STANDARD.encode([0xfb; 64])), TokenFault::Shape),
        ("white space", format!("{token} "), TokenFault::Shape),
        ("a line break inside", replaced(&token, 1, &format!("{}\n", part(&token, 1))), TokenFault::Shape),
        ("two parts", format!("{}.{}", part(&token, 0), part(&token, 1)), TokenFault::Shape),
        ("four parts", format!("{token}.AAAA"), TokenFault::Shape),
        ("five parts, as encrypted tokens have", format!("{token}.AAAA.AAAA"), TokenFault::Shape),
        ("one part", "eyJhbGciOiJFZERTQSJ9".to_owned(), TokenFault::Shape),
        ("dots", "..".to_owned(), TokenFault::Header),
        ("nothing", String::new(), TokenFault::Shape),
        ("too long", mint.with(&json!({"scope": "x".repeat(TOKEN_LONGEST)})), TokenFault::Length),
        ("very long", "e".repeat(1 << 20), TokenFault::Length),
        ("a byte too long", "e".repeat(TOKEN_LONGEST + 1), TokenFault::Length),
        ("as long as can be, and read", "e".repeat(TOKEN_LONGEST), TokenFault::Shape),
        ("no ASCII", format!("{}é", &token[..token.len() - 1]), TokenFault::Shape),
    ]
    .into();
    for (what, token, fault) in table {
        assert_eq!(mint.verify(&token), Err(fault), "{what}");
    }
}

#[test]
fn the_own_public_key_in_the_header_is_refused() {
    let attacker = signer();
    let mint = Mint::new();
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, encode(attacker.public_key()));
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"at+jwt","jwk":{jwk}}}"#, attacker.id());
    let token = attacker.sign_parts(header.as_bytes(), good().to_string().as_bytes());
    assert_eq!(mint.verify(&token), Err(TokenFault::Header));
}

/// Why [`TokenKeys`] checks more than the library does. What fails here, the library has learnt to
/// refuse: then the check of ours can go.
#[test]
fn the_library_alone_believes_what_we_refuse() {
    let mint = Mint::new();
    let kid = mint.signer.id();
    let text = good().to_string();
    let key = DecodingKey::from_ed_der(&mint.signer.public_key());
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    let header = |more: &str| mint.under(&format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"{more}}}"#));
    let table: Vec<(&str, String, TokenFault)> = [
        ("a long token", mint.with(&json!({"scope": "x".repeat(TOKEN_LONGEST)})), TokenFault::Length),
        ("another type", mint.under(&format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"JWT"}}"#)), TokenFault::Type),
        (
            "another order",
            mint.under(&format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#)),
            TokenFault::Header,
        ),
        ("a key in the header", header(r#","jwk":{"kty":"OKP","crv":"Ed25519","x":""}"#), TokenFault::Header),
        ("a key to be fetched", header(r#","jku":"https://evil.example""#), TokenFault::Header),
        ("crit", header(r#","crit":["b64"],"b64":false"#), TokenFault::Header),
        ("a member twice", header(r#","x":1,"x":2"#), TokenFault::Header),
        ("a null", header(r#","crit":null"#), TokenFault::Header),
        ("white space around the claims", mint.with_claims(&format!(" {text}\n")), TokenFault::Claims),
        ("a day of life", mint.with(&json!({"exp": NOW.unix_timestamp() + 86_400})), TokenFault::Lifetime),
    ]
    .into();
    for (what, token, fault) in table {
        let alone = jsonwebtoken::decode::<Wire>(&token, &key, &validation);
        assert!(alone.is_ok(), "{what}: {:?}", alone.err());
        assert_eq!(mint.verify(&token), Err(fault), "{what}");
    }
    // It cannot tell `none` from what is no header.
    for header in [format!(r#"{{"alg":"none","kid":"{kid}","typ":"at+jwt"}}"#), "{}".to_owned()] {
        let error = jsonwebtoken::decode_header(mint.under(&header)).expect_err("no algorithm of the library's");
        assert!(matches!(error.kind(), ErrorKind::Json(_)), "{error:?}");
    }
}

#[test]
fn what_the_library_alone_would_write_has_another_header() {
    let mint = Mint::new();
    let pair = Ed25519KeyPair::generate().expect("a key is made");
    let public_key = pair.public_key().as_ref().try_into().expect("32 bytes");
    let key = TokenKey { id: mint.signer.id(), public_key, retires_at: None };
    let keys = TokenKeys::new(ISSUER.to_owned(), vec![key]);
    let pkcs8 = pair.to_pkcs8v1().expect("is written");
    let header = jsonwebtoken::Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(key.id.to_string()),
        ..jsonwebtoken::Header::new(Algorithm::EdDSA)
    };
    let token = jsonwebtoken::encode(&header, &good(), &EncodingKey::from_ed_der(pkcs8.as_ref())).expect("signs");
    assert_eq!(keys.verify(&token, NOW), Err(TokenFault::Header));
    // But for the header it is one of ours.
    let message = format!("{}.{}", encode(mint.header()), part(&token, 1));
    let token = format!("{message}.{}", encode(pair.sign(message.as_bytes())));
    assert!(keys.verify(&token, NOW).is_ok());
}

#[test]
fn clocks_may_differ_by_the_leeway_and_no_more() {
    let mint = Mint::new();
    let at = |seconds: i64| NOW.unix_timestamp() + seconds;
    assert!(mint.verify(&mint.with(&json!({"iat": at(30), "nbf": at(30), "exp": at(3_630)}))).is_ok());
    assert!(mint.verify(&mint.with(&json!({"iat": at(-3_599), "nbf": at(-3_599), "exp": at(1)}))).is_ok());
}

#[test]
fn a_retired_key_verifies_nothing_and_a_second_one_does_not_disturb() {
    let (old, new) = (signer(), signer());
    let key =
        |signer: &TokenSigner, retires_at| TokenKey { id: signer.id(), public_key: signer.public_key(), retires_at };
    let keys = TokenKeys::new(ISSUER.into(), vec![key(&old, Some(NOW)), key(&new, None)]);
    let (by_old, by_new) = (old.sign(&claims(), ISSUER), new.sign(&claims(), ISSUER));
    assert_eq!(keys.verify(&by_old, NOW), Err(TokenFault::UnknownKey));
    assert!(keys.verify(&by_old, NOW - Duration::SECOND).is_ok());
    assert!(keys.verify(&by_new, NOW).is_ok());
    // Each key is asked only for what names it.
    let swapped = TokenKeys::new(
        ISSUER.into(),
        vec![TokenKey { id: new.id(), ..key(&old, None) }, TokenKey { id: old.id(), ..key(&new, None) }],
    );
    assert_eq!(swapped.verify(&by_new, NOW), Err(TokenFault::Signature));
}

#[test]
fn the_widest_token_that_can_be_minted_is_short_enough() {
    let mint = Mint::new();
    let reach = Reach {
        customers: Some((0..LIST_LONGEST).map(|_| CustomerId::generate()).collect()),
        phone_numbers: Some((0..LIST_LONGEST).map(|_| "123456789012345".parse().expect("digits")).collect()),
    };
    let claims = TokenClaims { permissions: PermissionSet::TOKEN, reach: std::sync::Arc::new(reach), ..claims() };
    let token = mint.signer.sign(&claims, &format!("https://{}.example.com", "p".repeat(60)));
    assert!(token.len() < TOKEN_LONGEST * 9 / 10, "{} bytes", token.len());
}

#[test]
fn debug_shows_no_private_key() {
    let signer = signer();
    assert_eq!(format!("{signer:?}"), format!("TokenSigner({})", signer.id()));
}

proptest! {
    #[test]
    fn any_claims_survive_their_token(
        permissions in prop::collection::vec(prop::sample::select(Permission::ALL), 0..60),
        customers in prop::option::of(0..20),
        lifetime in 1_i64..=3_600,
    ) {
        let mint = Mint::new();
        let customers = customers.map(|count| (0..count).map(|_| CustomerId::generate()).collect());
        let claims = TokenClaims {
            permissions: permissions.into_iter().collect(),
            reach: std::sync::Arc::new(Reach { customers, phone_numbers: None }),
            expires_at: NOW + Duration::seconds(lifetime),
            ..claims()
        };
        prop_assert_eq!(mint.verify(&mint.signer.sign(&claims, ISSUER)), Ok(claims));
    }

    #[test]
    fn any_changed_character_is_refused(at: prop::sample::Index, new in "[A-Za-z0-9._=-]") {
        let mint = Mint::new();
        let token = mint.signer.sign(&claims(), ISSUER);
        let at = at.index(token.len());
        let mut other = token.clone();
        other.replace_range(at..=at, &new);
        prop_assert_eq!(mint.verify(&other).is_ok(), other == token);
    }

    #[test]
    fn any_text_is_refused_without_panic(text: String) {
        prop_assert!(Mint::new().verify(&text).is_err());
    }
}
