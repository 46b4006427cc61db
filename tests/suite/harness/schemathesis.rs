use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{Caller, Portico};

/// How long a bounded run may take on a machine that builds at the same time.
const BOUNDED: Duration = Duration::from_mins(10);
/// The environment variable that asks for a longer run on new data, in seconds.
const SOAK: &str = "SOAK_SECONDS";

/// How often an operation ("GET /plugin/{pluginId}") was answered with which status.
pub(crate) type Statuses = BTreeMap<String, BTreeMap<String, u64>>;

fn program() -> PathBuf {
    let path = std::env::var_os("SCHEMATHESIS").map_or_else(
        || {
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
            target.join("venv/bin/schemathesis")
        },
        PathBuf::from,
    );
    assert!(path.is_file(), "{} does not exist: run `.ci/install python`, or set SCHEMATHESIS", path.display());
    path
}

/// Calls the operations of the served document whose paths match, as `caller`, with what the document
/// allows and what it forbids; fails with everything in which an answer differs from the document.
///
/// `known` names what exists: lists of ids by the resource's name. The first of each is kept alive.
pub(crate) async fn fuzz(portico: &Portico, caller: &Caller, paths: &str, known: Value) -> Statuses {
    let folder = portico.data().folder();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let report = folder.join("statuses.json");
    let plan = json!({"known": known, "report": report});
    let mut command = Command::new(program());
    command
        .arg("--config-file")
        .arg(sources.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", caller.base()), "--include-path-regex", paths])
        .args(["--header", &format!("Authorization: Bearer {}", caller.token())])
        .env("SCHEMATHESIS_HOOKS", sources.join("hooks.py"))
        .env("PORTICO_FUZZ", plan.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder);
    let soak = std::env::var(SOAK).ok().map(|text| text.parse::<u64>().expect("SOAK_SECONDS is a number"));
    let limit = match soak {
        None => {
            command.args(["--seed", "1", "--max-examples", "8"]);
            BOUNDED
        }
        Some(seconds) => {
            command.args(["--max-examples", "100", "--max-time", &seconds.to_string()]);
            BOUNDED + Duration::from_secs(seconds)
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("Schemathesis did not end within {limit:?}"));
    let output = output.expect("Schemathesis can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Schemathesis ended with {}:\n{said}{complained}", output.status);
    let statuses = fs::read_to_string(&report).expect("the hooks write what they saw");
    serde_json::from_str(&statuses).expect("the hooks write JSON")
}
