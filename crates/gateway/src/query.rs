//! The query of a call.

use std::borrow::Cow;

use portico_chakra::{At, Operation};
use portico_core::Error;
use portico_domain::Permission;

/// A query, decoded once.
#[derive(Debug, Default)]
pub(crate) struct Query<'q> {
    raw: Option<&'q str>,
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
}

impl<'q> Query<'q> {
    /// Reads a query. A parameter that decides about rights must stand once and be written plainly:
    /// other parsers would read `id[]` or a second `id` as the same parameter.
    pub(crate) fn parse(raw: Option<&'q str>, operation: &Operation) -> Result<Self, Error> {
        let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok(Self::default()) };
        if raw.bytes().any(|byte| byte == b'#' || byte.is_ascii_control()) {
            return Err(Error::Query("the query holds a character that must be percent-encoded".into()));
        }
        let pairs: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        // What stands here goes on to Chakra.
        if pairs.iter().any(|(name, value)| name.contains("ptc_") || value.contains("ptc_")) {
            return Err(Error::Query("the query holds an API key; send it in the Authorization header only".into()));
        }
        // Meta reads nested fields and edges here: only plain names keep the call to what its path names.
        let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_,".contains(&byte));
        if pairs.iter().any(|(name, value)| name == "fields" && !plain(value)) {
            return Err(Error::Query("fields must be a comma list of plain field names, such as id,name".into()));
        }
        let watched = operation.owned.iter().filter_map(|owned| match owned.at {
            At::Query(name) => Some(name),
            At::Path(_) | At::Body(_) => None,
        });
        for name in watched.chain(operation.query_permission.map(|(name, _)| name)) {
            let like = |given: &str| given.split(['[', '.', ']']).any(|part| part.trim().eq_ignore_ascii_case(name));
            let mut alike = pairs.iter().filter(|(given, _)| like(given));
            if let Some((given, _)) = alike.next()
                && (given != name || alike.next().is_some())
            {
                return Err(Error::Query(format!("write the query parameter {name} once and exactly so")));
            }
        }
        Ok(Self { raw: Some(raw), pairs })
    }

    /// The value of the first parameter of that name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_ref())
    }

    /// The query as it came, for the way out.
    pub(crate) const fn raw(&self) -> Option<&'q str> {
        self.raw
    }

    /// The permission that a parameter asks for beside the operation's own.
    pub(crate) fn permission(&self, operation: &Operation) -> Option<Permission> {
        let (name, permission) = operation.query_permission?;
        self.value(name).map(|_| permission)
    }
}
