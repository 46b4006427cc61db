//! `portico check`: says of each thing that `portico serve` needs whether it is there, and what to
//! fix. It changes nothing.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use portico_oidc::Provider;
use portico_storage::{ConnectError, Db, DbOptions, MigrateError, Schema};
use portico_vault::MasterKeys;
use secrecy::SecretString;

use crate::cli::Config;
use crate::console;
use crate::settings::{Draft, Sources, lacks_proxies};

/// How long Chakra may take to answer.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// Checks everything, a line each. Fails when one of them does.
pub(super) async fn run(arguments: &Config) -> ExitCode {
    let mut report = Report::default();
    match Sources::of_this_process(arguments.config.as_deref()) {
        Ok(sources) => {
            for name in sources.unknown_variables() {
                console::say(format_args!("note  {:<10}  {name} is no setting and has no effect", "settings"));
            }
            check(Draft::of(&sources), &mut report).await;
        }
        Err(mistakes) => mistakes.0.iter().for_each(|mistake| report.fail("settings", mistake)),
    }
    if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn check(draft: Draft, report: &mut Report) {
    for mistake in &draft.mistakes {
        report.fail("settings", mistake);
    }
    if draft.mistakes.is_empty() {
        pass("settings", "complete");
        if let Some(warning) = lacks_proxies(draft.public_url.as_deref(), &draft.trusted_proxies) {
            warn("proxies", warning);
        }
    }
    let db = match draft.database_url {
        Some(url) => check_database(url, draft.listen_database_url, report).await,
        None => None,
    };
    if let (Some(db), Some(keys)) = (&db, &draft.master_keys) {
        check_vault(db, keys, report).await;
    } else {
        report.fail("vault", "not checked: it needs the database and PORTICO_MASTER_KEYS; mend those first");
    }
    if let Some(db) = db {
        db.close().await;
    }
    if let Some(url) = draft.chakra_url {
        check_upstream(&url, report).await;
    }
    if let Some(provider) = draft.oidc {
        check_provider(&provider, report).await;
    }
}

async fn check_database(url: SecretString, listen_url: Option<SecretString>, report: &mut Report) -> Option<Db> {
    let connected = "answers";
    let migrated = "every migration is there";
    match Db::connect(&DbOptions { url, listen_url, max_connections: 1 }).await {
        Ok(db) => {
            let pooled = "answers, through a pooler: caches hold for less than a second";
            pass("database", if db.can_listen() { connected } else { pooled });
            pass(
                "migrations",
                match db.schema() {
                    Schema::Current => migrated,
                    Schema::Newer(_) => {
                        "every migration is there, and those of a newer version, beside which this one serves"
                    }
                },
            );
            pass("role", "a member of portico_service that owns nothing");
            return Some(db);
        }
        Err(error @ ConnectError::Migrate(MigrateError::Pending(_) | MigrateError::TooOld)) => {
            pass("database", connected);
            report.fail("migrations", error);
        }
        Err(error @ (ConnectError::TooPrivileged(_) | ConnectError::NotService(_))) => {
            pass("database", connected);
            pass("migrations", migrated);
            report.fail("role", error);
        }
        Err(error) => report.fail("database", error),
    }
    None
}

async fn check_vault(db: &Db, keys: &MasterKeys, report: &mut Report) {
    for key in keys.providers() {
        let (id, kind) = (key.id(), key.kind());
        let proof = keys.prove(id, &mut rand::rng());
        match proof.await {
            Ok(()) => pass("master key", format_args!("{id} ({kind}) seals and opens")),
            Err(error) => report.fail("master key", format_args!("{error}; {}", fix(kind))),
        }
    }
    match db.operator().await {
        Ok(None) => pass("vault", "nothing is sealed yet; the first `portico serve` begins"),
        Ok(Some(row)) => match keys.check_canary(&row.canary).await {
            Ok(()) => pass("vault", "PORTICO_MASTER_KEYS opens it"),
            Err(error) => report.fail(
                "vault",
                format_args!("PORTICO_MASTER_KEYS does not open it ({error}); set the key it was sealed with"),
            ),
        },
        Err(error) => report.fail("vault", format_args!("{}; look at the database", cause(&error))),
    }
}

/// Where to look when a key does not serve.
fn fix(kind: &str) -> &'static str {
    match kind {
        "pkcs11" => "look at PORTICO_PKCS11_MODULE, PORTICO_PKCS11_TOKEN, PORTICO_PKCS11_PIN and the key's label",
        "transit" => "look at PORTICO_TRANSIT_URL, PORTICO_TRANSIT_TOKEN, PORTICO_TRANSIT_MOUNT and the key's name",
        _ => "look at PORTICO_MASTER_KEYS",
    }
}

/// Any answer will do: without a key, Chakra's is a refusal.
async fn check_upstream(url: &str, report: &mut Report) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(UPSTREAM_LIMIT)
        .build();
    let answer = match client {
        Ok(client) => client.get(url).send().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => pass("upstream", format_args!("{url} answers ({})", answer.status().as_u16())),
        Err(error) => report.fail(
            "upstream",
            format_args!(
                "{url} does not answer ({}); look at PORTICO_CHAKRA_URL, name resolution and the firewall",
                cause(&error)
            ),
        ),
    }
}

async fn check_provider(provider: &Provider, report: &mut Report) {
    match provider.discover().await {
        Ok(()) => pass("oidc", format_args!("{} describes itself as needed", provider.issuer())),
        Err(error) => report.fail(
            "oidc",
            format_args!("{error} ({}); look at PORTICO_OIDC_ISSUER, name resolution and the firewall", cause(&error)),
        ),
    }
}

/// The innermost of an error's reasons, which says most.
fn cause(error: &dyn Error) -> &dyn Error {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

#[derive(Default)]
struct Report {
    failed: bool,
}

fn pass(what: &str, how: impl fmt::Display) {
    console::say(format_args!("ok    {what:<10}  {how}"));
}

/// Something to put right that keeps nothing from working; it does not make the check fail.
fn warn(what: &str, why: impl fmt::Display) {
    console::say(format_args!("warn  {what:<10}  {why}"));
}

impl Report {
    fn fail(&mut self, what: &str, why: impl fmt::Display) {
        self.failed = true;
        console::say(format_args!("FAIL  {what:<10}  {why}"));
    }
}
