//! The setting that lists the master keys.

use secrecy::{ExposeSecret, SecretString};

use crate::cipher::KEY_LEN;
use crate::local_master_key::{BadKeyText, LocalMasterKey};
use crate::master_key_id::{ID_LONGEST, MalformedMasterKeyId, MasterKeyId};

/// One entry of the setting: a key, or where a key is.
#[derive(Debug)]
pub enum MasterKeyEntry {
    /// `<id>:<base64 of 32 bytes>`: the key itself.
    Local(LocalMasterKey),
    /// `<id>:pkcs11:<key label>`: a key in the token that other settings name.
    Pkcs11 {
        /// The id that the key has in Portico.
        id: MasterKeyId,
        /// The key's `CKA_LABEL`.
        label: String,
    },
    /// `<id>:transit:<key name>`: a key of the transit engine that other settings name.
    Transit {
        /// The id that the key has in Portico.
        id: MasterKeyId,
        /// The name that the key has in the engine.
        name: String,
    },
}

/// Why a text is no list of master keys. Entries are named by their position, counted from 1, because what
/// stands in the place of an id may be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeysError {
    /// There is no entry at all.
    #[error("must list at least one master key, as <id>:<base64 of 32 bytes>")]
    Empty,
    /// An entry has no colon between id and key, or is empty.
    #[error(
        "entry {entry} must have the form <id>:<base64 of 32 bytes>, <id>:pkcs11:<key label> or <id>:transit:<key name>"
    )]
    MissingColon {
        /// Which entry.
        entry: usize,
    },
    /// What precedes the colon is no id.
    #[error("the id of entry {entry} must be 1 to {ID_LONGEST} lower-case letters, digits, \"_\" and \"-\"")]
    Id {
        /// Which entry.
        entry: usize,
    },
    /// What follows the colon is not base64.
    #[error("the key of entry {entry} is not base64 with the standard alphabet and padding")]
    Base64 {
        /// Which entry.
        entry: usize,
    },
    /// The key has another length than 32 bytes.
    #[error("the key of entry {entry} has {bytes} bytes, but must have {KEY_LEN}")]
    Length {
        /// Which entry.
        entry: usize,
        /// How many bytes it has instead.
        bytes: usize,
    },
    /// The name of a provider's key is empty, too long, or has characters that do not belong there.
    #[error(
        "the key of entry {entry} must be named by 1 to {NAME_LONGEST} letters, digits, \"_\", \"-\" and \".\", beginning with none of the signs"
    )]
    Name {
        /// Which entry.
        entry: usize,
    },
    /// The entry names a provider's key where only local keys may stand.
    #[error("entry {entry} names a key of a provider, but only <id>:<base64 of 32 bytes> may stand here")]
    Elsewhere {
        /// Which entry.
        entry: usize,
    },
    /// Two entries have the same id.
    #[error("the id \"{id}\" is given twice")]
    Duplicate {
        /// The id.
        id: MasterKeyId,
    },
}

/// Characters in the longest name of a provider's key.
const NAME_LONGEST: usize = 64;

impl MasterKeyEntry {
    /// The entries of the setting `PORTICO_MASTER_KEYS`, at least one, with different ids: the first
    /// seals, all open. White space around entries is ignored, so that a file may end with a line break.
    ///
    /// # Errors
    ///
    /// [`MasterKeysError`], which says what to correct and quotes no key.
    pub fn parse(text: &SecretString) -> Result<Vec<Self>, MasterKeysError> {
        let text = text.expose_secret().trim();
        if text.is_empty() {
            return Err(MasterKeysError::Empty);
        }
        let mut all: Vec<Self> = Vec::new();
        for (text, entry) in text.split(',').zip(1..) {
            let one = Self::parse_entry(text.trim(), entry)?;
            if all.iter().any(|other| other.id() == one.id()) {
                return Err(MasterKeysError::Duplicate { id: one.id().clone() });
            }
            all.push(one);
        }
        Ok(all)
    }

    /// The id that the setting gives to the key.
    #[must_use]
    pub fn id(&self) -> &MasterKeyId {
        match self {
            Self::Local(key) => crate::provider::MasterKeyProvider::id(key),
            Self::Pkcs11 { id, .. } | Self::Transit { id, .. } => id,
        }
    }

    fn parse_entry(text: &str, entry: usize) -> Result<Self, MasterKeysError> {
        let (id, key) = text.split_once(':').ok_or(MasterKeysError::MissingColon { entry })?;
        let id = id.trim().parse().map_err(|MalformedMasterKeyId| MasterKeysError::Id { entry })?;
        let key = key.trim();
        // No base64 has a colon.
        if let Some((provider, name)) = key.split_once(':') {
            let name = name.trim();
            return match provider.trim() {
                "pkcs11" | "transit" if !is_name(name) => Err(MasterKeysError::Name { entry }),
                "pkcs11" => Ok(Self::Pkcs11 { id, label: name.to_owned() }),
                "transit" => Ok(Self::Transit { id, name: name.to_owned() }),
                _ => Err(MasterKeysError::MissingColon { entry }),
            };
        }
        LocalMasterKey::parse(id, key).map(Self::Local).map_err(|bad| match bad {
            BadKeyText::Base64 => MasterKeysError::Base64 { entry },
            BadKeyText::Length(bytes) => MasterKeysError::Length { entry, bytes },
        })
    }
}

/// Whether the text can stand in a URL's path and in a token's label alike, and cannot lead up a path.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=NAME_LONGEST).contains(&text.len()) && text.bytes().all(allowed) && text.as_bytes()[0].is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn parse(text: &str) -> Result<Vec<String>, MasterKeysError> {
        let told = |listed: &MasterKeyEntry| match listed {
            MasterKeyEntry::Local(key) => format!("{} local {key:?}", listed.id()),
            MasterKeyEntry::Pkcs11 { id, label } => format!("{id} in the token as {label}"),
            MasterKeyEntry::Transit { id, name } => format!("{id} in transit as {name}"),
        };
        Ok(MasterKeyEntry::parse(&SecretString::from(text))?.iter().map(told).collect())
    }

    #[test]
    fn an_entry_is_a_key_or_names_one_in_a_token_or_a_transit_engine() {
        let text = format!("k3:transit:portico.prod,\n k2 : pkcs11 : Portico-2026_01 ,k1:{KEY}\n");
        assert_eq!(
            parse(&text).expect("well-formed"),
            [
                "k3 in transit as portico.prod",
                "k2 in the token as Portico-2026_01",
                "k1 local LocalMasterKey { id: \"k1\", .. }"
            ]
        );
    }

    #[test]
    fn a_name_elsewhere_is_short_and_leads_up_no_path() {
        for name in ["", " ", "a/b", "../sys", ".", "..", ".a", "-a", "_a", "a b", "a:b", "ä", &"a".repeat(65)] {
            for provider in ["pkcs11", "transit"] {
                let text = format!("k1:{provider}:{name}");
                assert_eq!(parse(&text), Err(MasterKeysError::Name { entry: 1 }), "{text}");
            }
        }
        assert!(parse(&format!("k1:transit:{}", "a".repeat(64))).is_ok());
    }

    #[test]
    fn an_unknown_provider_is_told_the_forms() {
        for text in ["k1:aws:alias", "k1::x", &format!("k1:{KEY}:x")] {
            let error = parse(text).expect_err("no such provider");
            assert_eq!(error, MasterKeysError::MissingColon { entry: 1 });
            assert!(error.to_string().contains("<id>:transit:<key name>") && !error.to_string().contains("alias"));
        }
    }

    #[test]
    fn an_id_stands_once_whatever_the_provider() {
        let id = "k1".parse().expect("an id");
        assert_eq!(parse("k1:transit:a,k1:pkcs11:b"), Err(MasterKeysError::Duplicate { id }));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in "(k1|,|:|pkcs11|transit|[ -~]{0,3}){0,8}") {
            if let Ok(all) = parse(&text) {
                prop_assert_eq!(all.len(), text.split(',').count());
            }
        }
    }
}
