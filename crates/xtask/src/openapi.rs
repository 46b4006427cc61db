//! Writes `openapi/portico.json`, the document as `portico openapi` prints it, and
//! `openapi/problems.md`, the table of error codes inside it.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

const REPAIR: &str = "cargo xtask openapi";
const DOCUMENT: &str = "openapi/portico.json";
const PROBLEMS: &str = "openapi/problems.md";
const CODES: &str = "x-portico-codes";

/// What to do with what the code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Put it in `openapi/`.
    Write,
    /// Compare it with `openapi/`.
    Check,
}

/// Why `openapi/` was not written, or is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenapiError {
    /// The binary could not be run.
    #[error("cargo run -p portico -- openapi: {0}")]
    Run(#[source] io::Error),
    /// The binary failed.
    #[error("`portico openapi` failed: see above")]
    Failed,
    /// It printed something else.
    #[error("`portico openapi` printed no OpenAPI document: {0}")]
    NoDocument(String),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A committed file differs.
    #[error("these do not fit the code: {}\nrun `{REPAIR}` and commit what it writes", .0.join(", "))]
    Stale(Vec<&'static str>),
}

/// Makes the files anew, and writes or compares them.
pub(crate) fn run(mode: Mode) -> Result<(), OpenapiError> {
    let document = print()?;
    let problems = problems(&document)?;
    let mut stale = Vec::new();
    for (name, fresh) in [(DOCUMENT, document), (PROBLEMS, problems)] {
        let path = crate::root().join(name);
        match mode {
            Mode::Write => {
                fs::write(&path, fresh).map_err(|source| OpenapiError::File { path, source })?;
                println!("wrote {name}");
            }
            // A missing file is as stale as a different one.
            Mode::Check if fs::read_to_string(&path).unwrap_or_default() != fresh => stale.push(name),
            Mode::Check => {}
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(OpenapiError::Stale(stale)) }
}

/// What `portico openapi` prints.
fn print() -> Result<String, OpenapiError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "-p", "portico", "--", "openapi"]).current_dir(crate::root());
    let output = command.stderr(Stdio::inherit()).output().map_err(OpenapiError::Run)?;
    if !output.status.success() {
        return Err(OpenapiError::Failed);
    }
    String::from_utf8(output.stdout).map_err(|error| OpenapiError::NoDocument(error.to_string()))
}

/// The table of error codes, for readers of the repository.
fn problems(document: &str) -> Result<String, OpenapiError> {
    let document: Value =
        serde_json::from_str(document).map_err(|error| OpenapiError::NoDocument(error.to_string()))?;
    let codes = document[CODES].as_array().ok_or_else(|| OpenapiError::NoDocument(format!("it lacks {CODES}")))?;
    let mut text = format!(
        "# Error codes\n\n\
         Made by `{REPAIR}` from `crates/core/src/code.rs`; a running Portico serves it at `/docs/problems`.\n\n\
         Compatible calls carry the code in `_meta.code`, Portico's own API in `code` of the problem, whose `type` is\n\
         `/docs/problems#<code>`.\n\n\
         | code | status | surface | meaning | what to do |\n|---|---|---|---|---|\n",
    );
    for code in codes {
        let cell = |name: &str| code[name].as_str().unwrap_or_default();
        let status = &code["status"];
        let (name, surface, meaning, fix) = (cell("code"), cell("surface"), cell("meaning"), cell("fix"));
        let _ = writeln!(text, "| `{name}` | {status} | {surface} | {meaning} | {fix} |");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_code() {
        let document =
            r#"{"x-portico-codes":[{"code":"a_b","status":404,"surface":"both","meaning":"Gone.","fix":"Look."}]}"#;
        let table = problems(document).expect("has codes");
        assert!(table.ends_with("|---|---|---|---|---|\n| `a_b` | 404 | both | Gone. | Look. |\n"), "{table}");
    }

    #[test]
    fn something_else_than_the_document_is_refused() {
        assert!(problems("{}").is_err());
        assert!(problems("").is_err());
    }
}
