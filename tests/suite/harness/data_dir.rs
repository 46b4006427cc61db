use std::fs;
use std::path::{Path, PathBuf};

/// A data directory of `portico dev` in a folder of its own; removed when dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    folder: PathBuf,
}

impl DataDir {
    /// A new one, which other accounts can enter: Postgres may run as one.
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("portico-suite-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        Self { folder }
    }

    /// What `--data-dir` gets; made by Portico.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder around it, for logs and whatever a test needs besides.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Files of that name at any depth.
    pub(crate) fn find(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut rest = vec![self.folder.clone()];
        while let Some(folder) = rest.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    rest.push(entry.path());
                } else if entry.file_name() == name {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // What cannot be removed stays in the folder for temporary files; no reason to fail a test.
        fs::remove_dir_all(&self.folder).ok();
    }
}
