use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of the connections that listen for notifications; all others always pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They pass.
    Pass,
    /// They carry nothing any more and show no error, as behind a router that forgot them.
    Silent,
    /// They end.
    Cut,
}

/// Stands between a `portico serve` and its Postgres, until it is dropped.
#[derive(Debug)]
pub(crate) struct Middle {
    url: String,
    fate: watch::Sender<Fate>,
}

impl Middle {
    /// One in front of the server of a URL `postgres://user:password@host:port/database…`.
    pub(crate) fn before(database_url: &str) -> Self {
        let (front, rest) = database_url.rsplit_once('@').expect("the URL names a user");
        let (server, database) = rest.split_once('/').expect("the URL names a database");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback address has a free port");
        listener.set_nonblocking(true).expect("the socket is ours");
        let own = listener.local_addr().expect("it is bound");
        let (fate, told) = watch::channel(Fate::Pass);
        let server = server.to_owned();
        let url = format!("{front}@{own}/{database}");
        // A thread of its own: it must carry on while a test waits for a process that it carries for.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(stand(listener, server, told));
        });
        Self { url, fate }
    }

    /// The same database, through this.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on, for connections that are and those that come.
    pub(crate) fn let_listeners(&self, fate: Fate) {
        self.fate.send_replace(fate);
    }
}

/// Carries for whoever connects, until the [`Middle`] is dropped.
async fn stand(listener: std::net::TcpListener, server: String, mut told: watch::Receiver<Fate>) {
    let listener = TcpListener::from_std(listener).expect("the socket does not block");
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let (server, told) = (server.clone(), told.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        carry(client, server, told).await;
                    }
                });
            }
            changed = told.changed() => if changed.is_err() { return },
        }
    }
}

/// Carries both ways until one side ends. One that fell silent stays so.
async fn carry(mut client: TcpStream, mut server: TcpStream, mut told: watch::Receiver<Fate>) {
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut listens, mut silent) = (false, false);
    loop {
        let fate = *told.borrow_and_update();
        if listens && fate == Fate::Cut {
            return;
        }
        silent |= listens && fate == Fate::Silent;
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return },
            read = client.read(&mut up), if !silent => {
                let Ok(length @ 1..) = read else { return };
                listens |= up[..length].windows(7).any(|word| word == b"LISTEN ");
                let held = listens && *told.borrow() != Fate::Pass;
                if !held && server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down), if !silent => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
