//! What can be wrong with settings, each as one sentence that names the setting and the fix.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One thing to put right. Values of secrets are never quoted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    /// A file that `--config` names, or a `portico.toml` that exists, cannot be read.
    #[error("cannot read the settings file {}: {source}; name a readable file with --config", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the settings file {} is not TOML: line {line}: {reason}", path.display())]
    Syntax {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        reason: String,
    },
    /// A key of the settings file that is no setting.
    #[error("the settings file {} has the unknown key \"{key}\"; remove it, or write one of {known}", path.display())]
    UnknownKey {
        path: PathBuf,
        key: String,
        /// Every key that is one, separated by commas.
        known: String,
    },
    /// A value of the settings file that is a number, a list and the like.
    #[error("{origin} must be a text in quotes")]
    NoText { origin: Origin },
    /// A variable whose value is not UTF-8.
    #[error("{name} is not UTF-8; write it with ordinary characters")]
    NotUtf8 { name: &'static str },
    /// A secret, and the name of a file that holds it.
    #[error("{value} and {file} are both set; keep one of them")]
    Both { value: Origin, file: Origin },
    /// The file of a secret cannot be read.
    #[error("{origin} names {}, which cannot be read: {source}; name a readable file", path.display())]
    Secret { origin: Origin, path: PathBuf, source: io::Error },
    /// A setting that the command needs.
    #[error("{name} is not set; {fix}")]
    Missing { name: &'static str, fix: &'static str },
    /// A value that is not what the setting wants.
    #[error("{origin} {reason}")]
    Value {
        origin: Origin,
        /// What is wrong with it, and what to write.
        reason: String,
    },
}

/// Where a value was found, as a person would look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A variable of the environment.
    Env(String),
    /// A key of the settings file.
    File { path: PathBuf, key: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.write_str(name),
            Self::File { path, key } => write!(f, "{key} in {}", path.display()),
        }
    }
}

/// Everything that is wrong, one sentence a line.
#[derive(Debug)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}
