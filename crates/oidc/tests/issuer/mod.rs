//! An issuer on the loopback address that answers what a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use portico_domain::Clock;
use portico_oidc::{Attempt, Failure, Identity, Provider, Settings};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// When every test begins.
pub(crate) const NOW: OffsetDateTime = datetime!(2030-01-31 12:00 UTC);
/// The client that the issuer knows.
pub(crate) const CLIENT: &str = "portico";
/// Its secret, with characters that need care.
pub(crate) const SECRET: &str = "a+secret:with+odd+characters";
/// Where it is sent back to.
pub(crate) const REDIRECT: &str = "https://portico.example.com/callback";

/// A key of an issuer's.
pub(crate) struct Key {
    id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) signer: EncodingKey,
}

impl Key {
    /// A new one.
    pub(crate) fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let rng = SystemRandom::new();
        let signer = match algorithm {
            Algorithm::ES256 => {
                let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("is made");
                EncodingKey::from_ec_der(der.as_ref())
            }
            Algorithm::EdDSA => {
                EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&rng).expect("is made").as_ref())
            }
            _ => {
                let pair = KeyPair::generate(KeySize::Rsa2048).expect("is made");
                let der: Pkcs8V1Der<'_> = pair.as_der().expect("is written");
                // The library wants the RSAPrivateKey (RFC 8017) which ends the PKCS #8 structure: it is
                // the second SEQUENCE with a length of two bytes.
                let der = der.as_ref();
                let inner = der.windows(2).skip(4).position(|two| two == [0x30, 0x82]).expect("is inside") + 4;
                EncodingKey::from_rsa_der(&der[inner..])
            }
        };
        Self { id, algorithm, signer }
    }

    /// The public key, as it is published.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.signer, self.algorithm).expect("has a public half");
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).expect("is JSON")
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.signer).expect("signs")
    }
}

/// What is answered, by path, and what was asked.
#[derive(Default)]
struct Said {
    answers: HashMap<String, (u16, String)>,
    asked: Vec<String>,
}

/// An issuer.
pub(crate) struct Issuer {
    pub(crate) url: String,
    /// What its clients take the time from.
    pub(crate) clock: Clock,
    said: Arc<Mutex<Said>>,
}

impl Issuer {
    /// One that describes itself as it should, and has no keys yet.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let said = Arc::new(Mutex::new(Said::default()));
        let shared = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        let issuer = Self { url, clock: Clock::manual(NOW), said };
        issuer.answers("/.well-known/openid-configuration", &issuer.description());
        issuer
    }

    /// How it describes itself.
    pub(crate) fn description(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url,
            "authorization_endpoint": at("/authorize?tenant=x"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
            "code_challenge_methods_supported": ["S256"],
        })
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().expect("no test panics while it holds this")
    }

    /// Says what is answered at a path.
    pub(crate) fn answers(&self, path: &str, body: &Value) {
        self.answers_raw(path, 200, &body.to_string());
    }

    /// The same with a status and any text.
    pub(crate) fn answers_raw(&self, path: &str, status: u16, body: &str) {
        self.said().answers.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// Says which keys it has.
    pub(crate) fn publishes(&self, keys: &[&Key]) {
        self.answers("/keys", &json!({"keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>()}));
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.said().asked.iter().filter(|asked| asked.split_whitespace().nth(1) == Some(path)).count()
    }

    /// The last request that begins so.
    pub(crate) fn last(&self, start: &str) -> String {
        self.said().asked.iter().rfind(|asked| asked.starts_with(start)).cloned().expect("was asked")
    }

    /// A client of it.
    pub(crate) fn provider(&self) -> Provider {
        let settings = Settings { issuer: self.url.clone(), client_id: CLIENT.into(), client_secret: SECRET.into() };
        Provider::new(settings).expect("the settings serve").with_clock(&self.clock)
    }

    /// Ends a sign-in that gets this ID token.
    pub(crate) async fn finish(
        &self,
        provider: &Provider,
        attempt: &Attempt,
        token: &str,
    ) -> Result<Identity, Failure> {
        self.answers("/token", &json!({"id_token": token, "access_token": "access", "token_type": "Bearer"}));
        provider.finish(attempt, REDIRECT, "the code", None).await
    }
}

/// Reads a whole request and answers it.
async fn answer(mut stream: TcpStream, said: Arc<Mutex<Said>>) {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if read == 0 {
            return;
        }
    }
    let path = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let (status, body) = {
        let mut said = said.lock().expect("no test panics while it holds this");
        said.asked.push(request);
        said.answers.get(&path).cloned().unwrap_or((404, "{}".to_owned()))
    };
    let head =
        format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\nconnection: close\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.ok();
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
