use portico_chakra::schema::ValueType;
use portico_chakra::{At, BodyKind, Kind, Method, Operation};
use serde_json::{Value, json};

use super::things::{self, Things};
use super::{Answer, Body, Caller, Connected};

/// The ids of the catalogue's examples.
const SAMPLE_MESSAGE: &str = "wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA";
const SAMPLE_TEMPLATE: &str = "order_delayed";
const SAMPLE_PROCESS: &str = "77777777-6666-4555-8444-333333333333";

/// One call of an operation, made from the catalogue's own example.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: reqwest::Method,
    template: &'static str,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Body,
}

/// The ids that take the place of the example's.
#[derive(Debug, Clone)]
pub(crate) struct Ids<'a> {
    /// The plugin.
    pub(crate) plugin: &'a str,
    /// The WABA.
    pub(crate) waba: &'a str,
    /// The phone number.
    pub(crate) phone: &'a str,
    /// Things whose owner Portico learns.
    pub(crate) things: Things,
}

impl Connected {
    /// Its ids, without things.
    pub(crate) fn ids(&self) -> Ids<'_> {
        self.ids_with(Things::new())
    }

    /// Its ids, with these things.
    pub(crate) fn ids_with(&self, things: Things) -> Ids<'_> {
        Ids { plugin: &self.plugin, waba: &self.waba, phone: &self.phone, things }
    }
}

impl Ids<'_> {
    /// The id of that kind; none for kinds whose owner is learned.
    pub(crate) fn of(&self, kind: Kind) -> Option<&str> {
        match kind {
            Kind::Plugin => Some(self.plugin),
            Kind::Waba => Some(self.waba),
            Kind::PhoneNumber => Some(self.phone),
            Kind::Learned(_) => None,
        }
    }
}

/// The names of the parameters of a path template.
pub(crate) fn path_parameters(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// A path parameter that names nothing of Portico's: what the sandbox knows by itself.
fn free_value(name: &str) -> &'static str {
    match name {
        "whatsappApiVersion" => "v24.0",
        "phoneNumber" => "15550001111",
        "procedureShortId" => "lead",
        "primaryKeyShortId" => "lead_id",
        "stateTaskShortId" => "call_customer",
        other => panic!("the sweep has no value for the path parameter {other}: add one in harness/call.rs"),
    }
}

/// A query parameter that the sandbox, as Chakra, cannot do without.
fn query_value(name: &str) -> Option<&'static str> {
    match name {
        "user_wa_id" => Some("15550001111"),
        "name" => Some("order_ready"),
        _ => None,
    }
}

impl Call {
    /// The example of an operation on one of its paths, with these ids in place of the invented ones.
    pub(crate) fn of(operation: &Operation, template: &'static str, ids: &Ids<'_>) -> Self {
        let value = |name: &str| {
            let owned = operation.owned.iter().find(|owned| matches!(owned.at, At::Path(at) if at == name));
            match (ids.things.get(name), owned.map(|owned| owned.kind)) {
                (Some(thing), _) => thing.clone(),
                (None, Some(Kind::Learned(kind))) => {
                    ids.things.get(kind.as_str()).cloned().unwrap_or_else(|| things::nobodys(kind))
                }
                (None, Some(kind)) => ids.of(kind).expect("only learned kinds have none").to_owned(),
                (None, None) => free_value(name).to_owned(),
            }
        };
        let path = path_parameters(template).map(|name| (name.to_owned(), value(name))).collect();
        let sample = operation
            .request_sample
            .replace("11111111-2222-4333-8444-555555555555", ids.plugin)
            .replace("100200300400500", ids.waba)
            .replace("200300400500600", ids.phone)
            .replace(SAMPLE_TEMPLATE, &format!("order_{}", super::random_digits()))
            .replace(SAMPLE_MESSAGE, ids.things.get("message").map_or(SAMPLE_MESSAGE, String::as_str))
            .replace(SAMPLE_PROCESS, ids.things.get("process").map_or(SAMPLE_PROCESS, String::as_str));
        let body = match operation.body {
            BodyKind::None => Body::None,
            BodyKind::Json | BodyKind::JsonList | BodyKind::JsonOrForm | BodyKind::JsonOrMultipart => {
                Body::Json(serde_json::from_str(&sample).expect("the catalogue's examples are JSON"))
            }
            BodyKind::Multipart => {
                let part = operation.request.iter().find(|field| field.ty == ValueType::File);
                Body::File(part.expect("a form holds a file").name)
            }
        };
        let method = match operation.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let owned = |name: &str| operation.owned.iter().find(|owned| matches!(owned.at, At::Query(at) if at == name));
        let named = |field: &portico_chakra::schema::Field| {
            let thing = owned(field.name).filter(|_| field.required).and_then(|owned| match owned.kind {
                Kind::Learned(kind) => ids.things.get(kind.as_str()).cloned(),
                _ => None,
            });
            let thing = thing.or_else(|| ids.things.get(field.name).cloned());
            Some((field.name.to_owned(), thing.or_else(|| query_value(field.name).map(str::to_owned))?))
        };
        let query = operation.query.iter().filter_map(named).collect();
        Self { method, template, path, query, body }
    }

    /// The same with another value at that place; none where the template lacks the path parameter.
    pub(crate) fn with(&self, at: At, value: &str) -> Option<Self> {
        let mut call = self.clone();
        match at {
            At::Path(name) => value.clone_into(&mut call.path.iter_mut().find(|(known, _)| known == name)?.1),
            At::Query(name) => {
                call.query.retain(|(known, _)| known != name);
                call.query.push((name.to_owned(), value.to_owned()));
            }
            At::Body(pointer) => match &mut call.body {
                Body::Json(body) => put(body, pointer, value),
                Body::None | Body::Bytes(..) | Body::File(_) => return None,
            },
            At::Anywhere(..) => match &mut call.body {
                Body::Json(body) => put(body, &nested(at), value),
                Body::None | Body::Bytes(..) | Body::File(_) => return None,
            },
        }
        Some(call)
    }

    /// The same with another body.
    pub(crate) fn with_bytes(&self, content_type: &'static str, bytes: &[u8]) -> Self {
        Self { body: Body::Bytes(content_type, bytes.to_vec()), ..self.clone() }
    }

    /// Whether the example names something at that place.
    pub(crate) fn names(&self, at: At) -> bool {
        match at {
            At::Path(name) => self.path.iter().any(|(known, _)| known == name),
            At::Query(name) => self.query.iter().any(|(known, _)| known == name),
            At::Body(pointer) => self.holds(pointer),
            At::Anywhere(_, name) => self.holds(&format!("/{name}")) || self.holds(&nested(at)),
        }
    }

    fn holds(&self, pointer: &str) -> bool {
        matches!(&self.body, Body::Json(body) if body.pointer(pointer).is_some_and(|value| !value.is_null()))
    }

    /// Method, template and query, for messages.
    pub(crate) fn what(&self) -> String {
        format!("{} {}{}", self.method, self.template, self.search())
    }

    fn search(&self) -> String {
        let pairs: Vec<_> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn path(&self) -> String {
        let fill = |path: String, (name, value): &(String, String)| path.replace(&format!("{{{name}}}"), value);
        self.path.iter().fold(self.template.to_owned(), fill) + &self.search()
    }

    /// Sends it.
    pub(crate) async fn send(&self, caller: &Caller) -> Answer {
        caller.send(self.method.clone(), &self.path(), self.body.clone()).await
    }
}

/// Somewhere deep in a body, where an id counts that counts anywhere.
fn nested(at: At) -> String {
    let At::Anywhere(within, name) = at else { return String::new() };
    let within = if within.is_empty() { "parameter" } else { within };
    format!("/interactive/action/cards/*/header/{within}/{name}")
}

/// Writes a text at a JSON pointer, making what leads there; `*` is a list of one.
fn put(body: &mut Value, pointer: &str, text: &str) {
    let mut at = body;
    for name in pointer.split('/').skip(1) {
        if name == "*" {
            *at = json!([null]);
            at = &mut at[0];
        } else {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[name];
        }
    }
    *at = json!(text);
}
