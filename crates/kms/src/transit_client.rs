//! The HTTP side of a transit engine: `POST {url}/v1/{mount}/{encrypt|decrypt}/{key}`.
//!
//! HashiCorp Vault, API of the transit secrets engine; OpenBao speaks the same.

use std::time::Duration;

use portico_vault::ProviderError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::TIME_LIMIT;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// Bytes in the longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// Where the engine is, and how to authenticate.
#[derive(Debug, Clone)]
pub struct TransitOptions {
    /// The server's base URL, such as `https://vault.example.com:8200`.
    pub url: String,
    /// Sent as `X-Vault-Token`. It needs `update` on `encrypt/<key>` and `decrypt/<key>`, and no more.
    pub token: SecretString,
    /// The path at which the engine is mounted, such as `transit`.
    pub mount: String,
}

/// Why options give no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTransit {
    /// The text is no URL, or has more than scheme, host and port.
    #[error("must be an http or https URL without path and credentials, such as https://vault.example.com:8200")]
    Url,
    /// The token cannot stand in a header.
    #[error("must be visible ASCII characters")]
    Token,
    /// The mount cannot stand in a path.
    #[error("must be letters, digits, \"_\", \"-\" and \"/\", such as transit")]
    Mount,
    /// The TLS stack does not start.
    #[error("cannot be called: the HTTP client does not start")]
    Client,
}

/// A client of one transit engine, with the token in every request.
#[derive(Debug)]
pub struct TransitClient {
    http: reqwest::Client,
    base: Url,
    mount: String,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

impl TransitClient {
    /// A client of that engine. Calls nothing yet.
    ///
    /// # Errors
    ///
    /// See [`BadTransit`].
    pub fn new(options: &TransitOptions) -> Result<Self, BadTransit> {
        let base = Url::parse(&options.url).map_err(|_| BadTransit::Url)?;
        let plain = matches!(base.scheme(), "http" | "https")
            && base.host().is_some()
            && base.path() == "/"
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        if !plain {
            return Err(BadTransit::Url);
        }
        let mount = options.mount.trim_matches('/').to_owned();
        let segment = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if !mount.split('/').all(segment) {
            return Err(BadTransit::Mount);
        }
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible(options.token.expose_secret()) {
            return Err(BadTransit::Token);
        }
        let mut token = HeaderValue::from_str(options.token.expose_secret()).map_err(|_| BadTransit::Token)?;
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("x-vault-token"), token)]);
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIME_LIMIT)
            .build()
            .map_err(|_| BadTransit::Client)?;
        Ok(Self { http, base, mount })
    }

    /// Calls `action` (`encrypt` or `decrypt`) of a key and gives the body of a 200.
    pub(crate) async fn ask(
        &self,
        action: &'static str,
        key: &str,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut url = self.base.clone();
        url.set_path(&format!("/v1/{}/{action}/{key}", self.mount));
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(body.to_vec());
        let answer = request.send().await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = read(answer).await?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(judge(action, status, &serde_json::from_slice(&body).unwrap_or(Errors { errors: Vec::new() })))
    }
}

async fn read(mut answer: Response) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let mut body = Zeroizing::new(Vec::with_capacity(LONGEST));
    while let Some(piece) = answer.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + piece.len() > LONGEST {
            return Err(ProviderError::Unreachable("the transit engine's answer is too long to be one".to_owned()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What a status other than 200 means. The server says `{"errors": […]}`.
fn judge(action: &str, status: StatusCode, said: &Errors) -> ProviderError {
    let words: String = said.errors.join("; ").split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(200).collect();
    let told = if words.is_empty() { format!("it answers {status}") } else { format!("it answers {status}: {words}") };
    // A ciphertext that another key, another context or nobody made. No other 400 of a decryption is
    // about what was to be opened.
    let forged = ["message authentication failed", "invalid ciphertext", "could not decrypt", "invalid key version"];
    match status.as_u16() {
        400 if action == "decrypt" && forged.iter().any(|part| words.contains(part)) => ProviderError::Forged,
        400..=499 if status != StatusCode::TOO_MANY_REQUESTS && !is_standby(status) => ProviderError::Refused(told),
        _ => ProviderError::Unreachable(told),
    }
}

/// 472 and 473 come from a server that is up and does not serve.
fn is_standby(status: StatusCode) -> bool {
    matches!(status.as_u16(), 472 | 473)
}

fn unreachable(error: &reqwest::Error) -> ProviderError {
    let what = if error.is_timeout() {
        "the transit engine did not answer in time"
    } else if error.is_connect() {
        "the transit engine cannot be connected to"
    } else {
        "the transit engine broke off"
    };
    ProviderError::Unreachable(what.to_owned())
}
