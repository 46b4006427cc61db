//! Where a call of the management API can name a thing, read from the OpenAPI document.

use std::fmt;

use reqwest::Method;
use serde_json::{Value, json};

use super::belongings::{Belongings, nobodys};
use crate::harness::Answer;

/// Strings that name nothing: values, filters and cursors that are not ids; and ids of calls, which have tests of their
/// own (`request_log`).
const NO_IDS: &[&str] =
    &["X-Request-Id", "If-Match", "Idempotency-Key", "X-CSRF-Token", "external_id", "request_id", "message_id"];

/// Schemas of ids, and of names that lead to one thing.
const KINDS: &[&str] = &[
    "TenantId",
    "CustomerId",
    "PluginId",
    "WabaId",
    "PhoneNumberId",
    "ApiKeyId",
    "ChakraKeyId",
    "RoleId",
    "MemberId",
    "InvitationId",
    "EventId",
    "ExternalId",
    "RoleName",
];

/// Calls that the check that an id matters passes over: what they do to our own things would disturb
/// the rest, or needs more than an id. Each with why.
const SPARED: &[(&str, &str)] = &[
    ("/api/v1/chakra-keys/{id}/replace", "another token would have to be Chakra's"),
    ("/api/v1/quarantined-events/{id}/route", "no event of ours is in quarantine"),
];
/// A list whose filters find nothing of our own, because nothing of ours was called yet.
const FILTERED: &str = "/api/v1/requests";

/// One place in one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    at: At,
    /// The name of the id's schema.
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    Path(String),
    Query(String),
    Header(String),
    /// A JSON pointer; `/*` at its end is the only row of a list.
    Body(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Path(name) => write!(f, "path:{name}"),
            At::Query(name) => write!(f, "query:{name}"),
            At::Header(name) => write!(f, "header:{name}"),
            At::Body(pointer) => write!(f, "{pointer}"),
        }
    }
}

/// One route and the places in it.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: String,
    /// Whether only the operator is let in.
    pub(super) operator: bool,
    pub(super) places: Vec<Place>,
    /// Places that look like ids of no known kind.
    pub(super) unknown: Vec<String>,
    example: Option<Value>,
    /// Whether it asks what a change is based on.
    conditional: bool,
}

/// A request to send.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

/// Every route of the management API.
pub(super) fn routes(document: &Value) -> Vec<Route> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in item.as_object().expect("a path is an object") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if path.starts_with("/api/v1/") && operation.is_object() {
                all.push(Reader { document }.route(method, path, operation));
            }
        }
    }
    all
}

struct Reader<'d> {
    document: &'d Value,
}

impl Reader<'_> {
    fn route(&self, method: Method, path: &str, operation: &Value) -> Route {
        let mut route = Route {
            method,
            path: path.to_owned(),
            operator: operation["security"].to_string().contains("operatorToken")
                && !operation["security"].to_string().contains("apiKey"),
            places: Vec::new(),
            unknown: Vec::new(),
            example: None,
            conditional: false,
        };
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = self.resolved(parameter);
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let at = match parameter["in"].as_str() {
                Some("path") => At::Path(name.clone()),
                Some("query") => At::Query(name.clone()),
                Some("header") => At::Header(name.clone()),
                _ => continue,
            };
            route.conditional |= name == "If-Match";
            self.note(&mut route, at, &name, &parameter["schema"]);
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if body.is_object() {
            let schema = self.resolved(body);
            route.example = Some(schema.get("example").cloned().unwrap_or_else(|| self.example(schema)));
            self.fields(&mut route, "", schema);
        }
        route
    }

    fn fields(&self, route: &mut Route, below: &str, schema: &Value) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let pointer = format!("{below}/{name}");
            let items = &self.plain(field)["items"];
            if items.is_object() {
                self.note(route, At::Body(format!("{pointer}/*")), name, items);
            } else {
                self.note(route, At::Body(pointer.clone()), name, field);
                self.fields(route, &pointer, self.plain(field));
            }
        }
    }

    fn note(&self, route: &mut Route, at: At, name: &str, schema: &Value) {
        if let Some(kind) = Self::kind(&route.path, name, schema) {
            route.places.push(Place { at, kind });
            return;
        }
        let plain = self.plain(schema);
        let text = plain["type"] == "string" && plain.get("enum").is_none();
        let named = name == "id" || name.ends_with("_id") || name.ends_with("_ids") || name.ends_with("Id");
        let kinds = reference(schema).is_some_and(|name| name.ends_with("Id"));
        if text && (named || kinds || matches!(at, At::Path(_))) && !NO_IDS.contains(&name) {
            route.unknown.push(Place { at, kind: "" }.to_string());
        }
    }

    fn kind(path: &str, name: &str, schema: &Value) -> Option<&'static str> {
        match (path, name) {
            ("/api/v1/roles/{id}", "id") => return Some("RoleId"),
            (_, "Portico-Tenant") => return Some("TenantId"),
            (_, "actor_id") => return Some("MemberId"),
            (_, "target_id") => return Some("CustomerId"),
            _ => {}
        }
        let found = reference(schema).or_else(|| {
            let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())?;
            choices.iter().find_map(reference)
        })?;
        KINDS.iter().find(|kind| **kind == found).copied()
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        let Some(pointer) = value["$ref"].as_str() else { return value };
        self.document.pointer(pointer.trim_start_matches('#')).expect("a reference leads somewhere")
    }

    /// The schema without reference and without the choice to be null.
    fn plain<'v>(&'v self, schema: &'v Value) -> &'v Value {
        let chosen = schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
        self.resolved(chosen.unwrap_or(schema))
    }

    /// A body with what is required.
    fn example(&self, schema: &Value) -> Value {
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let filled = fields.filter(|(name, _)| required.contains(&name.as_str())).map(|(name, field)| {
            let plain = self.plain(field);
            let example = plain["examples"].get(0).or_else(|| plain.get("example")).cloned();
            (name.clone(), example.unwrap_or_else(|| json!("x")))
        });
        Value::Object(filled.collect())
    }
}

/// The name of the schema that a reference leads to.
fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

impl Route {
    /// Method and path template.
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether our own id is not tried at that place.
    pub(super) fn spares(&self, place: &Place) -> bool {
        self.method == Method::DELETE
            || matches!(place.at, At::Header(_))
            || self.path == FILTERED
            || SPARED.iter().any(|(path, _)| *path == self.path && self.method != Method::GET)
    }

    /// The request with that id at that place, and our own wherever else an id has to stand.
    pub(super) fn request(&self, place: &Place, id: &str, ours: &Belongings) -> Request {
        let mut path = self.path.clone();
        let mut query = Vec::new();
        let mut headers = Vec::new();
        let mut body = self.example.clone();
        if self.conditional {
            headers.push(("If-Match".to_owned(), "*".to_owned()));
        }
        // A header that says nothing to a key would leave a whole call of ours, which changes things.
        let harmless = matches!(place.at, At::Header(_)) && self.method != Method::GET;
        if harmless {
            body = body.map(|_| json!({"unknown field": true}));
        }
        for other in &self.places {
            let here = other == place;
            let own = || if harmless { Some(nobodys(other.kind)) } else { ours.get(other.kind) };
            let Some(value) = (if here { Some(id.to_owned()) } else { own() }) else { continue };
            match &other.at {
                At::Path(name) => path = path.replace(&format!("{{{name}}}"), &value),
                At::Query(name) if here => query.push(format!("{name}={value}")),
                At::Header(name) if here => headers.push((name.clone(), value)),
                At::Body(pointer) => {
                    if let Some(body) = body.as_mut().filter(|_| !harmless) {
                        put(body, pointer, &value, here);
                    }
                }
                At::Query(_) | At::Header(_) => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        Request { path, headers, body }
    }
}

/// Writes an id at a pointer; where it is not the one that is tried, only in place of one that stands there.
fn put(body: &mut Value, pointer: &str, id: &str, here: bool) {
    let (pointer, value) = match pointer.strip_suffix("/*") {
        Some(pointer) => (pointer, json!([id])),
        None => (pointer, json!(id)),
    };
    if !here && body.pointer(pointer).is_none_or(Value::is_null) {
        return;
    }
    let mut at = body;
    for name in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    // A built-in role stays what it is, unless a role is what is tried.
    if here || at.as_str().is_none_or(|text| text.parse::<portico_domain::BuiltInRole>().is_err()) {
        *at = value;
    }
}

/// Header names and body without what differs between any two answers: ids, moments and secrets.
pub(super) fn blanked(answer: &Answer, id: &str) -> String {
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.retain(|name| name != "connection" && name != "content-length");
    names.sort_unstable();
    let body = if answer.header("content-type").starts_with("application/x-ndjson") {
        // An export tells of the calls before it too.
        String::new()
    } else if answer.json.is_null() {
        answer.text.replace(id, "…")
    } else {
        let mut json = answer.json.clone();
        blank(&mut json, id);
        json.to_string()
    };
    format!("{names:?} {body}")
}

fn blank(value: &mut Value, id: &str) {
    match value {
        Value::String(text) => {
            let typed = text.len() == 30 && text.as_bytes()[3] == b'_';
            let moment = text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[4] == b'-';
            let ours = ["ptc_", "req_", "eyJ", "wamid.", "wacid."].iter().any(|start| text.starts_with(start));
            if typed || moment || ours || uuid::Uuid::try_parse(text).is_ok() {
                "…".clone_into(text);
            } else {
                *text = text.replace(id, "…");
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| blank(one, id)),
        Value::Object(all) => {
            all.remove("fbtrace_id");
            all.values_mut().for_each(|one| blank(one, id));
        }
        // Milliseconds since 1970.
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 1_000_000_000_000) => *value = json!(0),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
