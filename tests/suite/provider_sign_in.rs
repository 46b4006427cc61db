//! Signing in at an identity provider that accepts the same code twice and tells of a verified address only in
//! userinfo.

use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Browser, Findings, Portico, Serve, Tenant};
use crate::members::invite;

const EMAIL: &str = "ada@example.com";

/// A provider that signs whatever nonce it was told, as often as it is asked.
struct Provider {
    url: String,
    nonce: Arc<Mutex<String>>,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback address has a free port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let (nonce, key) =
            (Arc::new(Mutex::new(String::new())), Arc::new(Ed25519KeyPair::generate().expect("is made")));
        let (issuer, told) = (url.clone(), Arc::clone(&nonce));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, issuer.clone(), Arc::clone(&told), Arc::clone(&key)));
            }
        });
        Self { url, nonce }
    }
}

async fn answer(mut stream: TcpStream, issuer: String, nonce: Arc<Mutex<String>>, key: Arc<Ed25519KeyPair>) {
    let mut buffer = [0; 8192];
    let read = stream.read(&mut buffer).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
    let body = match request.split_whitespace().nth(1).unwrap_or_default() {
        "/keys" => {
            let x = URL_SAFE_NO_PAD.encode(key.public_key());
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "use": "sig", "alg": "EdDSA", "x": x}]})
        }
        "/token" => {
            let nonce = nonce.lock().expect("nobody panics with it").clone();
            json!({"access_token": "a", "token_type": "Bearer", "id_token": signed(&issuer, &nonce, &key)})
        }
        "/userinfo" => json!({"sub": "u-1", "email": EMAIL, "email_verified": true}),
        _ => json!({
            "issuer": issuer, "response_types_supported": ["code"], "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
        }),
    }
    .to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).await.ok();
}

/// An ID token that says nothing of whether the address was verified.
fn signed(issuer: &str, nonce: &str, key: &Ed25519KeyPair) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({"iss": issuer, "aud": "portico", "sub": "u-1", "iat": now, "exp": now + 300, "nonce": nonce, "email": EMAIL});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "k"})), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[tokio::test]
async fn an_attempt_ends_once_and_an_address_may_be_verified_in_userinfo() {
    let portico = Portico::start().await;
    let provider = Provider::start().await;
    let serve = Serve::start_told(&portico, portico.told("sandbox_url"), |url| {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            setting("PORTICO_PUBLIC_URL", url),
            setting("PORTICO_OIDC_ISSUER", &provider.url),
            setting("PORTICO_OIDC_CLIENT_ID", "portico"),
            setting("PORTICO_OIDC_CLIENT_SECRET", "a-client-secret-of-this-test"),
        ]
    })
    .await;
    let (_, _, owner) = Tenant::bare(&portico, "Provided").await;
    invite(&owner.at(serve.url()), EMAIL, "viewer").await;
    let mut findings = Findings::new();
    let mut browser = Browser::of(&serve.anonymous());
    let page = browser.open("/console/sign-in").await;
    let leaving = browser.submit(&page, "/console/sign-in/provider", &[]).await;
    let away = leaving.text.split("/authorize?").nth(1).and_then(|rest| rest.split('"').next());
    let away = away.unwrap_or_else(|| panic!("{leaving} leads nowhere")).replace("&amp;", "&");
    let value = |name: &str| {
        let mut pairs = away.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).expect("is in the address")
    };
    *provider.nonce.lock().expect("nobody panics with it") = value("nonce");
    let back = format!("/console/sign-in/provider/callback?state={}&code=c", value("state"));
    let mut thief = browser.clone();
    let chosen = browser.open(&back).await;
    findings.check(chosen.status == 200 && browser.at == "/console/sign-in/tenant", || {
        format!("who is verified in userinfo is not asked for the tenant: {} {chosen}", browser.at)
    });
    let again = thief.open(&back).await;
    findings.check(again.status == 403, || format!("the attempt is ended a second time: {} {again}", thief.at));
    findings.finish();
    drop(serve);
    portico.stop().await;
}
