//! Where the cluster of a data directory stands.
//!
//! Usually `<data-dir>/postgres`. When root lends an account that cannot reach that folder (a data
//! directory below `/root`, say), the cluster stands in a folder of ours elsewhere, under a random
//! name that `<data-dir>/postgres.location` remembers: a data directory made anew finds no old data.
//!
//! `data` in it exists only when `initdb` came to its end: it works in [`UNFINISHED`], which is
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

/// Where a cluster may stand that its account cannot reach in the data directory.
const ELSEWHERE: [&str; 2] = ["/var/lib/portico-dev", "/var/tmp/portico-dev"];
const UNFINISHED: &str = "data.unfinished";
const PASSWORD: &str = "initdb.password";

/// The folder of one cluster, locked against a second `portico dev`.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
    elsewhere: bool,
    account: Account,
    /// Released by the kernel when this process ends in any way.
    _locks: [File; 2],
}

impl Home {
    /// Finds the cluster's folder, or makes an empty one.
    pub(super) fn of(data_dir: &Path) -> Result<Self, ClusterError> {
        let own_lock = lock(&data_dir.join("postgres.lock"), data_dir)?;
        let location = data_dir.join("postgres.location");
        let (folder, elsewhere, account) = match fs::read_to_string(&location) {
            Ok(text) => {
                let folder = PathBuf::from(text.trim_end());
                if !folder.is_dir() {
                    return Err(ClusterError::Gone { folder, location });
                }
                let account = account_of(&folder)?;
                (folder, true, account)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => settle(data_dir, &location)?,
            Err(error) => return Err(ClusterError::io(&location, error)),
        };
        if !account.reaches(&folder) {
            return Err(ClusterError::Unreachable { folder, uid: account.uid() });
        }
        // Two data directories, one a copy of the other, remember the same folder.
        let lock = lock(&folder.join("lock"), data_dir)?;
        Ok(Self { folder, elsewhere, account, _locks: [own_lock, lock] })
    }

    /// The cluster itself: what Postgres calls its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder that holds it.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is outside the data directory.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// Who Postgres runs as.
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
            .ok_or_else(|| ClusterError::OtherVersion { folder: self.folder.clone(), needed: needed.to_owned() })
    }

    fn initdb(&self, binaries: &Binaries, password: &SecretString) -> Result<(), ClusterError> {
        let unfinished = self.folder.join(UNFINISHED);
        let pwfile = self.folder.join(PASSWORD);
        absent_is_fine(remove_for_good(&unfinished)).map_err(|source| ClusterError::io(&unfinished, source))?;
        absent_is_fine(fs::remove_file(&pwfile)).map_err(|source| ClusterError::io(&pwfile, source))?;

        let written = self.write_password(&pwfile, password);
        let outcome = written.map_err(|source| ClusterError::io(&pwfile, source)).and_then(|()| {
            let program = binaries.initdb();
            let mut command = self.account.command(&program, "KILL");
            command.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&pwfile);
            command.args(["--username", OWNER, "--auth", "scram-sha-256", "--no-sync"]);
            command.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]).current_dir(&self.folder);
            command.output().map_err(|source| ClusterError::Spawn { program, source })
        });
        absent_is_fine(fs::remove_file(&pwfile)).map_err(|source| ClusterError::io(&pwfile, source))?;

        let said = outcome?;
        if !said.status.success() {
            room(&self.folder)?;
            let text = String::from_utf8_lossy(&said.stderr);
            return Err(ClusterError::Initdb { folder: self.folder.clone(), said: last_lines(&text) });
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
pub(super) fn room(folder: &Path) -> Result<(), ClusterError> {
    let probe = folder.join("room.probe");
    let written = File::create(&probe).and_then(|mut file| file.write_all(&vec![0xA5; 64 * 1024]));
    let removed = absent_is_fine(fs::remove_file(&probe));
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

/// `<data-dir>/postgres`, or a new folder elsewhere that `location` then remembers.
fn settle(data_dir: &Path, location: &Path) -> Result<(PathBuf, bool, Account), ClusterError> {
    let inside = data_dir.join("postgres");
    make_folder(&inside, 0o700).map_err(|source| ClusterError::io(&inside, source))?;
    let account = account_of(&inside)?;
    if !account.is_lent() || inside.join("data").exists() || account.reaches(&inside) {
        return Ok((inside, false, account));
    }
    let elsewhere = ELSEWHERE
        .iter()
        .find_map(|root| elsewhere(Path::new(root), &account).ok())
        .ok_or_else(|| ClusterError::Unreachable { folder: inside.clone(), uid: account.uid() })?;
    // Beside it first, then moved: a killed run leaves no half of a path.
    let draft = location.with_extension("draft");
    fs::write(&draft, format!("{}\n", elsewhere.display()))
        .and_then(|()| fs::rename(&draft, location))
        .and_then(|()| fs::remove_dir_all(&inside))
        .map_err(|source| ClusterError::io(location, source))?;
    Ok((elsewhere, true, account))
}

fn elsewhere(root: &Path, account: &Account) -> io::Result<PathBuf> {
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
fn remove_for_good(folder: &Path) -> io::Result<()> {
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

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
