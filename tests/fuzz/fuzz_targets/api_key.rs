//! Anything as an API key and as an `Authorization` header: no panic, and what is accepted is a key in
//! the documented form, to the character.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portico_auth::Credential;
use portico_vault::{ApiKeySecret, OperatorToken, SecretString, hash_of};
use std::sync::LazyLock;

static OPERATOR: LazyLock<OperatorToken> = LazyLock::new(|| {
    OperatorToken::parse(SecretString::from("the-operators-token-of-a-fuzzer-0123")).expect("is long enough")
});

fuzz_target!(|text: &str| {
    let hash = hash_of(text);
    let parsed = ApiKeySecret::parse(text);
    assert_eq!(hash.is_ok(), parsed.is_ok(), "hash and key differ on {text:?}");
    if let (Ok(hash), Ok(key)) = (hash, &parsed) {
        assert_eq!(key.expose(), text);
        assert!(key.hash() == hash);
        let mut parts = text.split('_');
        assert_eq!(parts.next(), Some("ptc"));
        assert!(parts.next().is_some_and(|env| (2..=8).contains(&env.len())));
        assert!(parts.all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert!(text.starts_with(&key.prefix()));
    }
    for header in [text.to_owned(), format!("Bearer {text}")] {
        match Credential::parse(Some(&header), &OPERATOR) {
            Ok(Credential::ApiKey(found)) => {
                let (_, token) = header.split_once(' ').expect("a scheme and a key");
                assert!(hash_of(token.trim_matches(' ')) == Ok(found));
            }
            Ok(Credential::Token(token)) => assert!(token.starts_with("ey") && token.contains('.')),
            Ok(Credential::Operator) => assert!(header.contains("the-operators-token-of-a-fuzzer-0123")),
            Err(_) => {}
        }
    }
});
