//! Plugins: one connected WhatsApp account of a customer each.

use portico_domain::Permission;

use super::objects::{PLUGIN, PLUGIN_SAMPLE, SERVER_CONFIG};
use crate::operation::{AnswerRule, Confidence, Effect, Kind, Method, Operation, in_body, in_path};
use crate::schema::{ValueType, optional, required};

const GROUP: &str = "Plugins";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("create_plugin", Method::Post, &["/plugin"], Permission::PluginsWrite, GROUP, "Create a plugin")
        .json(
            &[required("type", ValueType::OneOf(&["whatsapp"]), "Always whatsapp."), required("name", ValueType::Text, "A name; letters, digits, - and _ are safe.")],
            r#"{"type":"whatsapp","name":"customer-0001"}"#,
        )
        .closed()
        .data(PLUGIN, r#"{"id":"11111111-2222-4333-8444-555555555555","type":"whatsapp","name":"customer-0001","isActive":false,"auth":{},"serverConfig":{}}"#)
        .rule(AnswerRule::Plugin)
        .effect(Effect::CreatesPlugin)
        .confidence(Confidence::Observed)
        .notes(&[
            "The plugin belongs to the customer that the header `Portico-Customer` names (a `cus_…` id or your external id); without it, to the customer whose external id is the plugin's name, made if there is none.",
        ]),
    Operation::new("get_plugin", Method::Get, &["/plugin/{pluginId}"], Permission::PluginsRead, GROUP, "Get a plugin")
        .owned(&[in_path("pluginId", Kind::Plugin)])
        .data(PLUGIN, PLUGIN_SAMPLE)
        .rule(AnswerRule::Plugin)
        .effect(Effect::ObservesPlugin)
        .confidence(Confidence::Observed)
        .notes(&["Right after a connect Chakra's answer lags by some seconds."]),
    Operation::new("update_plugin", Method::Put, &["/plugin/{pluginId}"], Permission::PluginsWrite, GROUP, "Update a plugin")
        .owned(&[
            in_path("pluginId", Kind::Plugin),
            in_body("/pluginId", Kind::Plugin),
            in_body("/id", Kind::Plugin),
            in_body("/serverConfig/enabledWhatsappPhoneNumbers/*", Kind::PhoneNumber),
        ])
        .json(
            &[
                required("pluginId", ValueType::Uuid, "Repeats the path."),
                optional("id", ValueType::Uuid, "Repeats the path too."),
                optional("name", ValueType::Text, "A new name."),
                optional("isActive", ValueType::Bool, "Switches it on or off."),
                optional("serverConfig", SERVER_CONFIG, "Replaces the whole object: read, merge, write back."),
            ],
            r#"{"pluginId":"11111111-2222-4333-8444-555555555555","isActive":true}"#,
        )
        .closed_but(&["serverConfig"])
        .free_ids(&[])
        .data(PLUGIN, PLUGIN_SAMPLE)
        .rule(AnswerRule::Plugin)
        .effect(Effect::ObservesPlugin)
        .repeatable()
        .confidence(Confidence::Observed),
    Operation::new("delete_plugin", Method::Delete, &["/plugin/{pluginId}"], Permission::PluginsWrite, GROUP, "Delete a plugin")
        .owned(&[in_path("pluginId", Kind::Plugin)])
        .data(ValueType::Object(&[optional("id", ValueType::Uuid, "The id of the deleted plugin.")]), r#"{"id":"11111111-2222-4333-8444-555555555555"}"#)
        .rule(AnswerRule::Plugin)
        .effect(Effect::DeletesPlugin)
        .repeatable()
        .confidence(Confidence::Observed)
        .notes(&["When Chakra fails to delete it, the number stays bound to it; Portico keeps the record until a deletion succeeds."]),
];
