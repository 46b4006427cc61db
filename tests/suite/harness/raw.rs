use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Answer;

/// Sends bytes that no client would: a request line and headers as they are (`\r\n` between lines is
/// the caller's to write, the blank line at the end too), with `Connection: close` among them.
pub(crate) async fn raw(base_url: &str, what: &str, request: &[u8]) -> Answer {
    let address = base_url.strip_prefix("http://").expect("the instance speaks plain HTTP");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), exchange).await;
    let answer = answer.unwrap_or_else(|_| panic!("{what}: the connection stayed open without an answer"));
    parse(what, &answer.unwrap_or_else(|error| panic!("{what}: {error}")))
}

/// The same, but the last byte goes out only after `meanwhile`.
pub(crate) async fn held_back(
    base_url: &str,
    what: &str,
    request: &[u8],
    meanwhile: impl Future<Output = ()>,
) -> Answer {
    let address = base_url.strip_prefix("http://").expect("the instance speaks plain HTTP");
    let (last, rest) = request.split_last().expect("a request is not empty");
    let mut stream = TcpStream::connect(address).await.expect("the instance accepts connections");
    stream.set_nodelay(true).expect("the connection stands");
    stream.write_all(rest).await.expect("the connection stands");
    meanwhile.await;
    // An instance that refused the head already may have closed.
    let _ = stream.write_all(&[*last]).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    read.unwrap_or_else(|_| panic!("{what}: the connection stayed open without an answer")).ok();
    parse(what, &answer)
}

fn parse(what: &str, bytes: &[u8]) -> Answer {
    let whole = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = whole.split_once("\r\n\r\n").unwrap_or((whole.as_str(), ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
        .collect();
    let json = serde_json::from_str(body).unwrap_or_default();
    // No status at all: the connection was closed without an answer.
    Answer { what: what.to_owned(), status: status.unwrap_or(0), headers, text: body.to_owned(), json }
}

/// A request with those lines, ready for [`raw`].
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = format!("{line} HTTP/1.1\r\nHost: portico\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("a String takes any text");
    }
    if !body.is_empty() {
        write!(text, "Content-Length: {}\r\n", body.len()).expect("a String takes any text");
    }
    (text + "\r\n" + body).into_bytes()
}
