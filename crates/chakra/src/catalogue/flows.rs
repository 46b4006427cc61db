//! Flows: the business public key.

use portico_domain::Permission;

use super::objects::{SUCCESS, SUCCESS_SAMPLE};
use crate::operation::{BodyKind, Confidence, Kind, Method, Operation, Owned, in_path};
use crate::schema::{ValueType, optional, required};

const GROUP: &str = "Flows";

const PATHS: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/whatsapp_business_encryption",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/whatsapp_business_encryption",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/whatsapp_business_encryption",
];

const OWNED: &[Owned] = &[in_path("pluginId", Kind::Plugin), in_path("whatsappPhoneNumberId", Kind::PhoneNumber)];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "set_business_public_key",
        Method::Post,
        PATHS,
        Permission::FlowsWrite,
        GROUP,
        "Set the business public key",
    )
    .owned(OWNED)
    .json(
        &[required("business_public_key", ValueType::Text, "2048-bit RSA public key in PEM.")],
        r#"{"business_public_key":"-----BEGIN PUBLIC KEY-----\nMIIB...\n-----END PUBLIC KEY-----"}"#,
    )
    .body_kind(BodyKind::JsonOrForm)
    .meta(SUCCESS, SUCCESS_SAMPLE)
    .repeatable()
    .confidence(Confidence::Inferred),
    Operation::new(
        "get_business_public_key",
        Method::Get,
        PATHS,
        Permission::FlowsRead,
        GROUP,
        "Get the business public key",
    )
    .owned(OWNED)
    .meta(
        ValueType::Object(&[
            optional(
                "data",
                ValueType::List(&ValueType::Object(&[
                    optional("business_public_key", ValueType::Text, "The key in PEM."),
                    optional("business_public_key_signature_status", ValueType::Text, "VALID or MISMATCH."),
                ])),
                "The key, by some Graph versions.",
            ),
            optional("business_public_key", ValueType::Text, "The key in PEM, by other Graph versions."),
            optional("business_public_key_signature_status", ValueType::Text, "VALID or MISMATCH."),
        ]),
        r#"{"data":[{"business_public_key":"-----BEGIN PUBLIC KEY-----\nMIIB...\n-----END PUBLIC KEY-----","business_public_key_signature_status":"VALID"}]}"#,
    )
    .confidence(Confidence::Inferred),
];
