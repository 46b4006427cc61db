use std::collections::HashSet;
use std::fs;

/// One process: its id and when it began, in ticks since boot, since ids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pid: i32,
    parent: i32,
    began: u64,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold anything; fields are counted from behind it.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            return None;
        }
        Some(Self { pid, parent: fields.get(1)?.parse().ok()?, began: fields.get(19)?.parse().ok()? })
    }

    fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::read(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// Its id.
    pub(crate) fn pid(self) -> i32 {
        self.pid
    }

    /// Whether it still runs.
    pub(crate) fn is_running(self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.began == self.began)
    }

    /// Its command line.
    pub(crate) fn command(self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
    }
}

/// The process of that id and every one beneath it.
pub(crate) fn family(pid: i32) -> Vec<Process> {
    let all = Process::all();
    let mut known = HashSet::from([pid]);
    loop {
        let before = known.len();
        known.extend(
            all.iter().filter(|process| known.contains(&process.parent)).map(|process| process.pid).collect::<Vec<_>>(),
        );
        if known.len() == before {
            return all.into_iter().filter(|process| known.contains(&process.pid)).collect();
        }
    }
}

/// The processes whose command line holds that text.
pub(crate) fn running_with(text: &str) -> Vec<String> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    Process::all()
        .into_iter()
        .filter(|process| process.pid != own)
        .map(|process| format!("{} {}", process.pid, process.command()))
        .filter(|line| line.contains(text))
        .collect()
}
