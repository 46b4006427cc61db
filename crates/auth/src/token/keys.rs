//! Signing and verifying.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portico_domain::SigningKeyId;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{ALGORITHM, TOKEN_LONGEST, TYPE, TokenClaims, TokenFault};

/// Bytes in a private key's seed, and in a public key.
const KEY_LEN: usize = 32;
/// Bytes in a signature.
const SIGNATURE_LEN: usize = 64;

/// The header of every token; each field once, and no other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

impl Header {
    fn of(kid: SigningKeyId) -> Vec<u8> {
        let header = Self { alg: ALGORITHM.to_owned(), kid: kid.to_string(), typ: TYPE.to_owned() };
        serde_json::to_vec(&header).expect("three texts are JSON")
    }

    /// The key that the header names, if the header is one of ours to the byte.
    fn judge(json: &[u8]) -> Result<SigningKeyId, TokenFault> {
        if json.first() != Some(&b'{') {
            return Err(TokenFault::Header);
        }
        let header: Self = serde_json::from_slice(json).map_err(|_| TokenFault::Header)?;
        if header.alg != ALGORITHM {
            return Err(TokenFault::Algorithm);
        }
        if header.typ != TYPE {
            return Err(TokenFault::Type);
        }
        let kid = header.kid.parse().map_err(|_| TokenFault::UnknownKey)?;
        if Self::of(kid) == json { Ok(kid) } else { Err(TokenFault::Header) }
    }
}

/// A private key that signs tokens.
pub struct TokenSigner {
    id: SigningKeyId,
    pair: Ed25519KeyPair,
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
        Some(Self { id, pair })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// The public key.
    ///
    /// # Panics
    ///
    /// Never: every Ed25519 key has 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; KEY_LEN] {
        self.pair.public_key().as_ref().try_into().expect("a public key of Ed25519 has 32 bytes")
    }

    /// The claims as a signed token.
    #[must_use]
    pub fn sign(&self, claims: &TokenClaims, issuer: &str) -> String {
        self.sign_parts(&Header::of(self.id), &claims.to_json(issuer))
    }

    /// Whatever it is, signed: tests make hostile tokens with it.
    pub(super) fn sign_parts(&self, header: &[u8], claims: &[u8]) -> String {
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
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
    keys: Vec<TokenKey>,
}

impl TokenKeys {
    /// These keys of that issuer.
    #[must_use]
    pub const fn new(issuer: String, keys: Vec<TokenKey>) -> Self {
        Self { issuer, keys }
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
        if token.len() > TOKEN_LONGEST {
            return Err(TokenFault::Length);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenFault::Shape)?;
        let kid = Header::judge(&decoded(header)?)?;
        let key = self.keys.iter().find(|key| key.id == kid && key.is_accepted(now)).ok_or(TokenFault::UnknownKey)?;
        let claims = decoded(claims)?;
        let signature = decoded(signature)?;
        if signature.len() != SIGNATURE_LEN {
            return Err(TokenFault::Signature);
        }
        let public_key = UnparsedPublicKey::new(&ED25519, key.public_key);
        public_key.verify(signed.as_bytes(), &signature).map_err(|_| TokenFault::Signature)?;
        TokenClaims::judge(&claims, &self.issuer, now)
    }
}

/// Base64url without padding; the one form in which each text can be written (a dot is not part of it).
fn decoded(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Shape)
}
