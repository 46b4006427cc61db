//! Objects that several operations share.

use crate::schema::{Ty, optional, required};

/// One variable of a template and its value.
pub(super) const MAPPING: Ty = Ty::Object(&[
    required("schemaPropertyName", Ty::Text, "Name of the variable; for a positional {{1}} the text \"1\"."),
    required("schemaPropertyValue", Ty::Text, "Text put in its place."),
]);

/// The answer to a template send.
pub(super) const TEMPLATE_SEND_RESULT: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "Chakra's own id of the chat message."),
    required("externalId", Ty::Text, "WhatsApp message id (wamid)."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
    optional("provider", Ty::Text, "WHATSAPP."),
    optional("dataType", Ty::Text, "template."),
    optional("body", Ty::Map(&Ty::Any), "The content."),
    optional("text", Ty::Text, "The text with the variables filled."),
    optional("attachments", Ty::Nullable(&Ty::Any), "Null."),
    optional("deliveryStatus", Ty::Text, "PENDING, SENT, DELIVERED, READ or FAILED."),
    optional("direction", Ty::Text, "OUTBOUND."),
    optional("timestamp", Ty::Int, "Milliseconds since 1970."),
    optional("context", Ty::Map(&Ty::Any), "contactIdentifier (recipient's digits) and messageTemplateId."),
    optional("source", Ty::Map(&Ty::Any), "sourceId and sourceType."),
    optional("team", Ty::Uuid, "Chakra's team."),
    optional("plugin", Ty::Uuid, "The plugin."),
    optional("chat", Ty::Nullable(&Ty::Text), "The chat, if known."),
    optional("contact", Ty::Nullable(&Ty::Text), "The contact, if known."),
    optional("user", Ty::Nullable(&Ty::Uuid), "The user of the Chakra key."),
    optional("process", Ty::Nullable(&Ty::Text), "The process, if any."),
]);

/// An invented answer to a template send.
pub(super) const TEMPLATE_SEND_SAMPLE: &str = r#"{"id":"99999999-8888-4777-8666-555555555555","createdAt":1790000000000,"updatedAt":1790000000000,
"externalId":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA","provider":"WHATSAPP","dataType":"template",
"body":{"body":"Hello Ada, your order 42 is ready"},"text":"Hello Ada, your order 42 is ready","attachments":null,"deliveryStatus":"PENDING",
"direction":"OUTBOUND","timestamp":1790000000000,"context":{"contactIdentifier":"15550001111","messageTemplateId":"order_ready"},
"source":{"sourceId":"77777777-6666-4555-8444-333333333333","sourceType":"API"},"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
"plugin":"11111111-2222-4333-8444-555555555555","chat":null,"contact":null,"user":"77777777-6666-4555-8444-333333333333","process":null}"#;

/// A plugin, with `auth` reduced to ids.
pub(super) const PLUGIN: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The plugin id."),
    required("type", Ty::Text, "whatsapp."),
    required("name", Ty::Text, "Its name."),
    required("isActive", Ty::Bool, "Whether it is switched on; lags some seconds behind a write."),
    optional(
        "auth",
        Ty::Object(&[
            optional(
                "whatsappBusinessAccountsById",
                Ty::Map(&Ty::Object(&[optional("phoneNumbers", Ty::List(&Ty::Digits), "Ids of its phone numbers.")])),
                "WABA id to its phone numbers.",
            ),
            optional(
                "whatsappPhoneNumbersById",
                Ty::Map(&Ty::Map(&Ty::Any)),
                "Phone number ids; Portico empties what stands behind them.",
            ),
        ]),
        "Filled by the connect; only ids remain of it.",
    ),
    optional("serverConfig", SERVER_CONFIG, "Its settings."),
]);

/// The settings of a plugin.
pub(super) const SERVER_CONFIG: Ty = Ty::Object(&[
    optional(
        "enabledWhatsappPhoneNumbers",
        Ty::List(&Ty::Digits),
        "Phone number ids; appear some seconds after the connect.",
    ),
    optional("passThroughWebhookUrl", Ty::Nullable(&Ty::Url), "Where Meta-format events go."),
]);

/// An invented plugin.
pub(super) const PLUGIN_SAMPLE: &str = r#"{"id":"11111111-2222-4333-8444-555555555555","type":"whatsapp","name":"customer-0001","isActive":true,
"auth":{"whatsappBusinessAccountsById":{"100200300400500":{"phoneNumbers":["200300400500600"]}},"whatsappPhoneNumbersById":{"200300400500600":{}}},
"serverConfig":{"enabledWhatsappPhoneNumbers":["200300400500600"],"passThroughWebhookUrl":"https://example.com/hooks/a"}}"#;

/// A phone number.
pub(super) const PHONE_NUMBER: Ty = Ty::Object(&[
    required("id", Ty::Digits, "Meta's phone number id."),
    optional("waba", Ty::Digits, "Its WABA."),
    optional("displayPhoneNumber", Ty::Text, "As people read it."),
    optional("verifiedName", Ty::Text, "Name shown to recipients."),
    optional("status", Ty::Text, "CONNECTED and others of Meta."),
    optional("chakraStatus", Ty::Text, "Chakra's own view."),
    optional(
        "qualityScore",
        Ty::Object(&[optional("score", Ty::Text, "GREEN, YELLOW, RED or UNKNOWN.")]),
        "Meta's quality rating.",
    ),
    optional("messagingLimitTier", Ty::Text, "For example TIER_1K."),
    optional("nameStatus", Ty::Text, "For example APPROVED."),
]);

/// An invented phone number.
pub(super) const PHONE_NUMBER_SAMPLE: &str = r#"{"id":"200300400500600","waba":"100200300400500","displayPhoneNumber":"+1 555-000-2222","verifiedName":"Example Shop",
"status":"CONNECTED","chakraStatus":"CONNECTED","qualityScore":{"score":"GREEN"},"messagingLimitTier":"TIER_1K","nameStatus":"APPROVED"}"#;

/// An invented list of one phone number.
pub(super) const PHONE_NUMBERS_SAMPLE: &str = r#"[{"id":"200300400500600","waba":"100200300400500","displayPhoneNumber":"+1 555-000-2222","verifiedName":"Example Shop",
"status":"CONNECTED","chakraStatus":"CONNECTED","qualityScore":{"score":"GREEN"},"messagingLimitTier":"TIER_1K","nameStatus":"APPROVED"}]"#;

/// `{"success": true}`.
pub(super) const SUCCESS: Ty = Ty::Object(&[optional("success", Ty::Bool, "Whether it was done.")]);

/// An invented success.
pub(super) const SUCCESS_SAMPLE: &str = r#"{"success":true}"#;
