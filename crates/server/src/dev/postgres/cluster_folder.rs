//! The folder that holds the cluster of a data directory.
//!
//! Usually `<data-dir>/postgres`. Where the account that Postgres runs as under root cannot reach that
//! folder (a data directory below `/root`, say), the cluster is kept outside of it, under a random
//! name that `<data-dir>/postgres.location` holds: a data directory made anew finds no old data.
//!
//! `data` in it exists only when `initdb` came to its end: it works in [`UNFINISHED_DATA`], which is
//! renamed at last. What a killed run left there is removed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::account::Account;
use super::binaries::Binaries;
use super::{ClusterError, OWNER, last_lines};

/// Where a cluster is kept whose account cannot reach the data directory: the first that works.
const OUTSIDE_ROOTS: [&str; 2] = ["/var/lib/portico-dev", "/var/tmp/portico-dev"];
const UNFINISHED_DATA: &str = "data.unfinished";
const PASSWORD_FILE: &str = "initdb.password";

/// The folder of one cluster, locked against a second `portico dev`.
#[derive(Debug)]
pub(super) struct ClusterFolder {
    path: PathBuf,
    outside_data_dir: bool,
    account: Account,
    /// Released by the kernel when this process ends in any way.
    _locks: [File; 2],
}

impl ClusterFolder {
    /// Finds and locks the cluster's folder, or makes an empty one.
    pub(super) fn open(data_dir: &Path) -> Result<Self, ClusterError> {
        let own_lock = lock(&data_dir.join("postgres.lock"), data_dir)?;
        let location = data_dir.join("postgres.location");
        let (folder, outside_data_dir, account) = match fs::read_to_string(&location) {
            Ok(text) => {
                let folder = PathBuf::from(text.trim_end());
                if !folder.is_dir() {
                    return Err(ClusterError::Gone { folder, location });
                }
                let account = account_of(&folder)?;
                (folder, true, account)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => choose_folder(data_dir, &location)?,
            Err(error) => return Err(ClusterError::io(&location, error)),
        };
        if !account.reaches(&folder) {
            return Err(ClusterError::Unreachable { folder, uid: account.uid() });
        }
        // Two data directories, one a copy of the other, remember the same folder.
        let lock = lock(&folder.join("lock"), data_dir)?;
        Ok(Self { path: folder, outside_data_dir, account, _locks: [own_lock, lock] })
    }

    /// The cluster itself: what Postgres calls its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// What holds `data`, the lock and what `initdb` works with.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_outside_data_dir(&self) -> bool {
        self.outside_data_dir
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The programs for the cluster that is there, or a new cluster made with `binaries`.
    pub(super) fn prepare(&self, binaries: &Binaries, password: &SecretString) -> Result<Binaries, ClusterError> {
        if !self.data().exists() {
            self.initdb(binaries, password)?;
            return Ok(binaries.clone());
        }
        let version = self.data().join("PG_VERSION");
        let needed = fs::read_to_string(&version).map_err(|source| ClusterError::io(&version, source))?;
        let needed = needed.trim_end();
        binaries
            .of_major(needed)
            .ok_or_else(|| ClusterError::OtherVersion { folder: self.path.clone(), needed: needed.to_owned() })
    }

    fn initdb(&self, binaries: &Binaries, password: &SecretString) -> Result<(), ClusterError> {
        let unfinished = self.path.join(UNFINISHED_DATA);
        let pwfile = self.path.join(PASSWORD_FILE);
        ignore_absent(remove_with_retries(&unfinished)).map_err(|source| ClusterError::io(&unfinished, source))?;
        ignore_absent(fs::remove_file(&pwfile)).map_err(|source| ClusterError::io(&pwfile, source))?;

        let written = self.write_password(&pwfile, password);
        let outcome = written.map_err(|source| ClusterError::io(&pwfile, source)).and_then(|()| {
            let program = binaries.initdb();
            let mut command = self.account.command(&program, "KILL");
            command.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&pwfile);
            command.args(["--username", OWNER, "--auth", "scram-sha-256", "--no-sync"]);
            command.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]).current_dir(&self.path);
            command.output().map_err(|source| ClusterError::Spawn { program, source })
        });
        ignore_absent(fs::remove_file(&pwfile)).map_err(|source| ClusterError::io(&pwfile, source))?;

        let output = outcome?;
        if !output.status.success() {
            check_free_space(&self.path)?;
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(ClusterError::Initdb { folder: self.path.clone(), output: last_lines(&text) });
        }
        fs::rename(&unfinished, self.data()).map_err(|source| ClusterError::io(&self.data(), source))
    }

    fn write_password(&self, path: &Path, password: &SecretString) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        self.account.give(path)?;
        writeln!(file, "{}", password.expose_secret())
    }
}

/// Whether the disk below a folder takes another 64 KiB; asked after a program failed.
pub(super) fn check_free_space(folder: &Path) -> Result<(), ClusterError> {
    let probe = folder.join("free-space.probe");
    let written = File::create(&probe).and_then(|mut file| file.write_all(&vec![0xA5; 64 * 1024]));
    let removed = ignore_absent(fs::remove_file(&probe));
    written.and(removed).map_err(|source| ClusterError::io(folder, source))
}

/// The account of the cluster in `folder`, or of one that is made there.
fn account_of(folder: &Path) -> Result<Account, ClusterError> {
    let data = folder.join("data");
    if !data.exists() {
        let account = Account::for_new_cluster();
        account.give(folder).map_err(|source| ClusterError::io(folder, source))?;
        return Ok(account);
    }
    Account::owner_of(&data)
        .map_err(|source| ClusterError::io(&data, source))?
        .map_err(|uid| ClusterError::OtherOwner { folder: folder.to_owned(), uid })
}

/// `<data-dir>/postgres`, or a new folder outside of it that `location` then remembers.
fn choose_folder(data_dir: &Path, location: &Path) -> Result<(PathBuf, bool, Account), ClusterError> {
    let inside = data_dir.join("postgres");
    make_folder(&inside, 0o700).map_err(|source| ClusterError::io(&inside, source))?;
    let account = account_of(&inside)?;
    if !account.is_another() || inside.join("data").exists() || account.reaches(&inside) {
        return Ok((inside, false, account));
    }
    let outside = OUTSIDE_ROOTS
        .iter()
        .find_map(|root| create_outside(Path::new(root), &account).ok())
        .ok_or_else(|| ClusterError::Unreachable { folder: inside.clone(), uid: account.uid() })?;
    // Beside it first, then moved: a killed run leaves no half of a path.
    let draft = location.with_extension("draft");
    fs::write(&draft, format!("{}\n", outside.display()))
        .and_then(|()| fs::rename(&draft, location))
        .and_then(|()| fs::remove_dir_all(&inside))
        .map_err(|source| ClusterError::io(location, source))?;
    Ok((outside, true, account))
}

fn create_outside(root: &Path, account: &Account) -> io::Result<PathBuf> {
    make_folder(root, 0o711)?;
    let meta = fs::symlink_metadata(root)?;
    if !meta.is_dir() || meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let folder = root.join(format!("{:016x}", rand::random::<u64>()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    account.give(&folder)?;
    if account.reaches(&folder) {
        return Ok(folder);
    }
    fs::remove_dir(&folder)?;
    Err(ErrorKind::PermissionDenied.into())
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

fn lock(path: &Path, data_dir: &Path) -> Result<File, ClusterError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|source| ClusterError::io(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClusterError::InUse { data_dir: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(ClusterError::io(path, source)),
    }
}

/// Removes a folder into which a killed initdb's child may still write for a moment.
fn remove_with_retries(folder: &Path) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

fn ignore_absent(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
