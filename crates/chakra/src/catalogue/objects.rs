//! Shapes that several operations share, each with an invented example (`…_SAMPLE`).

use crate::schema::{ValueType, optional, required};

pub(super) const MAPPING: ValueType = ValueType::Object(&[
    required("schemaPropertyName", ValueType::Text, "Name of the variable; for a positional {{1}} the text \"1\"."),
    required("schemaPropertyValue", ValueType::Text, "Text put in its place."),
]);

pub(super) const TEMPLATE_SEND_RESULT: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "Chakra's own id of the chat message."),
    required("externalId", ValueType::Text, "WhatsApp message id (wamid)."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("provider", ValueType::Text, "WHATSAPP."),
    optional("dataType", ValueType::Text, "template."),
    optional("body", ValueType::Map(&ValueType::Any), "The content."),
    optional("text", ValueType::Text, "The text with the variables filled."),
    optional("attachments", ValueType::Nullable(&ValueType::Any), "Null."),
    optional("deliveryStatus", ValueType::Text, "PENDING, SENT, DELIVERED, READ or FAILED."),
    optional("direction", ValueType::Text, "OUTBOUND."),
    optional("timestamp", ValueType::Int, "Milliseconds since 1970."),
    optional(
        "context",
        ValueType::Map(&ValueType::Any),
        "contactIdentifier (recipient's digits) and messageTemplateId.",
    ),
    optional("source", ValueType::Map(&ValueType::Any), "sourceId and sourceType."),
    optional("team", ValueType::Uuid, "Chakra's team."),
    optional("plugin", ValueType::Uuid, "The plugin."),
    optional("chat", ValueType::Nullable(&ValueType::Text), "The chat, if known."),
    optional("contact", ValueType::Nullable(&ValueType::Text), "The contact, if known."),
    optional("user", ValueType::Nullable(&ValueType::Uuid), "The user of the Chakra key."),
    optional("process", ValueType::Nullable(&ValueType::Text), "The process, if any."),
]);

pub(super) const TEMPLATE_SEND_SAMPLE: &str = r#"{"id":"99999999-8888-4777-8666-555555555555","createdAt":1790000000000,"updatedAt":1790000000000,
"externalId":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA","provider":"WHATSAPP","dataType":"template",
"body":{"body":"Hello Ada, your order 42 is ready"},"text":"Hello Ada, your order 42 is ready","attachments":null,"deliveryStatus":"PENDING",
"direction":"OUTBOUND","timestamp":1790000000000,"context":{"contactIdentifier":"15550001111","messageTemplateId":"order_ready"},
"source":{"sourceId":"77777777-6666-4555-8444-333333333333","sourceType":"API"},"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
"plugin":"11111111-2222-4333-8444-555555555555","chat":null,"contact":null,"user":"77777777-6666-4555-8444-333333333333","process":null}"#;

/// `auth` as Portico reduces it: ids, none of Meta's tokens.
pub(super) const PLUGIN: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The plugin id."),
    required("type", ValueType::Text, "whatsapp."),
    required("name", ValueType::Text, "Its name."),
    required("isActive", ValueType::Bool, "Whether it is switched on; lags some seconds behind a write."),
    optional(
        "auth",
        ValueType::Object(&[
            optional(
                "whatsappBusinessAccountsById",
                ValueType::Map(&ValueType::Object(&[optional(
                    "phoneNumbers",
                    ValueType::List(&ValueType::Digits),
                    "Ids of its phone numbers.",
                )])),
                "WABA id to its phone numbers.",
            ),
            optional(
                "whatsappPhoneNumbersById",
                ValueType::Map(&ValueType::Map(&ValueType::Any)),
                "Phone number ids; Portico empties what stands behind them.",
            ),
        ]),
        "Filled by the connect; only ids remain of it.",
    ),
    optional("serverConfig", SERVER_CONFIG, "Its settings."),
]);

pub(super) const SERVER_CONFIG: ValueType = ValueType::Object(&[
    optional(
        "enabledWhatsappPhoneNumbers",
        ValueType::List(&ValueType::Digits),
        "Phone number ids; appear some seconds after the connect.",
    ),
    optional("passThroughWebhookUrl", ValueType::Nullable(&ValueType::Url), "Where Meta-format events go."),
]);

pub(super) const PLUGIN_SAMPLE: &str = r#"{"id":"11111111-2222-4333-8444-555555555555","type":"whatsapp","name":"customer-0001","isActive":true,
"auth":{"whatsappBusinessAccountsById":{"100200300400500":{"phoneNumbers":["200300400500600"]}},"whatsappPhoneNumbersById":{"200300400500600":{}}},
"serverConfig":{"enabledWhatsappPhoneNumbers":["200300400500600"],"passThroughWebhookUrl":"https://example.com/hooks/a"}}"#;

pub(super) const PHONE_NUMBER: ValueType = ValueType::Object(&[
    required("id", ValueType::Digits, "Meta's phone number id."),
    optional("waba", ValueType::Digits, "Its WABA."),
    optional("displayPhoneNumber", ValueType::Text, "As people read it."),
    optional("verifiedName", ValueType::Text, "Name shown to recipients."),
    optional("status", ValueType::Text, "CONNECTED and others of Meta."),
    optional("chakraStatus", ValueType::Text, "Chakra's own view."),
    optional(
        "qualityScore",
        ValueType::Object(&[optional("score", ValueType::Text, "GREEN, YELLOW, RED or UNKNOWN.")]),
        "Meta's quality rating.",
    ),
    optional("messagingLimitTier", ValueType::Text, "For example TIER_1K."),
    optional("nameStatus", ValueType::Text, "For example APPROVED."),
]);

pub(super) const PHONE_NUMBER_SAMPLE: &str = r#"{"id":"200300400500600","waba":"100200300400500","displayPhoneNumber":"+1 555-000-2222","verifiedName":"Example Shop",
"status":"CONNECTED","chakraStatus":"CONNECTED","qualityScore":{"score":"GREEN"},"messagingLimitTier":"TIER_1K","nameStatus":"APPROVED"}"#;

pub(super) const PHONE_NUMBERS_SAMPLE: &str = r#"[{"id":"200300400500600","waba":"100200300400500","displayPhoneNumber":"+1 555-000-2222","verifiedName":"Example Shop",
"status":"CONNECTED","chakraStatus":"CONNECTED","qualityScore":{"score":"GREEN"},"messagingLimitTier":"TIER_1K","nameStatus":"APPROVED"}]"#;

pub(super) const SUCCESS: ValueType =
    ValueType::Object(&[optional("success", ValueType::Bool, "Whether it was done.")]);

pub(super) const SUCCESS_SAMPLE: &str = r#"{"success":true}"#;

/// Meta's `paging`, without the links.
pub(super) const CURSORS: ValueType = ValueType::Object(&[
    optional(
        "cursors",
        ValueType::Object(&[
            optional("before", ValueType::Text, "For the page before."),
            optional("after", ValueType::Text, "For the page after."),
        ]),
        "Cursors.",
    ),
    optional("next", ValueType::Url, "The next page, through Portico; absent on the last."),
    optional("previous", ValueType::Url, "The page before, through Portico."),
]);

pub(super) const CHAT: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The chat."),
    optional("provider", ValueType::Text, "WHATSAPP."),
    optional("providerHandle", ValueType::Text, "Digits of the business number."),
    optional("providerHandleId", ValueType::Text, "Meta's id of the business number."),
    optional("initiatedDirection", ValueType::Text, "INBOUND or OUTBOUND."),
    optional("primaryContact", ValueType::Nullable(&ValueType::Map(&ValueType::Any)), "The person."),
    optional("primaryContactHandle", ValueType::Nullable(&ValueType::Map(&ValueType::Any)), "The person's number."),
    optional("latestMessage", ValueType::Nullable(&ValueType::Map(&ValueType::Any)), "The latest message."),
    optional("latestMessageTs", ValueType::Int, "Milliseconds since 1970."),
    optional("status", ValueType::Text, "OPEN and others."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
]);

pub(super) const CHATS_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","provider":"WHATSAPP","providerHandle":"15550002222","providerHandleId":"200300400500600",
"initiatedDirection":"INBOUND","primaryContact":{"id":"77777777-6666-4555-8444-333333333333","name":"Ada Example","firstName":"Ada","lastName":"Example","photo":null},
"primaryContactHandle":{"id":"77777777-6666-4555-8444-333333333333","value":"15550001111","type":"PHONE"},
"latestMessage":{"text":"Hello","direction":"INBOUND","timestamp":1790000000000,"dataType":"text"},"latestMessageTs":1790000000000,"status":"OPEN",
"createdAt":1790000000000,"updatedAt":1790000000000}]"#;

/// A message as Chakra keeps it.
pub(super) const CHAT_MESSAGE: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "Chakra's own id."),
    optional("chat", ValueType::Nullable(&ValueType::Uuid), "The chat."),
    optional("externalId", ValueType::Nullable(&ValueType::Text), "WhatsApp message id (wamid)."),
    optional("provider", ValueType::Text, "WHATSAPP."),
    optional("dataType", ValueType::Text, "text, template, image and others."),
    optional("body", ValueType::Nullable(&ValueType::Map(&ValueType::Any)), "The content, in Meta's manner."),
    optional("text", ValueType::Nullable(&ValueType::Text), "The text."),
    optional(
        "attachments",
        ValueType::Nullable(&ValueType::List(&ValueType::Map(&ValueType::Any))),
        "url, type and name of each.",
    ),
    optional("deliveryStatus", ValueType::Text, "PENDING, SENT, DELIVERED, READ or FAILED."),
    optional("direction", ValueType::Text, "INBOUND or OUTBOUND."),
    optional("timestamp", ValueType::Int, "Milliseconds since 1970."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("plugin", ValueType::Nullable(&ValueType::Uuid), "The plugin."),
]);

pub(super) const CHAT_MESSAGES_SAMPLE: &str = r#"[{"id":"99999999-8888-4777-8666-555555555555","chat":"77777777-6666-4555-8444-333333333333","externalId":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA",
"provider":"WHATSAPP","dataType":"text","body":{"text":{"body":"Hello"}},"text":"Hello","attachments":null,"deliveryStatus":"DELIVERED","direction":"INBOUND",
"timestamp":1790000000000,"createdAt":1790000000000,"updatedAt":1790000000000,"plugin":"11111111-2222-4333-8444-555555555555"}]"#;

/// A process: one record of a module of the team's CRM.
pub(super) const PROCESS: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The process."),
    optional("team", ValueType::Uuid, "Chakra's team."),
    optional("procedure", ValueType::Text, "The module."),
    optional("createdBy", ValueType::Nullable(&ValueType::Text), "User id."),
    optional("assignedTo", ValueType::Nullable(&ValueType::Text), "User id."),
    optional("belongsTo", ValueType::Nullable(&ValueType::Text), "Pod id."),
    optional("entity", ValueType::Nullable(&ValueType::Text), "The entity."),
    optional("record", ValueType::Any, "The entity's record."),
    optional("status", ValueType::Text, "OPEN, COMPLETED or CANCELLED."),
    optional("state", ValueType::Nullable(&ValueType::Text), "The state."),
    optional("data", ValueType::Map(&ValueType::Any), "Attribute short id to value."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
]);

pub(super) const PROCESS_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","procedure":"lead","createdBy":"77777777-6666-4555-8444-333333333333",
"assignedTo":"77777777-6666-4555-8444-333333333333","belongsTo":null,"entity":null,"record":null,"status":"OPEN","state":"NEW",
"data":{"name":"Ada Example","phone_number":"15550001111"},"createdAt":1790000000000,"updatedAt":1790000000000}"#;

pub(super) const PROCESSES_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","procedure":"lead","status":"OPEN","state":"NEW",
"data":{"name":"Ada Example","phone_number":"15550001111"},"createdAt":1790000000000,"updatedAt":1790000000000}]"#;

pub(super) const JOB: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The job."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("completionStatus", ValueType::Text, "IN_PROGRESS and others."),
    optional("statusMessage", ValueType::Nullable(&ValueType::Text), "Words on it."),
    optional("startedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("completedAt", ValueType::Int, "Milliseconds since 1970; 0 while it runs."),
    optional("team", ValueType::Uuid, "Chakra's team."),
    optional("type", ValueType::Text, "What it does."),
]);

pub(super) const JOB_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"completionStatus":"IN_PROGRESS",
"statusMessage":null,"startedAt":1790000000000,"completedAt":0,"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","type":"BULK_UPDATE"}"#;

pub(super) const USER: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The user."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("username", ValueType::Text, "Looks like an e-mail address."),
    optional("firstName", ValueType::Nullable(&ValueType::Text), "First name."),
    optional("lastName", ValueType::Nullable(&ValueType::Text), "Last name."),
    optional("middleName", ValueType::Nullable(&ValueType::Text), "Middle name."),
    optional("displayName", ValueType::Nullable(&ValueType::Text), "Name to show."),
    optional("gender", ValueType::Nullable(&ValueType::Text), "Gender."),
    optional("dob", ValueType::Nullable(&ValueType::Int), "Date of birth."),
    optional("bio", ValueType::Nullable(&ValueType::Text), "About the person."),
    optional("phones", ValueType::List(&ValueType::Any), "Phone numbers."),
    optional("emails", ValueType::List(&ValueType::Any), "Addresses."),
    optional("profileImageUrl", ValueType::Nullable(&ValueType::Text), "A picture."),
    optional("coverImageUrl", ValueType::Nullable(&ValueType::Text), "A picture."),
    optional("timezone", ValueType::Nullable(&ValueType::Text), "For example UTC."),
    optional("data", ValueType::Map(&ValueType::Any), "More."),
    optional("onboardingData", ValueType::Map(&ValueType::Any), "More."),
    optional("isActive", ValueType::Bool, "Whether the user may sign in."),
    optional("isDeleted", ValueType::Bool, "Whether the user was deleted."),
    optional("deletedAt", ValueType::Nullable(&ValueType::Int), "Milliseconds since 1970."),
]);

pub(super) const USER_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"username":"ada@example.com","firstName":"Ada",
"lastName":"Example","middleName":null,"displayName":"Ada Example","gender":null,"dob":null,"bio":null,"phones":[],"emails":[],"profileImageUrl":null,"coverImageUrl":null,
"timezone":"UTC","data":{},"onboardingData":{},"isActive":true,"isDeleted":false,"deletedAt":null}"#;

pub(super) const USERS_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","username":"ada@example.com","firstName":"Ada","lastName":"Example","displayName":"Ada Example","isActive":true}]"#;

pub(super) const PHOTO: ValueType = ValueType::Object(&[
    required("id", ValueType::Uuid, "The photo."),
    optional("createdAt", ValueType::Int, "Milliseconds since 1970."),
    optional("updatedAt", ValueType::Int, "Milliseconds since 1970."),
    optional("filetype", ValueType::Text, "Its media type."),
    optional("filename", ValueType::Text, "Its name."),
    optional("height", ValueType::Int, "Pixels."),
    optional("width", ValueType::Int, "Pixels."),
    optional("isPublic", ValueType::Bool, "Whether anyone can read it."),
    optional("team", ValueType::Uuid, "Chakra's team."),
    optional("user", ValueType::Nullable(&ValueType::Uuid), "Who stored it."),
]);

pub(super) const PHOTO_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"filetype":"image/png","filename":"a.png","height":64,"width":64,
"isPublic":false,"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","user":"77777777-6666-4555-8444-333333333333"}"#;
