//! Who answers which path.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::reply::Reply;
use crate::response::respond;
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
