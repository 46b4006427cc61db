//! Where values come from: the environment, which wins, and a settings file.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::keys::{self, Key};
use super::mistake::{Mistake, Mistakes, Origin};

/// The settings file of the current folder, which may be absent.
const DEFAULT_FILE: &str = "portico.toml";

/// The text of every setting that was found, not parsed yet.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// What the environment says, under the names of the environment.
    env: BTreeMap<String, SecretString>,
    /// What the file says, under the names of the file.
    file: BTreeMap<String, SecretString>,
    path: PathBuf,
    /// Variables of this process that look like settings and are none.
    unknown: Vec<String>,
}

/// The text of a setting, and where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Held as a secret whether it is one or not: then nothing has to be told apart here.
    pub(crate) text: SecretString,
    pub(crate) origin: Origin,
}

impl Found {
    /// That this value is wrong; `reason` continues the sentence that begins with its [`Origin`].
    pub(crate) fn mistake(&self, reason: impl Into<String>) -> Mistake {
        Mistake::Value { origin: self.origin.clone(), reason: reason.into() }
    }
}

impl Sources {
    /// What this process was given: its environment, and the file that `--config` names or else
    /// `portico.toml` where it exists.
    ///
    /// # Errors
    /// When the file cannot be read or holds what is no setting, or the environment no text.
    pub(crate) fn of_this_process(config: Option<&Path>) -> Result<Self, Mistakes> {
        let unknown = unknown_variables(env::vars_os().map(|(name, _)| name));
        Ok(Self { unknown, ..Self::read(config, |name| env::var_os(name))? })
    }

    /// The names of variables that begin like settings and are none: misspelt ones, most likely.
    pub(crate) fn unknown_variables(&self) -> &[String] {
        &self.unknown
    }

    /// Warns of each of them.
    pub(crate) fn warn_of_unknown(&self) {
        for name in &self.unknown {
            tracing::warn!("{name} is no setting and has no effect; the page /docs/settings lists them");
        }
    }

    /// As [`Sources::of_this_process`], without a settings file.
    ///
    /// # Errors
    /// When it holds no text.
    pub(crate) fn of_the_environment() -> Result<Self, Mistakes> {
        let env = read_environment(|name| env::var_os(name))?;
        let unknown = unknown_variables(env::vars_os().map(|(name, _)| name));
        Ok(Self { env, unknown, ..Self::default() })
    }

    /// As [`Sources::of_this_process`], with another environment.
    pub(super) fn read(config: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, Mistakes> {
        let path = config.unwrap_or(Path::new(DEFAULT_FILE));
        let (env, file) = match (read_environment(env), read_file(path, config.is_some())) {
            (Ok(env), Ok(file)) => (env, file),
            (env, file) => {
                let both = [env.err(), file.err()];
                return Err(Mistakes(both.into_iter().flatten().flat_map(|mistakes| mistakes.0).collect()));
            }
        };
        Ok(Self { env, file, path: path.to_owned(), unknown: Vec::new() })
    }

    /// The value of a setting, from the environment before the file, and read from the file that its
    /// twin names.
    ///
    /// # Errors
    /// When a secret and its twin are both set in the same place, or the named file cannot be read.
    pub(crate) fn get(&self, key: Key) -> Result<Option<Found>, Mistake> {
        let in_env = |name: &str| Origin::Env(name.to_owned());
        let in_file = |name: &str| Origin::File { path: self.path.clone(), key: name.to_owned() };
        let found = find(&self.env, key.env, key.env_twin().as_deref(), Path::new(""), in_env)?;
        if found.is_some() {
            return Ok(found);
        }
        let folder = self.path.parent().unwrap_or(Path::new(""));
        find(&self.file, key.file, key.file_twin().as_deref(), folder, in_file)
    }
}

impl Sources {
    /// The values of the file under names that begin so, with the rest of each name.
    pub(crate) fn under(&self, prefix: &str) -> Vec<(String, Found)> {
        let found = |(key, text): (&String, &SecretString)| {
            let rest = key.strip_prefix(prefix)?.to_owned();
            let origin = Origin::File { path: self.path.clone(), key: key.clone() };
            Some((rest, Found { text: text.clone(), origin }))
        };
        self.file.iter().filter_map(found).collect()
    }
}

/// Those of the names that begin with `PORTICO_` and are no setting's, sorted.
pub(super) fn unknown_variables(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let known = |name: &str| keys::ALL.iter().any(|key| key.env == name || key.env_twin().as_deref() == Some(name));
    let names = names.filter_map(|name| name.into_string().ok());
    let mut unknown: Vec<_> = names.filter(|name| name.starts_with("PORTICO_") && !known(name)).collect();
    unknown.sort();
    unknown
}

/// The value under its name, or of the file that the twin names; a relative path begins at `folder`.
fn find(
    values: &BTreeMap<String, SecretString>,
    name: &str,
    twin: Option<&str>,
    folder: &Path,
    origin: impl Fn(&str) -> Origin,
) -> Result<Option<Found>, Mistake> {
    use secrecy::ExposeSecret as _;

    let value = values.get(name).map(|text| Found { text: text.clone(), origin: origin(name) });
    let Some((twin, file)) = twin.and_then(|twin| Some((twin, values.get(twin)?))) else { return Ok(value) };
    if value.is_some() {
        return Err(Mistake::Both { value: origin(name), file: origin(twin) });
    }
    let path = folder.join(file.expose_secret());
    let origin = origin(twin);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let text = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
            Ok(Some(Found { text: text.into(), origin }))
        }
        Err(source) => Err(Mistake::Secret { origin, path, source }),
    }
}

/// The variables that are settings. An empty one counts as not set: that is how compose files pass
/// on what nobody set.
fn read_environment(env: impl Fn(&str) -> Option<OsString>) -> Result<BTreeMap<String, SecretString>, Mistakes> {
    let mut values = BTreeMap::new();
    let mut mistakes = Vec::new();
    for key in keys::ALL {
        for name in [Some(key.env.to_owned()), key.env_twin()].into_iter().flatten() {
            match env(&name).map(OsString::into_string) {
                None => {}
                Some(Ok(text)) if text.is_empty() => {}
                Some(Ok(text)) => {
                    values.insert(name, text.into());
                }
                Some(Err(_)) => mistakes.push(Mistake::NotUtf8 { name: key.env }),
            }
        }
    }
    if mistakes.is_empty() { Ok(values) } else { Err(Mistakes(mistakes)) }
}

fn read_file(path: &Path, must_exist: bool) -> Result<BTreeMap<String, SecretString>, Mistakes> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(BTreeMap::new()),
        Err(source) => return Err(Mistake::File { path: path.to_owned(), source }.into()),
    };
    let table: toml::Table = text.parse().map_err(|error| syntax(path, &text, &error))?;
    let mut values = BTreeMap::new();
    let mut mistakes = Vec::new();
    for (key, value) in flattened(table) {
        if !is_known(&key) && !key.starts_with(keys::CHAKRA_PATHS) {
            mistakes.push(Mistake::UnknownKey { path: path.to_owned(), key, known: known() });
        } else if let toml::Value::String(text) = value {
            values.insert(key, text.into());
        } else {
            mistakes.push(Mistake::NoText { origin: Origin::File { path: path.to_owned(), key } });
        }
    }
    if mistakes.is_empty() { Ok(values) } else { Err(Mistakes(mistakes)) }
}

/// Keys of tables inside tables by their dotted names, as `chakra.paths.get_group_info`.
fn flattened(table: toml::Table) -> Vec<(String, toml::Value)> {
    let flat = |(key, value)| match value {
        toml::Value::Table(inner) => {
            flattened(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect()
        }
        value => vec![(key, value)],
    };
    table.into_iter().flat_map(flat).collect()
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Mistake {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    // The parser may speak in several lines; it quotes no values.
    let reason = error.message().lines().collect::<Vec<_>>().join(", ");
    Mistake::Syntax { path: path.to_owned(), line, reason }
}

fn is_known(name: &str) -> bool {
    keys::ALL.iter().any(|key| key.file == name || key.file_twin().is_some_and(|twin| twin == name))
}

fn known() -> String {
    let names = keys::ALL.iter().flat_map(|key| [Some(key.file.to_owned()), key.file_twin()].into_iter().flatten());
    names.collect::<Vec<_>>().join(", ")
}
