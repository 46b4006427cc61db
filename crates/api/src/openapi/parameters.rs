//! Parameters of compatible calls: in the path, the query and the headers.

use portico_chakra::schema::Field;
use portico_chakra::{At, Effect, Kind, Operation};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Required, SchemaFormat, Type};

use super::shape;

/// The parameters of a path template, in its order.
pub(super) fn of_path(names: &[&'static str], operation: &Operation) -> Vec<Parameter> {
    names.iter().map(|name| path_parameter(name, operation)).collect()
}

fn path_parameter(name: &str, operation: &Operation) -> Parameter {
    let here = |at: At| matches!(at, At::Path(known) if known == name);
    let kind = operation.owned.iter().find(|owned| here(owned.at)).map(|owned| owned.kind);
    let text = ObjectBuilder::new().schema_type(Type::String);
    let digits =
        |example: &str| ObjectBuilder::new().schema_type(Type::String).pattern(Some(shape::DIGITS)).examples([example]);
    let (schema, what) = match (kind, name) {
        (Some(Kind::Plugin), _) => (
            text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                .examples(["11111111-2222-4333-8444-555555555555"]),
            "The plugin's id. It must belong to the caller.".to_owned(),
        ),
        (Some(Kind::Waba), _) => {
            (digits("100200300400500"), "Meta's id of the WABA. It must belong to the caller.".to_owned())
        }
        (Some(Kind::PhoneNumber), _) => (
            digits("200300400500600"),
            "Meta's id of the phone number, not the number itself. It must belong to the caller.".to_owned(),
        ),
        (Some(Kind::Learned(learned)), _) => {
            (text, format!("Names the {}. It must belong to the caller.", learned.as_str()))
        }
        (None, "phoneNumber") => {
            (digits("15550001111"), "The recipient: country code and digits, without + and separators.".to_owned())
        }
        (None, version) if version.ends_with("ApiVersion") => {
            (text.pattern(Some(r"^v\d{1,2}\.\d$")).examples(["v24.0"]), "The version of Meta's Graph API.".to_owned())
        }
        (None, "procedureShortId") => (text.examples(["lead"]), "The short id of the procedure.".to_owned()),
        (None, other) => (text, format!("`{other}` of Chakra's API.")),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(what))
        .schema(Some(schema))
        .build()
}

/// The query parameters.
pub(super) fn of_query(operation: &Operation) -> Vec<Parameter> {
    operation.query.iter().map(query_parameter).collect()
}

fn query_parameter(field: &Field) -> Parameter {
    ParameterBuilder::new()
        .name(field.name)
        .parameter_in(ParameterIn::Query)
        .required(if field.required { Required::True } else { Required::False })
        .description(Some(field.note))
        .schema(Some(RefOr::T(shape::schema(&field.ty, ""))))
        .build()
}

/// The headers that calls may carry, by component name.
pub(super) fn headers() -> [(&'static str, Parameter); 3] {
    let header = |name: &str, what: &str, example: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]);
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .description(Some(what))
            .schema(Some(schema))
            .build()
    };
    [
        (
            "RequestId",
            header("X-Request-Id", "Your own id of the request; it comes back in the answer.", "order-42-attempt-1"),
        ),
        (
            "Customer",
            header(
                "Portico-Customer",
                "The customer that the new plugin belongs to: a `cus_…` id or your own external id.",
                "customer-0001",
            ),
        ),
        (
            "Tenant",
            header(
                "Portico-Tenant",
                "The tenant to act on, with the operator's token. Any other credential may name its own tenant alone.",
                "ten_01h455vb4pex5vsknk084sn02q",
            ),
        ),
    ]
}

/// The component names of the headers that an operation takes.
pub(super) fn header_names(operation: &Operation) -> Vec<&'static str> {
    let customer = (operation.effect == Effect::CreatesPlugin).then_some("Customer");
    ["RequestId"].into_iter().chain(customer).collect()
}
