//! The compatible surface: from actix to [`portico_gateway::Gateway::forward`] and back. This is the hot path: no
//! middleware, nothing copied that need not be.

use actix_web::body::{BoxBody, MessageBody as _, SizedStream};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, body, web};
use futures_util::StreamExt as _;
use portico_app::App;
use portico_core::RequestError;
use portico_core::metrics::Surface;
use portico_gateway::{Answer, AnswerBody, BodyFailure, Call, Error, Failure, Head, Headers};
use portico_web::error::AppError;
use portico_web::error_response::{ErrorResponse, log};
use portico_web::extract::broken_off as body_error;
use portico_web::guard::{nothing_presented, presented};
use portico_web::problem::Problem;
use portico_web::rate_limit;
use portico_web::reply;
use portico_web::request_id::RequestId;
use serde::Serialize;

/// The header that names the operation.
static PORTICO_OPERATION: HeaderName = HeaderName::from_static("portico-operation");

/// An error in Chakra's envelope.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    #[serde(rename = "_data")]
    data: [(); 0],
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
    #[serde(rename = "_errors")]
    errors: [&'a str; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    request_id: &'a str,
    source: &'static str,
    code: &'static str,
}

/// The request's headers, as the application wants them.
#[derive(Debug)]
struct View<'r>(&'r HeaderMap);

impl Headers for View<'_> {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(HeaderValue::as_bytes)
    }
}

/// Answers any request that no other route took.
pub(crate) async fn forward(app: &App, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let id = RequestId::of(request);
    let proxies = &app.core().trusted_proxies;
    let (credentials, unreadable) = match presented(request, &id, proxies) {
        Ok(credentials) => (credentials, None),
        Err(error) => (nothing_presented(request, &id, proxies), Some(error)),
    };
    let headers = View(request.headers());
    let head = Head {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
        credentials,
        headers: &headers,
        content_length: content_length(request.headers()),
    };
    if let Some(error) = unreadable {
        return refused(request, &id, *app.gateway().refuse(&head, error));
    }
    let call = Call { head, body: payload.map(|piece| piece.map_err(|error| broken_off(&error))) };
    match app.gateway().forward(call).await {
        Ok(answer) => answered(answer, &id),
        Err(failure) => refused(request, &id, *failure),
    }
}

fn broken_off(error: &PayloadError) -> BodyFailure {
    match body_error(error) {
        RequestError::TooSlow => BodyFailure::TooSlow,
        _ => BodyFailure::BrokenOff,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn answered(answer: Answer, id: &RequestId) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut length = None;
    let mut headers = HeaderMap::with_capacity(answer.headers.len() + 3);
    for (name, value) in &answer.headers {
        if *name == http::header::CONTENT_LENGTH {
            length = value.to_str().ok().and_then(|text| text.parse().ok());
            continue;
        }
        // The framework speaks an older version of the same types.
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    let body = match (answer.body, length) {
        (AnswerBody::Whole(bytes), _) => BoxBody::new(bytes),
        (AnswerBody::Pieces(pieces), Some(length)) => SizedStream::new(length, pieces).boxed(),
        (AnswerBody::Pieces(pieces), None) => body::BodyStream::new(pieces).boxed(),
    };
    let mut response = HttpResponse::with_body(status, body);
    *response.headers_mut() = headers;
    name_operation(response.headers_mut(), answer.operation);
    rate_limit::insert(response.headers_mut(), answer.limit.as_ref());
    reply::add_common_headers(response.headers_mut(), id);
    response
}

/// The failure in Chakra's envelope; beside Chakra's paths, where nobody expects one, as a problem.
fn refused(request: &HttpRequest, id: &RequestId, failure: Failure) -> HttpResponse {
    if matches!(failure.error, Error::NoRoute(_)) && !is_compatible(request.uri().path()) {
        return Problem::NoPath.answer(request, id);
    }
    let error = AppError::from(failure.error);
    log(&error, id);
    let response = ErrorResponse::of(&error, Surface::Compatible);
    let meta = Meta { request_id: id.as_str(), source: "portico", code: response.code.code };
    let mut answer = reply::json(response.status, &Envelope { data: [], meta, errors: [&response.detail] });
    for (name, value) in response.headers {
        answer.headers_mut().insert(name, value);
    }
    name_operation(answer.headers_mut(), failure.operation);
    rate_limit::insert(answer.headers_mut(), failure.limit.as_ref());
    reply::add_api_headers(&mut answer, id);
    answer
}

fn name_operation(headers: &mut HeaderMap, operation: Option<&'static str>) {
    if let Some(operation) = operation {
        headers.insert(PORTICO_OPERATION.clone(), HeaderValue::from_static(operation));
    }
}

fn is_compatible(path: &str) -> bool {
    let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/v1", "/v2", "/plugin"].into_iter().any(below)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use bytes::Bytes;
    use futures_util::stream;
    use portico_chakra::NoRoute;
    use portico_core::{Error as CoreError, Thing};
    use serde_json::{Value, json};

    use super::*;

    async fn failing(path: &str, error: Error) -> (HttpResponse<()>, Value) {
        let request = TestRequest::with_uri(path).insert_header(("x-request-id", "r-1")).to_http_request();
        let failure = Failure { error, operation: Some("get_plugin"), limit: None };
        let (head, body) = refused(&request, &RequestId::of(&request), failure).into_parts();
        (head, serde_json::from_slice(&to_bytes(body).await.unwrap()).unwrap())
    }

    #[actix_web::test]
    async fn errors_below_chakras_paths_are_in_chakras_envelope() {
        let (head, body) = failing("/plugin/x", CoreError::Missing(Thing::Plugin).into()).await;
        assert_eq!(head.status().as_u16(), 404);
        assert_eq!(head.headers().get("x-request-id").unwrap(), "r-1");
        assert_eq!(head.headers().get("portico-operation").unwrap(), "get_plugin");
        assert_eq!(head.headers().get("cache-control").unwrap(), "no-store");
        let expected = json!({
            "_data": [],
            "_meta": {"requestId": "r-1", "source": "portico", "code": "plugin_not_found"},
            "_errors": ["Plugin not found"],
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn unknown_paths_elsewhere_are_problems() {
        for path in ["/foo", "/", "/pluginx", "/api/v2/x", "/v10/x"] {
            let (_, body) = failing(path, Error::NoRoute(NoRoute::Unknown)).await;
            assert_eq!(body["code"], "not_found", "{path}");
        }
        for path in ["/v1/ext/x", "/plugin", "/v2/whatsapp/x"] {
            let (_, body) = failing(path, Error::NoRoute(NoRoute::Unknown)).await;
            assert_eq!(body["_meta"]["code"], "not_found", "{path}");
        }
    }

    #[actix_web::test]
    async fn an_answer_keeps_status_headers_and_length() {
        let request = TestRequest::default().to_http_request();
        let headers = [("content-length", "3"), ("x-a", "1"), ("x-a", "2")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let pieces = stream::iter([Ok(Bytes::from_static(b"a")), Ok(Bytes::from_static(b"bc"))]);
        let answer = Answer {
            status: 207,
            headers: headers.into(),
            body: AnswerBody::Pieces(Box::pin(pieces)),
            operation: None,
            limit: None,
        };
        let answer = answered(answer, &RequestId::of(&request));
        assert_eq!(answer.status().as_u16(), 207);
        assert_eq!(answer.headers().get_all("x-a").count(), 2);
        assert!(answer.headers().get("content-length").is_none());
        assert_eq!(answer.body().size(), body::BodySize::Sized(3));
        assert_eq!(to_bytes(answer.into_body()).await.unwrap(), "abc");
    }
}
