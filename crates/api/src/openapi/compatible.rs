//! The Chakra-compatible part: one operation for each route of the catalogue.

use portico_chakra::operation::At;
use portico_chakra::{BodyKind, Method, Operation, Retry, Route, router};
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Paths};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Components, Ref, RefOr, SecurityRequirement, path};

use super::codes::CODES;
use super::{answers, bodies, general, parameters};

/// The paths of the catalogue, in its order.
pub(super) fn paths() -> Paths {
    let mut paths = Paths::new();
    for route in router().routes() {
        paths.add_path_operation(route.template, vec![method(route.method)], operation(route));
    }
    paths
}

/// What both surfaces refer to.
pub(super) fn components() -> Components {
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(answers::schemas())
        .schemas_from_iter(router().routes().iter().flat_map(|route| bodies::schemas(&route.operations)))
        .build();
    components.security_schemes.extend(
        general::security_schemes().into_iter().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))),
    );
    components.headers.extend(answers::headers().into_iter().map(|(name, one)| (name.to_owned(), RefOr::T(one))));
    components.parameters.extend(parameters::headers().into_iter().map(|(name, one)| (name.to_owned(), RefOr::T(one))));
    components.examples.extend(answers::examples().into_iter().map(|(name, one)| (name, RefOr::T(one))));
    let problems = CODES.iter().filter(|code| code.surface.is_management());
    components
        .examples
        .extend(problems.map(|code| (format!("problem_{}", code.code), RefOr::T(answers::problem(code)))));
    components
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

/// The operation that a body without further signs means: the router puts it last.
fn default_of(route: &Route) -> &'static Operation {
    route.operations[route.operations.len() - 1]
}

fn operation(route: &Route) -> path::Operation {
    let main = default_of(route);
    let candidate = main.paths.iter().position(|path| *path == route.template).unwrap_or_default();
    let id = if candidate == 0 { main.id.to_owned() } else { format!("{}_{}", main.id, candidate + 1) };
    let mut operation = OperationBuilder::new()
        .tag(general::compatible_tag(main.group))
        .summary(Some(summary(route)))
        .description(Some(description(route, candidate)))
        .operation_id(Some(id))
        .parameters(Some(parameters::of_path(route.parameters(), main)))
        .parameters(Some(parameters::of_query(main)))
        .request_body(bodies::of(&route.operations))
        .security(SecurityRequirement::new::<_, [&str; 0], &str>(general::API_KEY, []))
        .extensions(Some(extensions(route, candidate)));
    for name in parameters::header_names(main) {
        operation = operation.parameter_ref(Ref::new(format!("#/components/parameters/{name}")));
    }
    answers::all(&route.operations)
        .into_iter()
        .fold(operation, |operation, (status, answer)| operation.response(status, answer))
        .build()
}

fn summary(route: &Route) -> String {
    let titles: Vec<&str> = route.operations.iter().rev().map(|operation| operation.title).collect();
    match titles.as_slice() {
        [one] => (*one).to_owned(),
        [first, others @ ..] => format!("{first} (by its body also: {})", others.join("; ")),
        [] => String::new(),
    }
}

fn description(route: &Route, candidate: usize) -> String {
    let main = default_of(route);
    let mut parts = vec![permission(main)];
    if candidate > 0 {
        parts.push(format!(
            "Another path of `{}`: Chakra's own is not certain. A call here is forwarded to `{}`.",
            main.id, main.paths[0]
        ));
    }
    if route.operations.len() > 1 {
        let all: Vec<String> = route.operations.iter().rev().map(|one| format!("- `{}`: {}", one.id, one.title)).collect();
        parts.push(format!("The body decides which operation it is:\n\n{}", all.join("\n")));
    }
    let ids: Vec<String> = main.owned.iter().filter(|owned| route.has(owned.at)).filter_map(|owned| place(owned.at)).collect();
    if !ids.is_empty() {
        parts.push(format!("Ids that must belong to the caller: {}.", ids.join(", ")));
    }
    let repeat = match main.retry {
        Retry::Safe => "Safe to repeat: a repeat changes nothing more.",
        Retry::Never => "Not safe to repeat: a repeat may do it twice.",
    };
    parts.push(repeat.to_owned());
    parts.push(format!(
        "How well Chakra's contract is known: {} ({}).",
        main.confidence.as_str(),
        answers::confidence(main.confidence)
    ));
    let mut notes: Vec<&str> = route.operations.iter().rev().flat_map(|operation| operation.notes).copied().collect();
    let mut seen = Vec::new();
    notes.retain(|note| !seen.contains(note) && { seen.push(*note); true });
    if !notes.is_empty() {
        parts.push(notes.iter().map(|note| format!("- {note}")).collect::<Vec<_>>().join("\n"));
    }
    parts.join("\n\n")
}

fn permission(operation: &Operation) -> String {
    let mut text = match operation.permission {
        None => "Permission: none; any valid key may call it.".to_owned(),
        Some(one) if one.is_team_wide() => {
            format!("Permission: `{one}`. It reaches the whole Chakra team: keys that are limited to customers are refused.")
        }
        Some(one) => format!("Permission: `{one}`."),
    };
    if let Some((name, more)) = operation.query_permission {
        text.push_str(&format!(" With the query parameter `{name}` also `{more}`."));
    }
    text
}

/// Where an id stands, for readers; those in the path show in its template.
fn place(at: At) -> Option<String> {
    match at {
        At::Path(name) => Some(format!("`{name}` in the path")),
        At::Query(name) => Some(format!("`{name}` in the query")),
        At::Body(pointer) => Some(format!("`{pointer}` in the body")),
    }
}

fn extensions(route: &Route, candidate: usize) -> Extensions {
    let main = default_of(route);
    let mut all: Vec<(&str, Value)> = vec![
        ("x-portico-permission", json!(main.permission.map(|one| one.as_str()))),
        ("x-portico-confidence", json!(main.confidence.as_str())),
        ("x-portico-retry-safe", json!(main.retry == Retry::Safe)),
    ];
    if candidate > 0 {
        all.push(("x-portico-alternative-of", json!(main.paths[0])));
    }
    if route.operations.len() > 1 {
        let ids: Vec<&str> = route.operations.iter().rev().map(|operation| operation.id).collect();
        all.push(("x-portico-operations", json!(ids)));
    }
    if !main.also.is_empty() {
        all.push(("x-portico-also-known-as", json!(main.also)));
    }
    if main.body == BodyKind::Multipart {
        all.push(("x-portico-body-limit", json!(100 << 20)));
    }
    all.into_iter().collect()
}
