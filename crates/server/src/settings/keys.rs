//! The table of settings: for each its names, its default, what it does and an example.
//!
//! The parser takes names and defaults from here, and `settings.md` is rendered from it: to add a setting, add an
//! entry and run `UPDATE_SETTINGS=1 cargo test -p portico settings`.

use self::Unset::{Default, Means, Refused};

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// The variable of the environment.
    pub(crate) env: &'static str,
    /// The key in `portico.toml`.
    pub(crate) file: &'static str,
    /// Whether the value is never shown and may stand in a file of its own, which a twin of the setting names.
    pub(crate) secret: bool,
    pub(crate) unset: Unset,
    /// One or more sentences in Markdown.
    pub(crate) what: &'static str,
    /// A value that serves.
    pub(crate) example: &'static str,
}

/// What holds for a setting that nobody set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// `portico serve` does not start.
    Refused,
    /// This value.
    Default(&'static str),
    /// There is no value, which has this effect (in Markdown).
    Means(&'static str),
}

impl Key {
    /// What the table says under [`Default`].
    ///
    /// # Panics
    /// When the table gives the setting no default.
    pub(crate) const fn default_text(self) -> &'static str {
        match self.unset {
            Default(text) => text,
            Refused | Means(_) => panic!("the table of settings gives this one no default"),
        }
    }

    /// The variable that names the file of a secret.
    pub(crate) fn env_twin(self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.env))
    }

    /// The key in `portico.toml` that names the file of a secret.
    pub(crate) fn file_twin(self) -> Option<String> {
        self.secret.then(|| format!("{}_file", self.file))
    }
}

macro_rules! settings {
    ($($name:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        $(pub(crate) const $name: Key = Key { $($field: $value),+ };)+

        /// Every setting, in the order of the documentation.
        pub(crate) const ALL: &[Key] = &[$($name),+];
    };
}

settings! {
    DATABASE_URL {
        env: "DATABASE_URL",
        file: "database_url",
        secret: true,
        unset: Refused,
        what: "The database, as a login role that `portico migrate --grant-to` let in and that owns nothing; \
               `portico migrate` itself wants its owner's.",
        example: "postgres://portico:password@127.0.0.1:5432/portico",
    }
    LISTEN_DATABASE_URL {
        env: "PORTICO_LISTEN_DATABASE_URL",
        file: "listen_database_url",
        secret: true,
        unset: Means("behind a pooler, caches hold for less than a second"),
        what: "The same database by the same role, but without the pooler (such as pgbouncer) in between: for \
               listening to changes.",
        example: "postgres://portico:password@127.0.0.1:5432/portico",
    }
    BIND {
        env: "PORTICO_BIND",
        file: "bind",
        secret: false,
        unset: Default("127.0.0.1:8080"),
        what: "The address on which the gateway listens.",
        example: "0.0.0.0:8080",
    }
    METRICS_BIND {
        env: "PORTICO_METRICS_BIND",
        file: "metrics_bind",
        secret: false,
        unset: Default("127.0.0.1:9464"),
        what: "The address on which `/metrics` is served. Keep it private.",
        example: "127.0.0.1:9464",
    }
    CONNECTIONS_PER_ADDRESS {
        env: "PORTICO_CONNECTIONS_PER_ADDRESS",
        file: "connections_per_address",
        secret: false,
        unset: Means("half of all connections; a process accepts half as many as it may have descriptors, less 64, and \
                      32768 at most"),
        what: "How many connections one address may have at once. Behind a proxy, all come from the proxy's address.",
        example: "2000",
    }
    DRAIN_DELAY_SECONDS {
        env: "PORTICO_DRAIN_DELAY_SECONDS",
        file: "drain_delay_seconds",
        secret: false,
        unset: Default("5"),
        what: "How long `/readyz` answers 503, when Portico is told to stop, before it accepts nothing more: so long \
               load balancers take to notice. A second signal ends it.",
        example: "10",
    }
    DRAIN_SECONDS {
        env: "PORTICO_DRAIN_SECONDS",
        file: "drain_seconds",
        secret: false,
        unset: Default("310"),
        what: "How long calls that run may then take to end. The default lets the longest, an upload, end by itself. \
               A second signal ends it. Whatever stops Portico must wait for both, and ten seconds more.",
        example: "60",
    }
    PUBLIC_URL {
        env: "PORTICO_PUBLIC_URL",
        file: "public_url",
        secret: false,
        unset: Means("`http://` and the host that each call names, and tokens have the issuer `portico`; refused if \
                      there is an OpenID provider"),
        what: "The URL under which the outside reaches the gateway, without a path.",
        example: "https://portico.example.com",
    }
    HOOKS_URL {
        env: "PORTICO_HOOKS_URL",
        file: "hooks_url",
        secret: false,
        unset: Means("the public URL; without one, `http://` and the host that each call names"),
        what: "The URL under which Chakra reaches the gateway's hooks, without a path.",
        example: "https://hooks.example.com",
    }
    TRUSTED_PROXIES {
        env: "PORTICO_TRUSTED_PROXIES",
        file: "trusted_proxies",
        secret: false,
        unset: Means("the other end of each connection is its caller, and no header is read"),
        what: "The proxies and load balancers in front of the gateway: addresses and ranges (CIDR), separated by \
               commas. Who called is read from `X-Forwarded-For` or `Forwarded` if one of them is the other end of \
               the connection: the last address there that is none of theirs.",
        example: "10.0.0.0/8,192.0.2.10",
    }
    CHAKRA_URL {
        env: "PORTICO_CHAKRA_URL",
        file: "chakra_url",
        secret: false,
        unset: Default("https://api.chakrahq.com"),
        what: "Where Chakra is, without a path.",
        example: "https://api.chakrahq.com",
    }
    MASTER_KEYS {
        env: "PORTICO_MASTER_KEYS",
        file: "master_keys",
        secret: true,
        unset: Refused,
        what: "What the vault is sealed with, separated by commas: the first seals, every one opens. \
               `<id>:<32 bytes in base64>` (`echo \"k1:$(openssl rand -base64 32)\"` makes one), \
               `<id>:pkcs11:<key label>` or `<id>:transit:<key name>`. Without its key, what is sealed is lost.",
        example: "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }
    PKCS11_MODULE {
        env: "PORTICO_PKCS11_MODULE",
        file: "pkcs11_module",
        secret: false,
        unset: Means("refused if a master key is in a token"),
        what: "The library (PKCS#11 module) of the token that holds master keys: AES keys that are not extractable.",
        example: "/usr/lib/softhsm/libsofthsm2.so",
    }
    PKCS11_TOKEN {
        env: "PORTICO_PKCS11_TOKEN",
        file: "pkcs11_token",
        secret: false,
        unset: Means("refused if a master key is in a token"),
        what: "The label of that token.",
        example: "portico",
    }
    PKCS11_PIN {
        env: "PORTICO_PKCS11_PIN",
        file: "pkcs11_pin",
        secret: true,
        unset: Means("refused if a master key is in a token"),
        what: "The PIN of that token's user.",
        example: "1234",
    }
    TRANSIT_URL {
        env: "PORTICO_TRANSIT_URL",
        file: "transit_url",
        secret: false,
        unset: Means("refused if a master key is in a transit engine"),
        what: "The server (HashiCorp Vault, OpenBao) whose transit engine holds master keys.",
        example: "https://vault.example.com:8200",
    }
    TRANSIT_TOKEN {
        env: "PORTICO_TRANSIT_TOKEN",
        file: "transit_token",
        secret: true,
        unset: Means("refused if a master key is in a transit engine"),
        what: "A token of that server with `update` on `<mount>/encrypt/<key name>` and `<mount>/decrypt/<key name>`, \
               and no more.",
        example: "hvs.replace-me",
    }
    TRANSIT_MOUNT {
        env: "PORTICO_TRANSIT_MOUNT",
        file: "transit_mount",
        secret: false,
        unset: Default("transit"),
        what: "Where that engine is mounted.",
        example: "transit",
    }
    OPERATOR_TOKEN {
        env: "PORTICO_OPERATOR_TOKEN",
        file: "operator_token",
        secret: true,
        unset: Refused,
        what: "The credential of whoever runs this Portico: 32 visible characters at least. \
               `openssl rand -hex 32` makes one.",
        example: "replace-me-replace-me-replace-me-",
    }
    OIDC_ISSUER {
        env: "PORTICO_OIDC_ISSUER",
        file: "oidc_issuer",
        secret: false,
        unset: Means("people sign in with passwords alone; refused if one of the two below is set"),
        what: "The OpenID provider where people sign in, exactly as it writes itself. Needs the two below and the \
               public URL; register `<public_url>/console/sign-in/provider/callback` there.",
        example: "https://id.example.com",
    }
    OIDC_CLIENT_ID {
        env: "PORTICO_OIDC_CLIENT_ID",
        file: "oidc_client_id",
        secret: false,
        unset: Means("refused if there is an OpenID provider"),
        what: "The client id that the provider gave.",
        example: "portico",
    }
    OIDC_CLIENT_SECRET {
        env: "PORTICO_OIDC_CLIENT_SECRET",
        file: "oidc_client_secret",
        secret: true,
        unset: Means("refused if there is an OpenID provider"),
        what: "The client secret that the provider gave.",
        example: "replace-me",
    }
    LOG {
        env: "PORTICO_LOG",
        file: "log",
        secret: false,
        unset: Default("info"),
        what: "Which log lines are written: `error`, `warn`, `info`, `debug` or `trace`, for everything or by target. \
               Access lines (`portico::access`) come when they are named, or with `debug` and `trace`. The default is \
               that of `serve` and `sandbox`; `dev`, `migrate` and `vault` begin at `warn`.",
        example: "info,portico::access=info",
    }
    LOG_FORMAT {
        env: "PORTICO_LOG_FORMAT",
        file: "log_format",
        secret: false,
        unset: Default("text"),
        what: "How log lines are written: `text` for people, `json` for machines.",
        example: "json",
    }
}

/// How the keys of the file begin that choose the path of one operation of Chakra's, as
/// `chakra.paths.get_group_info`.
pub(crate) const CHAKRA_PATHS: &str = "chakra.paths.";
