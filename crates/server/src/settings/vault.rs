//! The settings of the vault: the master keys, and where those are that do not stand in the list.

use std::path::PathBuf;
use std::sync::Arc;

use portico_kms::{BadTransit, KeyProviders, Pkcs11Token, Pkcs11TokenOptions, TransitClient, TransitOptions, ring};
use portico_vault::{MasterKeyEntry, MasterKeys};
use secrecy::{ExposeSecret as _, SecretString};

use super::keys;
use super::mistake::{Mistake, Mistakes};
use super::source::{Found, Sources};
use super::{LogSettings, Reader, database_url};

/// What `portico vault` needs to know.
#[derive(Debug)]
pub(crate) struct VaultSettings {
    /// URL of the database, for the gateway's login role.
    pub(crate) database_url: SecretString,
    /// What the vault is sealed with.
    pub(crate) master_keys: MasterKeys,
    /// Which log lines are written, and how.
    pub(crate) log: LogSettings,
}

/// The settings of `portico vault`.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn for_vault(sources: &Sources) -> Result<VaultSettings, Mistakes> {
    let mut reader = Reader { sources, mistakes: Vec::new() };
    let fix = "set it to postgres://user:password@host:5432/database, as for `portico serve`";
    let url = reader.require(keys::DATABASE_URL, fix, database_url);
    let (master_keys, log) = (reader.master_keys(), reader.log(super::QUIET_LOG));
    match (url, master_keys, log) {
        (Some(database_url), Some(master_keys), Some(log)) if reader.mistakes.is_empty() => {
            Ok(VaultSettings { database_url, master_keys, log })
        }
        _ => Err(Mistakes(reader.mistakes)),
    }
}

impl Reader<'_> {
    /// The ring of the listed keys. What names a place is asked for only if a key is there.
    pub(super) fn master_keys(&mut self) -> Option<MasterKeys> {
        let fix = "set it to k1:$(openssl rand -base64 32) and keep a copy in a safe place";
        let listed = self.require(keys::MASTER_KEYS, fix, |found| {
            MasterKeyEntry::parse(&found.text).map_err(|error| error.to_string())
        })?;
        let mut places = KeyProviders::default();
        if listed.iter().any(|key| matches!(key, MasterKeyEntry::Pkcs11 { .. })) {
            places.token = self.token();
        }
        if listed.iter().any(|key| matches!(key, MasterKeyEntry::Transit { .. })) {
            places.transit = self.transit();
        }
        // A place that is missing has been complained of.
        ring(listed, &places).ok()
    }

    fn token(&mut self) -> Option<Arc<Pkcs11Token>> {
        let module = self.require(
            keys::PKCS11_MODULE,
            "PORTICO_MASTER_KEYS lists a key in a token: set it to the token's PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so",
            |found| Ok(PathBuf::from(found.text.expose_secret())),
        );
        let label = self.require(
            keys::PKCS11_TOKEN,
            "PORTICO_MASTER_KEYS lists a key in a token: set it to the token's label",
            |found| Ok(found.text.expose_secret().to_owned()),
        );
        let pin = self.require(
            keys::PKCS11_PIN,
            "PORTICO_MASTER_KEYS lists a key in a token: set it to the user's PIN",
            |found| Ok(found.text.clone()),
        );
        Some(Arc::new(Pkcs11Token::new(Pkcs11TokenOptions { module: module?, label: label?, pin: pin? })))
    }

    fn transit(&mut self) -> Option<Arc<TransitClient>> {
        let text = |found: &Found| Ok((found.text.expose_secret().to_owned(), found.mistake("")));
        let url = self.require(
            keys::TRANSIT_URL,
            "PORTICO_MASTER_KEYS lists a key of a transit engine: set it to the server's URL, such as https://vault.example.com:8200",
            text,
        );
        let token = self.require(
            keys::TRANSIT_TOKEN,
            "PORTICO_MASTER_KEYS lists a key of a transit engine: set it to a token that may encrypt and decrypt with it",
            |found| Ok((found.text.clone(), found.mistake(""))),
        );
        let mount = self.or_default(keys::TRANSIT_MOUNT, text);
        let ((url, at_url), (token, at_token), (mount, at_mount)) = (url?, token?, mount?);
        match TransitClient::new(&TransitOptions { url, token, mount }) {
            Ok(client) => Some(Arc::new(client)),
            Err(bad) => {
                let at = match bad {
                    BadTransit::Url | BadTransit::Client => at_url,
                    BadTransit::Token => at_token,
                    BadTransit::Mount => at_mount,
                };
                if let Mistake::Value { origin, .. } = at {
                    self.mistakes.push(Mistake::Value { origin, reason: bad.to_string() });
                }
                None
            }
        }
    }
}
