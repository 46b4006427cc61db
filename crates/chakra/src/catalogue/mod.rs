//! Every operation of Chakra's API that Portico knows, in one table.
//!
//! To add an operation, add an entry to the file of its group. Routing, permission, ownership
//! checks, retry safety and the OpenAPI document follow from it.

mod accounts;
mod calling;
mod media;
mod messages;
mod objects;
mod partner;
mod platform;
mod plugins;

use crate::operation::Operation;

/// Every operation, in the order of the documentation.
#[must_use]
pub fn operations() -> Vec<&'static Operation> {
    [
        messages::OPERATIONS,
        media::OPERATIONS,
        partner::OPERATIONS,
        plugins::OPERATIONS,
        accounts::OPERATIONS,
        calling::OPERATIONS,
        platform::OPERATIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The operation with that id.
///
/// # Panics
///
/// When the catalogue has none: ids in code are written by hand and tested.
#[must_use]
pub fn operation(id: &str) -> &'static Operation {
    operations().into_iter().find(|operation| operation.id == id).expect("the catalogue has this operation")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::operation::{AnswerRule, At, BodyKind, Effect, When};
    use crate::router::router;

    #[test]
    fn every_id_is_unique() {
        let mut seen = HashSet::new();
        for operation in operations() {
            for id in std::iter::once(&operation.id).chain(operation.also) {
                assert!(seen.insert(*id), "{id} stands twice");
            }
        }
    }

    #[test]
    fn operations_on_one_route_differ_only_in_what_the_body_tells() {
        for route in router().routes() {
            let first = route.operations[0];
            let outside = |operation: &Operation| {
                let ids: Vec<_> = operation.owned.iter().filter(|owned| !matches!(owned.at, At::Body(_))).collect();
                format!(
                    "{:?} {:?} {:?} {:?} {ids:?}",
                    operation.permission, operation.query_permission, operation.body, operation.media
                )
            };
            for operation in &route.operations {
                assert_eq!(outside(operation), outside(first), "{} and {}", operation.id, first.id);
            }
            let always = route.operations.iter().filter(|operation| operation.when == When::Always).count();
            assert_eq!(always, 1, "{}: exactly one operation takes what no other wants", route.template);
        }
    }

    #[test]
    fn every_id_in_a_path_that_names_something_owned_is_checked() {
        for operation in operations() {
            for name in ["pluginId", "wabaId", "whatsappPhoneNumberId", "phoneNumberId"] {
                let named = operation.paths.iter().any(|path| path.contains(&format!("{{{name}}}")));
                let checked =
                    operation.owned.iter().any(|owned| owned.at == At::Path(name) && owned.when == When::Always);
                assert!(!named || checked, "{}: {name} is not checked", operation.id);
            }
        }
    }

    #[test]
    fn every_field_and_parameter_that_names_something_owned_is_checked() {
        for operation in operations() {
            for name in ["pluginId", "wabaId", "whatsappPhoneNumberId", "phoneNumberId"] {
                let pointer = format!("/{name}");
                let in_body = operation.request.iter().any(|field| field.name == name);
                let in_query = operation.query.iter().any(|field| field.name == name);
                let checks = |at: &At| match *at {
                    At::Body(known) => in_body && known == pointer,
                    At::Query(known) => in_query && known == name,
                    At::Path(_) => false,
                };
                let checked = operation.owned.iter().filter(|owned| checks(&owned.at)).count();
                assert_eq!(checked, usize::from(in_body) + usize::from(in_query), "{}: {name}", operation.id);
            }
        }
    }

    #[test]
    fn what_is_changed_or_recorded_is_an_envelope_that_can_be_read() {
        for operation in operations() {
            if operation.rule != AnswerRule::Pass || operation.effect != Effect::None {
                assert_eq!(operation.envelope, crate::Envelope::Chakra, "{}", operation.id);
            }
            if matches!(operation.effect, Effect::CreatesPlugin | Effect::BeginsConnect | Effect::ConfiguresPlugin) {
                assert_eq!(operation.body, BodyKind::Json, "{}", operation.id);
            }
        }
    }
}
