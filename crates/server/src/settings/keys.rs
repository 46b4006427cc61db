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
    /// The library that speaks to the token of master keys.
    PKCS11_MODULE, "PORTICO_PKCS11_MODULE", "pkcs11_module", secret: false;
    /// That token's label.
    PKCS11_TOKEN, "PORTICO_PKCS11_TOKEN", "pkcs11_token", secret: false;
    /// The PIN of that token's user.
    PKCS11_PIN, "PORTICO_PKCS11_PIN", "pkcs11_pin", secret: true;
    /// Where the transit engine of master keys is.
    TRANSIT_URL, "PORTICO_TRANSIT_URL", "transit_url", secret: false;
    /// The credential of that engine.
    TRANSIT_TOKEN, "PORTICO_TRANSIT_TOKEN", "transit_token", secret: true;
    /// Where in its server that engine is mounted.
    TRANSIT_MOUNT, "PORTICO_TRANSIT_MOUNT", "transit_mount", secret: false;
    /// The credential of whoever runs this.
    OPERATOR_TOKEN, "PORTICO_OPERATOR_TOKEN", "operator_token", secret: true;
    /// Where people sign in.
    OIDC_ISSUER, "PORTICO_OIDC_ISSUER", "oidc_issuer", secret: false;
    /// The id under which the identity provider knows us.
    OIDC_CLIENT_ID, "PORTICO_OIDC_CLIENT_ID", "oidc_client_id", secret: false;
    /// The secret that goes with it.
    OIDC_CLIENT_SECRET, "PORTICO_OIDC_CLIENT_SECRET", "oidc_client_secret", secret: true;
    /// Which log lines are written.
    LOG, "PORTICO_LOG", "log", secret: false;
    /// How log lines are written.
    LOG_FORMAT, "PORTICO_LOG_FORMAT", "log_format", secret: false;
}

/// How the names of the file begin that choose the path of one operation of Chakra's, as
/// `chakra.paths.get_group_info`.
pub(crate) const CHAKRA_PATHS: &str = "chakra.paths.";
