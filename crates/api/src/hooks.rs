//! What Chakra calls: `/hooks/chakra/{hook}`.
//!
//! No key guards it. A body is taken when it is signed with the secret of the tenant's Chakra team, and is on disk before
//! it is acknowledged.

use actix_web::http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use portico_app::App;
use portico_core::RequestError;
use portico_core::metrics::Surface;
use portico_events::LONGEST_BODY;
use portico_web::extract::broken_off;
use portico_web::observed::observe;
use portico_web::problem::{Document, Problem};
use portico_web::reply;
use portico_web::request_id::RequestId;
use serde::Serialize;
use utoipa::ToSchema;

/// The header of Chakra's signature.
const SIGNATURE: &str = "x-chakra-signature-256";
/// The longest challenge that is answered, in bytes.
const LONGEST_CHALLENGE: usize = 256;

/// What became of the events in a body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookReceipt {
    /// How many events of the body are kept now, in quarantine or not.
    #[schema(example = 1)]
    stored: u64,
    /// How many came before, and are not passed on again.
    #[schema(example = 0)]
    copies: u64,
}

/// Takes events in.
///
/// For Chakra: the body is one in Meta's format or in Chakra's own, up to 3 MiB, and `X-Chakra-Signature-256` signs its
/// bytes with the secret of the tenant's team. Whatever is JSON is taken, and is on disk before this answers with 200.
/// While Portico's database cannot be reached it answers 503, and nothing is kept.
#[utoipa::path(post, path = "/hooks/chakra/{hook}", tag = "hooks", operation_id = "receive_events",
    params(
        ("hook" = String, Path, description = "The last part of the address that `GET /api/v1/plugins/{plugin_id}/hook` tells."),
        ("X-Chakra-Signature-256" = Option<String>, Header, description = "HMAC-SHA256 over the raw bytes, in hexadecimal digits."),
    ),
    request_body(content = Object, description = "What happened, in Meta's or in Chakra's format.", content_type = "application/json"),
    responses(
        (status = 200, body = HookReceipt, description = "It is kept."),
        (status = 400, body = Document, content_type = "application/problem+json", description = "The body is no JSON."),
        (status = 401, body = Document, content_type = "application/problem+json",
            description = "There is no such hook, or the signature is missing or wrong."),
        (status = 413, body = Document, content_type = "application/problem+json", description = "The body is too long."),
        (status = 503, body = Document, content_type = "application/problem+json",
            description = "The database cannot be reached; nothing is kept."),
    ))]
pub(crate) async fn receive(request: HttpRequest, payload: web::Payload, app: web::Data<App>) -> HttpResponse {
    let id = RequestId::keep(&request);
    let answering =
        async { take(&request, payload, &app, &id).await.unwrap_or_else(|problem| problem.answer(&request, &id)) };
    observe(&request, Surface::Management, "hooks", answering).await
}

async fn take(
    request: &HttpRequest,
    payload: web::Payload,
    app: &App,
    id: &RequestId,
) -> Result<HttpResponse, Problem> {
    let body = match read(request, payload).await {
        Ok(body) => body,
        Err(error) => {
            if matches!(error, RequestError::TooLarge(_)) {
                app.receiver().note_too_long();
            }
            return Err(error.into());
        }
    };
    let signature = request.headers().get(SIGNATURE).map(HeaderValue::as_bytes);
    let receipt = app.receiver().receive(address(request), signature, &body).await?;
    let receipt = HookReceipt { stored: receipt.routed + receipt.quarantined, copies: receipt.copies };
    let mut answer = reply::json(StatusCode::OK, &receipt);
    reply::add_api_headers(&mut answer, id);
    Ok(answer)
}

fn address(request: &HttpRequest) -> &str {
    request.match_info().get("hook").unwrap_or_default()
}

/// The body as it came: its signature is over these bytes.
async fn read(request: &HttpRequest, mut payload: web::Payload) -> Result<Bytes, RequestError> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > LONGEST_BODY as u64) {
        return Err(RequestError::TooLarge(LONGEST_BODY));
    }
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| broken_off(&error))?;
        if body.len() + piece.len() > LONGEST_BODY {
            return Err(RequestError::TooLarge(LONGEST_BODY));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Answers Meta's verification handshake with `hub.challenge`.
///
/// Chakra is not known to ask for it; programs that were written for Meta do.
#[utoipa::path(get, path = "/hooks/chakra/{hook}", tag = "hooks", operation_id = "verify_hook",
    params(
        ("hook" = String, Path, description = "The last part of the hook's address."),
        ("hub.challenge" = Option<String>, Query, description = "What the answer repeats."),
    ),
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "The challenge."),
        (status = 401, body = Document, content_type = "application/problem+json", description = "There is no such hook."),
        (status = 503, body = Document, content_type = "application/problem+json",
            description = "The database cannot be reached."),
    ))]
pub(crate) async fn verify(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let id = RequestId::keep(&request);
    let answering = async {
        if let Err(error) = app.receiver().find(address(&request)).await {
            return Problem::from(error).answer(&request, &id);
        }
        let challenge = challenge(request.query_string()).unwrap_or_default();
        let mut answer = HttpResponse::Ok().body(challenge);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        reply::add_api_headers(&mut answer, &id);
        answer
    };
    observe(&request, Surface::Management, "hooks", answering).await
}

/// The challenge, if it is a short word: an answer repeats nothing that could be more.
fn challenge(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("hub.challenge="))?;
    let fits = value.len() <= LONGEST_CHALLENGE
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    fits.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_word_is_repeated() {
        assert_eq!(challenge("hub.mode=subscribe&hub.challenge=1158201444&x=y").as_deref(), Some("1158201444"));
        for bad in [
            "",
            "challenge=1",
            "hub.challenge=<b>",
            "hub.challenge=a%20b",
            &format!("hub.challenge={}", "1".repeat(257)),
        ] {
            assert_eq!(challenge(bad), None, "{bad}");
        }
    }
}
