use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take on a machine that builds at the same time.
const LIMIT: Duration = Duration::from_mins(2);

fn interpreter() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let path = target.join("venv/bin/python");
    assert!(path.is_file(), "{} does not exist: run `.ci/install python`", path.display());
    path
}

/// Runs a program of `tests/python` with this environment beside the usual one; what it printed. Fails
/// if it fails.
pub(crate) async fn run(name: &str, environment: &[(&str, &str)]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name);
    let mut command = Command::new(interpreter());
    command.arg(program).envs(environment.iter().copied()).env("PYTHONDONTWRITEBYTECODE", "1");
    // What it fetches is on this machine.
    command.env("no_proxy", "*");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} did not end within {LIMIT:?}"));
    let output = output.expect("Python can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} ended with {}:\n{said}{complained}", output.status);
    said
}
