//! Files that were uploaded, in memory only: a restart forgets them.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// Bytes that are kept in all; the oldest files go first.
const BYTES: usize = 256 * 1024 * 1024;

/// A file that anyone with its URL can read.
#[derive(Debug, Clone)]
pub(crate) struct Medium {
    pub(crate) content_type: String,
    pub(crate) content: Bytes,
}

/// The files, by the path below `/_sandbox/media/`.
#[derive(Debug, Default)]
pub(crate) struct Media {
    files: HashMap<String, Medium>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Media {
    /// Keeps a file; the oldest make room.
    pub(crate) fn add(&mut self, path: String, medium: Medium) {
        self.bytes += medium.content.len();
        self.order.push_back(path.clone());
        self.files.insert(path, medium);
        while self.bytes > BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.files.remove(&oldest).map_or(0, |medium| medium.content.len());
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Medium> {
        self.files.get(path)
    }
}
