//! A webhook receiver.

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Route};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;

/// What was delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) path: String,
    pub(crate) signature: Option<String>,
    pub(crate) raw: Bytes,
    pub(crate) body: Value,
}

/// A receiver that answers every request with one status.
pub(crate) struct Receiver {
    pub(crate) url: String,
    deliveries: mpsc::UnboundedReceiver<Delivered>,
    server: ServerHandle,
}

type SenderAndStatus = Data<(mpsc::UnboundedSender<Delivered>, StatusCode)>;

async fn record(request: HttpRequest, raw: Bytes, sender: SenderAndStatus) -> HttpResponse {
    let header = request.headers().get("X-Chakra-Signature-256");
    let signature = header.map(|value| value.to_str().expect("is text").to_owned());
    let body = serde_json::from_slice(&raw).expect("is JSON");
    drop(sender.0.send(Delivered { path: request.path().to_owned(), signature, raw, body }));
    HttpResponse::build(sender.1).insert_header(("location", "/elsewhere")).finish()
}

#[expect(clippy::disallowed_methods, reason = "a test's receiver has no permissions")]
fn every_request() -> Route {
    web::to(record)
}

impl Receiver {
    pub(crate) fn start(status: StatusCode) -> Self {
        let (sender, deliveries) = mpsc::unbounded_channel();
        let data = Data::new((sender, status));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(every_request()));
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        drop(tokio::spawn(server));
        Self { url, deliveries, server: handle }
    }

    /// The next delivery; fails when none comes.
    pub(crate) async fn next(&mut self) -> Delivered {
        let next = tokio::time::timeout(Duration::from_secs(10), self.deliveries.recv()).await;
        next.expect("comes in time").expect("is open")
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(400), self.deliveries.recv()).await.is_err()
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}
