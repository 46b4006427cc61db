//! From method and path to an operation: one walk over a trie of path segments.
//!
//! A segment is decoded exactly once. Literal segments win over parameters; a walk that ends
//! nowhere goes back to the nearest parameter, so `/v1/ext/procedure/lead/process` and
//! `/v1/ext/procedure/{procedureShortId}/process/{processId}` live side by side.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use portico_domain::settings::is_graph_version;

use crate::body_scan::{BodyError, BodyScan, ScannedBody};
use crate::catalogue::{NOT_OFFERED, operations};
use crate::operation::{At, Condition, Method, Operation};
use crate::schema::ValueType;

/// What every API key that Portico issues begins with: nothing that goes on to Chakra may hold it.
pub const API_KEY_MARK: &str = "ptc_";

/// Every path that the catalogue names, ready to match.
#[derive(Debug)]
pub struct Router {
    root: Node,
    routes: Vec<Route>,
}

/// One method on one path template, with the operations that share it.
#[derive(Debug)]
pub struct Route {
    /// The method that all of its operations have.
    pub method: Method,
    /// One of their [`Operation::paths`].
    pub template: &'static str,
    /// More than one where the body decides; the last has no condition.
    pub operations: Vec<&'static Operation>,
    /// The names of the path parameters, in order.
    names: Vec<&'static str>,
    /// Reads the fields of a JSON body that any of them looks at.
    scan: BodyScan,
}

/// A route and the decoded values of its path parameters.
#[derive(Debug)]
pub struct Matched<'r, 'p> {
    /// Where the path leads.
    pub route: &'r Route,
    values: Vec<Cow<'p, str>>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No operation has this path, with any method.
    #[error(
        "no operation of Chakra has this path; the OpenAPI document at /openapi.json lists those that Portico forwards"
    )]
    Unknown,
    /// Chakra does not offer it; with what to do instead, see [`NOT_OFFERED`].
    #[error("{0}")]
    NotOffered(&'static str),
    /// The path exists with these methods only, sorted.
    #[error("this path takes {}", allow(.0))]
    Method(Vec<Method>),
    /// A segment is empty, `.` or `..`, or holds an encoded slash, backslash, control character or invalid UTF-8.
    #[error(
        "path segment {0} is not allowed: write ids as they are, without empty segments, dots, encoded slashes or control characters"
    )]
    Segment(usize),
    /// The last segment is empty.
    #[error("nothing is at this path; leave out the slash at its end")]
    SlashAtEnd,
    /// A segment holds an API key of Portico's, which would go on to Chakra and into logs.
    #[error("path segment {0} holds an API key; send it in the Authorization header only")]
    Credential(usize),
    /// A Graph API version of another form than `v24.0`.
    #[error("the Graph API version in the path must look like v24.0")]
    Version,
}

/// The value of an `Allow` header, such as `GET, POST`.
#[must_use]
pub fn allow(methods: &[Method]) -> String {
    let head = methods.contains(&Method::Get).then_some("HEAD");
    methods.iter().map(|method| method.as_str()).chain(head).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<&'static str, Node>,
    /// By the form of what may stand there, the narrowest first.
    parameters: Vec<(Form, Node)>,
    ends: Vec<usize>,
}

/// What may stand in the place of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Digits only: Meta's id of a template. Chakra would take any node of Meta's graph here.
    Digits,
    /// A group: long, and not digits only. Digits or a word such as `me` would name another node of
    /// Meta's graph.
    Group,
    /// Anything but a slash.
    Plain,
    /// Anything: a value of the caller's own, such as an invoice number `INV/7`. It names no id of Meta's or Chakra's.
    Value,
}

impl Form {
    fn of(name: &str) -> Self {
        match name {
            "whatsappMessageTemplateId" => Self::Digits,
            "groupId" => Self::Group,
            "primaryKeyValue" | "primaryKeyOrId" | "processIdOrPrimaryKey" => Self::Value,
            _ => Self::Plain,
        }
    }

    fn fits(self, segment: &str) -> bool {
        let digits = || segment.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::Digits => digits(),
            Self::Group => segment.len() >= 16 && !digits() && !segment.contains('/'),
            Self::Plain => !segment.contains('/'),
            Self::Value => true,
        }
    }
}

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(&operations()));

/// The router over the whole catalogue, built once.
#[must_use]
pub fn router() -> &'static Router {
    &ROUTER
}

impl Node {
    fn parameter(&mut self, form: Form) -> &mut Self {
        let at = self.parameters.iter().position(|(known, _)| *known == form).unwrap_or_else(|| {
            let at = self.parameters.partition_point(|(known, _)| *known < form);
            self.parameters.insert(at, (form, Self::default()));
            at
        });
        &mut self.parameters[at].1
    }
}

impl Router {
    fn new(operations: &[&'static Operation]) -> Self {
        let mut router = Self { root: Node::default(), routes: Vec::new() };
        for operation in operations {
            for template in operation.paths {
                router.add(template, operation);
            }
        }
        for route in &mut router.routes {
            // Variants with a condition are tried first, whatever their order in the catalogue.
            route.operations.sort_by_key(|operation| operation.when == Condition::Always);
            route.scan = BodyScan::for_operations(&route.operations);
        }
        router
    }

    fn add(&mut self, template: &'static str, operation: &'static Operation) {
        let mut names = Vec::new();
        let mut node = &mut self.root;
        for segment in template.split('/').skip(1) {
            node = match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => {
                    names.push(name);
                    node.parameter(Form::of(name))
                }
                None => node.literals.entry(segment).or_default(),
            };
        }
        let existing = node.ends.iter().copied().find(|end| self.routes[*end].method == operation.method);
        if let Some(end) = existing {
            self.routes[end].operations.push(operation);
        } else {
            node.ends.push(self.routes.len());
            self.routes.push(Route {
                method: operation.method,
                template,
                operations: vec![operation],
                names,
                scan: BodyScan::default(),
            });
        }
    }

    /// Every route, in the order of the catalogue; for documentation and tests that sweep over all.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Finds the route of a request. `method` is none for one that the catalogue does not use; `path` is as
    /// it came in the request line, still encoded, without the query.
    ///
    /// # Errors
    ///
    /// When the path is malformed, unknown, or known with other methods only; see [`NoRoute`].
    pub fn find<'p>(&self, method: Option<Method>, path: &'p str) -> Result<Matched<'_, 'p>, NoRoute> {
        let segments = segments(path)?;
        let mut search = Search { method, parameters: Vec::new(), other: Vec::new(), routes: &self.routes };
        let Some(end) = search.step(&self.root, &segments, 0) else {
            if let Some(at) = segments.iter().position(|segment| segment.contains('/')) {
                return Err(NoRoute::Segment(at + 1));
            }
            if let Some(instead) = not_offered(method, &segments) {
                return Err(NoRoute::NotOffered(instead));
            }
            if search.other.is_empty() {
                return Err(NoRoute::Unknown);
            }
            search.other.sort_unstable();
            search.other.dedup();
            return Err(NoRoute::Method(search.other));
        };
        let route = &self.routes[end];
        let mut segments: Vec<Option<Cow<'p, str>>> = segments.into_iter().map(Some).collect();
        let values: Vec<_> = search.parameters.iter().filter_map(|at| segments[*at].take()).collect();
        for (name, value) in route.names.iter().zip(&values) {
            if name.ends_with("ApiVersion") && !is_graph_version(value) {
                return Err(NoRoute::Version);
            }
        }
        Ok(Matched { route, values })
    }
}

struct Search<'r> {
    method: Option<Method>,
    parameters: Vec<usize>,
    other: Vec<Method>,
    routes: &'r [Route],
}

impl Search<'_> {
    fn step(&mut self, node: &Node, segments: &[Cow<'_, str>], at: usize) -> Option<usize> {
        let Some(segment) = segments.get(at) else {
            let end = node.ends.iter().copied().find(|end| Some(self.routes[*end].method) == self.method);
            if end.is_none() {
                self.other.extend(node.ends.iter().map(|end| self.routes[*end].method));
            }
            return end;
        };
        if let Some(next) = node.literals.get(segment.as_ref())
            && let Some(end) = self.step(next, segments, at + 1)
        {
            return Some(end);
        }
        for (_, next) in node.parameters.iter().filter(|(form, _)| form.fits(segment)) {
            self.parameters.push(at);
            if let Some(end) = self.step(next, segments, at + 1) {
                return Some(end);
            }
            self.parameters.pop();
        }
        None
    }
}

/// What to do instead of a call that clients try and Chakra does not offer.
fn not_offered(method: Option<Method>, segments: &[Cow<'_, str>]) -> Option<&'static str> {
    let fits = |template: &str| {
        let mut parts = template.split('/').skip(1);
        segments.iter().all(|given| parts.next().is_some_and(|part| part.starts_with('{') || part == given))
            && parts.next().is_none()
    };
    NOT_OFFERED.iter().find(|call| Some(call.method) == method && fits(call.path)).map(|call| call.instead)
}

fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, NoRoute> {
    let mut all = Vec::with_capacity(12);
    for (at, raw) in path.split('/').skip(1).enumerate() {
        let bad = || NoRoute::Segment(at + 1);
        let segment = if raw.contains('%') {
            percent_decode_str(raw).decode_utf8().map_err(|_| bad())?
        } else {
            Cow::Borrowed(raw)
        };
        let forbidden = |c: char| c == '\\' || c.is_control();
        if segment.is_empty() && at > 0 && path.ends_with('/') && path.split('/').skip(1).nth(at + 1).is_none() {
            return Err(NoRoute::SlashAtEnd);
        }
        // A slash may stand in some values, and then whoever decodes it too early must find no way up.
        let walks = segment.split('/').any(|part| matches!(part, "" | "." | ".."));
        if walks || segment.contains(forbidden) {
            return Err(bad());
        }
        if segment.contains(API_KEY_MARK) {
            return Err(NoRoute::Credential(at + 1));
        }
        all.push(segment);
    }
    Ok(all)
}

/// What stands unencoded in a path segment: RFC 3986's `unreserved`, and what ids contain of `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'+');

/// A path template with its parameters filled in, encoded for a request line.
///
/// Parameters that `value` does not know stay empty, which Chakra answers with 404.
pub fn fill<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut path = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((literal, parameter)) = rest.split_once('{') {
        let (name, after) = parameter.split_once('}').unwrap_or((parameter, ""));
        path.push_str(literal);
        path.extend(utf8_percent_encode(value(name).unwrap_or_default(), SEGMENT));
        rest = after;
    }
    path.push_str(rest);
    path
}

impl Matched<'_, '_> {
    /// The decoded value of a path parameter; none when the template has no parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let at = self.route.names.iter().position(|known| *known == name)?;
        self.values.get(at).map(AsRef::as_ref)
    }

    /// The path to forward to: the template with the values encoded anew.
    #[must_use]
    pub fn target(&self, template: &str) -> String {
        fill(template, |name| self.parameter(name))
    }
}

impl Route {
    /// Reads the watched fields of a JSON body, and checks that the whole of it is JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, not an object (or list, where the operation takes one), or a watched field stands
    /// twice.
    pub fn scan(&self, body: &[u8]) -> Result<ScannedBody, BodyError> {
        self.scan.read(body)
    }

    /// The operation that takes what no other on this route wants: what a call counts as before its
    /// body is known.
    #[must_use]
    pub fn default_operation(&self) -> &'static Operation {
        self.operations[self.operations.len() - 1]
    }

    /// The operation whose condition the body fulfils, else the default one.
    #[must_use]
    pub fn operation_for(&self, scanned: &ScannedBody) -> &'static Operation {
        let fits = |operation: &&&'static Operation| scanned.holds(operation.when);
        self.operations.iter().find(fits).copied().unwrap_or_else(|| self.default_operation())
    }

    /// The values that the catalogue names for a top-level field of the body, where it names all.
    #[must_use]
    pub fn values_of(&self, pointer: &str) -> Option<&'static [&'static str]> {
        let fields = self.operations.iter().flat_map(|operation| operation.request);
        let mut named = fields.filter(|field| pointer.strip_prefix('/') == Some(field.name));
        named.find_map(|field| if let ValueType::OneOf(values) = field.ty { Some(values) } else { None })
    }

    /// The names of the path parameters, in the order of the path.
    #[must_use]
    pub fn parameters(&self) -> &[&'static str] {
        &self.names
    }

    /// Whether a call on this path can carry an id at that place: operations have several paths, and not all
    /// have the same parameters.
    #[must_use]
    pub fn can_carry(&self, at: At) -> bool {
        match at {
            At::Path(name) => self.names.contains(&name),
            At::Query(_) | At::Body(_) | At::Anywhere(..) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUGIN: &str = "11111111-2222-4333-8444-555555555555";

    fn id(method: &str, path: &str) -> Result<&'static str, NoRoute> {
        router().find(Method::parse(method), path).map(|matched| matched.route.default_operation().id)
    }

    #[test]
    fn a_send_is_found_with_its_parameters() {
        let path = format!("/v1/ext/plugin/whatsapp/{PLUGIN}/api/v24.0/200300400500600/messages");
        let matched = router().find(Some(Method::Post), &path).expect("is in the catalogue");
        assert_eq!(matched.parameter("pluginId"), Some(PLUGIN));
        assert_eq!(matched.parameter("whatsappPhoneNumberId"), Some("200300400500600"));
        assert_eq!(matched.target(matched.route.template), path);
    }

    #[test]
    fn the_body_chooses_among_operations_on_one_path() {
        let path = format!("/v1/ext/plugin/whatsapp/{PLUGIN}/api/v24.0/200300400500600/messages");
        let route = router().find(Some(Method::Post), &path).expect("is in the catalogue").route;
        let chosen = |body: &str| route.operation_for(&route.scan(body.as_bytes()).expect("is JSON")).id;
        assert_eq!(chosen(r#"{"status":"read","message_id":"wamid.x"}"#), "mark_message_read");
        assert_eq!(chosen(r#"{"type":"template"}"#), "send_template_message_meta_format");
        assert_eq!(chosen(r#"{"type":"text"}"#), "whatsapp_messages");
        assert_eq!(chosen("{}"), "whatsapp_messages");
    }

    #[test]
    fn other_methods_are_told_apart_from_unknown_paths() {
        assert_eq!(id("GET", "/plugin"), Err(NoRoute::Method(vec![Method::Post])));
        assert_eq!(id("DELETE", "/plugin/x/y"), Err(NoRoute::Unknown));
        assert_eq!(
            id("TRACE", &format!("/plugin/{PLUGIN}")),
            Err(NoRoute::Method(vec![Method::Get, Method::Put, Method::Delete]))
        );
    }

    #[test]
    fn tricks_with_segments_are_refused() {
        for path in [
            "/plugin//x",
            "/plugin/..",
            "/plugin/%2e%2e",
            "/plugin/a%2fb",
            "/plugin/a%5Cb",
            "/plugin/a%00",
            "/plugin/%ff",
            "/plugin//",
            "/plugin/a%0ab",
        ] {
            assert!(matches!(id("GET", path), Err(NoRoute::Segment(_))), "{path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_is_named() {
        assert!(matches!(id("GET", "/plugin/"), Err(NoRoute::SlashAtEnd)));
        assert!(matches!(id("GET", "/plugin/x/"), Err(NoRoute::SlashAtEnd)));
    }

    #[test]
    fn a_segment_is_decoded_once() {
        let matched = router().find(Some(Method::Get), "/plugin/%2531").expect("is in the catalogue");
        assert_eq!(matched.parameter("pluginId"), Some("%31"));
        assert_eq!(matched.target(matched.route.template), "/plugin/%2531");
    }

    #[test]
    fn literal_segments_win_over_ids() {
        for (method, path, expected) in [
            (
                "POST",
                "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number".to_owned(),
                "list_messages_for_phone_number",
            ),
            ("GET", "/v1/ext/plugin/whatsapp/api/v24.0/100/message_templates".to_owned(), "list_message_templates"),
            ("POST", "/v1/ext/plugin/whatsapp/api/v24.0/400".to_owned(), "update_message_template"),
            ("POST", "/v1/ext/plugin/whatsapp/api/v24.0/Y2FwaV9ncm91cDox".to_owned(), "update_group_settings"),
            ("GET", "/v1/whatsapp/v24.0/Y2FwaV9ncm91cDox".to_owned(), "get_group_info"),
            ("GET", "/v2/whatsapp/v24.0/media/whatsapp_business/attachments".to_owned(), "show_media_attachments"),
            ("POST", "/v1/ext/procedure/lead/process".to_owned(), "create_lead"),
            ("POST", "/v1/ext/procedure/order/process".to_owned(), "create_process"),
            ("GET", "/v1/ext/procedure/lead/process/7".to_owned(), "fetch_process"),
            ("PUT", "/v1/ext/procedure/lead/process/phone_number/1555".to_owned(), "update_lead_by_phone_number"),
            ("PUT", "/v1/ext/procedure/lead/process/lead_id/L-1".to_owned(), "update_process_by_primary_key"),
        ] {
            assert_eq!(id(method, &path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn no_other_id_reaches_another_node_of_metas_graph() {
        assert_eq!(id("GET", "/v1/whatsapp/v24.0/200300400500600"), Err(NoRoute::Unknown));
        assert_eq!(
            id("DELETE", "/v1/ext/plugin/whatsapp/api/v24.0/100200300400500"),
            Err(NoRoute::Method(vec![Method::Post]))
        );
        assert_eq!(id("GET", "/v1/whatsapp/v24.0/me"), Err(NoRoute::Unknown));
        assert_eq!(id("GET", "/v1/whatsapp/v24.0/00000000000000000000"), Err(NoRoute::Unknown));
    }

    #[test]
    fn what_chakra_does_not_offer_is_told_with_the_substitute() {
        for path in
            [format!("/v1/ext/plugin/whatsapp/{PLUGIN}/api/v24.0/200/media"), "/v1/whatsapp/v24.0/200/media".into()]
        {
            let told = id("POST", &path).expect_err("is not offered").to_string();
            assert!(told.contains("upload-public-media"), "{told}");
        }
    }

    #[test]
    fn only_graph_versions_go_into_metas_path() {
        for bad in ["24.0", "v24", "v240.0", "v1.10", "latest", "v24.0x"] {
            let path = format!("/v1/whatsapp/{bad}/200300400500600/settings");
            assert_eq!(id("GET", &path), Err(NoRoute::Version), "{bad}");
        }
        assert_eq!(id("GET", "/v1/whatsapp/v9.0/200300400500600/settings"), Ok("get_calling_settings"));
    }
}
