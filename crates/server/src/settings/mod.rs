//! The settings of `portico serve` and its kin, read once at the start.
//!
//! [`Sources`] finds the texts; [`Draft`] parses each of them and keeps every mistake, so that a
//! person can put all of them right at once; [`Settings`] is a draft without a mistake.
//!
//! No configuration library reads them: figment and config would take over the merge of file and environment, some
//! 30 lines of [`source`], while the `_FILE` twins, the list of known keys, empty variables, and one sentence for every
//! wrong setting at once that quotes no secret (serde stops at the first error, and quotes the value) would stay ours.

pub(crate) mod keys;
mod mistake;
mod oidc;
#[cfg(test)]
mod page;
mod source;
#[cfg(test)]
mod tests;
mod vault;

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portico_chakra::PathOverrides;
use portico_core::trusted_proxies::{BadProxies, TrustedProxies};
use portico_oidc::Provider;
use portico_vault::{MasterKeys, OperatorToken};
use secrecy::{ExposeSecret as _, SecretString};

use self::keys::Key;
pub(crate) use self::mistake::{Mistake, Mistakes};
use self::source::Found;
pub(crate) use self::source::Sources;
pub(crate) use self::vault::{VaultSettings, for_vault};
use crate::gateway::Drain;
use crate::telemetry::{self, LogFormat, LogSettings};

/// The default filter of commands that answer on the terminal: their output is not drowned in log lines.
const QUIET_LOG: &str = "warn";

/// Everything that `portico serve` needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    /// URL of the database, for the gateway's login role.
    pub(crate) database_url: SecretString,
    /// URL of the same database without a pooler in between, for listening.
    pub(crate) listen_database_url: Option<SecretString>,
    pub(crate) bind: SocketAddr,
    pub(crate) metrics_bind: SocketAddr,
    /// How many connections one address may have at once, where somebody says.
    pub(crate) connections_per_address: Option<usize>,
    /// How it stops.
    pub(crate) drain: Drain,
    /// Where the outside reaches the gateway, without a slash at the end; none: where it listens.
    pub(crate) public_url: Option<String>,
    /// Where Chakra reaches the hooks.
    pub(crate) hooks_url: Option<String>,
    /// Whose word about the addresses of callers is taken.
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) chakra_url: String,
    /// The paths on which calls go out to it, where the file chooses.
    pub(crate) chakra_paths: PathOverrides,
    /// What the vault is sealed with.
    pub(crate) master_keys: MasterKeys,
    /// The credential of whoever runs this.
    pub(crate) operator_token: OperatorToken,
    /// Where people sign in, if not with a password alone.
    pub(crate) oidc: Option<Arc<Provider>>,
    /// Which log lines are written, and how.
    pub(crate) log: LogSettings,
}

/// The settings that are right so far, and what is wrong with the others.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) database_url: Option<SecretString>,
    /// URL of the same database without a pooler in between, for listening.
    pub(crate) listen_database_url: Option<SecretString>,
    /// What the vault is sealed with.
    pub(crate) master_keys: Option<MasterKeys>,
    pub(crate) chakra_url: Option<String>,
    bind: Option<SocketAddr>,
    metrics_bind: Option<SocketAddr>,
    connections_per_address: Option<usize>,
    drain_delay: Option<Duration>,
    drain_limit: Option<Duration>,
    chakra_paths: PathOverrides,
    pub(crate) public_url: Option<String>,
    pub(crate) hooks_url: Option<String>,
    pub(crate) trusted_proxies: TrustedProxies,
    operator_token: Option<OperatorToken>,
    /// Where people sign in.
    pub(crate) oidc: Option<Arc<Provider>>,
    log: Option<LogSettings>,
    /// In the order in which the settings are read.
    pub(crate) mistakes: Vec<Mistake>,
}

impl Draft {
    /// Parses every setting.
    pub(crate) fn of(sources: &Sources) -> Self {
        let mut reader = Reader { sources, mistakes: Vec::new() };
        let draft = Self {
            database_url: reader.require(
                keys::DATABASE_URL,
                "set it to postgres://user:password@host:5432/database of a role that `portico migrate --grant-to` named",
                database_url,
            ),
            listen_database_url: reader.optional(keys::LISTEN_DATABASE_URL, database_url),
            master_keys: reader.master_keys(),
            operator_token: reader.require(
                keys::OPERATOR_TOKEN,
                "set it to what `openssl rand -hex 32` gives",
                |found| OperatorToken::parse(found.text.clone()).map_err(|weak| weak.to_string()),
            ),
            bind: reader.or_default(keys::BIND, address),
            metrics_bind: reader.or_default(keys::METRICS_BIND, address),
            connections_per_address: reader.optional(keys::CONNECTIONS_PER_ADDRESS, connections),
            drain_delay: reader.or_default(keys::DRAIN_DELAY_SECONDS, seconds),
            drain_limit: reader.or_default(keys::DRAIN_SECONDS, seconds),
            chakra_url: reader.or_default(keys::CHAKRA_URL, chakra_url),
            chakra_paths: reader.chakra_paths(),
            public_url: reader.optional(keys::PUBLIC_URL, public_url),
            hooks_url: reader.optional(keys::HOOKS_URL, public_url),
            trusted_proxies: reader.optional(keys::TRUSTED_PROXIES, trusted_proxies).unwrap_or_default(),
            oidc: reader.oidc(),
            log: reader.log(keys::LOG.default_text()),
            mistakes: Vec::new(),
        };
        Self { mistakes: reader.mistakes, ..draft }
    }
}

/// What to say when callers are named by a proxy whose address would be taken for theirs: TLS ends at one.
pub(crate) fn lacks_proxies(public_url: Option<&str>, trusted: &TrustedProxies) -> Option<&'static str> {
    let behind_one = public_url.is_some_and(|url| url.starts_with("https:"));
    (behind_one && trusted.is_empty()).then_some(
        "PORTICO_PUBLIC_URL is https, so a proxy stands in front, and its address counts as every caller's in the \
         limits of keys, in the audit log and where guesses of passwords are counted; set PORTICO_TRUSTED_PROXIES to \
         the proxy's address or range",
    )
}

impl Settings {
    /// The settings, if nothing is wrong with any of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn of(sources: &Sources) -> Result<Self, Mistakes> {
        Draft::of(sources).try_into()
    }
}

impl TryFrom<Draft> for Settings {
    type Error = Mistakes;

    fn try_from(draft: Draft) -> Result<Self, Mistakes> {
        match draft {
            Draft {
                database_url: Some(database_url),
                listen_database_url,
                bind: Some(bind),
                metrics_bind: Some(metrics_bind),
                connections_per_address,
                drain_delay: Some(delay),
                drain_limit: Some(limit),
                public_url,
                hooks_url,
                trusted_proxies,
                chakra_url: Some(chakra_url),
                chakra_paths,
                master_keys: Some(master_keys),
                operator_token: Some(operator_token),
                oidc,
                log: Some(log),
                mistakes,
            } if mistakes.is_empty() => Ok(Self {
                database_url,
                listen_database_url,
                bind,
                metrics_bind,
                connections_per_address,
                drain: Drain { delay, limit },
                public_url,
                hooks_url,
                trusted_proxies,
                chakra_url,
                chakra_paths,
                master_keys,
                operator_token,
                oidc,
                log,
            }),
            Draft { mistakes, .. } => Err(Mistakes(mistakes)),
        }
    }
}

/// The database and how to log: all that `portico migrate` needs.
///
/// # Errors
/// What is wrong with either.
pub(crate) fn for_migrate(sources: &Sources) -> Result<(SecretString, LogSettings), Mistakes> {
    database_and_log(sources, "set it to postgres://user:password@host:5432/database of the database's owner")
}

fn database_and_log(sources: &Sources, fix: &'static str) -> Result<(SecretString, LogSettings), Mistakes> {
    let mut reader = Reader { sources, mistakes: Vec::new() };
    match (reader.require(keys::DATABASE_URL, fix, database_url), reader.log(QUIET_LOG)) {
        (Some(url), Some(log)) => Ok((url, log)),
        _ => Err(Mistakes(reader.mistakes)),
    }
}

/// The URL of a role that reads backups, and how to log: all that `portico backup` needs.
///
/// # Errors
/// What is wrong with either.
pub(crate) fn for_backup(sources: &Sources) -> Result<(SecretString, LogSettings), Mistakes> {
    let fix = "set it to postgres://user:password@host:5432/database of a role that may read backups (see `portico migrate --grant-backup-to`)";
    database_and_log(sources, fix)
}

/// The database, where one is named, and how to log: all that `portico dev` asks the environment.
///
/// # Errors
/// What is wrong with either.
pub(crate) fn for_dev(sources: &Sources) -> Result<(Option<SecretString>, LogSettings), Mistakes> {
    let mut reader = Reader { sources, mistakes: Vec::new() };
    let url = reader.optional(keys::DATABASE_URL, database_url);
    match reader.log(QUIET_LOG) {
        Some(log) if reader.mistakes.is_empty() => Ok((url, log)),
        _ => Err(Mistakes(reader.mistakes)),
    }
}

/// How to log, for a command that has no other setting.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn for_logs(sources: &Sources) -> Result<LogSettings, Mistakes> {
    let mut reader = Reader { sources, mistakes: Vec::new() };
    reader.log(keys::LOG.default_text()).ok_or(Mistakes(reader.mistakes))
}

/// Parses settings one after the other and collects what is wrong.
struct Reader<'s> {
    sources: &'s Sources,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn find(&mut self, key: Key) -> Result<Option<Found>, ()> {
        self.sources.get(key).map_err(|mistake| self.mistakes.push(mistake))
    }

    fn parse<T>(&mut self, found: &Found, parse: impl FnOnce(&Found) -> Result<T, String>) -> Option<T> {
        parse(found).map_err(|reason| self.mistakes.push(found.mistake(reason))).ok()
    }

    fn optional<T>(&mut self, key: Key, parse: impl FnOnce(&Found) -> Result<T, String>) -> Option<T> {
        let found = self.find(key).ok()??;
        self.parse(&found, parse)
    }

    fn require<T>(
        &mut self,
        key: Key,
        fix: &'static str,
        parse: impl FnOnce(&Found) -> Result<T, String>,
    ) -> Option<T> {
        if let Some(found) = self.find(key).ok()? {
            return self.parse(&found, parse);
        }
        self.mistakes.push(Mistake::Missing { name: key.env, fix });
        None
    }

    fn or_default<T>(&mut self, key: Key, parse: impl FnOnce(&Found) -> Result<T, String>) -> Option<T> {
        self.or(key, key.default_text(), parse)
    }

    fn or<T>(&mut self, key: Key, default: &str, parse: impl FnOnce(&Found) -> Result<T, String>) -> Option<T> {
        let origin = mistake::Origin::Env(key.env.to_owned());
        let found = self.find(key).ok()?.unwrap_or_else(|| Found { text: default.into(), origin });
        self.parse(&found, parse)
    }

    fn chakra_paths(&mut self) -> PathOverrides {
        let mut paths = PathOverrides::default();
        for (operation, found) in self.sources.under(keys::CHAKRA_PATHS) {
            self.parse(&found, |found| {
                paths.set(&operation, found.text.expose_secret()).map_err(|error| error.to_string())
            });
        }
        paths
    }

    fn log(&mut self, default: &str) -> Option<LogSettings> {
        let filter = self.or(keys::LOG, default, |found| {
            let text = found.text.expose_secret();
            telemetry::filter(text).map_err(|_| {
                format!("{} is not a log filter; write it like info or portico_gateway=debug,warn", quoted(text))
            })
        });
        let format = self.or_default(keys::LOG_FORMAT, |found| match found.text.expose_secret() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("{} is not a log format; write text or json", quoted(other))),
        });
        Some(LogSettings { filter: filter?, format: format? })
    }
}

fn database_url(found: &Found) -> Result<SecretString, String> {
    let text = found.text.expose_secret();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(found.text.clone());
    }
    Err("is not a Postgres URL; it must look like postgres://user:password@host:5432/database".to_owned())
}

fn address(found: &Found) -> Result<SocketAddr, String> {
    let text = found.text.expose_secret();
    text.parse().map_err(|_| format!("{} is not an address with a port; write it like 127.0.0.1:8080", quoted(text)))
}

fn connections(found: &Found) -> Result<usize, String> {
    let text = found.text.expose_secret();
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{} is not a number of connections; write a whole number from 1 on", quoted(text))),
    }
}

fn seconds(found: &Found) -> Result<Duration, String> {
    let text = found.text.expose_secret();
    match text.parse() {
        Ok(seconds @ 0..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{} is not a number of seconds; write a whole number from 0 to 3600", quoted(text))),
    }
}

/// Parsed by the client that will call it.
fn chakra_url(found: &Found) -> Result<String, String> {
    let text = found.text.expose_secret();
    match portico_chakra::Client::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(portico_chakra::ClientBuildError::InvalidUrl) => {
            Err("must be an http or https URL without path and credentials, such as https://api.chakrahq.com"
                .to_owned())
        }
        Err(error @ portico_chakra::ClientBuildError::Http(_)) => Err(format!("cannot be called: {error}")),
    }
}

fn public_url(found: &Found) -> Result<String, String> {
    let text = found.text.expose_secret();
    let plain = reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if plain {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err("must be the http or https URL under which the outside reaches the gateway, without path and credentials, \
         such as https://portico.example.com"
        .to_owned())
}

fn trusted_proxies(found: &Found) -> Result<TrustedProxies, String> {
    found.text.expose_secret().parse().map_err(|error: BadProxies| error.to_string())
}

fn quoted(text: impl Display) -> String {
    let short: String = text.to_string().chars().take(80).collect();
    format!("{short:?}")
}
