//! Connecting: the browser script, the page of the sign-up window, and what a sign-up changes.

mod sign_up;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Query;

pub(crate) use sign_up::{SignUp, SignUpOutcome, SignedUp, initial_medium_id};

use crate::clock::now_ms;
use crate::reply::Reply;
use crate::shared::Shared;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("sdk.js");

/// What the browser loads from Chakra: the script and the sign-up window.
pub(crate) fn browser_reply(request: &HttpRequest, shared: &Shared) -> Option<Reply> {
    if request.method() != Method::GET {
        return None;
    }
    match request.uri().path() {
        "/whatsapp-partner-connect/v1/sdk.js" | "/whatsapp-partner-connect/v1_0_1/sdk.js" => {
            Some(Reply::new(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT))
        }
        "/v1/ext/whatsapp-partner/connect" => Some(page(request, shared)),
        _ => None,
    }
}

fn page(request: &HttpRequest, shared: &Shared) -> Reply {
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = query.map(Query::into_inner).unwrap_or_default();
    let token = pairs.iter().find(|(name, _)| name == "connectToken").map_or("", |(_, token)| token);
    if shared.world().connect_token(token, now_ms()).is_some() {
        Reply::new(StatusCode::OK, "text/html; charset=utf-8", PAGE)
    } else {
        let text =
            "<!doctype html><title>Connect</title><p>This connect token is unknown or has expired. Ask for a new one.";
        Reply::new(StatusCode::UNAUTHORIZED, "text/html; charset=utf-8", text)
    }
}
