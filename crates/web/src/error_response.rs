//! What a caller may know of an error, on either surface.
//!
//! Status and code come from [`Error::status`] and [`Error::code`]; a text, the fields at fault and headers are added
//! here. An internal cause is in none of them: it goes to the log, once, from here.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use portico_chakra::{NoRoute, UpstreamError};
use portico_core::code::{self, Code};
use portico_core::{Error, Thing};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rate_limit;
use crate::request_id::RequestId;

/// The two ways in which Portico answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Portico's own API: problems.
    Management,
    /// Chakra's paths: Chakra's envelope.
    Compatible,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body (`/a/b`), or `path:`, `query:` or `header:` and a name.
    #[schema(example = "/name")]
    pub pointer: String,
    /// What is wrong and how to mend it.
    #[schema(example = "is required")]
    pub detail: String,
}

/// An error as a caller may know it, before it is written as a problem or in Chakra's envelope.
#[derive(Debug)]
pub struct ErrorResponse {
    /// The HTTP status, 400 or above.
    pub status: StatusCode,
    /// The stable code.
    pub code: Code,
    /// The text for people, without any internal cause.
    pub detail: String,
    /// The fields at fault; none on the compatible surface.
    pub errors: Vec<FieldError>,
    /// Headers that say how to go on.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl ErrorResponse {
    /// A response with the status of the code and neither fields nor headers.
    pub fn plain(code: Code, detail: impl Into<String>) -> Self {
        Self { status: http_status(code.status), code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// The response to the error, on that surface.
    #[must_use]
    pub fn of(error: &Error, surface: Surface) -> Self {
        let (status, code) = status_and_code(error, surface);
        let errors = match surface {
            Surface::Management => fields(error),
            Surface::Compatible => Vec::new(),
        };
        Self { status, code, detail: detail(error, surface), errors, headers: headers(error) }
    }
}

/// Logs the cause that no caller learns. Called where an error becomes an answer.
pub fn log(error: &Error, request_id: &RequestId) {
    let id = request_id.as_str();
    match error {
        Error::Database(source) => {
            tracing::error!(request.id = id, error = %Chain(source), "the database failed a request");
        }
        Error::Vault(source) => {
            tracing::error!(request.id = id, error = %Chain(source), "a sealed value does not open");
        }
        Error::VaultUnavailable(source) => {
            tracing::error!(request.id = id, error = %Chain(source), "a master key does not serve");
        }
        Error::UpstreamError(UpstreamError::Unreachable(source)) => {
            tracing::warn!(request.id = id, error = %Chain(source), "Chakra cannot be reached");
        }
        _ => {}
    }
}

/// An error and its causes in one line.
struct Chain<'e>(&'e dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

/// The status and the code on that surface.
fn status_and_code(error: &Error, surface: Surface) -> (StatusCode, Code) {
    let (status, code) = match (error, surface) {
        (Error::Missing(_), Surface::Management) => (code::NOT_FOUND.status, code::NOT_FOUND),
        (Error::Invalid { .. }, Surface::Management) => (code::VALIDATION_FAILED.status, code::VALIDATION_FAILED),
        _ => (error.status(), error.code()),
    };
    (http_status(status), code)
}

fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The text for people. Exhaustive, so that a new case is thought about before callers read it.
fn detail(error: &Error, surface: Surface) -> String {
    match error {
        Error::Missing(thing) => match surface {
            Surface::Management => format!("there is no {} with this id", name(*thing)),
            Surface::Compatible => missing(*thing),
        },
        Error::Invalid { pointer, detail } => match surface {
            Surface::Management => format!("a field of the request is wrong: {pointer} {detail}"),
            Surface::Compatible => format!("{pointer}: {detail}"),
        },
        Error::Vault(_) => "Portico failed; report the request id to whoever runs it".to_owned(),
        Error::Credential(_)
        | Error::UnknownKey
        | Error::TokenInvalid
        | Error::TokenExpired
        | Error::NoSession
        | Error::Csrf
        | Error::Refused(_)
        | Error::Denied(_)
        | Error::NoRoute(_)
        | Error::Body(_)
        | Error::TooLarge(_)
        | Error::ContentType(_)
        | Error::Query(_)
        | Error::Header(..)
        | Error::Mismatch(_)
        | Error::InactiveNumber
        | Error::MoreThanOwn(_)
        | Error::RateLimited(_)
        | Error::TenantBusy
        | Error::Conflict { .. }
        | Error::PreconditionRequired
        | Error::PreconditionFailed
        | Error::NoChakraKey
        | Error::ChakraKeyRefused
        | Error::UpstreamError(_)
        | Error::Rejected(_)
        | Error::Garbled
        | Error::Wordless { .. }
        | Error::Busy
        | Error::Database(_)
        | Error::VaultUnavailable(_) => error.to_string(),
    }
}

fn fields(error: &Error) -> Vec<FieldError> {
    let field = |pointer: String, detail: &str| vec![FieldError { pointer, detail: detail.to_owned() }];
    match error {
        Error::Invalid { pointer, detail } => field(pointer.clone(), detail),
        Error::MoreThanOwn(pointer) => field((*pointer).to_owned(), &error.to_string()),
        Error::Conflict { pointer: Some(pointer), detail, .. } => field((*pointer).to_owned(), detail),
        Error::Header(name, detail) => field(format!("header:{name}"), detail),
        _ => Vec::new(),
    }
}

fn headers(error: &Error) -> Vec<(HeaderName, HeaderValue)> {
    match error {
        Error::NoRoute(NoRoute::Method(methods)) => {
            let methods = portico_chakra::router::allow(methods);
            HeaderValue::try_from(methods).map(|value| (header::ALLOW, value)).into_iter().collect()
        }
        Error::Database(_) | Error::VaultUnavailable(_) => {
            vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))]
        }
        Error::Busy => vec![(header::RETRY_AFTER, HeaderValue::from_static("30"))],
        Error::Wordless { retry_after: Some(after), .. } => {
            HeaderValue::from_bytes(after.as_bytes()).map(|value| (header::RETRY_AFTER, value)).into_iter().collect()
        }
        Error::Wordless { .. } => Vec::new(),
        Error::RateLimited(standing) => rate_limit::headers(standing),
        Error::TenantBusy => vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))],
        _ if error.status() == 401 => vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
        _ => Vec::new(),
    }
}

fn name(thing: Thing) -> &'static str {
    match thing {
        Thing::Tenant => "tenant",
        Thing::ApiKey => "API key",
        Thing::ChakraKey => "Chakra key",
        Thing::Customer => "customer",
        Thing::Plugin => "plugin",
        Thing::Waba => "WhatsApp business account",
        Thing::PhoneNumber => "WhatsApp phone number",
        Thing::Role => "role",
        Thing::Member => "member",
        Thing::Invitation => "invitation",
        Thing::Session => "session",
        Thing::Resource(kind) => kind,
    }
}

/// As Chakra says it: `Plugin not found`.
fn missing(thing: Thing) -> String {
    let name = name(thing);
    let mut text = String::with_capacity(name.len() + 10);
    text.extend(name.get(..1).map(str::to_ascii_uppercase));
    text.push_str(name.get(1..).unwrap_or_default());
    text.push_str(" not found");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portico_auth::{BadCredential, Denied, Refused};
    use portico_chakra::Method;
    use portico_core::limits::{LimitKind, LimitState, Quota};
    use portico_domain::Permission;
    use portico_vault::MasterKeyFailure;

    use super::*;

    fn too_much() -> LimitState {
        let quota = Quota { most: std::num::NonZeroU32::new(5).unwrap(), window: Duration::from_secs(1) };
        let wait = Some(Duration::from_millis(200));
        LimitState { kind: LimitKind::ApiKey, quota, remaining: 0, reset: Duration::from_secs(1), retry_after: wait }
    }

    fn all() -> Vec<Error> {
        let conflict = |code| Error::Conflict { code, pointer: Some("/name"), detail: "is taken" };
        vec![
            Error::Credential(BadCredential::Missing),
            Error::UnknownKey,
            Error::NoSession,
            Error::Csrf,
            Error::Refused(Refused::Expired),
            Error::Refused(Refused::Address),
            Error::Refused(Refused::Suspended),
            Error::Denied(Denied::Permission(Permission::MessagesSend)),
            Error::Denied(Denied::Limited),
            Error::Denied(Denied::NoTenant),
            Error::Denied(Denied::OperatorOnly),
            Error::NoRoute(NoRoute::Unknown),
            Error::NoRoute(NoRoute::Method(vec![Method::Get, Method::Post])),
            Error::NoRoute(NoRoute::Segment(3)),
            Error::NoRoute(NoRoute::Version),
            Error::NoRoute(NoRoute::NotOffered("use another call")),
            Error::Missing(Thing::Plugin),
            Error::Missing(Thing::Waba),
            Error::Missing(Thing::PhoneNumber),
            Error::Missing(Thing::Resource("message")),
            Error::invalid("/name", "is required"),
            Error::Body("no JSON".into()),
            Error::TooLarge(1),
            Error::ContentType("application/json"),
            Error::Query("limit is wrong".into()),
            Error::Header("If-Match", "is wrong".into()),
            Error::Mismatch("another plugin".into()),
            Error::InactiveNumber,
            conflict(code::CHAKRA_KEY_NAME_TAKEN),
            conflict(code::CHAKRA_KEY_TOKEN_TAKEN),
            conflict(code::CHANGED_MEANWHILE),
            conflict(code::INVITATION_ACCEPTED),
            conflict(code::INVITATION_OPEN),
            conflict(code::LAST_OWNER),
            conflict(code::MEMBER_EXISTS),
            conflict(code::CUSTOMER_CONNECTED),
            conflict(code::CUSTOMER_EXTERNAL_ID_TAKEN),
            Error::MoreThanOwn("/role"),
            Error::RateLimited(Box::new(too_much())),
            Error::TenantBusy,
            conflict(code::API_KEY_REVOKED),
            conflict(code::LAST_OWNER),
            conflict(code::TOO_MANY_OLD_SECRETS),
            conflict(code::PLUGIN_EXISTS),
            conflict(code::ROLE_IN_USE),
            conflict(code::ROLE_NAME_TAKEN),
            Error::PreconditionRequired,
            Error::PreconditionFailed,
            Error::NoChakraKey,
            Error::ChakraKeyRefused,
            Error::UpstreamError(UpstreamError::Timeout),
            Error::UpstreamError(UpstreamError::TooLong),
            Error::Rejected("no".into()),
            Error::Garbled,
            Error::Busy,
            Error::TokenInvalid,
            Error::TokenExpired,
            Error::Denied(Denied::TokenPermission(Permission::MessagesSend)),
            Error::Denied(Denied::NotForOperator),
            Error::Denied(Denied::NotForToken),
            Error::Denied(Denied::OldSecret),
            Error::VaultUnavailable(MasterKeyFailure::Refused {
                id: "k1".parse().unwrap(),
                reason: "in-secret".into(),
            }),
        ]
    }

    #[test]
    fn every_code_is_documented_with_its_status() {
        let mut wrong = Vec::new();
        for error in all() {
            for surface in [Surface::Management, Surface::Compatible] {
                let response = ErrorResponse::of(&error, surface);
                assert!(!response.detail.is_empty() && response.status.as_u16() >= 400, "{response:?}");
                assert!(!response.detail.contains("in-secret"), "{response:?}");
                if response.code.status != response.status.as_u16() {
                    wrong.push(format!("{} {}", response.code.code, response.status.as_u16()));
                }
            }
        }
        assert!(wrong.is_empty(), "CODES says otherwise of {wrong:?}");
    }

    #[test]
    fn chakras_words_for_what_is_missing() {
        let words = |thing| {
            let response = ErrorResponse::of(&Error::Missing(thing), Surface::Compatible);
            (response.code.code, response.detail)
        };
        assert_eq!(words(Thing::Plugin), ("plugin_not_found", "Plugin not found".to_owned()));
        assert_eq!(words(Thing::Waba), ("waba_not_found", "WhatsApp business account not found".to_owned()));
        assert_eq!(words(Thing::PhoneNumber), ("phone_number_not_found", "WhatsApp phone number not found".to_owned()));
        assert_eq!(words(Thing::Resource("message")), ("resource_not_found", "Message not found".to_owned()));
    }

    #[test]
    fn a_wrong_field_is_named_on_both_surfaces() {
        let error = Error::invalid("/a/b", "must be a text");
        let response = ErrorResponse::of(&error, Surface::Management);
        assert_eq!((response.status.as_u16(), response.code.code), (422, "validation_failed"));
        assert_eq!(response.errors, [FieldError { pointer: "/a/b".into(), detail: "must be a text".into() }]);
        let response = ErrorResponse::of(&error, Surface::Compatible);
        assert_eq!(
            (response.status.as_u16(), response.code.code, response.detail.as_str()),
            (400, "body_malformed", "/a/b: must be a text")
        );
    }

    #[test]
    fn who_was_too_fast_is_told_by_which_limit_and_for_how_long() {
        let response = ErrorResponse::of(&Error::RateLimited(Box::new(too_much())), Surface::Compatible);
        assert_eq!((response.status.as_u16(), response.code.code), (429, "rate_limited"));
        assert_eq!(response.detail, "the API key's own limit is reached (5 in 1 s); repeat it after 1 s");
        let headers: Vec<_> =
            response.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            headers,
            [("ratelimit-policy", "\"api_key\";q=5;w=1"), ("ratelimit", "\"api_key\";r=0;t=1"), ("retry-after", "1")]
        );
    }

    #[test]
    fn headers_say_how_to_go_on() {
        let response = ErrorResponse::of(&Error::UnknownKey, Surface::Compatible);
        assert_eq!(response.headers, [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]);
        let response =
            ErrorResponse::of(&Error::NoRoute(NoRoute::Method(vec![Method::Get, Method::Post])), Surface::Compatible);
        assert_eq!(response.headers, [(header::ALLOW, HeaderValue::from_static("GET, POST"))]);
    }
}
