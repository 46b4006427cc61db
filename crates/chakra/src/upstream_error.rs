//! Why Chakra gave no answer: what the caller is told, and what metrics count.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The longest answer that is held in memory, where one must be read as a whole, in bytes.
pub const RESPONSE_LIMIT: usize = 16 * 1024 * 1024;

/// Why Chakra gave no answer, or only part of one.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection within 3 s, or it broke before the answer was complete.
    #[error("Chakra cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The call took longer than [`UpstreamRequest::timeout`](crate::UpstreamRequest::timeout).
    #[error("Chakra did not answer in time")]
    Timeout,
    /// The answer has to be read as a whole and is longer than [`RESPONSE_LIMIT`].
    #[error("Chakra's answer is longer than {RESPONSE_LIMIT} bytes")]
    TooLong,
    /// The rest of the answer must not be handed on: it holds the stored key, or cannot be judged.
    #[error("the rest of Chakra's answer is withheld")]
    Withheld,
}

impl UpstreamError {
    /// Every value of [`UpstreamError::reason`].
    pub const REASONS: [&str; 8] =
        ["dns", "connect", "tls", "timeout", "reset", "too_long", "withheld", "invalid_request"];

    /// A label for metrics, one of [`UpstreamError::REASONS`]; the names stay as they are.
    ///
    /// - `dns`: the host has no address.
    /// - `connect`: no connection within 3 s, whether refused, without a route, or silent.
    /// - `tls`: the host was reached, but no TLS session was agreed on.
    /// - `timeout`: the connection stands, and the whole call took too long.
    /// - `reset`: the connection broke after it stood, or what came over it was no HTTP.
    /// - `too_long`: the answer is longer than can be held.
    /// - `withheld`: the answer held the stored key, or could not be judged.
    /// - `invalid_request`: nothing was sent, because the request cannot be written: a fault of Portico's.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::TooLong => "too_long",
            Self::Withheld => "withheld",
            Self::Unreachable(error) if error.is_builder() => "invalid_request",
            Self::Unreachable(error) if error.is_dns() => "dns",
            Self::Unreachable(error) if error.is_connect() => {
                if failed_after_connecting(error) {
                    "tls"
                } else {
                    "connect"
                }
            }
            Self::Unreachable(_) => "reset",
        }
    }
}

impl From<reqwest::Error> for UpstreamError {
    fn from(error: reqwest::Error) -> Self {
        // A connection attempt that runs out of time means that nobody is there.
        if error.is_timeout() && !error.is_connect() { Self::Timeout } else { Self::Unreachable(error.without_url()) }
    }
}

/// Whether it is an error that opening a TCP connection cannot have. The TLS stack has no error type of its
/// own here: it reports what it refuses as invalid data.
fn failed_after_connecting(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>() {
            Some(error) => match error.kind() {
                ErrorKind::InvalidData
                | ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => return true,
                // An I/O error around another one passes over it in `source`.
                _ => error.get_ref().map(|inner| inner as &dyn Error),
            },
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::SocketAddr;
    use std::time::Duration;

    use reqwest::dns::{Name, Resolve, Resolving};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What calling a server that treats its connections like this fails with.
    async fn failure<F>(scheme: &str, serve: impl Fn(TcpStream) -> F + Send + 'static) -> UpstreamError
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("{scheme}://{}/", listener.local_addr().expect("is bound"));
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                serve(connection).await;
            }
        });
        let error = call(client(), &url).await;
        server.abort();
        error
    }

    fn client() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).connect_timeout(Duration::from_mins(1))
    }

    async fn call(client: reqwest::ClientBuilder, url: &str) -> UpstreamError {
        let client = client.build().expect("the TLS stack starts");
        let answer = async { client.get(url).timeout(Duration::from_mins(1)).send().await?.bytes().await };
        let error = UpstreamError::from(answer.await.expect_err("nobody answers properly"));
        assert!(UpstreamError::REASONS.contains(&error.reason()), "{error:?}");
        error
    }

    /// Reads the beginning of what the client says, so that closing is no reset, and answers.
    async fn answer(mut connection: TcpStream, text: &[u8]) {
        let _ = connection.read(&mut [0; 16_384]).await;
        let _ = connection.write_all(text).await;
        let _ = connection.shutdown().await;
    }

    #[tokio::test]
    async fn a_refused_connection_is_told_from_one_that_breaks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let nobody = listener.local_addr().expect("is bound");
        drop(listener);
        for scheme in ["http", "https"] {
            assert_eq!(call(client(), &format!("{scheme}://{nobody}/")).await.reason(), "connect");
        }
        for text in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"] {
            let error = failure("http", move |connection| answer(connection, text.as_bytes())).await;
            assert!(matches!(error, UpstreamError::Unreachable(_)));
            assert_eq!(error.reason(), "reset", "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_tls_is_told_from_nobody_there() {
        for text in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let error = failure("https", move |connection| answer(connection, text.as_bytes())).await;
            assert_eq!(error.reason(), "tls", "{text}");
        }
        let reset = failure("https", |connection| async move {
            // Closing with a byte unread resets.
            connection.peek(&mut [0]).await.expect("the client speaks first");
        });
        assert_eq!(reset.await.reason(), "tls");
    }

    #[tokio::test]
    async fn silence_is_a_timeout_once_a_connection_stands_and_none_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("is bound");
        let soon = Duration::from_millis(50);
        let error = call(client().read_timeout(soon), &format!("http://{address}/")).await;
        assert!(matches!(error, UpstreamError::Timeout));
        assert_eq!(error.reason(), "timeout");
        let error = call(client().connect_timeout(soon), &format!("https://{address}/")).await;
        assert!(matches!(error, UpstreamError::Unreachable(_)));
        assert_eq!(error.reason(), "connect");
    }

    struct NoAddress;

    impl Resolve for NoAddress {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err::<Box<dyn Iterator<Item = SocketAddr> + Send>, _>("no address".into()) })
        }
    }

    #[tokio::test]
    async fn a_host_without_address_and_a_request_that_cannot_be_written_have_their_own_reasons() {
        assert_eq!(call(client().dns_resolver(NoAddress), "http://chakra.test/").await.reason(), "dns");
        assert_eq!(call(client(), "http://127.0.0.1:80x/").await.reason(), "invalid_request");
        assert_eq!(UpstreamError::TooLong.reason(), "too_long");
    }
}
