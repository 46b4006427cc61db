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

/// Where to go on in a list of Meta's.
pub(super) const CURSORS: Ty = Ty::Object(&[
    optional(
        "cursors",
        Ty::Object(&[
            optional("before", Ty::Text, "For the page before."),
            optional("after", Ty::Text, "For the page after."),
        ]),
        "Cursors.",
    ),
    optional("next", Ty::Url, "The next page, through Portico; absent on the last."),
    optional("previous", Ty::Url, "The page before, through Portico."),
]);

/// A chat.
pub(super) const CHAT: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The chat."),
    optional("provider", Ty::Text, "WHATSAPP."),
    optional("providerHandle", Ty::Text, "Digits of the business number."),
    optional("providerHandleId", Ty::Text, "Meta's id of the business number."),
    optional("initiatedDirection", Ty::Text, "INBOUND or OUTBOUND."),
    optional("primaryContact", Ty::Nullable(&Ty::Map(&Ty::Any)), "The person."),
    optional("primaryContactHandle", Ty::Nullable(&Ty::Map(&Ty::Any)), "The person's number."),
    optional("latestMessage", Ty::Nullable(&Ty::Map(&Ty::Any)), "The latest message."),
    optional("latestMessageTs", Ty::Int, "Milliseconds since 1970."),
    optional("status", Ty::Text, "OPEN and others."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
]);

/// An invented list of one chat.
pub(super) const CHATS_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","provider":"WHATSAPP","providerHandle":"15550002222","providerHandleId":"200300400500600",
"initiatedDirection":"INBOUND","primaryContact":{"id":"77777777-6666-4555-8444-333333333333","name":"Ada Example","firstName":"Ada","lastName":"Example","photo":null},
"primaryContactHandle":{"id":"77777777-6666-4555-8444-333333333333","value":"15550001111","type":"PHONE"},
"latestMessage":{"text":"Hello","direction":"INBOUND","timestamp":1790000000000,"dataType":"text"},"latestMessageTs":1790000000000,"status":"OPEN",
"createdAt":1790000000000,"updatedAt":1790000000000}]"#;

/// A message as Chakra keeps it.
pub(super) const CHAT_MESSAGE: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "Chakra's own id."),
    optional("chat", Ty::Nullable(&Ty::Uuid), "The chat."),
    optional("externalId", Ty::Nullable(&Ty::Text), "WhatsApp message id (wamid)."),
    optional("provider", Ty::Text, "WHATSAPP."),
    optional("dataType", Ty::Text, "text, template, image and others."),
    optional("body", Ty::Nullable(&Ty::Map(&Ty::Any)), "The content, in Meta's manner."),
    optional("text", Ty::Nullable(&Ty::Text), "The text."),
    optional("attachments", Ty::Nullable(&Ty::List(&Ty::Map(&Ty::Any))), "url, type and name of each."),
    optional("deliveryStatus", Ty::Text, "PENDING, SENT, DELIVERED, READ or FAILED."),
    optional("direction", Ty::Text, "INBOUND or OUTBOUND."),
    optional("timestamp", Ty::Int, "Milliseconds since 1970."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
    optional("plugin", Ty::Nullable(&Ty::Uuid), "The plugin."),
]);

/// An invented list of one message.
pub(super) const CHAT_MESSAGES_SAMPLE: &str = r#"[{"id":"99999999-8888-4777-8666-555555555555","chat":"77777777-6666-4555-8444-333333333333","externalId":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA",
"provider":"WHATSAPP","dataType":"text","body":{"text":{"body":"Hello"}},"text":"Hello","attachments":null,"deliveryStatus":"DELIVERED","direction":"INBOUND",
"timestamp":1790000000000,"createdAt":1790000000000,"updatedAt":1790000000000,"plugin":"11111111-2222-4333-8444-555555555555"}]"#;

/// A process: one record of a module of the team's CRM.
pub(super) const PROCESS: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The process."),
    optional("team", Ty::Uuid, "Chakra's team."),
    optional("procedure", Ty::Text, "The module."),
    optional("createdBy", Ty::Nullable(&Ty::Text), "User id."),
    optional("assignedTo", Ty::Nullable(&Ty::Text), "User id."),
    optional("belongsTo", Ty::Nullable(&Ty::Text), "Pod id."),
    optional("entity", Ty::Nullable(&Ty::Text), "The entity."),
    optional("record", Ty::Any, "The entity's record."),
    optional("status", Ty::Text, "OPEN, COMPLETED or CANCELLED."),
    optional("state", Ty::Nullable(&Ty::Text), "The state."),
    optional("data", Ty::Map(&Ty::Any), "Attribute short id to value."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
]);

/// An invented process.
pub(super) const PROCESS_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","procedure":"lead","createdBy":"77777777-6666-4555-8444-333333333333",
"assignedTo":"77777777-6666-4555-8444-333333333333","belongsTo":null,"entity":null,"record":null,"status":"OPEN","state":"NEW",
"data":{"name":"Ada Example","phone_number":"15550001111"},"createdAt":1790000000000,"updatedAt":1790000000000}"#;

/// An invented list of one process.
pub(super) const PROCESSES_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","procedure":"lead","status":"OPEN","state":"NEW",
"data":{"name":"Ada Example","phone_number":"15550001111"},"createdAt":1790000000000,"updatedAt":1790000000000}]"#;

/// A background job.
pub(super) const JOB: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The job."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
    optional("completionStatus", Ty::Text, "IN_PROGRESS and others."),
    optional("statusMessage", Ty::Nullable(&Ty::Text), "Words on it."),
    optional("startedAt", Ty::Int, "Milliseconds since 1970."),
    optional("completedAt", Ty::Int, "Milliseconds since 1970; 0 while it runs."),
    optional("team", Ty::Uuid, "Chakra's team."),
    optional("type", Ty::Text, "What it does."),
]);

/// An invented background job.
pub(super) const JOB_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"completionStatus":"IN_PROGRESS",
"statusMessage":null,"startedAt":1790000000000,"completedAt":0,"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","type":"BULK_UPDATE"}"#;

/// A user of the team.
pub(super) const USER: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The user."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
    optional("username", Ty::Text, "Looks like an e-mail address."),
    optional("firstName", Ty::Nullable(&Ty::Text), "First name."),
    optional("lastName", Ty::Nullable(&Ty::Text), "Last name."),
    optional("middleName", Ty::Nullable(&Ty::Text), "Middle name."),
    optional("displayName", Ty::Nullable(&Ty::Text), "Name to show."),
    optional("gender", Ty::Nullable(&Ty::Text), "Gender."),
    optional("dob", Ty::Nullable(&Ty::Int), "Date of birth."),
    optional("bio", Ty::Nullable(&Ty::Text), "About the person."),
    optional("phones", Ty::List(&Ty::Any), "Phone numbers."),
    optional("emails", Ty::List(&Ty::Any), "Addresses."),
    optional("profileImageUrl", Ty::Nullable(&Ty::Text), "A picture."),
    optional("coverImageUrl", Ty::Nullable(&Ty::Text), "A picture."),
    optional("timezone", Ty::Nullable(&Ty::Text), "For example UTC."),
    optional("data", Ty::Map(&Ty::Any), "More."),
    optional("onboardingData", Ty::Map(&Ty::Any), "More."),
    optional("isActive", Ty::Bool, "Whether the user may sign in."),
    optional("isDeleted", Ty::Bool, "Whether the user was deleted."),
    optional("deletedAt", Ty::Nullable(&Ty::Int), "Milliseconds since 1970."),
]);

/// An invented user.
pub(super) const USER_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"username":"ada@example.com","firstName":"Ada",
"lastName":"Example","middleName":null,"displayName":"Ada Example","gender":null,"dob":null,"bio":null,"phones":[],"emails":[],"profileImageUrl":null,"coverImageUrl":null,
"timezone":"UTC","data":{},"onboardingData":{},"isActive":true,"isDeleted":false,"deletedAt":null}"#;

/// An invented list of one user.
pub(super) const USERS_SAMPLE: &str = r#"[{"id":"77777777-6666-4555-8444-333333333333","username":"ada@example.com","firstName":"Ada","lastName":"Example","displayName":"Ada Example","isActive":true}]"#;

/// A stored photo.
pub(super) const PHOTO: Ty = Ty::Object(&[
    required("id", Ty::Uuid, "The photo."),
    optional("createdAt", Ty::Int, "Milliseconds since 1970."),
    optional("updatedAt", Ty::Int, "Milliseconds since 1970."),
    optional("filetype", Ty::Text, "Its media type."),
    optional("filename", Ty::Text, "Its name."),
    optional("height", Ty::Int, "Pixels."),
    optional("width", Ty::Int, "Pixels."),
    optional("isPublic", Ty::Bool, "Whether anyone can read it."),
    optional("team", Ty::Uuid, "Chakra's team."),
    optional("user", Ty::Nullable(&Ty::Uuid), "Who stored it."),
]);

/// An invented photo.
pub(super) const PHOTO_SAMPLE: &str = r#"{"id":"77777777-6666-4555-8444-333333333333","createdAt":1790000000000,"updatedAt":1790000000000,"filetype":"image/png","filename":"a.png","height":64,"width":64,
"isPublic":false,"team":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","user":"77777777-6666-4555-8444-333333333333"}"#;
