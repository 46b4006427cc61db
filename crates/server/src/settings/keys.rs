//! The names of the settings.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name in the environment.
    pub(crate) env: &'static str,
    /// Its name in `portico.toml`.
    pub(crate) file: &'static str,
    /// Its value is never shown, and its twin `…_FILE` names a file that holds it.
    pub(crate) secret: bool,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident, $env:literal, $file:literal, secret: $secret:literal;)+) => {
        $(
            $(#[$doc])*
            pub(crate) const $name: Key = Key { env: $env, file: $file, secret: $secret };
        )+

        /// All of them.
        pub(crate) const ALL: &[Key] = &[$($name),+];
    };
}

keys! {
    /// The database.
    DATABASE_URL, "DATABASE_URL", "database_url", secret: true;
    /// The same database without a pooler in between, for listening.
    LISTEN_DATABASE_URL, "PORTICO_LISTEN_DATABASE_URL", "listen_database_url", secret: true;
    /// Where the gateway listens.
    BIND, "PORTICO_BIND", "bind", secret: false;
    /// Where metrics are served.
    METRICS_BIND, "PORTICO_METRICS_BIND", "metrics_bind", secret: false;
    /// Where the outside reaches the gateway.
    PUBLIC_URL, "PORTICO_PUBLIC_URL", "public_url", secret: false;
    /// Where Chakra is.
    CHAKRA_URL, "PORTICO_CHAKRA_URL", "chakra_url", secret: false;
    /// What the vault is sealed with.
    MASTER_KEYS, "PORTICO_MASTER_KEYS", "master_keys", secret: true;
    /// The credential of whoever runs this.
    OPERATOR_TOKEN, "PORTICO_OPERATOR_TOKEN", "operator_token", secret: true;
    /// Which log lines are written.
    LOG, "PORTICO_LOG", "log", secret: false;
    /// How log lines are written.
    LOG_FORMAT, "PORTICO_LOG_FORMAT", "log_format", secret: false;
}

/// How the names of the file begin that choose the path of one operation of Chakra's, as
/// `chakra.paths.get_group_info`.
pub(crate) const CHAKRA_PATHS: &str = "chakra.paths.";
