//! The hunt for secrets: whatever secret a test has seen must stand nowhere but where it belongs.
//!
//! Each test is a process of its own. The harness plants what it comes by (tokens that callers bear,
//! keys of teams, what dev.json says); from then on no answer of the gateway may show it, and when
//! Portico is stopped, logs, metrics, the whole database and the sandbox's record are searched for it,
//! plain, in base64 and in hexadecimal digits.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::owner::owner_url;
use super::{Answer, Caller, Findings, Portico};

/// What a secret is, and with it where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// What a caller of Portico bears: belongs into its requests only.
    Portico,
    /// A key of Chakra's: belongs into the credential of requests to Chakra.
    Chakra,
    /// What the process is started with.
    Setting,
}

static PLANTED: Mutex<Vec<(Secret, String)>> = Mutex::new(Vec::new());

/// Texts shorter than this are no secrets: they would be found by chance.
const SHORTEST: usize = 20;

/// From now on this text is a secret.
pub(crate) fn plant(kind: Secret, text: &str) {
    let mut planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    if text.len() >= SHORTEST && !planted.iter().any(|(_, known)| known == text) {
        planted.push((kind, text.to_owned()));
    }
}

fn planted() -> Vec<(Secret, String)> {
    PLANTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Plants what a running Portico told of itself.
pub(super) fn plant_settings(state: &Value, state_json: &Path) {
    for name in ["admin_key", "messaging_key"] {
        plant(Secret::Portico, state[name].as_str().unwrap_or_default());
    }
    plant(Secret::Chakra, state["sandbox_chakra_key"].as_str().unwrap_or_default());
    plant(Secret::Setting, state["operator_token"].as_str().unwrap_or_default());
    for key in state["master_keys"].as_str().unwrap_or_default().split(',') {
        plant(Secret::Setting, key.split_once(':').map_or("", |(_, key)| key));
    }
    for password in ["owner_password", "service_password"] {
        plant(Secret::Setting, kept(state_json)[password].as_str().unwrap_or_default());
    }
}

fn kept(state_json: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(state_json).unwrap_or_default()).unwrap_or_default()
}

/// Fails when an answer of the gateway shows a secret that was known before.
#[track_caller]
pub(super) fn shows_none(answer: &Answer, path: &str) {
    // The sandbox's controls show what arrived.
    if path.starts_with("/_sandbox/") {
        return;
    }
    for (kind, secret) in planted() {
        let header = answer.headers.values().any(|value| value.to_str().is_ok_and(|text| text.contains(&secret)));
        assert!(!header && !answer.text.contains(&secret), "a secret ({kind:?}) is in the answer to {}", answer.what);
    }
}

/// Searches everything that a running Portico wrote.
pub(super) async fn search(portico: &Portico) {
    let mut findings = Findings::new();
    let metrics = match portico.state()["metrics_url"].as_str() {
        Some(url) => {
            let (base, path) = url.rsplit_once('/').expect("a URL has a path");
            Caller::anonymous(base).get(&format!("/{path}")).await.text
        }
        None => String::new(),
    };
    let record = portico.sandbox().record().await;
    for (place, text) in [("the log", portico.log()), ("the metrics", metrics), ("the database", dump(portico).await)] {
        for (kind, secret) in planted() {
            if let Some(form) = stands(&text, &secret) {
                let around = around(&text, &form, &secret);
                findings.check(false, || format!("a secret ({kind:?}) stands in {place}: {around}"));
            }
        }
    }
    for (kind, secret) in planted() {
        for request in &record {
            let mut rest = request.clone();
            if kind == Secret::Chakra {
                // The one place where it belongs.
                let headers = rest["headers"].as_object_mut().into_iter().flatten();
                headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).for_each(|(_, value)| {
                    *value = Value::Null;
                });
            }
            let what = format!("{} {}", request["method"], request["path"]);
            findings.check(stands(&rest.to_string(), &secret).is_none(), || {
                format!("a secret ({kind:?}) reached Chakra with {what}")
            });
        }
    }
    findings.finish();
}

/// The form in which the secret stands in the text, if it does.
fn stands(text: &str, secret: &str) -> Option<String> {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let hexadecimal: String = secret.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    [secret.to_owned(), base64(secret.as_bytes()), hexadecimal].into_iter().find(|form| text.contains(form.as_str()))
}

/// The standard alphabet without padding; whole groups of three only, so that whatever follows fits.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// Some of the text before the secret, to find the place by.
fn around(text: &str, form: &str, secret: &str) -> String {
    let at = text.find(form).unwrap_or_default();
    let from = text[..at].char_indices().rev().nth(300).map_or(0, |(at, _)| at);
    text[from..at].replace(secret, "…")
}

/// The whole database as `pg_dump` writes it.
async fn dump(portico: &Portico) -> String {
    let owner = owner_url(portico);
    let dumped = tokio::task::spawn_blocking(move || {
        Command::new(pg_dump()).arg("--data-only").arg("--dbname").arg(owner).output().expect("pg_dump can be run")
    });
    let dumped = dumped.await.expect("the dump ends");
    assert!(dumped.status.success(), "pg_dump failed: {}", String::from_utf8_lossy(&dumped.stderr));
    String::from_utf8_lossy(&dumped.stdout).into_owned()
}

/// `pg_dump` of the newest Postgres of this machine.
fn pg_dump() -> std::path::PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> =
        debian.map(|entry| entry.path().join("bin/pg_dump")).filter(|path| path.is_file()).collect();
    found.sort_by_key(|path| path.to_string_lossy().len());
    found.sort();
    found.pop().unwrap_or_else(|| "pg_dump".into())
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let secret = "correct horse battery staple";
    let forms = [
        "correct horse battery staple",
        "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==",
        "\\x636f727265637420686f727365206261747465727920737461706c65",
    ];
    for form in forms {
        assert!(stands(&format!("before {form} after"), secret).is_some(), "{form}");
    }
    assert!(stands("before correct horse battery stapl after", secret).is_none());
}
