//! Partner access: connect token, plugin configuration, disconnect.

use portico_domain::Permission;

use super::objects::{SUCCESS, SUCCESS_SAMPLE};
use crate::operation::{Confidence, Effect, Kind, Method, Operation, in_body, in_path};
use crate::schema::{Field, ValueType, optional, required};

const GROUP: &str = "Partner access";

const CONFIGURATION: &[Field] = &[
    optional("passThroughWebhookUrl", ValueType::Nullable(&ValueType::Url), "Where Meta-format events go."),
    optional("enableMessageEchoesForPassThroughWebhook", ValueType::Bool, "Also send message echoes there."),
    optional(
        "enableSendMessageTemplateEventForPassThroughWebhook",
        ValueType::Bool,
        "Also send an event for template messages sent through Chakra.",
    ),
    optional("enableChakraWebhook", ValueType::Bool, "Whether Chakra-format events are sent."),
    optional("chakraWebhookUrl", ValueType::Nullable(&ValueType::Url), "Where Chakra-format events go."),
    optional(
        "whichChakraWebhookEventsToSend",
        ValueType::List(&ValueType::OneOf(&["message", "status", "message_echo", "smb_message_echo"])),
        "Which of them.",
    ),
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "create_connect_token",
        Method::Post,
        &["/v1/ext/whatsapp-partner/create-connect-token"],
        Permission::ConnectionsWrite,
        GROUP,
        "Create a connect token",
    )
    .owned(&[in_body("/pluginId", Kind::Plugin)])
    .json(
        &[
            optional("pluginId", ValueType::Uuid, "Connect or reconnect inside this plugin. Either this or newPluginName."),
            optional("newPluginName", ValueType::Text, "Portico makes the plugin at once, records it, and connects inside it."),
            optional("clientReferenceId", ValueType::Text, "Your own id of the customer; with newPluginName the customer's external id."),
            optional("clientName", ValueType::Text, "Name of the customer."),
            optional("clientEmail", ValueType::Text, "Address of the customer."),
        ],
        r#"{"pluginId":"11111111-2222-4333-8444-555555555555"}"#,
    )
    .closed()
    .data(
        ValueType::Object(&[required("connectToken", ValueType::Text, "Opaque; holds for an hour. Hand it only to the customer's browser.")]),
        r#"{"connectToken":"ct_EXAMPLE000000000000000000000000"}"#,
    )
    .effect(Effect::BeginsConnect)
    .confidence(Confidence::Observed)
    .notes(&["Whoever holds the connect token can attach a WABA to the plugin."]),
    Operation::new(
        "update_plugin_configuration",
        Method::Post,
        &["/v1/ext/plugin/whatsapp/{pluginId}/update-config"],
        Permission::PluginsWrite,
        GROUP,
        "Update a plugin's configuration",
    )
    .owned(&[in_path("pluginId", Kind::Plugin)])
    .json(
        CONFIGURATION,
        r#"{"passThroughWebhookUrl":"https://example.com/hooks/a","enableMessageEchoesForPassThroughWebhook":true}"#,
    )
    .closed()
    .data(SUCCESS, SUCCESS_SAMPLE)
    .effect(Effect::ConfiguresPlugin)
    .repeatable()
    .confidence(Confidence::Observed)
    .notes(&["Whether Chakra keeps absent fields is not known; send what you want to hold."]),
    Operation::new(
        "fetch_plugin_configuration",
        Method::Get,
        &["/v1/ext/plugin/whatsapp/{pluginId}/config"],
        Permission::PluginsRead,
        GROUP,
        "Fetch a plugin's configuration",
    )
    .owned(&[in_path("pluginId", Kind::Plugin)])
    .data(
        ValueType::Object(CONFIGURATION),
        r#"{"passThroughWebhookUrl":"https://example.com/hooks/a","enableMessageEchoesForPassThroughWebhook":true,
"enableSendMessageTemplateEventForPassThroughWebhook":false,"enableChakraWebhook":false,"chakraWebhookUrl":null,"whichChakraWebhookEventsToSend":["message","status"]}"#,
    )
    .effect(Effect::ObservesConfiguration)
    .confidence(Confidence::Observed),
    Operation::new(
        "disconnect_waba_account",
        Method::Post,
        &[
            "/v1/ext/plugin/whatsapp/{pluginId}/disconnect-waba",
            "/v1/ext/plugin/whatsapp/{pluginId}/disconnect",
            "/v1/ext/whatsapp-partner/disconnect-waba",
            "/v1/ext/whatsapp-business-account/{wabaId}/disconnect",
        ],
        Permission::ConnectionsWrite,
        GROUP,
        "Disconnect a WABA",
    )
    .owned(&[
        in_path("pluginId", Kind::Plugin),
        in_path("wabaId", Kind::Waba),
        in_body("/pluginId", Kind::Plugin),
        in_body("/wabaId", Kind::Waba),
    ])
    .json(
        &[
            optional("wabaId", ValueType::Digits, "The WABA; needed unless the path names it."),
            optional("pluginId", ValueType::Uuid, "The plugin, where the path does not name it."),
        ],
        r#"{"wabaId":"100200300400500"}"#,
    )
    .closed()
    .data(SUCCESS, SUCCESS_SAMPLE)
    .effect(Effect::DisconnectsWaba)
    .repeatable()
    .confidence(Confidence::Inferred)
    .notes(&["No public client calls it; path and body are inferred."]),
];
