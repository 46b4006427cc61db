//! The running server process: started, watched and stopped; and one that a killed run left.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::ClusterError;

/// How long a fast shutdown may take before an immediate one is asked for.
const FAST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an immediate shutdown may take; after 5 s the server itself kills what hangs.
const IMMEDIATE_TIMEOUT: Duration = Duration::from_secs(8);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A server that this process started.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    ended: watch::Receiver<bool>,
}

impl Postmaster {
    /// Spawns the server from a thread that lives as long as the server does: the kernel counts the
    /// end of the spawning *thread* as the parent's death, and one of a pool ends when it is idle.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let (tell_pid, pid) = mpsc::sync_channel(1);
        let (tell_end, ended) = watch::channel(false);
        thread::Builder::new().name("postgres-keeper".to_owned()).spawn(move || {
            let spawned = command.spawn();
            let (child, pid) = match spawned {
                Ok(child) => {
                    let pid = child.id();
                    (Some(child), Ok(pid))
                }
                Err(error) => (None, Err(error)),
            };
            // Nobody waits for either answer any more when the start was given up: end the server all the same.
            let _ = tell_pid.send(pid);
            if let Some(mut child) = child {
                let _ = child.wait();
            }
            let _ = tell_end.send(true);
        })?;
        let pid = pid.recv().map_err(|_| io::Error::other("the thread that starts it ended"))??;
        let pid = i32::try_from(pid).map_err(io::Error::other)?;
        Ok(Self { pid: Pid::from_raw(pid), ended })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    pub(super) async fn ended(&self) {
        // An error says that the keeper is gone, and the server with it.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Fast shutdown, then an immediate one, then the kernel's.
    pub(super) async fn stop(&self) {
        for (signal, limit) in
            [(Signal::SIGINT, FAST_TIMEOUT), (Signal::SIGQUIT, IMMEDIATE_TIMEOUT), (Signal::SIGKILL, IMMEDIATE_TIMEOUT)]
        {
            self.signal(signal);
            if tokio::time::timeout(limit, self.ended()).await.is_ok() {
                return;
            }
            tracing::warn!(postgres.pid = self.pid(), "postgres did not stop in time after {signal}");
        }
    }

    fn signal(&self, signal: Signal) {
        if !self.has_ended() {
            // It may end between the look and the signal; that is what the signal is for.
            let _ = kill(self.pid, signal);
        }
    }
}

impl Drop for Postmaster {
    /// The net for a path that did not call [`Self::stop`]: blocks until the server is gone.
    fn drop(&mut self) {
        for (signal, limit) in
            [(Signal::SIGINT, FAST_TIMEOUT), (Signal::SIGQUIT, IMMEDIATE_TIMEOUT), (Signal::SIGKILL, IMMEDIATE_TIMEOUT)]
        {
            self.signal(signal);
            if wait_for(limit, || self.has_ended()) {
                return;
            }
        }
    }
}

/// Stops the server that an earlier run left on the cluster in `data`, if there is one.
///
/// A pid file that names no process is Postgres's own business. One that names a process which is
/// not this server (its number was given anew, or it is dead and nobody reaped it) would keep
/// Postgres from starting, so it is removed; the caller's lock says that nobody else is starting.
pub(super) fn stop_leftover(data: &Path) -> Result<(), ClusterError> {
    let file = data.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&file).ok().and_then(|text| first_line(&text)) else { return Ok(()) };
    if !is_server_of(pid, data) {
        let named = pid.as_raw() > 0 && Path::new("/proc").join(pid.to_string()).exists();
        return if named { fs::remove_file(&file).map_err(|source| ClusterError::io(&file, source)) } else { Ok(()) };
    }
    let gone = || !is_server_of(pid, data);
    for (signal, limit) in [(Signal::SIGINT, FAST_TIMEOUT), (Signal::SIGQUIT, IMMEDIATE_TIMEOUT)] {
        // Refused or too late: what counts is whether it is gone.
        let _ = kill(pid, signal);
        if wait_for(limit, gone) {
            return Ok(());
        }
    }
    Err(ClusterError::LeftOver { pid: pid.as_raw() })
}

fn first_line(text: &str) -> Option<Pid> {
    text.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}

/// The server works in its data directory; a process that merely got the same number does not.
fn is_server_of(pid: Pid, data: &Path) -> bool {
    let proc = Path::new("/proc").join(pid.to_string());
    let named = fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.trim_end() == "postgres");
    pid.as_raw() > 1 && named && fs::read_link(proc.join("cwd")).ok() == fs::canonicalize(data).ok()
}

fn wait_for(limit: Duration, done: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
    true
}
