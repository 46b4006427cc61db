//! The HTTP side: who answers which path, and how an answer becomes a response.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::fault::Fault;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::{chakra, control};

/// Answers any request: control calls, the page at `/`, and everything else as Chakra.
pub(crate) async fn serve(request: HttpRequest, payload: Payload, shared: Data<Arc<Shared>>) -> HttpResponse {
    let path = request.uri().path();
    if path == "/" {
        return respond(&Reply::text(StatusCode::OK, control::LANDING));
    }
    if path == "/_sandbox" || path.starts_with("/_sandbox/") {
        return respond(&control::answer(&request, payload, &shared).await);
    }
    chakra::answer(&request, payload, &shared).await
}

pub(crate) fn respond(reply: &Reply) -> HttpResponse {
    builder(reply).body(reply.body.clone())
}

/// An answer that breaks off as the fault says.
pub(crate) fn respond_broken(reply: &Reply, fault: &Fault) -> HttpResponse {
    builder(reply).body(fault.broken_body(&reply.body))
}

/// A header of the request as text; empty if there is none.
pub(crate) fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn builder(reply: &Reply) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(reply.status);
    builder.insert_header(("content-type", reply.content_type.as_str()));
    for (name, value) in &reply.headers {
        builder.append_header((name.as_str(), value.as_str()));
    }
    builder
}
