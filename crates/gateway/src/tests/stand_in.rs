//! A stand-in for Chakra on loopback that gives one answer to every call, and keeps what it was asked.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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
    body: Arc<Mutex<String>>,
    serving: JoinHandle<()>,
}

impl ChakraStandIn {
    /// One that gives this answer, written as on the wire but without `Connection` and `Content-Length`.
    pub(crate) async fn answering(head: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&seen);
        let body = Arc::new(Mutex::new(body.to_owned()));
        let given = Arc::clone(&body);
        let serving = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let request = read(&mut connection).await;
                let is_config = request.split(' ').nth(1) == Some(CONFIG);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                let (head, body) = if is_config {
                    (
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json",
                        r#"{"_data":{"team":{"id":"t1","name":"T"}}}"#.to_owned(),
                    )
                } else {
                    (head, given.lock().unwrap_or_else(PoisonError::into_inner).clone())
                };
                let length = body.len();
                let text = format!("{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                let _ = connection.write_all(text.as_bytes()).await;
                let _ = connection.shutdown().await;
            }
        });
        Self { url, seen, body, serving }
    }

    /// Answers with that body from now on.
    pub(crate) fn says(&self, body: &str) {
        body.clone_into(&mut self.body.lock().unwrap_or_else(PoisonError::into_inner));
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
