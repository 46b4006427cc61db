//! A stand-in for HashiCorp Vault's transit engine: its wire format, its error texts, and keys that
//! really encrypt. Nothing but `encrypt` and `decrypt` below the mount `transit`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The only token that is accepted; any other is answered with 403.
pub const TOKEN: &str = "hvs.stand-in-token-0123456789";

/// A running stand-in; ends when dropped.
#[derive(Debug)]
pub struct TransitStandIn {
    address: SocketAddr,
    engine: Arc<Mutex<Engine>>,
    serving: JoinHandle<()>,
}

/// How the stand-in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// As the engine does.
    #[default]
    Serves,
    /// 503, as a sealed Vault.
    Sealed,
    /// Not at all: requests are read, and their connections stay open.
    Hangs,
    /// 200 with a body that is not JSON.
    Garbles,
    /// As a version before 1.9, which ignores `associated_data`.
    Old,
}

#[derive(Debug, Default)]
struct Engine {
    /// By name, the versions of a key; the last encrypts.
    keys: HashMap<String, Vec<[u8; 32]>>,
    mood: Mood,
    /// Bodies of requests with the right token, as they came.
    seen: Vec<String>,
}

struct Request {
    path: String,
    token: Option<String>,
    body: Vec<u8>,
}

impl TransitStandIn {
    /// Starts one on a free port of the loopback address, with a key of each of these names.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback address has a free port");
        let address = listener.local_addr().expect("it is bound");
        let engine = Arc::new(Mutex::new(Engine::default()));
        let shared = Arc::clone(&engine);
        let serving = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        let made = Self { address, engine, serving };
        for name in names {
            made.rotate(name);
        }
        made
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how requests are answered from now on.
    pub fn set(&self, mood: Mood) {
        self.engine().mood = mood;
    }

    /// Makes a new version of a key, which encrypts from then on; the first makes the key.
    pub fn rotate(&self, name: &str) {
        self.engine().keys.entry(name.to_owned()).or_default().push(rand::random());
    }

    /// The bodies of requests with the right token, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.engine().seen.clone()
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TransitStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, engine: Arc<Mutex<Engine>>) {
    while let Some(request) = read(&mut stream).await {
        let answer = engine.lock().unwrap_or_else(PoisonError::into_inner).answer(&request);
        let Some((status, body)) = answer else { return std::future::pending().await };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request with a `Content-Length`; none when the connection ends.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    let path = if method == "POST" || method == "PUT" { path } else { format!("{method} {path}") };
    Some(Request { path, token: header("x-vault-token"), body: bytes[end..end + length].to_vec() })
}

type Answer = (u16, String);

fn refusal(status: u16, text: &str) -> Answer {
    (status, json!({"errors": [text]}).to_string())
}

impl Engine {
    fn answer(&mut self, request: &Request) -> Option<Answer> {
        match self.mood {
            Mood::Hangs => return None,
            Mood::Sealed => return Some(refusal(503, "Vault is sealed")),
            Mood::Garbles => return Some((200, "<html>a proxy's page</html>".to_owned())),
            Mood::Serves | Mood::Old => {}
        }
        if request.token.as_deref() != Some(TOKEN) {
            return Some(refusal(403, "permission denied"));
        }
        self.seen.push(String::from_utf8_lossy(&request.body).into_owned());
        let Some(rest) = request.path.strip_prefix("/v1/transit/") else {
            return Some(refusal(404, "no handler for route \"elsewhere\". route entry not found."));
        };
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return Some(refusal(400, "failed to parse JSON input"));
        };
        let answer = match rest.split_once('/') {
            Some(("encrypt", name)) => self.encrypt(name, &body),
            Some(("decrypt", name)) => self.decrypt(name, &body),
            _ => Err(refusal(404, "unsupported path")),
        };
        Some(answer.map_or_else(
            |refusal| refusal,
            |data| {
                let rest = json!({"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0,
                    "data": data, "wrap_info": null, "warnings": null, "auth": null, "mount_type": "transit"});
                (200, rest.to_string())
            },
        ))
    }

    fn encrypt(&self, name: &str, body: &Value) -> Result<Value, Answer> {
        // Making a missing key needs the capability `create`, which the token lacks.
        let versions =
            self.keys.get(name).ok_or_else(|| refusal(403, "1 error occurred:\n\t* permission denied\n\n"))?;
        let plain = bytes(body, "plaintext").ok_or_else(|| refusal(400, "failed to base64-decode plaintext"))?;
        let nonce: [u8; 12] = rand::random();
        let key = Aes256Gcm::new(versions.last().expect("a key has a version").into());
        let aad = self.associated_data(body)?;
        let sealed = key.encrypt(&Nonce::from(nonce), Payload { msg: &plain, aad: &aad }).expect("short texts encrypt");
        let text = STANDARD.encode([&nonce[..], &sealed].concat());
        Ok(json!({"ciphertext": format!("vault:v{}:{text}", versions.len()), "key_version": versions.len()}))
    }

    fn decrypt(&self, name: &str, body: &Value) -> Result<Value, Answer> {
        let versions = self.keys.get(name).ok_or_else(|| refusal(400, "encryption key not found"))?;
        let text = body["ciphertext"].as_str().unwrap_or_default();
        let rest = text.strip_prefix("vault:v").ok_or_else(|| refusal(400, "invalid ciphertext: no prefix"))?;
        let (version, text) =
            rest.split_once(':').ok_or_else(|| refusal(400, "invalid ciphertext: wrong number of fields"))?;
        let version: usize =
            version.parse().map_err(|_| refusal(400, "invalid ciphertext: version number could not be decoded"))?;
        let key = version.checked_sub(1).and_then(|at| versions.get(at));
        let key = key.ok_or_else(|| refusal(400, "invalid ciphertext: version is too new"))?;
        let sealed = STANDARD.decode(text).map_err(|_| refusal(400, "invalid ciphertext: could not decode base64"))?;
        let (nonce, sealed) =
            sealed.split_first_chunk::<12>().ok_or_else(|| refusal(400, "invalid ciphertext length"))?;
        let aad = self.associated_data(body)?;
        let plain = Aes256Gcm::new(key.into())
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &aad })
            .map_err(|_| refusal(400, "cipher: message authentication failed"))?;
        Ok(json!({"plaintext": STANDARD.encode(plain)}))
    }

    fn associated_data(&self, body: &Value) -> Result<Vec<u8>, Answer> {
        if self.mood == Mood::Old || body["associated_data"].is_null() {
            return Ok(Vec::new());
        }
        bytes(body, "associated_data").ok_or_else(|| refusal(400, "failed to base64-decode associated_data"))
    }
}

fn bytes(body: &Value, name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(body[name].as_str()?).ok()
}
