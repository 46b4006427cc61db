//! Completes what the handlers say of Portico's own API with what holds for all of it.

use std::fmt::Write;

use portico_core::code::{self, CODES, Code};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::Example;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema, SecurityRequirement};

use super::{answers, security};

/// Codes that only these operations answer; any other belongs to each operation that names its status.
const SPECIAL: &[(Code, &[&str])] = &[
    (code::API_KEY_REVOKED, &["rotate_api_key"]),
    (code::CHAKRA_KEY_IN_USE, &["delete_chakra_key"]),
    (code::CHAKRA_KEY_LACKS_PERMISSION, CALLING),
    (code::CHAKRA_KEY_NAME_TAKEN, &["store_chakra_key", "change_chakra_key"]),
    (code::CHAKRA_KEY_REFUSED, CALLING),
    (code::CHAKRA_KEY_TOKEN_TAKEN, &["store_chakra_key", "replace_chakra_key"]),
    (code::CHAKRA_KEY_MISSING, CALLING),
    (code::CUSTOMER_CONNECTED, &["delete_customer"]),
    (code::CUSTOMER_EXTERNAL_ID_TAKEN, &["create_customer", "change_customer"]),
    (code::NOT_FOR_OPERATOR, &["mint_token"]),
    (code::OLD_SECRET, &["mint_token"]),
    (code::INVITATION_ACCEPTED, &["revoke_invitation"]),
    (code::INVITATION_OPEN, &["invite"]),
    (code::LAST_OWNER, &["change_api_key", "revoke_api_key", "change_member", "remove_member", "leave"]),
    (code::FIELD_NOT_OFFERED, &["change_tenant", "change_own_tenant"]),
    (code::MEMBER_EXISTS, &["invite"]),
    (code::EVENT_NOT_QUARANTINED, &["route_event"]),
    (code::EVENT_OF_ANOTHER_PLUGIN, &["route_event"]),
    (code::EVENT_RECEIVED_ALREADY, &["route_event"]),
    (code::SIGNATURE_INVALID, &["receive_events", "verify_hook"]),
    (code::BUSY, &["export_tenant"]),
    (code::EXPORT_RUNNING, &["export_tenant"]),
    (code::PLUGIN_EXISTS, &["make_plugin"]),
    (code::ROLE_IN_USE, &["delete_role"]),
    (code::ROLE_NAME_TAKEN, &["create_role", "change_role"]),
    (code::TEAM_IN_USE, &["store_chakra_key", "replace_chakra_key"]),
    (code::TEAM_WIDE_REFUSED, &["make_plugin"]),
    (code::TOO_MANY_OLD_SECRETS, &["rotate_api_key"]),
];

/// The operations that call Chakra with the key that calls use.
const CALLING: &[&str] =
    &["disconnect", "make_plugin", "remove_plugin", "sync_plugin", "get_configuration", "change_configuration"];

/// The tags that operations use, in the order of their first use.
pub(super) fn tags(management: &OpenApi) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for item in management.paths.paths.values() {
        for operation in operations(item) {
            for tag in operation.tags.iter().flatten() {
                if !all.contains(tag) {
                    all.push(tag.clone());
                }
            }
        }
    }
    all
}

/// The management part with security, headers and the errors that any call can meet.
///
/// An operation that says itself how it is secured (an empty list: not at all) keeps its word, and
/// so does one that describes a status itself.
pub(super) fn completed(mut management: OpenApi) -> OpenApi {
    for (path, item) in &mut management.paths.paths {
        let has_id = path.contains('{');
        for operation in operations_mut(item) {
            complete(operation, has_id);
        }
    }
    management
}

fn complete(operation: &mut Operation, has_id: bool) {
    let secured = operation.security.as_ref().is_none_or(|all| !all.is_empty());
    if operation.security.is_none() {
        let scheme = |name| SecurityRequirement::new::<_, [&str; 0], &str>(name, []);
        operation.security = Some(vec![scheme(security::API_KEY), scheme(security::OPERATOR_TOKEN)]);
    }
    let parameters = operation.parameters.get_or_insert_default();
    let mut header = |name: &str| parameters.push(RefOr::Ref(Ref::new(format!("#/components/parameters/{name}"))));
    if secured {
        header("Tenant");
    }
    header("RequestId");
    mention_permission(operation);
    let has_body = operation.request_body.is_some();
    for status in [400, 401, 403, 404, 413, 415, 422, 429, 500, 503] {
        let possible = match status {
            401 | 403 => secured,
            // The operator may name a tenant that does not exist.
            404 => has_id || secured,
            413 | 415 | 422 => has_body,
            _ => secured || has_body,
        };
        if possible {
            operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(problem(status)));
        }
    }
    let id = operation.operation_id.as_deref().unwrap_or_default();
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer {
            complete_answer(answer, id, status, secured);
        }
    }
}

fn complete_answer(answer: &mut Response, id: &str, status: &str, secured: bool) {
    let reference = |name: &str| RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    answer.headers.entry("X-Request-Id".to_owned()).or_insert_with(|| reference("RequestId"));
    if secured {
        for (name, component) in [("RateLimit", "RateLimit"), ("RateLimit-Policy", "RateLimitPolicy")] {
            answer.headers.entry(name.to_owned()).or_insert_with(|| reference(component));
        }
    }
    if let Some(tag) = answer.headers.get_mut("ETag") {
        *tag = reference("ETag");
    }
    let Some(RefOr::T(content)) = answer.content.get_mut("application/problem+json") else { return };
    if content.examples.is_empty() {
        let codes = CODES.iter().filter(|code| code.status.to_string() == status && code.surface.is_management());
        content.examples.extend(codes.filter(|code| answers_with(id, code)).map(example));
    }
}

fn answers_with(id: &str, code: &Code) -> bool {
    SPECIAL.iter().find(|(special, _)| special == code).is_none_or(|(_, operations)| operations.contains(&id))
}

fn example(code: &Code) -> (String, RefOr<Example>) {
    (code.code.to_owned(), RefOr::Ref(Ref::new(format!("#/components/examples/problem_{}", code.code))))
}

/// The permission, which the handler's type gives as an extension, in the text too.
fn mention_permission(operation: &mut Operation) {
    let permission = operation.extensions.as_ref().and_then(|all| all.get("x-portico-permission"));
    let Some(permission) = permission.and_then(|value| value.as_str()).map(str::to_owned) else { return };
    let text = operation.description.get_or_insert_default();
    if !text.contains(&permission) {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        let _ = write!(text, "{gap}Permission: `{permission}`.");
    }
}

fn problem(status: u16) -> Response {
    let codes: Vec<&'static Code> =
        CODES.iter().filter(|code| code.status == status && code.surface.is_management()).collect();
    let content = ContentBuilder::new()
        .schema(Some(RefOr::<Schema>::Ref(Ref::from_schema_name("Problem"))))
        .examples_from_iter(codes.iter().map(|code| example(code)));
    let mut response = ResponseBuilder::new()
        .description(answers::describe(status, &codes))
        .content("application/problem+json", content.build());
    if status == 401 {
        response = response.header_ref("WWW-Authenticate", Ref::new("#/components/headers/WwwAuthenticate"));
    }
    if matches!(status, 429 | 503) {
        response = response.header_ref("Retry-After", Ref::new("#/components/headers/RetryAfter"));
    }
    response.build()
}

fn operations(item: &PathItem) -> impl Iterator<Item = &Operation> {
    [&item.get, &item.post, &item.put, &item.patch, &item.delete].into_iter().flatten()
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}
