//! `portico backup` and `portico restore`: everything in the database as one file, and back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use portico_storage::BackupSummary;

use super::Failure;
use crate::cli::{Backup, Restore};
use crate::settings::{self, Sources};
use crate::{console, telemetry};

/// In place of a file: the output, or the input.
const STREAM: &str = "-";

/// Writes a backup, and says what it holds. A file that is there already is not replaced, and one that is not complete
/// has another name.
pub(super) async fn backup(arguments: &Backup) -> Result<(), Failure> {
    let sources = Sources::of_this_process(arguments.config.config.as_deref())?;
    let (url, log) = settings::for_backup(&sources)?;
    telemetry::start(log);
    if arguments.file == Path::new(STREAM) {
        let summary = portico_storage::backup(&url, arguments.allow_empty, &mut io::stdout()).await?;
        tell(&summary, "holds").into_iter().for_each(console::complain);
        return Ok(());
    }
    let file = |source| Failure::File { file: arguments.file.clone(), source };
    if arguments.file.exists() {
        return Err(file(io::ErrorKind::AlreadyExists.into()));
    }
    let unfinished = unfinished(&arguments.file);
    let created = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let mut out = BufWriter::new(created.map_err(file)?);
    let written = portico_storage::backup(&url, arguments.allow_empty, &mut out).await;
    let summary = match written {
        Ok(summary) => summary,
        Err(error) => {
            // It is of no use, and nobody shall take it for a backup.
            let _ = fs::remove_file(&unfinished);
            return Err(error.into());
        }
    };
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(file)?;
    fs::rename(&unfinished, &arguments.file).map_err(file)?;
    tell(&summary, "holds").into_iter().for_each(console::say);
    Ok(())
}

/// Puts a backup into an empty database, and says what it held.
pub(super) async fn restore(arguments: &Restore) -> Result<(), Failure> {
    let sources = Sources::of_this_process(arguments.config.config.as_deref())?;
    let (url, log) = settings::for_migrate(&sources)?;
    telemetry::start(log);
    let summary = if arguments.file == Path::new(STREAM) {
        portico_storage::restore(&url, &mut BufReader::new(io::stdin())).await?
    } else {
        let opened = File::open(&arguments.file);
        let opened = opened.map_err(|source| Failure::File { file: arguments.file.clone(), source })?;
        portico_storage::restore(&url, &mut BufReader::new(opened)).await?
    };
    tell(&summary, "held").into_iter().for_each(console::say);
    console::say(
        "Let the gateway's role in with `portico migrate --grant-to ROLE`, then look at it with `portico check`.",
    );
    Ok(())
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

/// A line for each table with rows, and what is needed besides.
fn tell(summary: &BackupSummary, verb: &str) -> Vec<String> {
    let BackupSummary { made_at, tables, master_keys } = summary;
    let made_at = made_at.replace_nanosecond(0).unwrap_or(*made_at);
    let all: u64 = tables.iter().map(|table| table.rows).sum();
    let tenants = summary.rows("tenants");
    let mut lines = vec![format!("The backup of {made_at} {verb} {all} rows of {tenants} tenants:")];
    let filled = tables.iter().filter(|table| table.rows > 0);
    lines.extend(filled.map(|table| format!("{:>12}  {}", table.rows, table.name)));
    let keys = master_keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    lines.push(format!(
        "Its secrets open only with the master keys {keys}, which are not in it: keep them elsewhere, as long as it."
    ));
    lines
}
