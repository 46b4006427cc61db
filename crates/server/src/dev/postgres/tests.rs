//! The private Postgres, run for real. As root these tests run it as an unprivileged user.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::account::Account;
use super::cluster_folder::ClusterFolder;
use super::*;

/// A folder for one test, gone afterwards.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = env::temp_dir().join(format!("portico-test-{:016x}", rand::random::<u64>()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn password() -> SecretString {
    "p@ss/word: 50% & more".into()
}

async fn start(data_dir: &Path) -> Result<Cluster, ClusterError> {
    Cluster::start(&Binaries::find().unwrap(), data_dir, &password()).await
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(cluster.owner_url("postgres").expose_secret()).await.unwrap()
}

fn lives(pid: u32) -> bool {
    // A zombie that nobody has reaped has no working directory.
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}

fn eventually(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen in 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_row_survives_a_restart_and_no_process_survives_the_stop() {
    let folder = Folder::new();
    let cluster = start(folder.path()).await.unwrap();
    let pid = cluster.pid();
    assert!(lives(pid));
    let mut owner = connect(&cluster).await;
    owner.execute("create table kept (word text); insert into kept values ('here')").await.unwrap();
    let (fsync, encoding): (String, String) =
        sqlx::query_as("select current_setting('fsync'), current_setting('server_encoding')")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!((fsync.as_str(), encoding.as_str()), ("on", "UTF8"));
    cluster.stop().await;
    assert!(!lives(pid));

    let cluster = start(folder.path()).await.unwrap();
    let word: String =
        sqlx::query_scalar("select word from kept").fetch_one(&mut connect(&cluster).await).await.unwrap();
    assert_eq!(word, "here");
    assert!(!cluster.is_outside_data_dir());
    assert_eq!(cluster.folder(), folder.path().join("postgres"));
    assert_eq!(fs::metadata(cluster.log()).unwrap().permissions().mode() & 0o777, 0o600);
    let pid = cluster.pid();
    drop(cluster);
    assert!(!lives(pid), "dropping stops it too");
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let folder = Folder::new();
    let cluster_folder = ClusterFolder::open(folder.path()).unwrap();
    let left = cluster_folder.path().join("data.unfinished");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("PG_VERSION"), "15\n").unwrap();
    fs::write(cluster_folder.path().join("initdb.password"), "old\n").unwrap();
    drop(cluster_folder);

    let cluster = start(folder.path()).await.unwrap();
    connect(&cluster).await;
    assert!(!left.exists());
    assert!(!cluster.folder().join("initdb.password").exists());
    cluster.stop().await;
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_is_refused_while_the_first_runs() {
    let folder = Folder::new();
    let cluster = start(folder.path()).await.unwrap();
    let error = start(folder.path()).await.unwrap_err();
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");
    connect(&cluster).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_that_an_earlier_run_left_is_stopped_first() {
    let folder = Folder::new();
    start(folder.path()).await.unwrap().stop().await;

    let data = folder.path().join("postgres/data");
    let account = Account::owner_of(&data).unwrap().unwrap();
    let mut command = account.command(Binaries::find().unwrap().postgres(), "INT");
    command.arg("-D").arg(&data).args(["-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]);
    command.arg("-p").arg(free_port().unwrap().to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut left = command.spawn().unwrap();
    eventually("the pid file", || {
        fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"))
    });

    let cluster = start(folder.path()).await.unwrap();
    assert_ne!(cluster.pid(), left.id());
    assert!(!lives(left.id()));
    left.wait().unwrap();
    connect(&cluster).await;
    cluster.stop().await;
}

/// Both were killed, and nobody reaped the server: Postgres takes the dead process for a live one.
#[tokio::test]
async fn a_pid_file_that_names_a_dead_or_foreign_process_is_no_obstacle() {
    let folder = Folder::new();
    start(folder.path()).await.unwrap().stop().await;
    let account = Account::owner_of(&folder.path().join("postgres/data")).unwrap().unwrap();
    let mut foreign = account.command("sleep", "KILL").arg("60").spawn().unwrap();
    for dead in [false, true] {
        if dead {
            foreign.kill().unwrap();
            eventually("the process's death", || !lives(foreign.id()));
        }
        let file = folder.path().join("postgres/data/postmaster.pid");
        let data = folder.path().join("postgres/data");
        fs::write(&file, format!("{}\n{}\n1700000000\n5432\n\n\n\nready\n", foreign.id(), data.display())).unwrap();
        account.give(&file).unwrap();
        let cluster = start(folder.path()).await.unwrap();
        assert_eq!(lives(foreign.id()), !dead, "a process that is not ours is left alone");
        cluster.stop().await;
    }
    foreign.wait().unwrap();
}

const HELD: &str = "PORTICO_TEST_HELD_DATA_DIR";

#[tokio::test]
async fn a_killed_portico_leaves_no_server_that_the_next_start_cannot_replace() {
    let folder = Folder::new();
    let mut holder = Command::new(env::current_exe().unwrap());
    holder.args(["--exact", "--ignored", "dev::postgres::tests::holds_a_cluster_until_it_is_killed"]);
    let mut holder = holder.env(HELD, folder.path()).stdout(Stdio::null()).spawn().unwrap();
    let pid_file = folder.path().join("held.pid");
    eventually("the held cluster's start", || fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n')));
    let pid: u32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    assert!(lives(pid));

    holder.kill().unwrap();
    holder.wait().unwrap();
    if Command::new("setpriv").args(["--pdeathsig", "INT", "true"]).status().is_ok_and(|status| status.success()) {
        eventually("the server's end with its parent", || !lives(pid));
    }
    let cluster = start(folder.path()).await.unwrap();
    assert!(!lives(pid));
    connect(&cluster).await;
    cluster.stop().await;
}

#[tokio::test]
#[ignore = "is run, and killed, by the test above"]
async fn holds_a_cluster_until_it_is_killed() {
    let Some(data_dir) = env::var_os(HELD).map(PathBuf::from) else { return };
    let cluster = start(&data_dir).await.unwrap();
    fs::write(data_dir.join("held.pid"), format!("{}\n", cluster.pid())).unwrap();
    cluster.ended().await;
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let folder = Folder::new();
    let cluster = start(folder.path()).await.unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(cluster.pid()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).unwrap();
    timeout(Duration::from_secs(30), cluster.ended()).await.unwrap();
}

#[tokio::test]
async fn another_password_is_refused_in_words() {
    let folder = Folder::new();
    start(folder.path()).await.unwrap().stop().await;
    let error = Cluster::start(&Binaries::find().unwrap(), folder.path(), &"another".into()).await.unwrap_err();
    assert!(matches!(error, ClusterError::WrongPassword { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_the_end_of_its_log() {
    let folder = Folder::new();
    start(folder.path()).await.unwrap().stop().await;
    fs::write(folder.path().join("postgres/data/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = start(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    assert!(error.to_string().contains("postgres.log"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_a_version_that_is_not_installed_is_refused_in_words() {
    let folder = Folder::new();
    start(folder.path()).await.unwrap().stop().await;
    fs::write(folder.path().join("postgres/data/PG_VERSION"), "8\n").unwrap();
    let error = start(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("apt-get install postgresql-8"), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = start(&file.join("data")).await.unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()) && error.contains("--data-dir"), "{error}");
}

/// Only under root is the account another one, which cannot reach root's folders.
#[tokio::test]
async fn below_a_closed_folder_the_cluster_is_kept_outside_and_is_found_again() {
    if !Uid::effective().is_root() {
        return;
    }
    let closed = Folder::new();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.path().join("data");
    let cluster = start(&data_dir).await.unwrap();
    let outside = Folder(cluster.folder().to_owned());
    assert!(cluster.is_outside_data_dir());
    assert!(!outside.path().starts_with(closed.path()));
    connect(&cluster).await.execute("create table kept ()").await.unwrap();
    cluster.stop().await;

    let again = start(&data_dir).await.unwrap();
    assert_eq!(again.folder(), outside.path());
    connect(&again).await.execute("select from kept").await.unwrap();
    again.stop().await;

    fs::remove_dir_all(&data_dir).unwrap();
    let fresh = start(&data_dir).await.unwrap();
    let other = Folder(fresh.folder().to_owned());
    assert_ne!(other.path(), outside.path());
    fresh.stop().await;
    fs::remove_dir_all(other.path()).unwrap();
    let error = start(&data_dir).await.unwrap_err();
    assert!(matches!(error, ClusterError::Gone { .. }), "{error}");
}

#[test]
fn an_address_encodes_what_a_password_may_hold() {
    let encoded = utf8_percent_encode("p@ss/word: 50% & more", NON_ALPHANUMERIC).to_string();
    assert_eq!(encoded, "p%40ss%2Fword%3A%2050%25%20%26%20more");
}
