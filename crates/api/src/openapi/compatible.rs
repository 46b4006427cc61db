//! The Chakra-compatible part: one operation for each route of the catalogue.

use std::fmt::Write;

use portico_chakra::{At, Method, Operation, Retry, Route, router};
use portico_core::code::CODES;
use portico_domain::Permission;
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Paths};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Components, Ref, RefOr, SecurityRequirement, path};

use super::{answers, bodies, general, parameters, security};

/// The paths of the catalogue, in its order.
pub(super) fn paths() -> Paths {
    let mut paths = Paths::new();
    for route in router().routes().iter().filter(|route| is_documented(route)) {
        paths.add_path_operation(route.template, vec![method(route.method)], Entry::new(route).operation());
    }
    paths
}

/// Whether a route has a place of its own in the document: the first path of its operation has one, which
/// names the others. A generated client then has one method for each operation.
pub(super) fn is_documented(route: &Route) -> bool {
    Entry::new(route).main().paths[0] == route.template
}

/// What both surfaces refer to.
pub(super) fn components() -> Components {
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(answers::schemas())
        .schemas_from_iter(router().routes().iter().flat_map(|route| bodies::schemas(&Entry::new(route).variants)))
        .build();
    components
        .security_schemes
        .extend(security::schemes().into_iter().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
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

/// A route of the catalogue as one operation of the document.
struct Entry<'r> {
    route: &'r Route,
    /// What calls on it can be; the first is what a body without further signs means.
    variants: Vec<&'static Operation>,
}

impl<'r> Entry<'r> {
    fn new(route: &'r Route) -> Self {
        // The router keeps the one without a condition last.
        Self { route, variants: route.operations.iter().rev().copied().collect() }
    }

    fn main(&self) -> &'static Operation {
        self.variants[0]
    }

    fn operation(&self) -> path::Operation {
        let main = self.main();
        let mut operation = OperationBuilder::new()
            .tag(general::compatible_tag(main.group))
            .summary(Some(self.summary()))
            .description(Some(self.description()))
            .operation_id(Some(main.id))
            .parameters(Some(parameters::of_path(self.route.parameters(), main)))
            .parameters(Some(parameters::of_query(main)))
            .request_body(bodies::of(&self.variants))
            .security(SecurityRequirement::new::<_, [&str; 0], &str>(security::API_KEY, []))
            .extensions(Some(self.extensions()));
        for name in parameters::header_names(main) {
            operation = operation.parameter_ref(Ref::new(format!("#/components/parameters/{name}")));
        }
        for (status, answer) in answers::all(&self.variants) {
            operation = operation.response(status, answer);
        }
        operation.build()
    }

    fn summary(&self) -> String {
        let others: Vec<&str> = self.variants[1..].iter().map(|operation| operation.title).collect();
        let title = self.main().title;
        if others.is_empty() { title.to_owned() } else { format!("{title} (by its body also: {})", others.join("; ")) }
    }

    fn description(&self) -> String {
        let main = self.main();
        let mut parts = vec![permission(main)];
        if main.paths.len() > 1 {
            let others: Vec<_> = main.paths[1..].iter().map(|path| format!("- `{path}`")).collect();
            parts.push(format!("Chakra's own path is not certain. Also accepted:\n\n{}", others.join("\n")));
        }
        if self.variants.len() > 1 {
            let all: Vec<_> = self.variants.iter().map(|one| format!("- `{}`: {}", one.id, one.title)).collect();
            parts.push(format!("The body decides which operation it is:\n\n{}", all.join("\n")));
        }
        let owned = main.owned.iter().filter(|owned| self.route.can_carry(owned.at));
        let ids: Vec<String> = owned.map(|owned| place(owned.at)).collect();
        if !ids.is_empty() {
            parts.push(format!("Ids that must belong to the caller: {}.", ids.join(", ")));
        }
        let repeat = match main.retry {
            Retry::Safe => "Safe to repeat: a repeat changes nothing more.",
            Retry::Never => "Not safe to repeat: a repeat may do it twice.",
        };
        parts.push(repeat.to_owned());
        let (known, how) = (main.confidence.as_str(), answers::confidence(main.confidence));
        parts.push(format!("How well Chakra's contract is known: {known} ({how})."));
        parts.extend(self.notes());
        parts.join("\n\n")
    }

    /// The notes of all variants as a list, each once; one that does not hold for all of them names those for
    /// which it does.
    fn notes(&self) -> Option<String> {
        let mut notes: Vec<&str> = Vec::new();
        for note in self.variants.iter().flat_map(|operation| operation.notes) {
            if !notes.contains(note) {
                notes.push(note);
            }
        }
        let line = |note: &&str| {
            let holds: Vec<_> = self.variants.iter().filter(|operation| operation.notes.contains(note)).collect();
            if holds.len() == self.variants.len() {
                return format!("- {note}");
            }
            let ids: Vec<String> = holds.iter().map(|operation| format!("`{}`", operation.id)).collect();
            format!("- {}: {note}", ids.join(", "))
        };
        let lines: Vec<String> = notes.iter().map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn extensions(&self) -> Extensions {
        let main = self.main();
        let mut all: Vec<(&str, Value)> = vec![
            ("x-portico-permission", json!(main.permission.map(Permission::as_str))),
            ("x-portico-confidence", json!(main.confidence.as_str())),
            ("x-portico-retry-safe", json!(main.retry == Retry::Safe)),
            ("x-portico-team-wide", json!(main.team_wide)),
        ];
        if self.variants.len() > 1 {
            let ids: Vec<&str> = self.variants.iter().map(|operation| operation.id).collect();
            all.push(("x-portico-operations", json!(ids)));
        }
        if !main.also.is_empty() {
            all.push(("x-portico-also-known-as", json!(main.also)));
        }
        all.into_iter().collect()
    }
}

fn permission(operation: &Operation) -> String {
    let mut text = match operation.permission {
        None => "Permission: none; any valid key may call it.".to_owned(),
        Some(one) if operation.team_wide => {
            format!(
                "Permission: `{one}`. The call reaches the whole Chakra team: refused to keys that are limited to customers, and where another tenant may be in the team."
            )
        }
        Some(one) if one.is_team_wide() => {
            format!("Permission: `{one}`. Keys that are limited to customers are refused.")
        }
        Some(one) => format!("Permission: `{one}`."),
    };
    if let Some((name, more)) = operation.query_permission {
        let _ = write!(text, " With the query parameter `{name}` also `{more}`.");
    }
    text
}

/// Where an id stands, for readers.
fn place(at: At) -> String {
    match at {
        At::Path(name) => format!("`{name}` in the path"),
        At::Query(name) => format!("`{name}` in the query"),
        At::Body(pointer) => format!("`{}` in the body", dotted(pointer)),
        At::Anywhere("", name) => format!("`{name}` anywhere in the body"),
        At::Anywhere(within, name) => format!("`{}.{name}` anywhere in the body", dotted(within)),
    }
}

/// A pointer as people write it: `/processes/*/id` is `processes[].id`. A star before a slash would end a comment
/// in generated code.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace("/*", "[]").replace('/', ".")
}
