//! A provider that plays by the rules, and one that does not: every ID token that must not be believed
//! is refused, over real HTTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use portico_oidc::{Attempt, BadIdToken, Failure, Identity};
use serde_json::{Value, json};

use self::issuer::{CLIENT, Issuer, Key, NOW, REDIRECT, SECRET};

mod issuer;

fn now() -> i64 {
    NOW.unix_timestamp()
}

fn attempt() -> Attempt {
    Attempt { state: "state".into(), nonce: "nonce-1".into(), verifier: "verifier".into() }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The claims that are believed.
fn claims(issuer: &Issuer) -> Value {
    json!({
        "iss": issuer.url, "sub": "account-1", "aud": CLIENT, "nonce": "nonce-1", "iat": now(), "exp": now() + 300,
        "email": "ada@example.com", "email_verified": true, "name": "Ada",
    })
}

/// The message of a token with any head, signed with the key.
fn headed(key: &Key, head: &Value, body: &str) -> String {
    let message = format!("{}.{body}", part(head));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signer, key.algorithm).expect("signs");
    format!("{message}.{signature}")
}

fn refusal(outcome: &Result<Identity, Failure>) -> Option<BadIdToken> {
    match outcome {
        Err(Failure::IdToken(bad)) => Some(*bad),
        _ => None,
    }
}

#[tokio::test]
async fn every_allowed_algorithm_is_believed_and_the_exchange_is_the_standards() {
    let issuer = Issuer::start().await;
    for (id, algorithm) in
        [("r", Algorithm::RS256), ("p", Algorithm::PS256), ("e", Algorithm::ES256), ("d", Algorithm::EdDSA)]
    {
        let key = Key::new(id, algorithm);
        issuer.publishes(&[&key]);
        let provider = issuer.provider();
        let attempt = attempt();
        let url = provider.begin(&attempt, REDIRECT).await.expect("begins");
        for piece in [
            "?tenant=x&response_type=code&",
            "client_id=portico&",
            "scope=openid+email+profile&",
            "nonce=nonce-1&",
            "redirect_uri=https%3A%2F%2Fportico.example.com%2Fcallback&",
            "code_challenge_method=S256",
        ] {
            assert!(url.contains(piece), "{url} lacks {piece}");
        }
        assert!(!url.contains("verifier"), "the verifier stays here");
        let identity = issuer.finish(&provider, &attempt, &key.sign(&claims(&issuer))).await.expect("is believed");
        assert_eq!((identity.subject.as_str(), identity.email_verified), ("account-1", true), "{algorithm:?}");
        assert_eq!(identity.email.as_deref(), Some("ada@example.com"));
    }
    let exchange = issuer.last("POST /token");
    assert!(exchange.contains("grant_type=authorization_code&code=the+code&"), "{exchange}");
    assert!(exchange.contains("&code_verifier=verifier"), "{exchange}");
    let basic = STANDARD.encode("portico:a%2Bsecret%3Awith%2Bodd%2Bcharacters");
    assert!(exchange.contains(&format!("authorization: Basic {basic}")), "{exchange}");
}

#[tokio::test]
async fn hostile_tokens_are_refused() {
    let issuer = Issuer::start().await;
    let (key, rsa) = (Key::new("k", Algorithm::ES256), Key::new("r", Algorithm::RS256));
    issuer.publishes(&[&key, &rsa]);
    let attempt = attempt();
    let good = claims(&issuer);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("is an object").remove(name);
        key.sign(&claims)
    };
    let signed = key.sign(&good);
    let (head_and_body, signature) = signed.rsplit_once('.').expect("has three parts");
    let body = head_and_body.split('.').nth(1).expect("has three parts");
    let hmac = |secret: &[u8]| {
        let header = Header { kid: Some("r".into()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret)).expect("signs")
    };
    let headed = |head: Value| headed(&key, &head, body);
    let public = rsa.public()["n"].as_str().expect("is a text").to_owned();
    let table = [
        ("no signature", format!("{}.{body}.", part(&json!({"alg": "none"}))), BadIdToken::Malformed),
        ("none, but signed", headed(json!({"alg": "none", "kid": "k"})), BadIdToken::Malformed),
        ("HMAC with the client's secret", hmac(SECRET.as_bytes()), BadIdToken::Algorithm),
        ("HMAC with the public key", hmac(public.as_bytes()), BadIdToken::Algorithm),
        ("an algorithm that is not allowed", headed(json!({"alg": "ES384", "kid": "k"})), BadIdToken::Algorithm),
        ("an algorithm that the key is not for", headed(json!({"alg": "EdDSA", "kid": "k"})), BadIdToken::UnknownKey),
        ("RSA with another kind of key", headed(json!({"alg": "RS256", "kid": "k"})), BadIdToken::UnknownKey),
        ("a key that nobody knows", headed(json!({"alg": "ES256", "kid": "x"})), BadIdToken::UnknownKey),
        ("a path for a key", headed(json!({"alg": "ES256", "kid": "../../etc/passwd"})), BadIdToken::UnknownKey),
        ("a key of its own", Key::new("k", Algorithm::ES256).sign(&good), BadIdToken::Signature),
        (
            "something critical",
            headed(json!({"alg": "ES256", "kid": "k", "crit": ["x"], "x": 1})),
            BadIdToken::Malformed,
        ),
        ("a changed body", signed.replace(body, &part(&json!({"sub": "other"}))), BadIdToken::Signature),
        ("a cut signature", signed[..signed.len() - 8].to_owned(), BadIdToken::Signature),
        ("no signature at all", format!("{head_and_body}."), BadIdToken::Signature),
        ("junk", "junk".to_owned(), BadIdToken::Malformed),
        ("four parts", format!("{signed}.{signature}"), BadIdToken::Malformed),
        ("too long", with("more", json!("x".repeat(20_000))), BadIdToken::Malformed),
        ("another issuer", with("iss", json!("https://evil.example")), BadIdToken::Issuer),
        ("the issuer with a slash", with("iss", json!(format!("{}/", issuer.url))), BadIdToken::Issuer),
        ("a list of issuers", with("iss", json!([issuer.url])), BadIdToken::Malformed),
        ("no issuer", without("iss"), BadIdToken::Malformed),
        ("another audience", with("aud", json!("other")), BadIdToken::Audience),
        ("several audiences and no party", with("aud", json!([CLIENT, "other"])), BadIdToken::Audience),
        ("another party", with("azp", json!("other")), BadIdToken::Audience),
        ("no audience", without("aud"), BadIdToken::Malformed),
        ("another sign-in", with("nonce", json!("nonce-2")), BadIdToken::Nonce),
        ("no nonce", without("nonce"), BadIdToken::Nonce),
        ("expired", with("exp", json!(now() - 61)), BadIdToken::Expired),
        ("no expiry", without("exp"), BadIdToken::Malformed),
        ("an expiry that is a text", with("exp", json!("never")), BadIdToken::Malformed),
        ("issued long ago", with("iat", json!(now() - 3_600)), BadIdToken::Expired),
        ("issued in the future", with("iat", json!(now() + 120)), BadIdToken::Future),
        ("not yet valid", with("nbf", json!(now() + 120)), BadIdToken::Future),
        ("nobody", with("sub", json!("")), BadIdToken::Malformed),
        ("no subject", without("sub"), BadIdToken::Malformed),
    ];
    let provider = issuer.provider();
    let mut wrong = Vec::new();
    for (what, token, expected) in table {
        let got = issuer.finish(&provider, &attempt, &token).await;
        if refusal(&got) != Some(expected) {
            wrong.push(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(issuer.asked("/keys"), 1, "made-up names of keys caused calls");
    let mut both = good.clone();
    (both["aud"], both["azp"]) = (json!([CLIENT, "other"]), json!(CLIENT));
    for token in [with("aud", json!([CLIENT])), key.sign(&both), with("exp", json!(now() - 30))] {
        assert!(issuer.finish(&provider, &attempt, &token).await.is_ok(), "what the standard allows is believed");
    }
}

#[tokio::test]
async fn time_passes_by_the_clock_that_is_handed_in() {
    let issuer = Issuer::start().await;
    let key = Key::new("k", Algorithm::ES256);
    issuer.publishes(&[&key]);
    let (provider, attempt, token) = (issuer.provider(), attempt(), key.sign(&claims(&issuer)));
    let asked = || (issuer.asked("/.well-known/openid-configuration"), issuer.asked("/keys"));
    // It expires after 300 s, and clocks may differ by 60.
    issuer.clock.advance(Duration::from_secs(359));
    assert!(issuer.finish(&provider, &attempt, &token).await.is_ok());
    issuer.clock.advance(Duration::from_secs(1));
    assert_eq!(refusal(&issuer.finish(&provider, &attempt, &token).await), Some(BadIdToken::Expired));
    assert_eq!(asked(), (1, 1), "within an hour neither is asked for again");
    issuer.clock.advance(Duration::from_hours(1));
    assert_eq!(refusal(&issuer.finish(&provider, &attempt, &token).await), Some(BadIdToken::Expired));
    assert_eq!(asked(), (2, 2));
}

#[tokio::test]
async fn twice_the_same_claim_is_refused() {
    let issuer = Issuer::start().await;
    let key = Key::new("k", Algorithm::ES256);
    issuer.publishes(&[&key]);
    let claims = claims(&issuer).to_string().replacen('{', "{\"sub\":\"somebody else\",", 1);
    let token = headed(&key, &json!({"alg": "ES256", "kid": "k"}), &URL_SAFE_NO_PAD.encode(claims));
    let outcome = issuer.finish(&issuer.provider(), &attempt(), &token).await;
    assert_eq!(refusal(&outcome), Some(BadIdToken::Malformed));
}

#[tokio::test]
async fn without_an_address_in_the_token_the_provider_is_asked_and_only_the_same_account_counts() {
    let issuer = Issuer::start().await;
    let key = Key::new("k", Algorithm::ES256);
    issuer.publishes(&[&key]);
    let mut description = issuer.description();
    description["userinfo_endpoint"] = json!(format!("{}/me", issuer.url));
    issuer.answers("/.well-known/openid-configuration", &description);
    let mut claims = claims(&issuer);
    claims.as_object_mut().expect("is an object").remove("email");
    let (token, provider, attempt) = (key.sign(&claims), issuer.provider(), attempt());
    issuer.answers("/me", &json!({"sub": "account-1", "email": "told@example.com", "email_verified": "true"}));
    let identity = issuer.finish(&provider, &attempt, &token).await.expect("is believed");
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("told@example.com"), true));
    issuer.answers("/me", &json!({"sub": "account-2", "email": "told@example.com", "email_verified": true}));
    assert_eq!(refusal(&issuer.finish(&provider, &attempt, &token).await), Some(BadIdToken::Malformed));
}

#[tokio::test]
async fn odd_answers_of_the_provider_are_refused() {
    let issuer = Issuer::start().await;
    let key = Key::new("k", Algorithm::ES256);
    issuer.publishes(&[&key]);
    let (attempt, good) = (attempt(), key.sign(&claims(&issuer)));
    let provider = issuer.provider();
    for (status, body, said) in [
        (302, String::new(), "302"),
        (400, json!({"error": "invalid_grant"}).to_string(), "(invalid_grant)"),
        (400, json!({"error": "<script>"}).to_string(), "400"),
        (200, format!("{{\"id_token\": \"{good}\""), "not what the standard describes"),
        (200, "x".repeat(300_000), "longer than"),
    ] {
        issuer.answers_raw("/token", status, &body);
        let failure = provider.finish(&attempt, REDIRECT, "code", None).await.expect_err("is refused").to_string();
        assert!(failure.contains(said) && !failure.contains("script") && !failure.contains(&good), "{failure}");
    }
    assert_eq!(issuer.asked("/elsewhere"), 0, "a redirect was followed");
    let evil = provider.finish(&attempt, REDIRECT, "code", Some("https://evil.example")).await;
    assert!(matches!(evil, Err(Failure::OtherIssuer)));
    let mut description = issuer.description();
    description["authorization_response_iss_parameter_supported"] = json!(true);
    issuer.answers("/.well-known/openid-configuration", &description);
    let silent = issuer.finish(&issuer.provider(), &attempt, &good).await;
    assert!(matches!(silent, Err(Failure::OtherIssuer)), "it says that it names itself, and does not");
    description["issuer"] = json!("https://other.example");
    issuer.answers("/.well-known/openid-configuration", &description);
    assert!(issuer.provider().discover().await.expect_err("is refused").is_outage());
}

#[tokio::test]
async fn whether_an_address_was_verified_may_stand_in_the_token_or_in_userinfo() {
    let issuer = Issuer::start().await;
    let key = Key::new("d", Algorithm::EdDSA);
    issuer.publishes(&[&key]);
    let mut description = issuer.description();
    description["userinfo_endpoint"] = json!(format!("{}/userinfo", issuer.url));
    issuer.answers("/.well-known/openid-configuration", &description);
    let (ada, yes) = (json!("ada@example.com"), json!(true));
    for (what, in_token, told, expected) in [
        ("userinfo alone", (Some(&ada), None), Some((&ada, &yes)), Some(true)),
        ("another case", (Some(&ada), None), Some((&json!("Ada@Example.com"), &yes)), Some(true)),
        ("another address", (Some(&ada), None), Some((&json!("eve@example.com"), &yes)), Some(false)),
        ("the token says no", (Some(&ada), Some(false)), Some((&ada, &yes)), Some(false)),
        ("userinfo says no", (Some(&ada), None), Some((&ada, &json!(false))), Some(false)),
        ("userinfo fails", (Some(&ada), None), None, Some(false)),
        ("both in userinfo", (None, None), Some((&ada, &yes)), Some(true)),
        ("nothing anywhere", (None, None), None, None),
    ] {
        let mut claims = claims(&issuer);
        for (name, value) in [("email", in_token.0.cloned()), ("email_verified", in_token.1.map(Value::from))] {
            match value {
                Some(value) => claims[name] = value,
                None => drop(claims.as_object_mut().expect("is an object").remove(name)),
            }
        }
        match told {
            Some((email, verified)) => {
                let told = json!({"sub": "account-1", "email": email, "email_verified": verified});
                issuer.answers("/userinfo", &told);
            }
            None => issuer.answers_raw("/userinfo", 500, "{}"),
        }
        let finished = issuer.finish(&issuer.provider(), &attempt(), &key.sign(&claims)).await;
        let verified = finished.as_ref().ok().map(|identity| identity.email_verified);
        assert_eq!(verified, expected, "{what}: {finished:?}");
        if expected.is_some() {
            assert_eq!(finished.expect("is believed").email.as_deref(), Some("ada@example.com"), "{what}");
        }
    }
}
