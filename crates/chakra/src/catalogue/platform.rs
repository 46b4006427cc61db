//! The platform: configuration of the team, health.

use portico_domain::Permission;

use crate::operation::{Confidence, Method, Operation};
use crate::schema::{Ty, optional};

const GROUP: &str = "Platform";

/// The operations of this group.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "fetch_config",
        Method::Get,
        &["/v1/ext/config"],
        Permission::TeamRead,
        GROUP,
        "Fetch the team's configuration",
    )
    .data(
        Ty::Object(&[
            optional("team", Ty::Map(&Ty::Any), "Id and name of the team."),
            optional("procedures", Ty::List(&Ty::Any), "Procedures."),
            optional("attributes", Ty::List(&Ty::Any), "Attributes."),
            optional("roles", Ty::List(&Ty::Any), "Chakra's roles."),
            optional("pods", Ty::List(&Ty::Any), "Pods."),
            optional("taskTypes", Ty::List(&Ty::Any), "Kinds of task."),
            optional("stateTasks", Ty::List(&Ty::Any), "Tasks of states."),
        ]),
        r#"{"team":{"id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","name":"Example"},"procedures":[],"roles":[]}"#,
    )
    .notes(&["Reaches the whole Chakra team: refused to keys that are limited to customers."]),
    Operation::new("health", Method::Get, &["/v1/health"], Permission::MessagesSend, "Health", "Health of Chakra")
        .any_caller()
        .data(Ty::Any, r#"{"status":"ok"}"#)
        .confidence(Confidence::Observed)
        .notes(&["Needs a valid key but no permission: clients use it to test their credential."]),
];
