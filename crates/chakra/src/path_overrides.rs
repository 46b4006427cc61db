//! Settings that replace the path which calls of an operation go out on.
//!
//! For some operations Chakra's documents name several paths, or none for sure. The catalogue lists the
//! candidates, most likely first; an operator who knows better overrides the choice without a release.

use std::collections::HashMap;

use crate::catalogue::operations;
use crate::operation::Operation;

/// A path template by operation id; an operation without one goes out on the catalogue's first path.
#[derive(Debug, Clone, Default)]
pub struct PathOverrides(HashMap<&'static str, String>);

/// Why an override is refused. The texts are for the operator who wrote the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathOverrideError {
    /// The catalogue has no operation of this id or alias.
    #[error("the catalogue has no operation \"{0}\"; /docs lists them")]
    UnknownOperation(String),
    /// Not an absolute path of literal segments and `{parameter}`s.
    #[error("\"{0}\" is not a path; write it like /v1/whatsapp/{{whatsappApiVersion}}/{{groupId}}")]
    InvalidTemplate(String),
    /// The path names something that calls of the operation do not carry.
    #[error("calls of {operation} carry no {{{name}}}; they carry {known}")]
    UnknownParameter {
        /// The operation's id.
        operation: &'static str,
        /// The unknown parameter.
        name: String,
        /// Those that its calls carry, separated by commas.
        known: String,
    },
    /// The path leaves out what tells one call from another.
    #[error("the path of {operation} must name {{{name}}}")]
    MissingParameter {
        /// The operation's id.
        operation: &'static str,
        /// The absent parameter.
        name: &'static str,
    },
}

impl PathOverrides {
    /// Sends calls of the operation with this id or alias out on that path template from now on.
    ///
    /// # Errors
    ///
    /// See [`PathOverrideError`].
    pub fn set(&mut self, id: &str, path: &str) -> Result<(), PathOverrideError> {
        let operation = operations()
            .into_iter()
            .find(|operation| operation.id == id || operation.also.contains(&id))
            .ok_or_else(|| PathOverrideError::UnknownOperation(id.to_owned()))?;
        let plain = |segment: &str| {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(segment);
            !inner.is_empty()
                && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !matches!(inner, "." | "..")
        };
        if !path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain)) {
            return Err(PathOverrideError::InvalidTemplate(path.to_owned()));
        }
        let known: Vec<&str> = operation.paths.iter().copied().flat_map(parameters).collect();
        if let Some(name) = parameters(path).find(|name| !known.contains(name)) {
            let known = known.join(", ");
            return Err(PathOverrideError::UnknownParameter { operation: operation.id, name: name.to_owned(), known });
        }
        let everywhere =
            |name: &&&'static str| operation.paths.iter().all(|path| parameters(path).any(|one| one == **name));
        let left_out = |name: &&&str| !name.ends_with("ApiVersion") && !parameters(path).any(|one| one == **name);
        if let Some(name) = known.iter().filter(everywhere).find(left_out) {
            return Err(PathOverrideError::MissingParameter { operation: operation.id, name });
        }
        self.0.insert(operation.id, path.to_owned());
        Ok(())
    }

    /// The template that a call goes out on: the override, else the catalogue's first, of those all of
    /// whose parameters are known; none when no template fits.
    pub fn template(&self, operation: &Operation, known: impl Fn(&str) -> bool) -> Option<&str> {
        let overridden = self.0.get(operation.id).map(String::as_str);
        overridden.into_iter().chain(operation.paths.iter().copied()).find(|path| parameters(path).all(&known))
    }
}

/// The names of a template's parameters, each of which is a whole segment.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{operation, operations};

    #[test]
    fn an_override_wins_when_its_parameters_are_known() {
        let mut overrides = PathOverrides::default();
        let path = "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}";
        overrides.set("get_group_info", path).expect("is a candidate");
        let group = operation("get_group_info");
        assert_eq!(overrides.template(group, |_| true), Some(path));
        assert_eq!(overrides.template(group, |name| name != "pluginId"), Some(group.paths[0]));
        assert_eq!(PathOverrides::default().template(group, |_| true), Some(group.paths[0]));
        assert_eq!(overrides.template(group, |_| false), None);
    }

    #[test]
    fn a_parameter_is_a_whole_segment_in_every_template() {
        for path in operations().into_iter().flat_map(|operation| operation.paths) {
            let segments = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
            assert!(parameters(path).eq(segments), "{path}");
        }
    }

    #[test]
    fn a_wrong_override_is_refused() {
        let mut overrides = PathOverrides::default();
        assert!(matches!(overrides.set("nothing", "/x"), Err(PathOverrideError::UnknownOperation(_))));
        for path in ["x", "/", "/a//b", "/a/../b", "/a?b", "/a/{}", "https://x/y"] {
            assert_eq!(
                overrides.set("get_group_info", path),
                Err(PathOverrideError::InvalidTemplate(path.to_owned())),
                "{path}"
            );
        }
        assert!(matches!(
            overrides.set("list_users", "/v3/{teamId}/users"),
            Err(PathOverrideError::UnknownParameter { .. })
        ));
        assert!(matches!(
            overrides.set("get_group_info", "/v1/groups"),
            Err(PathOverrideError::MissingParameter { .. })
        ));
        assert_eq!(overrides.set("list_users", "/v3/ext/users"), Ok(()));
    }
}
