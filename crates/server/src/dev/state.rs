//! What `portico dev` remembers between starts: its secrets, and how far the demo tenant is.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use portico_vault::MasterKeys;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::private_file;

const VERSION: u32 = 1;

/// Why the state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}; make it readable and writable, or choose another folder with --data-dir", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Not JSON, another version, or master keys that cannot be parsed.
    #[error("{} is damaged ({reason}): bring it back, or choose another folder with --data-dir", path.display())]
    Damaged {
        path: PathBuf,
        /// What is wrong with it; quotes no value.
        reason: String,
    },
}

/// A secret that is written into the state file, and nowhere else.
#[derive(Debug, Clone)]
pub(super) struct StoredSecret(pub(super) SecretString);

impl Serialize for StoredSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for StoredSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// What `state.json` holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// What the vault is sealed with, as `PORTICO_MASTER_KEYS` is written.
    pub(super) master_keys: StoredSecret,
    pub(super) operator_token: StoredSecret,
    /// The password of the private cluster's owner.
    pub(super) owner_password: StoredSecret,
    /// The gateway's login role on the server of `DATABASE_URL`; on the private cluster it has a fixed name.
    pub(super) guest_role: String,
    /// The password of the gateway's login role.
    pub(super) service_password: StoredSecret,
    pub(super) demo: DemoTenant,
}

/// How far the demo tenant is set up: each field is set once its step is done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DemoTenant {
    /// The tenant was asked for, and may be there although its id is not known.
    pub(super) tenant_asked: bool,
    pub(super) tenant_id: Option<String>,
    pub(super) admin_key: Option<StoredSecret>,
    pub(super) messaging_key: Option<StoredSecret>,
    pub(super) sandbox_chakra_key: Option<StoredSecret>,
    /// Portico's id of the stored key, once that was verified.
    pub(super) chakra_key_id: Option<String>,
    pub(super) customer_id: Option<String>,
    pub(super) plugin_id: Option<String>,
    pub(super) waba_id: Option<String>,
    pub(super) phone_number_id: Option<String>,
    /// The member who can sign in to the console.
    pub(super) member_id: Option<String>,
}

/// The state, and the file that keeps it.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Call [`StateFile::save`] after a change.
    pub(super) state: State,
}

impl StateFile {
    /// What an earlier start left, or a new state, which is saved at once.
    pub(super) fn open(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join("state.json");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let damaged = |reason: String| StateError::Damaged { path: path.clone(), reason };
                let state: State = serde_json::from_str(&text)
                    .map_err(|error| damaged(format!("line {}, column {}", error.line(), error.column())))?;
                if state.version != VERSION {
                    return Err(damaged(format!("it has version {}, not {VERSION}", state.version)));
                }
                MasterKeys::parse(&state.master_keys.0)
                    .map_err(|error| damaged(format!("its master_keys: {error}")))?;
                Ok(Self { path, state })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let made = Self { path, state: State::new() };
                made.save()?;
                Ok(made)
            }
            Err(source) => Err(StateError::Io { path, source }),
        }
    }

    pub(super) fn save(&self) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(&self.state).map_err(io::Error::from);
        text.and_then(|text| private_file::replace(&self.path, &text))
            .map_err(|source| StateError::Io { path: self.path.clone(), source })
    }
}

impl State {
    /// New secrets, and no demo tenant.
    pub(super) fn new() -> Self {
        let id = "k1".parse().expect("a lower-case letter and a digit are an id");
        let (_, master_keys) = MasterKeys::generate(id, &mut rand::rng());
        let secret = || StoredSecret(hexadecimal::<32>().into());
        Self {
            version: VERSION,
            master_keys: StoredSecret(master_keys),
            operator_token: secret(),
            owner_password: secret(),
            guest_role: format!("portico_dev_{}", hexadecimal::<4>()),
            service_password: secret(),
            demo: DemoTenant::default(),
        }
    }
}

/// That many random bytes, as twice as many hexadecimal digits.
pub(super) fn hexadecimal<const BYTES: usize>() -> String {
    use std::fmt::Write as _;

    rand::random::<[u8; BYTES]>().iter().fold(String::with_capacity(BYTES * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("portico-state-{:016x}", rand::random::<u64>()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn a_second_start_finds_the_same_secrets_and_the_demo_where_it_was() {
        let folder = Folder::new();
        let mut first = StateFile::open(&folder.0).unwrap();
        first.state.demo.tenant_id = Some("ten_x".to_owned());
        first.state.demo.admin_key = Some(StoredSecret("ptc_dev_x".into()));
        first.save().unwrap();
        let second = StateFile::open(&folder.0).unwrap().state;
        assert_eq!(second.master_keys.0.expose_secret(), first.state.master_keys.0.expose_secret());
        assert_eq!(second.guest_role, first.state.guest_role);
        assert_eq!(second.demo.tenant_id.as_deref(), Some("ten_x"));
        assert_eq!(second.demo.admin_key.map(|key| key.0.expose_secret().to_owned()).as_deref(), Some("ptc_dev_x"));
        assert!(second.demo.plugin_id.is_none());
    }

    #[test]
    fn a_damaged_file_is_named_and_not_quoted() {
        let folder = Folder::new();
        StateFile::open(&folder.0).unwrap();
        let path = folder.0.join("state.json");
        for text in ["", "{\"version\": 1, \"operator_token\": \"in-secret\"}", "in-secret"] {
            fs::write(&path, text).unwrap();
            let error = StateFile::open(&folder.0).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && !error.contains("in-secret"), "{error}");
        }
    }

    #[test]
    fn the_new_secrets_serve() {
        let state = State::new();
        assert!(portico_vault::OperatorToken::parse(state.operator_token.0).is_ok());
        assert_eq!(state.guest_role.len(), "portico_dev_".len() + 8);
    }
}
