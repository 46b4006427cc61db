//! WABAs and phone numbers.

use portico_domain::Permission;

use super::objects::{PHONE_NUMBER, PHONE_NUMBER_SAMPLE, PHONE_NUMBERS_SAMPLE};
use crate::operation::{AnswerRule, Confidence, Kind, Method, Operation, in_path, in_query, row};
use crate::schema::{ValueType, optional, required};

const GROUP: &str = "WhatsApp accounts";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "list_whatsapp_phone_numbers",
        Method::Get,
        &["/v1/ext/whatsapp-phone-number"],
        Permission::PhoneNumbersRead,
        GROUP,
        "List phone numbers",
    )
    .owned(&[in_query("pluginId", Kind::Plugin)])
    .query(&[optional("pluginId", ValueType::Uuid, "Only that plugin's (by analogy with the list of WABAs).")])
    .data(ValueType::List(&PHONE_NUMBER), PHONE_NUMBERS_SAMPLE)
    .rule(AnswerRule::FilterRows(&[row("/id", Kind::PhoneNumber)]))
    .confidence(Confidence::Observed)
    .notes(&["Chakra answers for the whole team; only the rows that belong to the caller remain."]),
    Operation::new(
        "get_whatsapp_phone_number",
        Method::Get,
        &["/v1/ext/whatsapp-phone-number/{phoneNumberId}"],
        Permission::PhoneNumbersRead,
        GROUP,
        "Get a phone number",
    )
    .owned(&[in_path("phoneNumberId", Kind::PhoneNumber)])
    .data(PHONE_NUMBER, PHONE_NUMBER_SAMPLE)
    .confidence(Confidence::Observed),
    Operation::new(
        "list_whatsapp_business_accounts",
        Method::Get,
        &["/v1/ext/whatsapp-business-account"],
        Permission::WabasRead,
        GROUP,
        "List WABAs",
    )
    .owned(&[in_query("pluginId", Kind::Plugin)])
    .query(&[optional("pluginId", ValueType::Uuid, "Only that plugin's.")])
    .data(
        ValueType::List(&ValueType::Object(&[
            required("id", ValueType::Digits, "Meta's WABA id."),
            optional("name", ValueType::Text, "Its name."),
            optional("chakraStatus", ValueType::Text, "CONNECTED and others."),
        ])),
        r#"[{"id":"100200300400500","name":"Example Shop","chakraStatus":"CONNECTED"}]"#,
    )
    .rule(AnswerRule::FilterRows(&[row("/id", Kind::Waba)]))
    .confidence(Confidence::Observed)
    .notes(&["Chakra answers for the whole team; only the rows that belong to the caller remain."]),
];
