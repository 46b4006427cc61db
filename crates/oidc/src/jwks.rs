//! The provider's public keys. They are fetched again when they are an hour old, and at once when a
//! token names one that is not known: but not more often than once a minute, so that made-up names
//! cause no calls.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use portico_domain::Clock;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::web::{WebError, json};

/// How long keys are used without being fetched again.
const LIFETIME: Duration = Duration::from_hours(1);
/// How long after a fetch an unknown key id may cause another.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_mins(1);

/// A provider's public key.
#[derive(Clone)]
pub(crate) struct Key {
    id: Option<String>,
    /// The one algorithm that the key says it is for.
    algorithm: Option<String>,
    kind: Kind,
    pub(crate) verifier: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    Ed25519,
}

impl Key {
    /// The key of a JWK; none if it must not verify signatures, or only of algorithms that are not accepted.
    fn of(value: Value) -> Option<Self> {
        // The library cannot read keys of unknown algorithms; what they say of themselves is kept apart.
        let algorithm = value.get("alg").and_then(Value::as_str).map(str::to_owned);
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let kind = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Kind::Rsa,
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Kind::P256,
            AlgorithmParameters::OctetKeyPair(curve) if curve.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
            _ => return None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithm, kind, verifier: DecodingKey::from_jwk(&jwk).ok()? })
    }

    /// Whether a token of that algorithm and key id may be verified with it.
    fn serves(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let fits = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => self.kind == Kind::Rsa,
            Algorithm::ES256 => self.kind == Kind::P256,
            Algorithm::EdDSA => self.kind == Kind::Ed25519,
            _ => false,
        };
        let said = self.algorithm.as_deref().is_none_or(|said| said == name(algorithm) || said == "Ed25519");
        fits && said && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        _ => "none that is allowed",
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    fetched: Option<Instant>,
}

/// The provider's key set as it was last fetched.
pub(crate) struct Keys {
    clock: Clock,
    known: Mutex<Known>,
}

impl Keys {
    /// No keys yet: the first call asks for them.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    /// The keys that may verify a token of that algorithm and key id, after fetching the set again if that
    /// can help. Without a key id there may be several.
    pub(crate) async fn find(
        &self,
        client: &Client,
        url: &Url,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Vec<Key>, WebError> {
        let mut known = self.known.lock().await;
        let age = known.fetched.map(|at| self.clock.instant().duration_since(at));
        let found = known.serving(algorithm, id);
        let again = match age {
            None => true,
            Some(age) => age >= LIFETIME || found.is_empty() && age >= UNKNOWN_KEY_PAUSE,
        };
        if !again {
            return Ok(found);
        }
        match json::<Set>(client.get(url.clone())).await {
            Ok(set) => {
                let keys = set.keys.into_iter().filter_map(Key::of).collect();
                *known = Known { keys, fetched: Some(self.clock.instant()) };
                Ok(known.serving(algorithm, id))
            }
            // Keys that were good an hour ago are better than nobody signing in.
            Err(error) if !found.is_empty() => {
                tracing::warn!(%error, "the identity provider's keys cannot be fetched anew; the known ones are used");
                Ok(found)
            }
            Err(error) => Err(error),
        }
    }
}

impl Known {
    fn serving(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<Key> {
        self.keys.iter().filter(|key| key.serves(algorithm, id)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves these key sets, one after the other, and then nothing.
    async fn serving(sets: Vec<Value>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}/keys", listener.local_addr().expect("is bound"));
        tokio::spawn(async move {
            for set in sets {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                let mut buffer = [0; 4096];
                assert!(stream.read(&mut buffer).await.is_ok_and(|read| read > 0), "a request comes");
                let body = set.to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.expect("writes");
            }
        });
        url.parse().expect("is a URL")
    }

    fn ed25519(id: &str) -> Value {
        // RFC 8037, appendix A.2.
        json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    #[tokio::test]
    async fn keys_follow_a_rotation_but_made_up_names_cause_no_calls() {
        let url = serving(vec![json!({"keys": [ed25519("old")]}), json!({"keys": [ed25519("new")]})]).await;
        let client = crate::web::client().expect("is made");
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let keys = Keys::new(clock.clone());
        let found = async |id| keys.find(&client, &url, Algorithm::EdDSA, Some(id)).await.expect("are had").len();
        assert_eq!((found("old").await, found("new").await), (1, 0), "within a minute they are not asked for again");
        clock.advance(UNKNOWN_KEY_PAUSE.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(found("new").await, 0);
        clock.advance(Duration::from_nanos(1));
        assert_eq!((found("new").await, found("old").await), (1, 0), "then they are");
        clock.advance(LIFETIME);
        assert_eq!(found("new").await, 1, "keys that were good are used while the provider is out of reach");
        clock.advance(UNKNOWN_KEY_PAUSE);
        assert!(keys.find(&client, &url, Algorithm::EdDSA, Some("third")).await.is_err());
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        let with = |name: &str, value: Value| {
            let mut key = ed25519("k");
            key[name] = value;
            Key::of(key)
        };
        let key = with("use", json!("sig")).expect("serves");
        assert!(key.serves(Algorithm::EdDSA, Some("k")) && key.serves(Algorithm::EdDSA, None));
        assert!(!key.serves(Algorithm::EdDSA, Some("other")) && !key.serves(Algorithm::ES256, Some("k")));
        assert!(with("use", json!("enc")).is_none());
        assert!(with("crv", json!("Ed448")).is_none());
        assert!(Key::of(json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})).is_none());
        assert!(!with("alg", json!("ES256")).is_some_and(|key| key.serves(Algorithm::EdDSA, Some("k"))));
    }
}
