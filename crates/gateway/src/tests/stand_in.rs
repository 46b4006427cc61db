//! A stand-in for Chakra on loopback that gives one answer to every call, at once or when told, and keeps what it was
//! asked.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

/// The path by which Portico learns the team of a key; it is answered by itself.
const CONFIG: &str = "/v1/ext/config";
/// A request longer than this in bytes is cut off.
const LONGEST: usize = 64 * 1024;

/// A running stand-in; ends when dropped.
#[derive(Debug)]
pub(crate) struct ChakraStandIn {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    body: Arc<Mutex<Vec<u8>>>,
    arrived: Arc<Notify>,
    /// One turn for each answer that it may give; closed when it gives all of them at once.
    turns: Arc<Semaphore>,
    serving: JoinHandle<()>,
}

impl ChakraStandIn {
    /// One that gives this answer, written as on the wire but without `Connection` and `Content-Length`.
    pub(crate) async fn answering(head: &'static str, body: &'static str) -> Self {
        let chakra = Self::holding(head, body).await;
        chakra.turns.close();
        chakra
    }

    /// The same, but it gives an answer only when it is [told to](Self::answer_one).
    pub(crate) async fn holding(head: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let body = Arc::new(Mutex::new(body.as_bytes().to_owned()));
        let given = Arc::clone(&body);
        let (arrived, turns) = (Arc::<Notify>::default(), Arc::new(Semaphore::new(0)));
        let (kept, tell, own_turns) = (Arc::clone(&seen), Arc::clone(&arrived), Arc::clone(&turns));
        let serving = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let request = read(&mut connection).await;
                let is_config = request.split(' ').nth(1) == Some(CONFIG);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                if !is_config {
                    tell.notify_one();
                    if let Ok(turn) = own_turns.acquire().await {
                        turn.forget();
                    }
                }
                let (head, body) = if is_config {
                    (
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json",
                        br#"{"_data":{"team":{"id":"t1","name":"T"}}}"#.to_vec(),
                    )
                } else {
                    (head, given.lock().unwrap_or_else(PoisonError::into_inner).clone())
                };
                let length = body.len();
                let head = format!("{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                let _ = connection.write_all(&[head.as_bytes(), &body].concat()).await;
                let _ = connection.shutdown().await;
            }
        });
        Self { url, seen, body, arrived, turns, serving }
    }

    /// Answers with that body from now on.
    pub(crate) fn says(&self, body: impl AsRef<[u8]>) {
        body.as_ref().clone_into(&mut self.body.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until a call has arrived.
    pub(crate) async fn has_a_call(&self) {
        self.arrived.notified().await;
    }

    /// Lets it answer one call.
    pub(crate) fn answer_one(&self) {
        self.turns.add_permits(1);
    }

    /// The requests that came, without those by which Portico learns the team of a key.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.all().into_iter().filter(|request| !request.contains(CONFIG)).collect()
    }

    /// How often it was asked whose team a key is.
    pub(crate) fn team_questions(&self) -> usize {
        self.all().iter().filter(|request| request.contains(CONFIG)).count()
    }

    fn all(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ChakraStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A request with the body that its head announces, or as much of it as came.
async fn read(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST && !is_complete(&bytes) {
        match connection.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced =
        head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= announced.unwrap_or(0)
}
