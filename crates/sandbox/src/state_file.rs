//! The state file: read at start, written after changes and at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::shared::Shared;
use crate::world::World;

/// The form of the file; another one is refused.
const VERSION: u32 = 1;
/// Time after a change in which more changes join the same write.
const DEBOUNCE: Duration = Duration::from_millis(120);

#[derive(Deserialize)]
struct Loaded {
    version: u32,
    world: World,
}

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    world: &'a World,
}

/// Reads the state; a file that is not there is an empty world.
///
/// # Errors
///
/// When it cannot be read or is not a state file of this version; the text says which.
pub(crate) fn load(path: &Path) -> Result<World, String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(World::default()),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let loaded: Loaded = serde_json::from_slice(&bytes).map_err(|error| format!("is not a state file: {error}"))?;
    if loaded.version == VERSION {
        Ok(loaded.world)
    } else {
        Err(format!("has version {}, but this sandbox writes version {VERSION}", loaded.version))
    }
}

/// Writes the state beside the file, then moves it into place.
///
/// # Errors
///
/// When the directory cannot be written.
pub(crate) fn save(path: &Path, shared: &Shared) -> io::Result<()> {
    let _saving = shared.saving.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = serde_json::to_vec(&Saved { version: VERSION, world: &shared.world() })?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let beside = path.with_file_name(name);
    let mut file = open_private(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Saves after every change, until it is aborted.
pub(crate) async fn save_after_changes(path: PathBuf, shared: Arc<Shared>) {
    loop {
        shared.changed.notified().await;
        sleep(DEBOUNCE).await;
        let (path, shared) = (path.clone(), Arc::clone(&shared));
        let saved = tokio::task::spawn_blocking(move || save(&path, &shared)).await;
        if let Ok(Err(error)) = saved {
            tracing::warn!(%error, "the sandbox cannot save its state");
        }
    }
}

/// The file holds access tokens: only its owner may read it.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
