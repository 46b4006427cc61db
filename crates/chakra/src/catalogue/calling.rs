//! WhatsApp calls and the settings of a number for them.

use portico_domain::Permission;

use super::objects::{SUCCESS, SUCCESS_SAMPLE};
use crate::operation::{Confidence, Kind, LearnedKind, Method, Operation, in_body, in_path, learn};
use crate::schema::{ValueType, optional, required};

const GROUP: &str = "Calling";
const SETTINGS: &[&str] = &["/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/settings"];

const CALLING: ValueType = ValueType::Object(&[
    optional("status", ValueType::OneOf(&["ENABLED", "DISABLED"]), "Whether calls are possible."),
    optional("call_icon_visibility", ValueType::Text, "DEFAULT or DISABLE_ALL."),
    optional("callback_permission_status", ValueType::Text, "ENABLED or DISABLED."),
    optional("call_hours", ValueType::Map(&ValueType::Any), "Weekly hours and holidays."),
    optional("sip", ValueType::Map(&ValueType::Any), "SIP servers; with include_sip_credentials also the password."),
]);

const SESSION: ValueType = ValueType::Object(&[
    required("sdp_type", ValueType::OneOf(&["offer", "answer"]), "Kind of the description."),
    required("sdp", ValueType::Text, "The description (RFC 8866)."),
]);

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("get_calling_settings", Method::Get, SETTINGS, Permission::CallsRead, GROUP, "Get calling settings")
        .owned(&[in_path("whatsappPhoneNumberId", Kind::PhoneNumber)])
        .query(&[optional("include_sip_credentials", ValueType::OneOf(&["true"]), "Also give the SIP password; needs calls:credentials.")])
        .query_needs("include_sip_credentials", Permission::CallsCredentials)
        .meta(
            ValueType::Object(&[optional("calling", CALLING, "The settings."), optional("storage_configuration", ValueType::Map(&ValueType::Any), "Where Meta stores.")]),
            r#"{"calling":{"status":"ENABLED","call_icon_visibility":"DEFAULT","callback_permission_status":"ENABLED"}}"#,
        )
        .confidence(Confidence::Observed),
    Operation::new("update_calling_settings", Method::Post, SETTINGS, Permission::CallsConfigure, GROUP, "Update calling settings")
        .owned(&[in_path("whatsappPhoneNumberId", Kind::PhoneNumber)])
        .json(&[optional("calling", CALLING, "The settings.")], r#"{"calling":{"status":"ENABLED"}}"#)
        .meta(SUCCESS, SUCCESS_SAMPLE)
        .repeatable()
        .confidence(Confidence::Observed),
    Operation::new(
        "get_call_permissions",
        Method::Get,
        &["/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/call_permissions"],
        Permission::CallsRead,
        GROUP,
        "Get call permissions",
    )
    .owned(&[in_path("whatsappPhoneNumberId", Kind::PhoneNumber)])
    .query(&[
        optional("user_wa_id", ValueType::Digits, "The person; either this or recipient."),
        optional("recipient", ValueType::Text, "Business-scoped user id."),
    ])
    .meta(
        ValueType::Object(&[
            optional("messaging_product", ValueType::Text, "whatsapp."),
            optional("permission", ValueType::Map(&ValueType::Any), "status, expiration_time, can_call."),
            optional("actions", ValueType::List(&ValueType::Map(&ValueType::Any)), "What may be done, with limits."),
        ]),
        r#"{"messaging_product":"whatsapp","permission":{"status":"no_permission"},"actions":[{"action_name":"start_call","can_perform_action":false}]}"#,
    )
    .confidence(Confidence::Observed),
    Operation::new(
        "calls",
        Method::Post,
        &["/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/calls"],
        Permission::CallsWrite,
        GROUP,
        "Start and steer a call",
    )
    .owned(&[in_path("whatsappPhoneNumberId", Kind::PhoneNumber), in_body("/call_id", Kind::Learned(LearnedKind::Call))])
    .json(
        &[
            required("messaging_product", ValueType::OneOf(&["whatsapp"]), "Always whatsapp."),
            required("action", ValueType::OneOf(&["connect", "pre_accept", "accept", "reject", "terminate"]), "What to do."),
            optional("to", ValueType::Digits, "connect: the person; or recipient."),
            optional("recipient", ValueType::Text, "Business-scoped user id."),
            optional("call_id", ValueType::Text, "All but connect."),
            optional("session", SESSION, "connect, pre_accept, accept."),
            optional("biz_opaque_callback_data", ValueType::Text, "Comes back in events."),
            optional("recording", ValueType::Map(&ValueType::Any), "status, purpose, announcement_language."),
            optional("transcription", ValueType::Map(&ValueType::Any), "status, purpose, announcement_language."),
        ],
        r#"{"messaging_product":"whatsapp","action":"connect","to":"15550001111","session":{"sdp_type":"offer","sdp":"v=0"}}"#,
    )
    .meta(
        ValueType::Object(&[
            optional("messaging_product", ValueType::Text, "whatsapp."),
            optional("success", ValueType::Bool, "For all but connect."),
            optional("calls", ValueType::List(&ValueType::Object(&[required("id", ValueType::Text, "The call (wacid).")])), "For connect."),
        ]),
        r#"{"messaging_product":"whatsapp","calls":[{"id":"wacid.EXAMPLE0001"}]}"#,
    )
    .learns(&[learn("/calls/*/id", LearnedKind::Call)])
    .confidence(Confidence::Observed),
];
