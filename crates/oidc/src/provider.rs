//! One provider, and the two calls of a sign-in.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portico_domain::Clock;
use rand::CryptoRng;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::id_token::{BadIdToken, Claims, Expected, Flag, head, verify};
use crate::jwks::Keys;
use crate::metadata::{BadMetadata, Metadata, fetch};
use crate::web::{self, WebError};

/// How long metadata is used without being fetched again.
const LIFETIME: Duration = Duration::from_hours(1);

/// What the operator sets of the identity provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// The client id that the provider gave to this Portico.
    pub client_id: String,
    /// The client secret that the provider gave with it.
    pub client_secret: SecretString,
}

/// Why a setting is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// The issuer is no URL, or one to which no secret may be sent.
    #[error("must be the issuer of your identity provider, an https URL such as https://id.example.com")]
    Issuer,
    /// The client id is empty, or no text that a provider gives.
    #[error("must be the client id that your identity provider gave, of visible ASCII characters")]
    ClientId,
    /// The client secret is empty, or no text that a provider gives.
    #[error("must be the client secret that your identity provider gave, of visible ASCII characters")]
    ClientSecret,
    /// The HTTP client cannot be made.
    #[error("cannot be called: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The provider's metadata is refused, or cannot be fetched.
    #[error(transparent)]
    Metadata(#[from] BadMetadata),
    /// The token endpoint did not exchange the code.
    #[error("the code cannot be exchanged: {0}")]
    Exchange(#[source] WebError),
    /// The provider's keys cannot be fetched.
    #[error("the provider's keys cannot be fetched: {0}")]
    Keys(#[source] WebError),
    /// The userinfo endpoint gave nothing that can be read.
    #[error("the provider's userinfo cannot be read: {0}")]
    UserInfo(#[source] WebError),
    /// The browser came back with the answer of another provider (RFC 9207).
    #[error("the answer came from another provider")]
    OtherIssuer,
    /// The ID token is refused.
    #[error(transparent)]
    IdToken(#[from] BadIdToken),
}

impl Failure {
    /// Whether the provider is at fault or cannot be reached, rather than the answer wrong.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Metadata(_) | Self::Keys(_) | Self::UserInfo(_) | Self::Exchange(WebError::Unreachable(_)))
    }
}

/// What is kept with the browser between the two calls: three secrets of 256 random bits each, in base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `state`: comes back with the browser.
    pub state: String,
    /// `nonce`: comes back in the ID token.
    pub nonce: String,
    /// `code_verifier`: proves to the provider that whoever exchanges the code began the sign-in (RFC 7636).
    pub verifier: String,
}

impl Attempt {
    /// Three new random secrets.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut random = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        Self { state: random(), nonce: random(), verifier: random() }
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(..)")
    }
}

/// Who signed in, as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer of the ID token.
    pub issuer: String,
    /// `sub`: the account at that issuer, which is never given to another person.
    pub subject: String,
    /// The account's e-mail address; none if the provider told none.
    pub email: Option<String>,
    /// Whether the provider verified that the address is the person's.
    pub email_verified: bool,
    /// The person's name; none if the provider told none.
    pub name: Option<String>,
}

/// A client of one identity provider, with its metadata and keys as they were last fetched.
pub struct Provider {
    settings: Settings,
    client: Client,
    clock: Clock,
    /// The metadata, and when it was fetched.
    known: Mutex<Option<(Instant, Arc<Metadata>)>>,
    keys: Keys,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: Flag,
    name: Option<String>,
}

impl Provider {
    /// A client of the provider of these settings. Calls nothing yet.
    ///
    /// # Errors
    ///
    /// See [`BadSetting`].
    pub fn new(settings: Settings) -> Result<Self, BadSetting> {
        let issuer: Url = settings.issuer.parse().map_err(|_| BadSetting::Issuer)?;
        if !web::is_safe(&issuer) || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(BadSetting::Issuer);
        }
        let plain = |text: &str| (1..=2048).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain(&settings.client_id) {
            return Err(BadSetting::ClientId);
        }
        if !plain(settings.client_secret.expose_secret()) {
            return Err(BadSetting::ClientSecret);
        }
        let (client, clock) = (web::client()?, Clock::system());
        Ok(Self { settings, client, clock: clock.clone(), known: Mutex::default(), keys: Keys::new(clock) })
    }

    /// The same client, which takes from this clock how old metadata and keys are, and whether a token has
    /// expired. What was fetched before is forgotten.
    #[must_use]
    pub fn with_clock(self, clock: &Clock) -> Self {
        Self { clock: clock.clone(), known: Mutex::default(), keys: Keys::new(clock.clone()), ..self }
    }

    /// The issuer as the settings have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Fetches the provider's metadata, unless that was done within the hour.
    ///
    /// # Errors
    ///
    /// [`Failure::Metadata`].
    pub async fn discover(&self) -> Result<(), Failure> {
        self.metadata().await?;
        Ok(())
    }

    /// The address to which the browser is sent to sign in. It comes back to `redirect_uri`.
    ///
    /// # Errors
    ///
    /// [`Failure::Metadata`].
    pub async fn begin(&self, attempt: &Attempt, redirect_uri: &str) -> Result<String, Failure> {
        let metadata = self.metadata().await?;
        let mut url = metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", "openid email profile")
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Exchanges the code with which the browser came back, and gives who signed in. `issuer` is the
    /// parameter `iss` that it may have brought (RFC 9207). The caller has compared the state.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub async fn finish(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
        code: &str,
        issuer: Option<&str>,
    ) -> Result<Identity, Failure> {
        let metadata = self.metadata().await?;
        match issuer {
            Some(issuer) if issuer != self.settings.issuer => return Err(Failure::OtherIssuer),
            None if metadata.authorization_response_iss_parameter_supported => return Err(Failure::OtherIssuer),
            _ => {}
        }
        let answer = self.exchange(&metadata, attempt, redirect_uri, code).await?;
        let claims = self.verified(&metadata, attempt, &answer.id_token).await?;
        let told = match (&metadata.userinfo_endpoint, &answer.access_token) {
            (Some(url), Some(token)) if claims.email.is_none() || claims.email_verified.is_none() => {
                match self.user_info(url, token, &claims.sub).await {
                    // The address is known; only whether it was verified stays open, which counts as no.
                    Err(Failure::UserInfo(error)) if claims.email.is_some() => {
                        tracing::warn!(%error, "the provider's userinfo cannot be read");
                        None
                    }
                    told => Some(told?),
                }
            }
            _ => None,
        };
        Ok(identity(self.settings.issuer.clone(), claims, told))
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, BadMetadata> {
        let mut known = self.known.lock().await;
        match &*known {
            Some((at, metadata)) if self.clock.instant().duration_since(*at) < LIFETIME => {
                return Ok(Arc::clone(metadata));
            }
            _ => {}
        }
        let metadata = Arc::new(fetch(&self.client, &self.settings.issuer).await?);
        *known = Some((self.clock.instant(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        redirect_uri: &str,
        code: &str,
    ) -> Result<TokenAnswer, Failure> {
        let Settings { client_id, client_secret, .. } = &self.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &attempt.verifier),
        ];
        let mut request = self.client.post(metadata.token_endpoint.clone());
        if metadata.secret_in_header() {
            // RFC 6749, section 2.3.1: both parts are form-encoded first.
            let both = format!("{}:{}", encoded(client_id), encoded(client_secret.expose_secret()));
            request = request.header(reqwest::header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
        } else {
            form.push(("client_id", client_id));
            form.push(("client_secret", client_secret.expose_secret()));
        }
        let mut body = Url::parse("form:").expect("is a URL");
        body.query_pairs_mut().extend_pairs(form);
        let body = body.query().unwrap_or_default().to_owned();
        let request = request
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(reqwest::header::ACCEPT, "application/json")
            .body(body);
        web::json(request).await.map_err(Failure::Exchange)
    }

    async fn verified(&self, metadata: &Metadata, attempt: &Attempt, token: &str) -> Result<Claims, Failure> {
        let header = head(token)?;
        let keys = self.keys.find(&self.client, &metadata.jwks_uri, header.alg, header.kid.as_deref()).await;
        let now = u64::try_from(self.clock.now().unix_timestamp()).unwrap_or(0);
        let Settings { issuer, client_id, .. } = &self.settings;
        let expected = Expected { issuer, client_id, nonce: &attempt.nonce, now };
        Ok(verify(token, header.alg, &keys.map_err(Failure::Keys)?, expected)?)
    }

    async fn user_info(&self, url: &Url, token: &str, subject: &str) -> Result<UserInfo, Failure> {
        let request = self.client.get(url.clone()).bearer_auth(token);
        let told: UserInfo = web::json(request).await.map_err(Failure::UserInfo)?;
        // OpenID Connect Core, section 5.3.2: else it may be another person's.
        if told.sub != subject {
            return Err(BadIdToken::Malformed.into());
        }
        Ok(told)
    }
}

/// Who signed in: claims may stand in the ID token or in userinfo (`OpenID` Connect Core, section 5.4). What the
/// token says counts; userinfo speaks of the token's address only if it names the same.
fn identity(issuer: String, claims: Claims, told: Option<UserInfo>) -> Identity {
    let told = told.map(|told| (told.email, told.email_verified.0, told.name));
    let (told_email, told_verified, told_name) = told.unwrap_or_default();
    let said = claims.email_verified.map(|flag| flag.0);
    let (email, email_verified) = match (claims.email, told_email) {
        (Some(email), Some(told)) => {
            let verified = said.unwrap_or(told_verified && told.eq_ignore_ascii_case(&email));
            (Some(email), verified)
        }
        (Some(email), None) => (Some(email), said.unwrap_or(false)),
        (None, told) => (told, told_verified),
    };
    Identity { issuer, subject: claims.sub, email, email_verified, name: told_name.or(claims.name) }
}

/// The text in the encoding of HTML forms.
fn encoded(text: &str) -> String {
    let mut url = Url::parse("form:").expect("is a URL");
    url.query_pairs_mut().append_key_only(text);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str, id: &str, secret: &str) -> Settings {
        Settings { issuer: issuer.to_owned(), client_id: id.to_owned(), client_secret: secret.into() }
    }

    #[test]
    fn settings_are_judged_one_by_one() {
        assert!(Provider::new(settings("https://id.example.com/realm", "portico", "s")).is_ok());
        for issuer in ["", "id.example.com", "http://id.example.com", "https://id.example.com/?a=b"] {
            assert!(matches!(Provider::new(settings(issuer, "portico", "s")), Err(BadSetting::Issuer)), "{issuer}");
        }
        assert!(matches!(Provider::new(settings("https://a", "", "s")), Err(BadSetting::ClientId)));
        assert!(matches!(Provider::new(settings("https://a", "b", "s p")), Err(BadSetting::ClientSecret)));
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let attempt = Attempt {
            state: String::new(),
            nonce: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
        };
        assert_eq!(attempt.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn credentials_are_form_encoded_first() {
        assert_eq!(encoded("a:b +ü"), "a%3Ab+%2B%C3%BC");
    }
}
