//! What can be wrong with settings, each as one sentence that names the setting and the fix.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One thing to put right. Values of secrets are never quoted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    /// A file that `--config` names, or a `portico.toml` that exists, cannot be read.
    #[error("cannot read the settings file {}: {source}; name a readable file with --config", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no TOML.
    #[error("the settings file {} is not TOML: line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A key that means nothing.
    #[error("the settings file {} has the unknown key \"{key}\"; remove it, or write one of {known}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Every key that means something.
        known: String,
    },
    /// A number, a table and the like.
    #[error("{origin} must be a text in quotes")]
    NoText {
        /// Where it stands.
        origin: Origin,
    },
    /// Something in the environment that is no text.
    #[error("{name} is not UTF-8; write it with ordinary characters")]
    NotUtf8 {
        /// The variable.
        name: &'static str,
    },
    /// A secret and its file.
    #[error("{value} and {file} are both set; keep one of them")]
    Both {
        /// Where the value stands.
        value: Origin,
        /// Where its twin stands.
        file: Origin,
    },
    /// The file that should hold a secret.
    #[error("{origin} names {}, which cannot be read: {source}; name a readable file", path.display())]
    Secret {
        /// Where the name stands.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A setting without which nothing works.
    #[error("{name} is not set; {fix}")]
    Missing {
        /// Its name in the environment.
        name: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// A value that does not serve.
    #[error("{origin} {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it, and what to write.
        reason: String,
    },
}

/// Where a value stands, as a person would look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A variable of the environment.
    Env(String),
    /// A key of the settings file.
    File {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
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
