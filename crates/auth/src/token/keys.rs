//! Signing and verifying, by `jsonwebtoken`; and what it does not refuse of its own.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use portico_domain::SigningKeyId;
use rand::CryptoRng;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::claims::Wire;
use super::header::Header;
use super::{AUDIENCE, TOKEN_LONGEST, TokenClaims, TokenFault};

/// Bytes in a private key's seed, and in a public key.
const KEY_LEN: usize = 32;

/// A private key that signs tokens.
pub struct TokenSigner {
    id: SigningKeyId,
    public_key: [u8; KEY_LEN],
    private_key: EncodingKey,
}

impl TokenSigner {
    /// The seed of a new key.
    pub fn generate_seed(rng: &mut impl CryptoRng) -> Zeroizing<[u8; KEY_LEN]> {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *seed);
        seed
    }

    /// The key of that seed; none unless it has 32 bytes.
    #[must_use]
    pub fn from_seed(id: SigningKeyId, seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public_key = pair.public_key().as_ref().try_into().ok()?;
        // The library takes no seeds; both documents are wiped when they are dropped.
        let private_key = EncodingKey::from_ed_der(pair.to_pkcs8v1().ok()?.as_ref());
        Some(Self { id, public_key, private_key })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// The public key.
    #[must_use]
    pub const fn public_key(&self) -> [u8; KEY_LEN] {
        self.public_key
    }

    /// The claims as a signed token.
    #[must_use]
    pub fn sign(&self, claims: &TokenClaims, issuer: &str) -> String {
        self.sign_parts(&Header::of(self.id), &claims.to_json(issuer))
    }

    /// Whatever it is, signed: tests make hostile tokens with it.
    ///
    /// Not [`jsonwebtoken::encode`]: it writes `typ` before `alg`, and replicas of the version before
    /// refuse, as we do, every header that is not theirs to the byte.
    pub(super) fn sign_parts(&self, header: &[u8], claims: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private_key, Algorithm::EdDSA)
            .expect("a key of Ed25519 signs any message");
        format!("{message}.{signature}")
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({})", self.id)
    }
}

/// A public key that tokens are verified with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKey {
    /// Its id.
    pub id: SigningKeyId,
    /// The key.
    pub public_key: [u8; KEY_LEN],
    /// From when on what it signed is refused.
    pub retires_at: Option<OffsetDateTime>,
}

impl TokenKey {
    /// Whether what it signed is still accepted.
    #[must_use]
    pub fn is_accepted(&self, now: OffsetDateTime) -> bool {
        self.retires_at.is_none_or(|end| now < end)
    }
}

/// All keys that tokens are verified with, and who issues them.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    issuer: String,
    keys: Vec<(TokenKey, DecodingKey)>,
    validation: Validation,
}

impl TokenKeys {
    /// These keys of that issuer.
    #[must_use]
    pub fn new(issuer: String, keys: Vec<TokenKey>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[AUDIENCE]);
        // The library knows the system's clock and no other; `TokenClaims::judge` is handed one.
        validation.validate_exp = false;
        // Every claim is required, not five at the most: `Wire` cannot be read without.
        validation.required_spec_claims.clear();
        let keys = keys.into_iter().map(|key| (key, DecodingKey::from_ed_der(&key.public_key))).collect();
        Self { issuer, keys, validation }
    }

    /// Who issues.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What a token says, if it is one of ours and holds at this moment.
    ///
    /// # Errors
    ///
    /// See [`TokenFault`].
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<TokenClaims, TokenFault> {
        // The library decodes a token of any length.
        if token.len() > TOKEN_LONGEST {
            return Err(TokenFault::Length);
        }
        let (signed, _) = token.rsplit_once('.').ok_or(TokenFault::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenFault::Shape)?;
        let kid = Header::judge(&decoded(header)?)?;
        let named = self.keys.iter().find(|(key, _)| key.id == kid && key.is_accepted(now));
        let (_, key) = named.ok_or(TokenFault::UnknownKey)?;
        let claims = decoded(claims)?;
        let wire = jsonwebtoken::decode::<Wire>(token, key, &self.validation).map_err(|error| fault(&error))?.claims;
        // The library skips white space around the claims.
        if claims.first() != Some(&b'{') || claims.last() != Some(&b'}') {
            return Err(TokenFault::Claims);
        }
        TokenClaims::judge(wire, now)
    }
}

/// Base64url without padding; the one form in which each text can be written (a dot is not part of it).
/// The library decodes alike, but the claims only after the signature held.
fn decoded(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Shape)
}

/// Why the library refuses a token under one of our headers.
fn fault(error: &Error) -> TokenFault {
    match error.kind() {
        ErrorKind::Base64(_) => TokenFault::Shape,
        ErrorKind::Json(_) => TokenFault::Claims,
        ErrorKind::InvalidIssuer => TokenFault::Issuer,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        _ => TokenFault::Signature,
    }
}
