//! The query of a call: what the catalogue names of it, written anew.

use std::borrow::Cow;

use portico_chakra::Operation;
use portico_core::Error;
use portico_domain::Permission;

use crate::headers::holds_api_key;

/// How many unknown names an error tells, and how long each may be in characters.
const TOLD: usize = 5;
const TOLD_LENGTH: usize = 40;

/// A query, decoded once. Every parameter in it is one that the operation takes, and stands once.
#[derive(Debug, Default)]
pub(crate) struct Query<'q> {
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
}

impl<'q> Query<'q> {
    /// Reads a query. A name is taken only as the catalogue writes it: other parsers would read `id[]`, `ID` or a second
    /// `id` as the same parameter, and Meta's Graph API knows parameters that turn a read into something else, such as
    /// `method`, `ids` and `access_token`.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] for a parameter that the operation does not take, one that stands twice, one that is required and
    /// missing, or an API key anywhere in it.
    pub(crate) fn parse(raw: Option<&'q str>, operation: &Operation) -> Result<Self, Error> {
        let raw = raw.unwrap_or_default();
        if raw.bytes().any(|byte| byte == b'#' || byte.is_ascii_control()) {
            return Err(Error::Query("the query holds a character that must be percent-encoded".into()));
        }
        let pairs: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        if pairs.iter().any(|(name, value)| holds_api_key(name.as_bytes()) || holds_api_key(value.as_bytes())) {
            return Err(Error::Query("the query holds an API key; send it in the Authorization header only".into()));
        }
        let unknown: Vec<&str> =
            pairs.iter().map(|(name, _)| name.as_ref()).filter(|name| !operation.takes_parameter(name)).collect();
        if !unknown.is_empty() {
            return Err(Error::Query(not_taken(&unknown, operation)));
        }
        for (at, (name, value)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(known, _)| known == name) {
                return Err(Error::Query(format!("write the query parameter {name} once")));
            }
            // Meta reads nested fields and edges here: only plain names keep the call to what its path names.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_,".contains(&byte);
            if name == "fields" && !value.bytes().all(plain) {
                return Err(Error::Query("fields must be a comma list of plain field names, such as id,name".into()));
            }
        }
        let query = Self { pairs };
        let missing = |name: &str| query.value(name).is_none_or(str::is_empty);
        match operation.query.iter().find(|field| field.required && missing(field.name)) {
            Some(field) => Err(Error::Query(format!("the query parameter {} is required", field.name))),
            None => Ok(query),
        }
    }

    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_ref())
    }

    /// Appends the query, encoded anew and with its question mark; nothing where there is none.
    pub(crate) fn write(&self, target: &mut String) {
        if !self.pairs.is_empty() {
            target.push('?');
            let start = target.len();
            let written = std::mem::take(target);
            *target = form_urlencoded::Serializer::for_suffix(written, start).extend_pairs(&self.pairs).finish();
        }
    }

    /// The permission that a parameter asks for beside the operation's own.
    pub(crate) fn permission(&self, operation: &Operation) -> Option<Permission> {
        let (name, permission) = operation.query_permission?;
        self.value(name).map(|_| permission)
    }
}

/// What to tell of parameters that the operation does not take.
fn not_taken(unknown: &[&str], operation: &Operation) -> String {
    let told: Vec<String> = unknown
        .iter()
        .take(TOLD)
        .map(|name| name.chars().filter(|c| !c.is_control()).take(TOLD_LENGTH).collect())
        .collect();
    let taken: Vec<&str> = operation.query.iter().map(|field| field.name).collect();
    let taken = if taken.is_empty() { "no query parameter".to_owned() } else { format!("only {}", taken.join(", ")) };
    format!("this call does not take the query parameter {}; it takes {taken}", told.join(", "))
}
