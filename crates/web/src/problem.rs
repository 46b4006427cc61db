//! Errors of the management API: problems after RFC 9457.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use portico_app::App;
use portico_core::code;
use portico_core::metrics::Surface;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::AppError;
use crate::error_response::{ErrorResponse, FieldError, log};
use crate::reply;
use crate::request_id::RequestId;

/// Why a call of the management API came to nothing.
#[derive(Debug)]
pub enum Problem {
    /// A use case refused or failed.
    App(AppError),
    /// A part of the path is no id of the kind that stands there.
    Path {
        /// The name of the parameter.
        name: String,
        /// What it must be, after the name: `must be an id that starts with …`.
        detail: String,
    },
    /// Nothing is at this path.
    NoPath,
    /// The path exists with these methods only: the value of `Allow`.
    Method(HeaderValue),
    /// Portico is not wired as it should be.
    Wiring(&'static str),
}

impl<E: Into<AppError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::App(error.into())
    }
}

/// An error of the management API (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// Where the code is explained: an absolute address where Portico's own is set.
    #[serde(rename = "type")]
    #[schema(example = "/docs/problems#validation_failed")]
    kind: String,
    /// The code in words; the same for each occurrence.
    #[schema(example = "Validation failed")]
    title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened and how to mend it, for people.
    #[schema(example = "a field of the request is wrong: /name is required")]
    detail: String,
    /// The stable code: compare with this one.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// The `X-Request-Id` of the call.
    #[schema(example = "req_0190163d8694739b8a1f8b3b8a5d2f11")]
    request_id: String,
    /// What is wrong where, if it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    /// The problem as an answer to that request, with the headers of the management API. Logs what the caller
    /// does not learn.
    #[must_use]
    pub fn answer(self, request: &HttpRequest, request_id: &RequestId) -> HttpResponse {
        let public_url = request.app_data::<Data<App>>().and_then(|app| app.public_url()).unwrap_or_default();
        self.written(request.path(), public_url, request_id)
    }

    /// The same for a head that never became a request.
    #[must_use]
    pub fn answer_to_none(self, request_id: &RequestId) -> HttpResponse {
        self.written("", "", request_id)
    }

    fn written(self, path: &str, public_url: &str, request_id: &RequestId) -> HttpResponse {
        if let Self::App(error) = &self {
            log(error, request_id);
        }
        let response = self.response(path);
        let document = Document {
            kind: format!("{public_url}/docs/problems#{}", response.code.code),
            title: response.code.title(),
            status: response.status.as_u16(),
            detail: response.detail,
            code: response.code.code,
            request_id: request_id.as_str().to_owned(),
            errors: response.errors,
        };
        let mut answer = reply::json(response.status, &document);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in response.headers {
            headers.insert(name, value);
        }
        reply::add_api_headers(&mut answer, request_id);
        answer
    }

    fn response(self, path: &str) -> ErrorResponse {
        match self {
            Self::App(error) => ErrorResponse::of(&error, Surface::Management),
            Self::Path { name, detail } => {
                let field = FieldError { pointer: format!("path:{name}"), detail };
                let text = format!("{} in the path {}", name, field.detail);
                ErrorResponse { errors: vec![field], ..ErrorResponse::plain(code::PATH_MALFORMED, text) }
            }
            Self::NoPath if path.len() > 1 && path.ends_with('/') => {
                let text = "nothing is at this path; leave out the slash at its end";
                ErrorResponse::plain(code::NOT_FOUND, text)
            }
            Self::NoPath => ErrorResponse::plain(code::NOT_FOUND, "nothing is at this path; /docs lists what there is"),
            Self::Method(allow) => {
                let text = format!("this path takes {}", allow.to_str().unwrap_or_default());
                let response = ErrorResponse::plain(code::METHOD_NOT_ALLOWED, text);
                ErrorResponse { headers: vec![(header::ALLOW, allow)], ..response }
            }
            Self::Wiring(what) => {
                tracing::error!(what, "a handler is not wired as it should be");
                let text = "Portico failed; report the request id to whoever runs it";
                ErrorResponse::plain(code::INTERNAL, text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use portico_core::Error as CoreError;
    use serde_json::{Value, json};

    use super::*;

    async fn answered(problem: Problem) -> (HttpResponse<()>, Value) {
        let request = TestRequest::default().insert_header(("x-request-id", "r-1")).to_http_request();
        let (head, body) = problem.answer(&request, &RequestId::of(&request)).into_parts();
        (head, serde_json::from_slice(&to_bytes(body).await.unwrap()).unwrap())
    }

    #[actix_web::test]
    async fn a_problem_has_the_shape_of_the_standard() {
        let (head, body) = answered(Problem::from(CoreError::invalid("/name", "is required"))).await;
        assert_eq!(head.headers().get("content-type").unwrap(), "application/problem+json");
        assert_eq!(head.headers().get("x-request-id").unwrap(), "r-1");
        assert_eq!(head.headers().get("cache-control").unwrap(), "no-store");
        assert_eq!(head.headers().get("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(
            body,
            json!({
                "type": "/docs/problems#validation_failed",
                "title": "Validation failed",
                "status": 422,
                "detail": "a field of the request is wrong: /name is required",
                "code": "validation_failed",
                "request_id": "r-1",
                "errors": [{"pointer": "/name", "detail": "is required"}],
            })
        );
    }

    #[actix_web::test]
    async fn a_slash_at_the_end_of_the_path_is_named() {
        let told = async |path: &str| {
            let request = TestRequest::with_uri(path).to_http_request();
            let answer = Problem::NoPath.answer(&request, &RequestId::of(&request));
            let body: Value = serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap();
            body["detail"].as_str().unwrap().contains("slash")
        };
        assert!(told("/api/v1/things/").await && !told("/api/v1/things").await && !told("/").await);
    }

    #[actix_web::test]
    async fn other_methods_are_named() {
        let (head, body) = answered(Problem::Method(HeaderValue::from_static("GET, PATCH"))).await;
        assert_eq!(head.status().as_u16(), 405);
        assert_eq!(head.headers().get("allow").unwrap(), "GET, PATCH");
        assert_eq!(body["detail"], "this path takes GET, PATCH");
    }
}
