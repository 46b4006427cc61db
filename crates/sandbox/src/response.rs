//! How an answer becomes an HTTP response.

use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::fault::Fault;
use crate::reply::Reply;

pub(crate) fn respond(reply: &Reply) -> HttpResponse {
    builder(reply).body(reply.body.clone())
}

/// An answer that breaks off as the fault says.
pub(crate) fn respond_broken(reply: &Reply, fault: &Fault) -> HttpResponse {
    builder(reply).body(fault.broken_body(&reply.body))
}

fn builder(reply: &Reply) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(reply.status);
    builder.insert_header(("content-type", reply.content_type.as_str()));
    for (name, value) in &reply.headers {
        builder.append_header((name.as_str(), value.as_str()));
    }
    builder
}
