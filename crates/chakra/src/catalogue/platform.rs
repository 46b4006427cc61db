//! The platform: configuration of the team, health.

use portico_domain::Permission;

use crate::operation::{Confidence, Method, Operation};
use crate::schema::{ValueType, optional};

const GROUP: &str = "Platform";

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
        ValueType::Object(&[
            optional("team", ValueType::Map(&ValueType::Any), "Id and name of the team."),
            optional("procedures", ValueType::List(&ValueType::Any), "Procedures."),
            optional("attributes", ValueType::List(&ValueType::Any), "Attributes."),
            optional("roles", ValueType::List(&ValueType::Any), "Chakra's roles."),
            optional("pods", ValueType::List(&ValueType::Any), "Pods."),
            optional("taskTypes", ValueType::List(&ValueType::Any), "Kinds of task."),
            optional("stateTasks", ValueType::List(&ValueType::Any), "Tasks of states."),
        ]),
        r#"{"team":{"id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","name":"Example"},"procedures":[],"roles":[]}"#,
    )
    .team_wide(),
    Operation::new("health", Method::Get, &["/v1/health"], Permission::MessagesSend, "Health", "Health of Chakra")
        .any_caller()
        .data(ValueType::Object(&[optional("status", ValueType::Text, "For example ok.")]), r#"{"status":"ok"}"#)
        .confidence(Confidence::Observed)
        .notes(&["Needs a valid key but no permission: clients use it to test their credential."]),
];
