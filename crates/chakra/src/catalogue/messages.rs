//! Sends: templates, Meta's format, session messages, read receipts.

use portico_domain::Permission;

use super::objects::{MAPPING, TEMPLATE_SEND_RESULT, TEMPLATE_SEND_SAMPLE};
use crate::operation::{
    At, Condition, Confidence, Kind, LearnedKind, Method, Operation, Owned, anywhere, in_body, in_path, learn,
};
use crate::schema::{Field, ValueType, optional, required};

const TEMPLATES: &str = "Send template messages";
const SESSION: &str = "Send session messages";

const MESSAGES: &[&str] =
    &["/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/messages"];

const TEMPLATE_FIELDS: &[Field] = &[
    required("whatsappPhoneNumberId", ValueType::Digits, "Sender: Meta's id of a phone number of the plugin."),
    required("templateName", ValueType::Text, "Name of an approved template of the WABA behind that number."),
    optional("mapping", ValueType::List(&MAPPING), "Values of the body's variables."),
    optional("headerMapping", ValueType::List(&MAPPING), "Values of the header's variables."),
    optional("buttonMapping", ValueType::List(&MAPPING), "Values of the buttons' variables (URL suffix)."),
    optional("imageUrl", ValueType::Url, "Image header; Meta must be able to fetch it."),
    optional("videoUrl", ValueType::Url, "Video header."),
    optional("documentUrl", ValueType::Url, "Document header."),
    optional("filename", ValueType::Text, "File name shown for a document header."),
    optional("locationLatitude", ValueType::Number, "Location header."),
    optional("locationLongitude", ValueType::Number, "Location header."),
    optional("locationName", ValueType::Text, "Location header."),
    optional("locationAddress", ValueType::Text, "Location header."),
    optional(
        "language",
        ValueType::Text,
        "Locale such as en, en_US or pt_BR, where one name exists in several languages.",
    ),
    optional("otpCode", ValueType::Text, "Code of an authentication template."),
];

const TEMPLATE_SAMPLE: &str = r#"{"whatsappPhoneNumberId":"200300400500600","templateName":"order_ready","language":"en_US",
"mapping":[{"schemaPropertyName":"1","schemaPropertyValue":"Ada"},{"schemaPropertyName":"2","schemaPropertyValue":"42"}]}"#;

const SENT: ValueType = ValueType::Object(&[optional(
    "whatsappMessageId",
    ValueType::Text,
    "WhatsApp message id (wamid); absent for read receipts.",
)]);
const SENT_SAMPLE: &str = r#"{"whatsappMessageId":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA"}"#;

const MEDIUM: ValueType = ValueType::Object(&[
    optional("link", ValueType::Url, "Public URL of the file; upload-public-media gives one."),
    optional("id", ValueType::Digits, "Media id; Chakra offers no way to obtain one for a send."),
    optional("caption", ValueType::Text, "Text below it."),
    optional("filename", ValueType::Text, "File name of a document."),
]);

const LANGUAGE: ValueType = ValueType::Object(&[
    required("code", ValueType::Text, "For example en_US."),
    optional("policy", ValueType::Text, "deterministic."),
]);

const TEMPLATE: ValueType = ValueType::Object(&[
    required("name", ValueType::Text, "Name of an approved template."),
    required("language", LANGUAGE, "Its language."),
    optional("components", ValueType::List(&ValueType::Map(&ValueType::Any)), "Meta's components with parameters."),
]);

const MESSAGE: Kind = Kind::Learned(LearnedKind::Message);
const MEDIA: Kind = Kind::Learned(LearnedKind::Media);
const GROUP: Kind = Kind::Learned(LearnedKind::Group);

/// The ids that may stand in a body of Meta's messages endpoint. Meta nests them: in headers, cards, parameters.
const SEND_OWNED: &[Owned] = &[
    in_path("pluginId", Kind::Plugin),
    in_path("whatsappPhoneNumberId", Kind::PhoneNumber),
    anywhere("", "message_id", MESSAGE),
    anywhere("context", "id", MESSAGE),
    anywhere("", "group_id", GROUP),
    Owned { at: At::Body("/to"), kind: GROUP, when: Condition::BodyIs("/recipient_type", "group") },
    anywhere("image", "id", MEDIA),
    anywhere("audio", "id", MEDIA),
    anywhere("video", "id", MEDIA),
    anywhere("document", "id", MEDIA),
    anywhere("sticker", "id", MEDIA),
];

/// Ids in such a body that the caller chose, that come back to it, or that name something of Meta's which only the
/// sending number's own account can use: flows and catalogues.
const SEND_FREE: &[(&str, &str)] = &[
    ("reply", "id"),
    ("quick_reply", "id"),
    ("rows", "id"),
    ("saved_addresses", "id"),
    ("", "flow_id"),
    ("flow_action_payload", "*"),
    ("flow_action_data", "*"),
    ("", "catalog_id"),
    ("", "retailer_id"),
    ("", "product_retailer_id"),
    ("", "thumbnail_product_retailer_id"),
    ("", "reference_id"),
    ("", "transaction_id"),
    ("phones", "wa_id"),
];

const PRODUCT: Field = required("messaging_product", ValueType::OneOf(&["whatsapp"]), "Always whatsapp.");

const RECEIPT_NOTE: &str =
    "Meta's rejections arrive as 400 in Chakra's envelope with Meta's code in brackets at the start of the text.";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "send_template_message_for_process",
        Method::Post,
        &[
            "/v1/ext/plugin/whatsapp/{pluginId}/process/{procedureShortId}/{primaryKeyOrId}/send-template-message",
            "/v1/ext/plugin/whatsapp/{pluginId}/process/{primaryKeyOrId}/send-template-message",
        ],
        Permission::MessagesSend,
        TEMPLATES,
        "Send a template message for a process",
    )
    .owned(&[
        in_path("pluginId", Kind::Plugin),
        in_body("/whatsappPhoneNumberId", Kind::PhoneNumber),
        in_path("primaryKeyOrId", Kind::Learned(LearnedKind::Process)),
    ])
    .json(TEMPLATE_FIELDS, TEMPLATE_SAMPLE)
    .data(TEMPLATE_SEND_RESULT, TEMPLATE_SEND_SAMPLE)
    .learns(&[learn("/_data/externalId", LearnedKind::Message)])
    .notes(&["Chakra reads the recipient from the record's phone attribute."]),
    Operation::new(
        "send_template_message_to_phone_number",
        Method::Post,
        &["/v1/ext/plugin/whatsapp/{pluginId}/phoneNumber/{phoneNumber}/send-template-message"],
        Permission::MessagesSend,
        TEMPLATES,
        "Send a template message to a phone number",
    )
    .owned(&[in_path("pluginId", Kind::Plugin), in_body("/whatsappPhoneNumberId", Kind::PhoneNumber)])
    .json(TEMPLATE_FIELDS, TEMPLATE_SAMPLE)
    .data(TEMPLATE_SEND_RESULT, TEMPLATE_SEND_SAMPLE)
    .learns(&[learn("/_data/externalId", LearnedKind::Message)])
    .notes(&[
        "`phoneNumber` is the recipient: country code and digits, without + and separators.",
        "Keep `_data.externalId` (wamid) to match status events; `_data.id` is Chakra's own.",
    ]),
    Operation::new(
        "mark_message_read",
        Method::Post,
        MESSAGES,
        Permission::MessagesSend,
        SESSION,
        "Mark a message as read, show the typing indicator",
    )
    .when(Condition::BodyIs("/status", "read"))
    .owned(SEND_OWNED)
    .free_ids(SEND_FREE)
    .json(
        &[
            PRODUCT,
            required("status", ValueType::OneOf(&["read"]), "Marks as read instead of sending."),
            required("message_id", ValueType::Text, "The received message (wamid)."),
            optional("typing_indicator", ValueType::Object(&[required("type", ValueType::OneOf(&["text"]), "Always text.")]), "Shows that somebody types."),
        ],
        r#"{"messaging_product":"whatsapp","status":"read","message_id":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA"}"#,
    )
    .data(ValueType::Object(&[]), "{}")
    .repeatable()
    .confidence(Confidence::Observed)
    .notes(&["Answers 200 with an empty `_data`: there is no message id."]),
    Operation::new(
        "send_template_message_meta_format",
        Method::Post,
        MESSAGES,
        Permission::MessagesSend,
        TEMPLATES,
        "Send a template message in Meta's format",
    )
    .when(Condition::BodyIs("/type", "template"))
    .owned(SEND_OWNED)
    .free_ids(SEND_FREE)
    .json(
        &[
            PRODUCT,
            optional("recipient_type", ValueType::OneOf(&["individual", "group"]), "individual when absent."),
            required("to", ValueType::Text, "Digits with country code."),
            required("type", ValueType::OneOf(&["template"]), "Always template."),
            required("template", TEMPLATE, "The template."),
        ],
        r#"{"messaging_product":"whatsapp","to":"15550001111","type":"template","template":{"name":"order_ready","language":{"code":"en_US"},
"components":[{"type":"body","parameters":[{"type":"text","text":"Ada"},{"type":"text","text":"42"}]}]}}"#,
    )
    .data(SENT, SENT_SAMPLE)
    .learns(&[learn("/_data/whatsappMessageId", LearnedKind::Message)])
    .notes(&[RECEIPT_NOTE]),
    Operation::new("whatsapp_messages", Method::Post, MESSAGES, Permission::MessagesSend, SESSION, "Send a session message")
        .also(&["send_session_message"])
        .owned(SEND_OWNED)
        .free_ids(SEND_FREE)
        .json(
            &[
                PRODUCT,
                optional("recipient_type", ValueType::OneOf(&["individual", "group"]), "individual when absent."),
                optional("to", ValueType::Text, "Digits with country code, or a group id with recipient_type group."),
                optional("recipient", ValueType::Text, "Business-scoped user id instead of `to`."),
                optional("type", ValueType::Text, "text, image, audio, video, document, sticker, location, contacts, reaction or interactive; text when absent."),
                optional(
                    "text",
                    ValueType::Object(&[required("body", ValueType::Text, "The text."), optional("preview_url", ValueType::Bool, "Show a preview of the first link.")]),
                    "A text message.",
                ),
                optional("image", MEDIUM, "An image."),
                optional("audio", MEDIUM, "Audio."),
                optional("video", MEDIUM, "A video."),
                optional("document", MEDIUM, "A document."),
                optional("sticker", MEDIUM, "A sticker."),
                optional(
                    "location",
                    ValueType::Object(&[
                        required("latitude", ValueType::Number, "Degrees."),
                        required("longitude", ValueType::Number, "Degrees."),
                        optional("name", ValueType::Text, "Name of the place."),
                        optional("address", ValueType::Text, "Its address."),
                    ]),
                    "A location.",
                ),
                optional("contacts", ValueType::List(&ValueType::Map(&ValueType::Any)), "Contact cards in Meta's form."),
                optional(
                    "reaction",
                    ValueType::Object(&[required("message_id", ValueType::Text, "The message (wamid)."), required("emoji", ValueType::Text, "Empty to remove it.")]),
                    "A reaction.",
                ),
                optional("interactive", ValueType::Map(&ValueType::Any), "Meta's button, list, cta_url, flow, product or carousel; every id in it is checked."),
                optional("context", ValueType::Object(&[required("message_id", ValueType::Text, "The message that this answers (wamid).")]), "A reply."),
                optional("biz_opaque_callback_data", ValueType::Text, "Comes back in status events."),
            ],
            r#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"15550001111","type":"text","text":{"body":"Your order is on its way"}}"#,
        )
        .data(SENT, SENT_SAMPLE)
    .learns(&[learn("/_data/whatsappMessageId", LearnedKind::Message)])
        .notes(&[RECEIPT_NOTE, "A 200 says that Meta took the message; a failure comes later as a status event."]),
];
