//! Where this machine keeps the programs of a Postgres server.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Uid, access};

/// Where Debian and Ubuntu put each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// No server programs on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no PostgreSQL server programs were found on PATH, through pg_config or below {DEBIAN}: \
     run `{install}`, or set DATABASE_URL to a server of your own"
)]
pub(crate) struct NoPostgres {
    install: &'static str,
}

/// A folder with `postgres` and `initdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// Looks on `PATH`, asks `pg_config`, then takes the highest version that Debian installed.
    ///
    /// # Errors
    /// [`NoPostgres`], which says what to install.
    pub(crate) fn find() -> Result<Self, NoPostgres> {
        Self::find_in(&env::var_os("PATH").unwrap_or_default(), Path::new(DEBIAN))
    }

    fn find_in(path: &OsStr, debian: &Path) -> Result<Self, NoPostgres> {
        env::split_paths(path)
            .find_map(Self::at)
            .or_else(|| Self::at(pg_config(path)?))
            .or_else(|| debian_versions(debian).into_iter().rev().find_map(|(_, bin)| Self::at(bin)))
            .ok_or_else(|| NoPostgres {
                install: if Uid::effective().is_root() {
                    "apt-get install postgresql"
                } else {
                    "sudo apt-get install postgresql"
                },
            })
    }

    /// The programs of one major version, such as `15`, if they stand beside these.
    pub(super) fn of_major(&self, major: &str) -> Option<Self> {
        if self.major().as_deref() == Some(major) {
            return Some(self.clone());
        }
        let versions = debian_versions(Path::new(DEBIAN));
        versions.into_iter().find(|(number, _)| number.to_string() == major).and_then(|(_, bin)| Self::at(bin))
    }

    /// The major version, such as `15`, as `postgres --version` tells it.
    pub(super) fn major(&self) -> Option<String> {
        let said = Command::new(self.postgres()).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(said.stdout).ok()?;
        let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
        Some(number.chars().take_while(char::is_ascii_digit).collect())
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The program that makes a new cluster.
    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    fn at(dir: PathBuf) -> Option<Self> {
        let runnable =
            |name| dir.join(name).is_file() && access(&dir.join(name), nix::unistd::AccessFlags::X_OK).is_ok();
        (dir.is_absolute() && runnable("postgres") && runnable("initdb")).then_some(Self { dir })
    }
}

fn pg_config(path: &OsStr) -> Option<PathBuf> {
    let program = env::split_paths(path).map(|dir| dir.join("pg_config")).find(|program| program.is_file())?;
    let said = Command::new(program).arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim_end()))
}

/// Version and `bin` folder, lowest first.
fn debian_versions(root: &Path) -> Vec<(u32, PathBuf)> {
    let entries = root.read_dir().into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::Folder;
    use super::*;

    fn install(dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        for name in ["postgres", "initdb"] {
            fs::write(dir.join(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn a_machine_without_a_server_is_told_what_to_install() {
        let empty = Folder::new();
        let error = Binaries::find_in(empty.path().as_os_str(), empty.path()).unwrap_err().to_string();
        assert!(error.contains("apt-get install postgresql"), "{error}");
        assert!(error.contains("DATABASE_URL"), "{error}");
        assert_eq!(error.contains("sudo"), !Uid::effective().is_root());
    }

    #[test]
    fn path_comes_first_then_the_highest_version_of_debian() {
        let root = Folder::new();
        for version in ["9", "15", "16"] {
            install(&root.path().join("debian").join(version).join("bin"));
        }
        fs::create_dir_all(root.path().join("debian/17/bin")).unwrap();
        let debian = root.path().join("debian");
        let found = Binaries::find_in(OsStr::new(""), &debian).unwrap();
        assert_eq!(found.dir, debian.join("16/bin"));

        install(&root.path().join("own"));
        let found = Binaries::find_in(root.path().join("own").as_os_str(), &debian).unwrap();
        assert_eq!(found.dir, root.path().join("own"));
    }

    #[test]
    fn pg_config_is_asked_before_debians_folder() {
        let root = Folder::new();
        install(&root.path().join("chosen"));
        install(&root.path().join("debian/16/bin"));
        fs::create_dir_all(root.path().join("path")).unwrap();
        let program = root.path().join("path/pg_config");
        fs::write(&program, format!("#!/bin/sh\necho {}\n", root.path().join("chosen").display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let found = Binaries::find_in(root.path().join("path").as_os_str(), &root.path().join("debian")).unwrap();
        assert_eq!(found.dir, root.path().join("chosen"));
    }
}
