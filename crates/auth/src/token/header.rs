//! The header of every token.
//!
//! `jsonwebtoken` reads it once more, for the signature. It takes members that it does not know, nulls,
//! another order and white space, and heeds neither `crit` nor `typ`; `none` is broken JSON to it. So
//! this reader decides: a header is ours to the byte, or it is refused.

use portico_domain::SigningKeyId;
use serde::{Deserialize, Serialize};

use super::TokenFault;

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";

/// In this order, and no other member.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    alg: String,
    kid: String,
    typ: String,
}

impl Header {
    /// The header of what that key signs, as JSON.
    pub(super) fn of(kid: SigningKeyId) -> Vec<u8> {
        let header = Self { alg: ALGORITHM.to_owned(), kid: kid.to_string(), typ: TYPE.to_owned() };
        serde_json::to_vec(&header).expect("three texts are JSON")
    }

    /// The key that the header names, if the header is one of ours to the byte.
    pub(super) fn judge(json: &[u8]) -> Result<SigningKeyId, TokenFault> {
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
