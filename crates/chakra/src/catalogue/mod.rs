//! Every operation of Chakra's API that Portico knows, in one table.
//!
//! To add an operation, add an entry to the file of its group. Routing, permission, ownership
//! checks, retry safety and the OpenAPI document follow from it.

mod accounts;
mod calling;
mod chats;
mod flows;
mod groups;
mod media;
mod messages;
mod objects;
mod partner;
mod platform;
mod plugins;
mod processes;
mod team;
mod templates;

use crate::operation::{Method, Operation};

/// A call that clients try and that Chakra does not offer: answered 404, with what to do instead.
#[derive(Debug, Clone, Copy)]
pub struct NotOffered {
    /// The method that clients try.
    pub method: Method,
    /// A path template, as in [`Operation::paths`].
    pub path: &'static str,
    /// What to do instead: one sentence for the client's developer.
    pub instead: &'static str,
}

const NO_UPLOAD: &str = "Chakra offers no media upload by id: send the file to POST /v1/ext/plugin/whatsapp/{pluginId}/upload-public-media and use the publicMediaUrl of the answer as link";
const NO_NODE: &str = "Chakra offers no such read: GET /v1/ext/whatsapp-phone-number/{phoneNumberId} tells what is known of a phone number";

/// Calls that are asked for by habit from Meta's own API; the router answers them.
pub const NOT_OFFERED: &[NotOffered] = &[
    NotOffered {
        method: Method::Post,
        path: "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/media",
        instead: NO_UPLOAD,
    },
    NotOffered {
        method: Method::Post,
        path: "/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/media",
        instead: NO_UPLOAD,
    },
    NotOffered {
        method: Method::Get,
        path: "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}",
        instead: NO_NODE,
    },
];

/// Every operation, in the order of the documentation.
#[must_use]
pub fn operations() -> Vec<&'static Operation> {
    [
        messages::OPERATIONS,
        templates::OPERATIONS,
        media::OPERATIONS,
        flows::OPERATIONS,
        groups::OPERATIONS,
        partner::OPERATIONS,
        plugins::OPERATIONS,
        accounts::OPERATIONS,
        calling::OPERATIONS,
        chats::OPERATIONS,
        processes::OPERATIONS,
        team::OPERATIONS,
        platform::OPERATIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The operation with that id; aliases are not looked at.
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
    use crate::operation::{AnswerRule, At, BodyKind, Condition, Effect, Kind, Owned};
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
                    "{:?} {:?} {:?} {:?} {:?} {ids:?}",
                    operation.permission,
                    operation.query_permission,
                    operation.team_wide,
                    operation.body,
                    operation.media
                )
            };
            for operation in &route.operations {
                assert_eq!(outside(operation), outside(first), "{} and {}", operation.id, first.id);
            }
            let always = route.operations.iter().filter(|operation| operation.when == Condition::Always).count();
            assert_eq!(always, 1, "{}: exactly one operation takes what no other wants", route.template);
        }
    }

    #[test]
    fn every_id_in_a_path_that_names_something_owned_is_checked() {
        for operation in operations() {
            for name in ["pluginId", "wabaId", "whatsappPhoneNumberId", "phoneNumberId"] {
                let named = operation.paths.iter().any(|path| path.contains(&format!("{{{name}}}")));
                let checked =
                    operation.owned.iter().any(|owned| owned.at == At::Path(name) && owned.when == Condition::Always);
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
                    At::Path(_) | At::Anywhere(..) => false,
                };
                let checked = operation.owned.iter().filter(|owned| checks(&owned.at)).count();
                assert_eq!(checked, usize::from(in_body) + usize::from(in_query), "{}: {name}", operation.id);
            }
        }
    }

    #[test]
    fn bodies_of_writes_to_what_portico_keeps_records_of_are_closed() {
        for operation in operations() {
            let json = matches!(operation.body, BodyKind::Json | BodyKind::JsonList);
            let kept = operation.effect != Effect::None
                || operation.permission.is_some_and(|permission| {
                    use portico_domain::Permission::{LeadsWrite, ProcessesWrite, TasksWrite};
                    matches!(permission, LeadsWrite | ProcessesWrite | TasksWrite)
                });
            assert_eq!(operation.closed.is_some(), json && kept, "{}", operation.id);
        }
        for route in router().routes() {
            let closed = route.operations.iter().any(|operation| operation.closed.is_some());
            assert!(
                !closed || route.operations.len() == 1,
                "{}: what a body may have is decided before",
                route.template
            );
        }
    }

    #[test]
    fn what_names_nothing_of_the_callers_is_team_wide() {
        for operation in operations() {
            // Rows that name a plugin, WABA or number are judged one by one; nobody tells whose the others are.
            let judged = match operation.rule {
                AnswerRule::FilterRows(ids) => ids.iter().all(|id| !matches!(id.kind, Kind::Learned(_))),
                AnswerRule::Pass | AnswerRule::Plugin => false,
            };
            let begins = matches!(operation.effect, Effect::CreatesPlugin | Effect::BeginsConnect);
            let stands_in = |path: &str, owned: &Owned| match owned.at {
                At::Path(name) => path.contains(&format!("{{{name}}}")),
                At::Query(name) => operation.query.iter().any(|field| field.name == name && field.required),
                At::Body(_) => owned.when == Condition::Always,
                At::Anywhere(..) => false,
            };
            let names = operation.paths.iter().all(|path| operation.owned.iter().any(|owned| stands_in(path, owned)));
            let harmless = judged || begins || names || operation.permission.is_none();
            assert!(
                harmless || operation.team_wide,
                "{} names nothing of the caller's: make it team_wide",
                operation.id
            );
            let limited = operation.permission.is_some_and(portico_domain::Permission::is_team_wide);
            assert!(!operation.team_wide || limited, "{}: a limited key may call it", operation.id);
        }
    }

    #[test]
    fn a_field_that_decides_which_ids_are_checked_has_a_list_of_values() {
        for operation in operations() {
            for owned in operation.owned {
                let (Condition::BodyIs(pointer, _) | Condition::BodyIsNot(pointer, _)) = owned.when else { continue };
                let listed =
                    router().routes().iter().filter(|route| route.operations.iter().any(|one| one.id == operation.id));
                for route in listed {
                    assert!(route.values_of(pointer).is_some(), "{}: {pointer}", operation.id);
                }
            }
        }
    }

    #[test]
    fn a_filtered_list_is_paged_by_portico_where_its_body_has_pages() {
        for operation in operations().into_iter().filter(|one| matches!(one.rule, AnswerRule::FilterRows(_))) {
            let has = |name: &str| operation.request.iter().any(|field| field.name == name);
            let fields = ["limit", "page", "skip"];
            let pages = fields.into_iter().any(has) || operation.query.iter().any(|field| fields.contains(&field.name));
            assert!(!pages || operation.team_wide || operation.paging.is_some(), "{}", operation.id);
            let Some(paging) = operation.paging else { continue };
            assert_eq!(
                (operation.body, operation.envelope),
                (BodyKind::Json, crate::Envelope::Chakra),
                "{}",
                operation.id
            );
            assert!(has("limit") && has("page") && paging.keeps.iter().all(|name| has(name)), "{}", operation.id);
            assert!(["search", "where"].iter().all(|name| !paging.keeps.contains(name)), "{}", operation.id);
        }
    }

    #[test]
    fn a_value_in_the_place_of_an_id_is_team_wide() {
        for operation in operations() {
            let by_value =
                operation.paths.iter().any(|path| path.contains("{primaryKeyValue}") || path.contains("{phoneNumber}"));
            // Whoever is written to is nobody's.
            let is_recipient = operation.permission == Some(portico_domain::Permission::MessagesSend);
            assert!(!by_value || is_recipient || operation.team_wide, "{}", operation.id);
        }
    }

    #[test]
    fn every_operation_that_is_known_of_chakra_is_here() {
        // 72 in Chakra's documents: send_session_message and whatsapp_messages are one call, and
        // whatsapp_messages, a template in Meta's format and a read receipt share a path.
        assert_eq!(operations().iter().map(|operation| 1 + operation.also.len()).sum::<usize>(), 72);
    }

    #[test]
    fn an_answer_is_treated_in_one_way() {
        for operation in operations() {
            let by_tree = operation.effect != Effect::None || operation.rule == AnswerRule::Plugin;
            let piecewise = matches!(operation.rule, AnswerRule::FilterRows(_))
                || !operation.learns.is_empty()
                || !operation.links.is_empty();
            assert!(!(by_tree && piecewise), "{}", operation.id);
            assert!(!piecewise || operation.envelope != crate::Envelope::Binary, "{}", operation.id);
            let lists: HashSet<_> =
                operation.learns.iter().filter_map(|learn| learn.at.split_once("/*")).map(|at| at.0).collect();
            assert!(lists.len() <= 1, "{}: one list", operation.id);
            if matches!(operation.rule, AnswerRule::FilterRows(_)) {
                assert!(operation.learns.iter().all(|learn| learn.at.starts_with("/_data/*/")), "{}", operation.id);
            }
        }
    }

    #[test]
    fn every_sample_is_json() {
        for operation in operations() {
            for sample in [operation.request_sample, operation.answer_sample].iter().filter(|sample| !sample.is_empty())
            {
                assert!(serde_json::from_str::<serde_json::Value>(sample).is_ok(), "{}: {sample}", operation.id);
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
