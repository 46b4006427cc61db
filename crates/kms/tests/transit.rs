//! The transit provider against a stand-in that speaks the engine's wire format.

use std::sync::Arc;

use portico_kms::{BadTransit, KeyProviders, TransitClient, TransitKey, TransitOptions, ring};
use portico_testkit::transit::{Mood, TOKEN, TransitStandIn};
use portico_vault::{
    MasterKeyEntry, MasterKeyFailure, MasterKeyId, MasterKeyProvider as _, MasterKeys, OpenError, ProviderError,
    SecretString,
};

fn id(text: &str) -> MasterKeyId {
    text.parse().expect("an id")
}

fn client(engine: &TransitStandIn, token: &str, mount: &str) -> Arc<TransitClient> {
    let options = TransitOptions { url: engine.url(), token: token.into(), mount: mount.to_owned() };
    Arc::new(TransitClient::new(&options).expect("the options serve"))
}

fn key(engine: &TransitStandIn, name: &str) -> TransitKey {
    TransitKey::new(id("kms"), name.to_owned(), client(engine, TOKEN, "transit"))
}

#[tokio::test]
async fn what_is_sealed_opens_with_the_same_associated_data_only() {
    let engine = TransitStandIn::start(&["portico", "other"]).await;
    let portico = key(&engine, "portico");
    let body = portico.seal([0; 12], b"for row 1", b"a data key").await.expect("seals");
    assert!(body.starts_with(b"vault:v1:"), "{}", String::from_utf8_lossy(&body));
    let opened = portico.open(b"for row 1", &body).await.expect("opens");
    assert_eq!((opened.as_slice(), opened.capacity()), (&b"a data key"[..], 10));
    assert_eq!(portico.open(b"for row 2", &body).await, Err(ProviderError::Forged));
    assert_eq!(portico.open(b"", &body).await, Err(ProviderError::Forged));
    assert_eq!(key(&engine, "other").open(b"for row 1", &body).await, Err(ProviderError::Forged));
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert!(portico.open(b"for row 1", &changed).await.is_err(), "byte {at}");
    }
    assert_eq!(portico.open(b"for row 1", &body[..body.len() - 4]).await, Err(ProviderError::Forged));
    assert_eq!(portico.open(b"for row 1", b"junk").await, Err(ProviderError::Forged));
    assert_eq!(portico.open(b"for row 1", &[0xff; 64]).await, Err(ProviderError::Forged));

    // The engine's own rotation is its own business.
    engine.rotate("portico");
    assert!(portico.open(b"for row 1", &body).await.is_ok());
    assert!(portico.seal([0; 12], b"", b"x").await.expect("seals").starts_with(b"vault:v2:"));
}

#[tokio::test]
async fn an_engine_that_passes_associated_data_over_still_binds_it() {
    let engine = TransitStandIn::start(&["portico"]).await;
    engine.set(Mood::Old);
    let portico = key(&engine, "portico");
    let body = portico.seal([0; 12], b"for row 1", b"a data key").await.expect("seals");
    assert!(portico.open(b"for row 1", &body).await.is_ok());
    assert_eq!(portico.open(b"for row 2", &body).await, Err(ProviderError::Forged));
}

#[tokio::test]
async fn an_engine_that_does_not_serve_is_unreachable_and_not_a_forger() {
    let engine = TransitStandIn::start(&["portico"]).await;
    let portico = key(&engine, "portico");
    let body = portico.seal([0; 12], b"aad", b"a data key").await.expect("seals");
    for (mood, words) in [
        (Mood::Sealed, "it answers 503 Service Unavailable: Vault is sealed"),
        (Mood::Garbles, "the transit engine's answer cannot be read"),
    ] {
        engine.set(mood);
        let expected = ProviderError::Unreachable(words.to_owned());
        assert_eq!(portico.open(b"aad", &body).await, Err(expected.clone()));
        assert_eq!(portico.seal([0; 12], b"aad", b"x").await, Err(expected));
    }
    engine.set(Mood::Serves);
    assert!(portico.open(b"aad", &body).await.is_ok());
    drop(engine);
    let gone = portico.open(b"aad", &body).await;
    assert!(matches!(&gone, Err(ProviderError::Unreachable(_))), "{gone:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up() {
    let engine = TransitStandIn::start(&["portico"]).await;
    engine.set(Mood::Hangs);
    let late = key(&engine, "portico").seal([0; 12], b"aad", b"x").await;
    assert_eq!(late, Err(ProviderError::Unreachable("the transit engine did not answer in time".to_owned())));
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_in_its_own_words() {
    let engine = TransitStandIn::start(&["portico"]).await;
    let sealed = key(&engine, "portico").seal([0; 12], b"aad", b"x").await.expect("seals");
    let told = |key: TransitKey| {
        let sealed = sealed.clone();
        async move {
            let both = [key.seal([0; 12], b"aad", b"x").await.err(), key.open(b"aad", &sealed).await.err()];
            both.map(|error| match error {
                Some(ProviderError::Refused(text)) => text,
                other => panic!("expected a refusal: {other:?}"),
            })
        }
    };
    let denied = "it answers 403 Forbidden: permission denied";
    let with =
        |token: &str, mount: &str| TransitKey::new(id("kms"), "portico".to_owned(), client(&engine, token, mount));
    assert_eq!(told(with("hvs.another-token", "transit")).await, [denied, denied]);
    let nowhere = "it answers 404 Not Found: no handler for route \"elsewhere\". route entry not found.";
    assert_eq!(told(with(TOKEN, "team/transit")).await, [nowhere, nowhere]);
    let [seal, open] = told(key(&engine, "absent")).await;
    assert_eq!(seal, "it answers 403 Forbidden: 1 error occurred: * permission denied");
    assert_eq!(open, "it answers 400 Bad Request: encryption key not found");
}

#[tokio::test]
async fn the_token_and_the_secret_show_nowhere() {
    let engine = TransitStandIn::start(&["portico"]).await;
    let portico = key(&engine, "portico");
    portico.seal([0; 12], b"aad", b"in-secret").await.expect("seals");
    assert!(!format!("{portico:?}").contains(TOKEN), "{portico:?}");
    assert!(engine.seen().iter().all(|body| !body.contains("in-secret") && !body.contains(TOKEN)));
}

#[tokio::test]
async fn a_database_moves_from_a_local_key_to_the_engine_and_back() {
    let engine = TransitStandIn::start(&["portico"]).await;
    let providers = KeyProviders { transit: Some(client(&engine, TOKEN, "/transit/")), token: None };
    let keys = |text: &str| {
        let listed = MasterKeyEntry::parse(&SecretString::from(text)).expect("well-formed");
        ring(listed, &providers).expect("the engine is named")
    };
    let local = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let there: MasterKeys = keys(&format!("kms:transit:portico,{local}"));
    let purpose = portico_vault::Purpose::canary();
    let rng = &mut rand::rng();
    let canary = keys(local).seal_canary(rng).await.expect("local");
    let moved = there.reseal(&purpose, &canary, rng).await.expect("both serve").expect("was local");
    assert_eq!(keys("kms:transit:portico").check_canary(&moved).await, Ok(()));
    assert_eq!(keys(local).check_canary(&moved).await, Err(OpenError::UnknownMasterKey(id("kms"))));
    let back = keys(&format!("{local},kms:transit:portico"));
    let back = back.reseal(&purpose, &moved, rng).await.expect("both serve").expect("was with the engine");
    assert_eq!(keys(local).check_canary(&back).await, Ok(()));

    engine.set(Mood::Sealed);
    let failure = there.check_canary(&moved).await.expect_err("sealed");
    assert!(matches!(failure, OpenError::MasterKey(MasterKeyFailure::Unreachable { .. })), "{failure}");
    assert_eq!(there.check_canary(&canary).await, Ok(()), "the other key goes on");
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let options = |url: &str, token: &str, mount: &str| TransitOptions {
        url: url.to_owned(),
        token: token.into(),
        mount: mount.to_owned(),
    };
    let refusal = |url, token, mount| TransitClient::new(&options(url, token, mount)).err();
    for url in ["vault:8200", "ftp://vault", "https://user@vault", "https://vault/v1", "https://vault/?a=b", ""] {
        assert_eq!(refusal(url, "t", "transit"), Some(BadTransit::Url), "{url}");
    }
    for mount in ["", "/", "a//b", "..", "a/../b", "a b", "a%2fb"] {
        assert_eq!(refusal("https://vault", "t", mount), Some(BadTransit::Mount), "{mount}");
    }
    for token in ["", "a b", "a\nb", "ä"] {
        assert_eq!(refusal("https://vault", token, "transit"), Some(BadTransit::Token), "{token:?}");
    }
    assert_eq!(refusal("https://vault:8200/", "t", "/team_a/transit-2/"), None);
}
