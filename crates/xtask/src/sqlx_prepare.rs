//! Writes `.sqlx`, the answers of Postgres about every checked query, so that a build needs no
//! database.
//!
//! The query macros write it themselves while they compile: a folder in `SQLX_OFFLINE_DIR` gets a
//! file for each query that a live database described. So this makes a database, migrates it,
//! compiles `portico-storage` against it and compares or replaces the folder.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

const REPAIR: &str = "make sqlx";
const CRATE: &str = "crates/storage";

/// What to do with what the macros wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Put it in `.sqlx`.
    Write,
    /// Compare it with `.sqlx`.
    Check,
}

/// Why `.sqlx` was not written, or is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    /// No server to ask.
    #[error("set DATABASE_URL to a Postgres whose user may create databases, or run `{REPAIR}`, which starts one")]
    NoDatabase,
    /// The server did not do as asked.
    #[error("the database of DATABASE_URL cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration does not apply.
    #[error("the migrations do not apply to an empty database: {0}")]
    Migrate(#[from] MigrateError),
    /// The crate does not compile against the migrated database.
    #[error("{CRATE} does not compile against the migrated database: see the errors above")]
    Compile,
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// `.sqlx` differs.
    #[error(".sqlx does not fit the queries and migrations:\n{}\nrun `{REPAIR}` and commit what it writes", .0.join("\n"))]
    Stale(Vec<String>),
}

/// Makes the files anew, and writes or compares them.
pub(crate) fn run(mode: Mode) -> Result<(), PrepareError> {
    let url = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()).ok_or(PrepareError::NoDatabase)?;
    let root = crate::root();
    let fresh_dir = target_dir(&root).join("sqlx-prepare");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(at(&root))?;
    empty(&fresh_dir)?;
    let server: PgConnectOptions = url.parse()?;
    let server = server.disable_statement_logging();
    let name = format!("portico_prepare_{:016x}", rand::random::<u64>());
    runtime.block_on(create(&server, &name))?;
    let prepared =
        runtime.block_on(migrate(&server, &name, &root)).and_then(|database| compile(&root, &database, &fresh_dir));
    let dropped = runtime.block_on(discard(&server, &name));
    prepared?;
    dropped?;

    let fresh = read(&fresh_dir)?;
    let kept_dir = root.join(".sqlx");
    match mode {
        Mode::Write => write(&kept_dir, &fresh)?,
        Mode::Check => {
            let faults = differences(&read(&kept_dir)?, &fresh);
            if !faults.is_empty() {
                return Err(PrepareError::Stale(faults));
            }
        }
    }
    println!("sqlx-prepare: {} queries {}", fresh.len(), if mode == Mode::Write { "written" } else { "as committed" });
    Ok(())
}

async fn create(server: &PgConnectOptions, name: &str) -> Result<(), PrepareError> {
    let mut connection = PgConnection::connect_with(server).await?;
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await?;
    Ok(connection.close().await?)
}

async fn discard(server: &PgConnectOptions, name: &str) -> Result<(), PrepareError> {
    let mut connection = PgConnection::connect_with(server).await?;
    connection.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await?;
    Ok(connection.close().await?)
}

/// The address of the migrated database.
async fn migrate(server: &PgConnectOptions, name: &str, root: &Path) -> Result<String, PrepareError> {
    let options = server.clone().database(name);
    let migrator = Migrator::new(root.join("migrations")).await?;
    let mut connection = PgConnection::connect_with(&options).await?;
    migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(options.to_url_lossy().to_string())
}

fn compile(root: &Path, database: &str, offline_dir: &Path) -> Result<(), PrepareError> {
    // Cargo would not compile again what has not changed, and the macros would write nothing.
    let touched = Touched::every_source(&root.join(CRATE))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["check", "--locked", "--all-targets", "-p", "portico-storage"]).current_dir(root);
    command.env("DATABASE_URL", database).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", offline_dir);
    let status = command.status().map_err(at(root))?;
    drop(touched);
    if status.success() { Ok(()) } else { Err(PrepareError::Compile) }
}

/// Sources that look changed until this is dropped: then they have their own time again, and no
/// other build compiles them for nothing.
struct Touched(Vec<(PathBuf, SystemTime)>);

impl Touched {
    fn every_source(folder: &Path) -> Result<Self, PrepareError> {
        let mut touched = Self(Vec::new());
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().map_err(at(&folder))? {
                let path = entry.map_err(at(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let file = File::options().append(true).open(&path).map_err(at(&path))?;
                    let time = file.metadata().and_then(|meta| meta.modified()).map_err(at(&path))?;
                    file.set_modified(SystemTime::now()).map_err(at(&path))?;
                    touched.0.push((path, time));
                }
            }
        }
        Ok(touched)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (path, time) in &self.0 {
            // A file that is gone, or keeps the new time, costs one compilation.
            let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(*time));
        }
    }
}

fn target_dir(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

fn empty(dir: &Path) -> Result<(), PrepareError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(dir)(error)),
        _ => {}
    }
    fs::create_dir_all(dir).map_err(at(dir))
}

/// Name and content of every query file; none if there is no such folder.
fn read(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, PrepareError> {
    if !dir.exists() {
        return Ok(BTreeMap::new());
    }
    let mut files = BTreeMap::new();
    for entry in dir.read_dir().map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read(&path).map_err(at(&path))?);
        }
    }
    Ok(files)
}

fn write(dir: &Path, fresh: &BTreeMap<String, Vec<u8>>) -> Result<(), PrepareError> {
    fs::create_dir_all(dir).map_err(at(dir))?;
    let kept = read(dir)?;
    for name in kept.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(dir.join(name)).map_err(at(&dir.join(name)))?;
    }
    for (name, content) in fresh.iter().filter(|(name, content)| kept.get(*name) != Some(content)) {
        fs::write(dir.join(name), content).map_err(at(&dir.join(name)))?;
    }
    Ok(())
}

fn differences(kept: &BTreeMap<String, Vec<u8>>, fresh: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let missing = fresh.keys().filter(|name| !kept.contains_key(*name)).map(|name| format!("  missing: {name}"));
    let unused = kept.keys().filter(|name| !fresh.contains_key(*name)).map(|name| format!("  unused: {name}"));
    let changed = fresh.iter().filter(|(name, content)| kept.get(*name).is_some_and(|kept| kept != *content));
    missing.chain(unused).chain(changed.map(|(name, _)| format!("  changed: {name}"))).collect()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> PrepareError {
    let path = path.to_owned();
    move |source| PrepareError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        entries.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let kept = files(&[("query-a", "1"), ("query-b", "1"), ("query-c", "1")]);
        let fresh = files(&[("query-a", "1"), ("query-b", "2"), ("query-d", "1")]);
        assert_eq!(differences(&kept, &fresh), ["  missing: query-d", "  unused: query-c", "  changed: query-b"]);
        assert!(differences(&kept, &kept).is_empty());
    }
}
