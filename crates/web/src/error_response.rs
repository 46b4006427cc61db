//! What a caller may know of an error, on either surface.
//!
//! Each crate's error says its code; a text, the fields at fault and headers are added here, in one exhaustive
//! match for each enum, so that a new case is thought about before callers read it. An internal cause is in
//! none of them: it goes to the log, once, from here.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use portico_auth::Refused;
use portico_chakra::{NoRoute, UpstreamError};
use portico_connections::Error as ConnectionsError;
use portico_core::code::{self, Code};
use portico_core::metrics::Surface;
use portico_core::{Causes, Error as CoreError, Fault, Thing};
use portico_events::Error as EventsError;
use portico_gateway::Error as GatewayError;
use portico_identity::Error as IdentityError;
use serde::Serialize;
use utoipa::ToSchema;

use portico_core::RequestError;

use crate::error::AppError;
use crate::rate_limit;
use crate::request_id::RequestId;

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
    pub fn of(error: &AppError, surface: Surface) -> Self {
        let mut response = match error {
            AppError::Core(error) => core(error, surface),
            AppError::Identity(error) => identity(error, surface),
            AppError::Connections(error) => connections(error, surface),
            AppError::Events(error) => events(error, surface),
            AppError::Gateway(error) => gateway(error, surface),
            AppError::Request(error) => request(error),
        };
        if surface == Surface::Compatible {
            response.errors.clear();
        }
        response
    }

    fn with_field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }
}

/// What is told of a fault of Portico's own.
const OWN_FAULT: &str = "Portico failed; report the request id to whoever runs it";

fn core(error: &CoreError, surface: Surface) -> ErrorResponse {
    let plain = ErrorResponse::plain(error.code(), error.to_string());
    match error {
        CoreError::Denied(_) | CoreError::Query(_) | CoreError::Conflict { pointer: None, .. } => plain,
        CoreError::Missing(thing) => match surface {
            Surface::Management | Surface::Console => {
                ErrorResponse::plain(code::NOT_FOUND, format!("there is no {} with this id", name(*thing)))
            }
            Surface::Compatible => ErrorResponse::plain(error.code(), missing(*thing)),
        },
        CoreError::Invalid(faults) => match surface {
            Surface::Management | Surface::Console => {
                let text = match faults.len() {
                    0 | 1 => format!("a field of the request is wrong: {error}"),
                    many => format!("{many} fields of the request are wrong: {error}"),
                };
                let add = |response: ErrorResponse, fault: &Fault| response.with_field(&fault.pointer, &fault.detail);
                faults.iter().fold(ErrorResponse::plain(code::VALIDATION_FAILED, text), add)
            }
            Surface::Compatible => plain,
        },
        CoreError::NotOffered(pointers) => {
            let add =
                |response: ErrorResponse, pointer: &&'static str| response.with_field(*pointer, "has no effect yet");
            pointers.iter().fold(plain, add)
        }
        CoreError::Header(name, detail) => plain.with_field(format!("header:{name}"), detail),
        CoreError::Conflict { pointer: Some(pointer), detail, .. } => plain.with_field(*pointer, *detail),
        CoreError::RateLimited(state) => ErrorResponse { headers: rate_limit::headers(state), ..plain },
        CoreError::Busy => plain.with_header(header::RETRY_AFTER, "30"),
        CoreError::TenantBusy
        | CoreError::TenantCallsBusy
        | CoreError::Database(_)
        | CoreError::VaultUnavailable(_) => plain.with_header(header::RETRY_AFTER, "1"),
        CoreError::Vault(_) => ErrorResponse::plain(error.code(), OWN_FAULT),
    }
}

fn identity(error: &IdentityError, surface: Surface) -> ErrorResponse {
    let plain = || ErrorResponse::plain(error.code(), error.to_string());
    match error {
        IdentityError::Credential(_)
        | IdentityError::UnknownKey
        | IdentityError::TokenInvalid
        | IdentityError::TokenExpired
        | IdentityError::NoSession
        | IdentityError::Refused(Refused::Expired) => plain().with_header(header::WWW_AUTHENTICATE, "Bearer"),
        IdentityError::Csrf | IdentityError::Refused(Refused::Address | Refused::Suspended | Refused::OtherTenant) => {
            plain()
        }
        IdentityError::MoreThanOwn(pointer) | IdentityError::Lacks { pointer, .. } => {
            plain().with_field(*pointer, error.to_string())
        }
        IdentityError::NoSigner => ErrorResponse::plain(error.code(), OWN_FAULT),
        IdentityError::Core(error) => core(error, surface),
    }
}

fn connections(error: &ConnectionsError, surface: Surface) -> ErrorResponse {
    match error {
        ConnectionsError::NoChakraKey
        | ConnectionsError::NoDefaultChakraKey
        | ConnectionsError::ChakraKeyRefused
        | ConnectionsError::ChakraKeyLacksPermission(_)
        | ConnectionsError::Upstream(_)
        | ConnectionsError::Rejected(_)
        | ConnectionsError::UpstreamMalformed
        | ConnectionsError::PluginIdTaken
        | ConnectionsError::PreconditionRequired
        | ConnectionsError::PreconditionFailed => ErrorResponse::plain(error.code(), error.to_string()),
        ConnectionsError::DataKeyReplaced => ErrorResponse::plain(error.code(), OWN_FAULT),
        ConnectionsError::Core(error) => core(error, surface),
    }
}

fn events(error: &EventsError, surface: Surface) -> ErrorResponse {
    match error {
        EventsError::NotSigned => ErrorResponse::plain(error.code(), error.to_string()),
        EventsError::Request(error) => request(error),
        EventsError::DataKeyReplaced => ErrorResponse::plain(error.code(), OWN_FAULT),
        EventsError::Core(error) => core(error, surface),
    }
}

fn gateway(error: &GatewayError, surface: Surface) -> ErrorResponse {
    let plain = || ErrorResponse::plain(error.code(), error.to_string());
    match error {
        GatewayError::NoRoute(NoRoute::Method(methods)) => {
            let allow = HeaderValue::try_from(portico_chakra::router::allow(methods));
            ErrorResponse { headers: allow.map(|value| (header::ALLOW, value)).into_iter().collect(), ..plain() }
        }
        GatewayError::NoRoute(
            NoRoute::Unknown
            | NoRoute::NotOffered(_)
            | NoRoute::Segment(_)
            | NoRoute::SlashAtEnd
            | NoRoute::Credential(_)
            | NoRoute::Version,
        )
        | GatewayError::Request(_)
        | GatewayError::Mismatch(_)
        | GatewayError::TeamWide
        | GatewayError::InactiveNumber => plain(),
        GatewayError::UpstreamUnreadable { status, retry_after, .. } => {
            let after = retry_after.as_ref().and_then(|after| HeaderValue::from_bytes(after.as_bytes()).ok());
            let headers = after.map(|value| (header::RETRY_AFTER, value)).into_iter().collect();
            ErrorResponse { status: http_status(*status), headers, ..plain() }
        }
        GatewayError::Identity(error) => identity(error, surface),
        GatewayError::Connections(error) => connections(error, surface),
        GatewayError::Core(error) => core(error, surface),
    }
}

fn request(error: &RequestError) -> ErrorResponse {
    ErrorResponse::plain(error.code(), error.to_string())
}

/// Logs the cause that no caller learns. Called where an error becomes an answer.
pub fn log(error: &AppError, request_id: &RequestId) {
    let id = request_id.as_str();
    match error {
        AppError::Core(error) => log_core(error, id),
        AppError::Identity(error) => log_identity(error, id),
        AppError::Connections(error) => log_connections(error, id),
        AppError::Events(error) => log_events(error, id),
        AppError::Gateway(error) => log_gateway(error, id),
        AppError::Request(_) => {}
    }
}

fn log_events(error: &EventsError, id: &str) {
    match error {
        EventsError::DataKeyReplaced => tracing::error!(request.id = id, %error, "a hook does not open"),
        EventsError::Core(error) => log_core(error, id),
        EventsError::NotSigned | EventsError::Request(_) => {}
    }
}

fn log_gateway(error: &GatewayError, id: &str) {
    match error {
        GatewayError::Core(error) => log_core(error, id),
        GatewayError::Identity(error) => log_identity(error, id),
        GatewayError::Connections(error) => log_connections(error, id),
        _ => {}
    }
}

fn log_core(error: &CoreError, id: &str) {
    match error {
        CoreError::Database(source) => {
            tracing::error!(request.id = id, error = %Causes(source), "the database failed a request");
        }
        CoreError::Vault(source) => {
            tracing::error!(request.id = id, error = %Causes(source), "a sealed value does not open");
        }
        CoreError::VaultUnavailable(source) => {
            tracing::error!(request.id = id, error = %Causes(source), "a master key does not serve");
        }
        _ => {}
    }
}

fn log_identity(error: &IdentityError, id: &str) {
    match error {
        IdentityError::NoSigner => tracing::error!(request.id = id, "no signing key signs at this moment"),
        IdentityError::Core(error) => log_core(error, id),
        _ => {}
    }
}

fn log_connections(error: &ConnectionsError, id: &str) {
    match error {
        ConnectionsError::Upstream(UpstreamError::Unreachable(source)) => {
            tracing::warn!(request.id = id, error = %Causes(source), "Chakra cannot be reached");
        }
        ConnectionsError::DataKeyReplaced => tracing::error!(request.id = id, %error, "a Chakra key does not open"),
        ConnectionsError::Core(error) => log_core(error, id),
        _ => {}
    }
}

fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
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

    use portico_auth::{BadCredential, Denied};
    use portico_chakra::Method;
    use portico_core::limits::{LimitKind, LimitState, Quota};
    use portico_domain::{Permission, PermissionSet};
    use portico_vault::{MasterKeyFailure, OpenError};

    use super::*;

    fn too_much() -> LimitState {
        let quota = Quota { most: std::num::NonZeroU32::new(5).unwrap(), window: Duration::from_secs(1) };
        let wait = Some(Duration::from_millis(200));
        LimitState { kind: LimitKind::ApiKey, quota, remaining: 0, reset: Duration::from_secs(1), retry_after: wait }
    }

    fn all() -> Vec<AppError> {
        let conflict = |code| CoreError::Conflict { code, pointer: Some("/name"), detail: "is taken" };
        vec![
            IdentityError::Credential(BadCredential::Missing).into(),
            IdentityError::UnknownKey.into(),
            IdentityError::NoSession.into(),
            IdentityError::Csrf.into(),
            IdentityError::Refused(Refused::Expired).into(),
            IdentityError::Refused(Refused::Address).into(),
            IdentityError::Refused(Refused::Suspended).into(),
            IdentityError::Refused(Refused::OtherTenant).into(),
            IdentityError::Lacks { pointer: "/permissions", missing: PermissionSet::of(&[Permission::RolesRead]) }
                .into(),
            CoreError::Denied(Denied::Permission(Permission::MessagesSend)).into(),
            CoreError::Denied(Denied::Limited).into(),
            CoreError::Denied(Denied::NoTenant).into(),
            CoreError::Denied(Denied::OperatorOnly).into(),
            GatewayError::NoRoute(NoRoute::Unknown).into(),
            GatewayError::NoRoute(NoRoute::Method(vec![Method::Get, Method::Post])).into(),
            GatewayError::NoRoute(NoRoute::Segment(3)).into(),
            GatewayError::NoRoute(NoRoute::SlashAtEnd).into(),
            GatewayError::NoRoute(NoRoute::Version).into(),
            GatewayError::NoRoute(NoRoute::NotOffered("use another call")).into(),
            CoreError::Missing(Thing::Plugin).into(),
            CoreError::Missing(Thing::Waba).into(),
            CoreError::Missing(Thing::PhoneNumber).into(),
            CoreError::Missing(Thing::Resource("message")).into(),
            CoreError::invalid("/name", "is required").into(),
            CoreError::NotOffered(vec!["/limits"]).into(),
            RequestError::Body("no JSON".into()).into(),
            RequestError::TooLarge(1).into(),
            RequestError::TooSlow.into(),
            RequestError::MalformedHead.into(),
            RequestError::HeadTooLarge.into(),
            RequestError::ContentType("application/json").into(),
            CoreError::Query("limit is wrong".into()).into(),
            CoreError::Header("If-Match", "is wrong".into()).into(),
            GatewayError::Mismatch("another plugin".into()).into(),
            GatewayError::TeamWide.into(),
            GatewayError::InactiveNumber.into(),
            conflict(code::TEAM_IN_USE).into(),
            conflict(code::CHAKRA_KEY_NAME_TAKEN).into(),
            conflict(code::CHAKRA_KEY_TOKEN_TAKEN).into(),
            conflict(code::CHANGED_MEANWHILE).into(),
            conflict(code::INVITATION_ACCEPTED).into(),
            conflict(code::INVITATION_OPEN).into(),
            conflict(code::LAST_OWNER).into(),
            conflict(code::MEMBER_EXISTS).into(),
            conflict(code::CUSTOMER_CONNECTED).into(),
            conflict(code::CUSTOMER_EXTERNAL_ID_TAKEN).into(),
            IdentityError::MoreThanOwn("/role").into(),
            CoreError::RateLimited(Box::new(too_much())).into(),
            CoreError::TenantBusy.into(),
            CoreError::TenantCallsBusy.into(),
            conflict(code::API_KEY_REVOKED).into(),
            conflict(code::LAST_OWNER).into(),
            conflict(code::TOO_MANY_OLD_SECRETS).into(),
            conflict(code::PLUGIN_EXISTS).into(),
            conflict(code::ROLE_IN_USE).into(),
            conflict(code::ROLE_NAME_TAKEN).into(),
            ConnectionsError::PreconditionRequired.into(),
            ConnectionsError::PreconditionFailed.into(),
            ConnectionsError::NoChakraKey.into(),
            ConnectionsError::NoDefaultChakraKey.into(),
            ConnectionsError::ChakraKeyRefused.into(),
            ConnectionsError::ChakraKeyLacksPermission("Forbidden".into()).into(),
            conflict(code::CHAKRA_KEY_IN_USE).into(),
            ConnectionsError::Upstream(UpstreamError::Timeout).into(),
            ConnectionsError::Upstream(UpstreamError::TooLong).into(),
            ConnectionsError::Rejected("no".into()).into(),
            ConnectionsError::UpstreamMalformed.into(),
            CoreError::Busy.into(),
            IdentityError::NoSigner.into(),
            ConnectionsError::PluginIdTaken.into(),
            ConnectionsError::DataKeyReplaced.into(),
            EventsError::NotSigned.into(),
            EventsError::Request(RequestError::TooLarge(1)).into(),
            EventsError::DataKeyReplaced.into(),
            conflict(code::EVENT_NOT_QUARANTINED).into(),
            conflict(code::EVENT_OF_ANOTHER_PLUGIN).into(),
            conflict(code::EVENT_RECEIVED_ALREADY).into(),
            GatewayError::Request(RequestError::TooLarge(1)).into(),
            IdentityError::TokenInvalid.into(),
            IdentityError::TokenExpired.into(),
            CoreError::Denied(Denied::TokenPermission(Permission::MessagesSend)).into(),
            CoreError::Denied(Denied::NotForOperator).into(),
            CoreError::Denied(Denied::NotForToken).into(),
            CoreError::Denied(Denied::OldSecret).into(),
            CoreError::from(MasterKeyFailure::Refused { id: "k1".parse().unwrap(), reason: "in-secret".into() }).into(),
            CoreError::from(OpenError::UnknownMasterKey("in-secret".parse().unwrap())).into(),
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
            let response = ErrorResponse::of(&CoreError::Missing(thing).into(), Surface::Compatible);
            (response.code.code, response.detail)
        };
        assert_eq!(words(Thing::Plugin), ("plugin_not_found", "Plugin not found".to_owned()));
        assert_eq!(words(Thing::Waba), ("waba_not_found", "WhatsApp business account not found".to_owned()));
        assert_eq!(words(Thing::PhoneNumber), ("phone_number_not_found", "WhatsApp phone number not found".to_owned()));
        assert_eq!(words(Thing::Resource("message")), ("resource_not_found", "Message not found".to_owned()));
    }

    #[test]
    fn a_wrong_field_is_named_on_both_surfaces() {
        let error = AppError::from(CoreError::invalid("/a/b", "must be a text"));
        let response = ErrorResponse::of(&error, Surface::Management);
        assert_eq!((response.status.as_u16(), response.code.code), (422, "validation_failed"));
        assert_eq!(response.errors, [FieldError { pointer: "/a/b".into(), detail: "must be a text".into() }]);
        let response = ErrorResponse::of(&error, Surface::Compatible);
        assert_eq!(
            (response.status.as_u16(), response.code.code, response.detail.as_str()),
            (400, "body_malformed", "/a/b must be a text")
        );
    }

    #[test]
    fn who_was_too_fast_is_told_by_which_limit_and_for_how_long() {
        let response = ErrorResponse::of(&CoreError::RateLimited(Box::new(too_much())).into(), Surface::Compatible);
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
    fn faults_of_our_own_are_told_alike() {
        let faults: [AppError; 3] = [
            CoreError::Vault(OpenError::Forged).into(),
            IdentityError::NoSigner.into(),
            ConnectionsError::DataKeyReplaced.into(),
        ];
        for fault in faults {
            let response = ErrorResponse::of(&fault, Surface::Compatible);
            assert_eq!((response.code.code, response.detail.as_str()), ("internal", OWN_FAULT));
        }
    }

    #[test]
    fn an_id_that_is_taken_reads_as_a_malformed_answer() {
        let told = |error: ConnectionsError| {
            let response = ErrorResponse::of(&error.into(), Surface::Management);
            (response.code, response.detail)
        };
        let taken = told(ConnectionsError::PluginIdTaken);
        assert_eq!((taken.0, taken.1.as_str()), (code::UPSTREAM_GARBLED, "Chakra's answer cannot be read"));
        assert_eq!(taken, told(ConnectionsError::UpstreamMalformed));
    }

    #[test]
    fn headers_say_how_to_go_on() {
        let response = ErrorResponse::of(&IdentityError::UnknownKey.into(), Surface::Compatible);
        assert_eq!(response.headers, [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]);
        let response = ErrorResponse::of(
            &GatewayError::NoRoute(NoRoute::Method(vec![Method::Get, Method::Post])).into(),
            Surface::Compatible,
        );
        assert_eq!(response.headers, [(header::ALLOW, HeaderValue::from_static("GET, POST, HEAD"))]);
    }
}
