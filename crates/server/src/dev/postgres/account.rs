//! The account that Postgres runs as. It refuses root, so under root it runs as an unprivileged one.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User};

/// `nobody` everywhere, should even that name be missing.
const NOBODY: u32 = 65_534;

/// The account, and whether its processes can be made to end with ours.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// User and group id to change to; `None` keeps our own.
    switch_to: Option<(u32, u32)>,
    /// `setpriv` of util-linux sets the signal that a child gets when its parent dies.
    setpriv: bool,
}

impl Account {
    /// For a new cluster: our own account, or `postgres`, or `nobody` when we are root.
    pub(super) fn for_new_cluster() -> Self {
        let switch_to = Uid::effective().is_root().then(|| {
            ["postgres", "nobody"]
                .iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .map_or((NOBODY, NOBODY), |user| (user.uid.as_raw(), user.gid.as_raw()))
        });
        Self { switch_to, setpriv: knows_pdeathsig() }
    }

    /// For the cluster in `data`: its owner. `Err` holds the user id that we cannot act as.
    pub(super) fn owner_of(data: &Path) -> io::Result<Result<Self, u32>> {
        let meta = fs::metadata(data)?;
        let us = Uid::effective();
        let switch_to = match (us.is_root(), meta.uid()) {
            (true, 0) => return Ok(Err(0)),
            (true, uid) => Some((uid, meta.gid())),
            (false, uid) if uid == us.as_raw() => None,
            (false, uid) => return Ok(Err(uid)),
        };
        Ok(Ok(Self { switch_to, setpriv: knows_pdeathsig() }))
    }

    /// A command that runs as the account, in a process group of its own (so that Ctrl-C in a
    /// terminal does not reach it), without our `PG…` settings, and that gets `signal` when the
    /// thread that spawns it ends, where the machine can do that.
    pub(super) fn command(&self, program: impl AsRef<OsStr>, signal: &str) -> Command {
        let mut command = if self.setpriv {
            let mut wrapped = Command::new("setpriv");
            wrapped.args(["--pdeathsig", signal]).arg(program);
            wrapped
        } else {
            Command::new(program)
        };
        if let Some((uid, gid)) = self.switch_to {
            command.uid(uid).gid(gid);
        }
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).process_group(0);
        command
    }

    /// Gives a file or folder to the account.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        self.switch_to.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
    }

    /// Whether the account can enter the folder through every folder above it, and write there.
    pub(super) fn reaches(&self, folder: &Path) -> bool {
        let mut test = self.command("/bin/sh", "KILL");
        test.args(["-c", "cd -- \"$1\" && test -w .", "sh"]).arg(folder).current_dir("/");
        test.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Whether it is another account than ours.
    pub(super) fn is_another(&self) -> bool {
        self.switch_to.is_some()
    }

    pub(super) fn uid(&self) -> u32 {
        self.switch_to.map_or_else(|| Uid::effective().as_raw(), |(uid, _)| uid)
    }
}

fn knows_pdeathsig() -> bool {
    let mut probe = Command::new("setpriv");
    probe.args(["--pdeathsig", "INT", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
