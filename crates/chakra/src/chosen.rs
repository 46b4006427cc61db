//! Which of several possible paths a call goes out on.

use std::collections::HashMap;

use crate::catalogue::operations;
use crate::operation::Operation;

/// The paths that settings choose, where Chakra's own is not certain; the catalogue's first else.
#[derive(Debug, Clone, Default)]
pub struct ChosenPaths(HashMap<&'static str, String>);

/// Why a choice is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChoice {
    /// No operation of that id.
    #[error("the catalogue has no operation \"{0}\"; /docs lists them")]
    Operation(String),
    /// Not a path template.
    #[error("\"{0}\" is not a path; write it like /v1/whatsapp/{{whatsappApiVersion}}/{{groupId}}")]
    Path(String),
    /// The path names something that calls of the operation do not carry.
    #[error("calls of {operation} carry no {{{name}}}; they carry {known}")]
    Parameter {
        /// The operation.
        operation: &'static str,
        /// The unknown parameter.
        name: String,
        /// The known ones.
        known: String,
    },
    /// The path leaves out what tells one call from another.
    #[error("the path of {operation} must name {{{name}}}")]
    Absent {
        /// The operation.
        operation: &'static str,
        /// The absent parameter.
        name: &'static str,
    },
}

impl ChosenPaths {
    /// Sends calls of an operation out on that path template.
    ///
    /// # Errors
    ///
    /// See [`BadChoice`].
    pub fn choose(&mut self, id: &str, path: &str) -> Result<(), BadChoice> {
        let operation = operations()
            .into_iter()
            .find(|operation| operation.id == id || operation.also.contains(&id))
            .ok_or_else(|| BadChoice::Operation(id.to_owned()))?;
        let plain = |segment: &str| {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(segment);
            !inner.is_empty()
                && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !matches!(inner, "." | "..")
        };
        if !path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain)) {
            return Err(BadChoice::Path(path.to_owned()));
        }
        let known: Vec<&str> = operation.paths.iter().copied().flat_map(parameters).collect();
        if let Some(name) = parameters(path).find(|name| !known.contains(name)) {
            let known = known.join(", ");
            return Err(BadChoice::Parameter { operation: operation.id, name: name.to_owned(), known });
        }
        let everywhere =
            |name: &&&'static str| operation.paths.iter().all(|path| parameters(path).any(|one| one == **name));
        let left_out = |name: &&&str| !name.ends_with("ApiVersion") && !parameters(path).any(|one| one == **name);
        if let Some(name) = known.iter().filter(everywhere).find(left_out) {
            return Err(BadChoice::Absent { operation: operation.id, name });
        }
        self.0.insert(operation.id, path.to_owned());
        Ok(())
    }

    /// The template that a call goes out on: the chosen one, else the catalogue's first, of those all
    /// of whose parameters are known; none when no template fits.
    pub fn template(&self, operation: &Operation, known: impl Fn(&str) -> bool) -> Option<&str> {
        let chosen = self.0.get(operation.id).map(String::as_str);
        chosen.into_iter().chain(operation.paths.iter().copied()).find(|path| parameters(path).all(&known))
    }
}

fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::operation;

    #[test]
    fn a_chosen_path_wins_when_its_parameters_are_known() {
        let mut chosen = ChosenPaths::default();
        let path = "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}";
        chosen.choose("get_group_info", path).expect("is a candidate");
        let group = operation("get_group_info");
        assert_eq!(chosen.template(group, |_| true), Some(path));
        assert_eq!(chosen.template(group, |name| name != "pluginId"), Some(group.paths[0]));
        assert_eq!(ChosenPaths::default().template(group, |_| true), Some(group.paths[0]));
        assert_eq!(chosen.template(group, |_| false), None);
    }

    #[test]
    fn a_wrong_choice_is_told() {
        let mut chosen = ChosenPaths::default();
        assert!(matches!(chosen.choose("nothing", "/x"), Err(BadChoice::Operation(_))));
        for path in ["x", "/", "/a//b", "/a/../b", "/a?b", "/a/{}", "https://x/y"] {
            assert_eq!(chosen.choose("get_group_info", path), Err(BadChoice::Path(path.to_owned())), "{path}");
        }
        assert!(matches!(chosen.choose("list_users", "/v3/{teamId}/users"), Err(BadChoice::Parameter { .. })));
        assert!(matches!(chosen.choose("get_group_info", "/v1/groups"), Err(BadChoice::Absent { .. })));
        assert_eq!(chosen.choose("list_users", "/v3/ext/users"), Ok(()));
    }
}
