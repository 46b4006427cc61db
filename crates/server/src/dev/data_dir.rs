//! The data directory, held by one `portico dev` at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use nix::unistd::Uid;

use super::private_file;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// Not writable, or a file is in the way.
    #[error("cannot use {}: {source}; make it writable, or choose another folder with --data-dir", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    /// Another process holds it.
    #[error("another `portico dev`{} is running on {}: stop it, or choose another folder with --data-dir", holder(*pid), path.display())]
    InUse {
        path: PathBuf,
        /// The process, as it wrote itself down.
        pid: Option<u32>,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// A data directory that is ours until this process ends.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    /// Released by the kernel when this process ends in any way.
    _lock: File,
}

impl DataDir {
    /// Makes the folder if there is none, and locks it. The `dev.json` of an earlier run is removed: what
    /// it says holds no longer.
    ///
    /// # Errors
    /// See [`DataDirError`]: each names the folder or file.
    pub(super) fn acquire(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable { path: path.to_owned(), source };
        create_folder(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let lock = lock_folder(&path)?;
        let acquired = Self { path, _lock: lock };
        acquired.remove_dev_json().map_err(|source| DataDirError::Unusable { path: acquired.dev_json(), source })?;
        Ok(acquired)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that says where everything of this run is, for programs.
    pub(super) fn dev_json(&self) -> PathBuf {
        self.path.join("dev.json")
    }

    /// The sandbox's state file.
    pub(super) fn sandbox_state(&self) -> PathBuf {
        self.path.join("sandbox.json")
    }

    /// Removes `dev.json`, whose URLs hold only while this run serves. That there is none is no error.
    pub(super) fn remove_dev_json(&self) -> io::Result<()> {
        private_file::remove(&self.dev_json())
    }

    /// Unlocks the folder and removes the lock file.
    pub(super) fn release(self) {
        let path = lock_path(&self.path);
        if let Err(error) = private_file::remove(&path) {
            tracing::warn!(%error, "{} cannot be removed", path.display());
        }
    }
}

/// Root lets the account of the private Postgres pass through the folder, but not list it; every file in it is
/// its owner's alone.
fn create_folder(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    let mode = if Uid::effective().is_root() { 0o711 } else { 0o700 };
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn lock_folder(folder: &Path) -> Result<File, DataDirError> {
    let path = lock_path(folder);
    let unusable = |source| DataDirError::Unusable { path: path.clone(), source };
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let mut file = file.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(DataDirError::InUse { path: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // Its holder may have removed the file between our two steps: then the lock is on nothing.
        let (ours, there) = (file.metadata().map_err(unusable)?, fs::metadata(&path));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            file.set_len(0).and_then(|()| writeln!(file, "{}", process::id())).map_err(unusable)?;
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("portico-data-{:016x}", rand::random::<u64>())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn only_one_process_holds_it_and_a_second_is_told_which() {
        let folder = Folder::new();
        let acquired = DataDir::acquire(&folder.0).unwrap();
        let error = DataDir::acquire(&folder.0).unwrap_err().to_string();
        assert!(error.contains(&format!("(process {})", process::id())) && error.contains("--data-dir"), "{error}");
        acquired.release();
        assert!(!lock_path(&folder.0).exists());
        DataDir::acquire(&folder.0).unwrap();
    }

    #[test]
    fn others_cannot_look_into_it() {
        let folder = Folder::new();
        let acquired = DataDir::acquire(&folder.0.join("deep/data")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(acquired.path()) & 0o066, 0);
        private_file::replace(&acquired.dev_json(), "{}").unwrap();
        assert_eq!(mode(&acquired.dev_json()) & 0o077, 0);
    }

    #[test]
    fn the_dev_json_of_an_earlier_run_is_removed() {
        let folder = Folder::new();
        let acquired = DataDir::acquire(&folder.0).unwrap();
        private_file::replace(&acquired.dev_json(), "{}").unwrap();
        drop(acquired);
        assert!(!DataDir::acquire(&folder.0).unwrap().dev_json().exists());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = Folder::new();
        fs::create_dir(&folder.0).unwrap();
        fs::write(folder.0.join("file"), "").unwrap();
        for path in [folder.0.join("file"), folder.0.join("file/data")] {
            let error = DataDir::acquire(&path).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && error.contains("--data-dir"), "{error}");
        }
    }
}
