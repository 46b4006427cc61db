//! Request bodies of compatible calls, and the schemas behind bodies and answers.

use portico_chakra::schema::ValueType;
use portico_chakra::{BodyKind, Condition, Operation};
use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ArrayBuilder, Object};
use utoipa::openapi::{Content, ObjectBuilder, OneOfBuilder, Ref, RefOr, Required, Schema, Type};

use super::shape;

/// The body that the operations of a path take, if they take one.
pub(super) fn of(operations: &[&'static Operation]) -> Option<RequestBody> {
    let types: &[&str] = match operations[0].body {
        BodyKind::None => return None,
        BodyKind::Json | BodyKind::JsonList => &["application/json"],
        BodyKind::JsonOrMultipart => &["application/json", "multipart/form-data"],
        BodyKind::JsonOrForm => &["application/json", "application/x-www-form-urlencoded"],
        BodyKind::Multipart => &["multipart/form-data"],
    };
    let limit =
        if matches!(operations[0].body, BodyKind::Multipart | BodyKind::JsonOrMultipart) { "100 MiB" } else { "1 MiB" };
    let start = RequestBodyBuilder::new()
        .description(Some(format!("At most {limit}. Fields that are not listed here are forwarded untouched.")))
        .required(Some(if may_be_empty(operations) { Required::False } else { Required::True }));
    let body = types.iter().fold(start, |body, kind| body.content(*kind, content(operations)));
    Some(body.build())
}

/// Whether the call may be made without a body: where no field of a JSON object is required.
fn may_be_empty(operations: &[&'static Operation]) -> bool {
    operations[0].body == BodyKind::Json && operations[0].request.iter().all(|field| !field.required)
}

fn content(operations: &[&'static Operation]) -> Content {
    let examples = operations.iter().filter(|operation| !operation.request_sample.is_empty()).map(|operation| {
        let sample: Value = serde_json::from_str(operation.request_sample).expect("samples are JSON, as a test proves");
        (operation.id, ExampleBuilder::new().summary(operation.title).value(Some(sample)).build())
    });
    let content = ContentBuilder::new().examples_from_iter(examples);
    content.schema(Some(reference(body_name(operations[0])))).build()
}

fn reference(name: String) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// A reference to the schema of the answer: of `_data` in Chakra's envelope, else of the whole.
pub(super) fn answer_ref(operation: &Operation) -> RefOr<Schema> {
    reference(answer_name(operation))
}

/// The schemas of the request and answer of the operations of a path, by component name.
pub(super) fn schemas(operations: &[&'static Operation]) -> Vec<(String, Schema)> {
    let requests = operations.iter().filter(|operation| operation.body != BodyKind::None).map(|operation| {
        let siblings: Vec<Condition> = operations.iter().map(|sibling| sibling.when).collect();
        let object = request(operation, &siblings);
        let schema = match operation.body {
            BodyKind::JsonList => ArrayBuilder::new().items(object).build().into(),
            _ => object.into(),
        };
        (request_name(operation, operations), schema)
    });
    let union = (operations.len() > 1).then(|| {
        let members = operations.iter().map(|operation| reference(request_name(operation, operations)));
        let union = members.fold(OneOfBuilder::new(), OneOfBuilder::item);
        (body_name(operations[0]), union.description(Some("One of several; what is in it says which.")).build().into())
    });
    let answers = operations
        .iter()
        .map(|operation| (answer_name(operation), shape::schema(&operation.answer, answer_note(operation))));
    requests.chain(union).chain(answers).collect()
}

fn request(operation: &Operation, siblings: &[Condition]) -> Object {
    let mut object: Object = shape::fields(operation.request).description(Some(operation.title)).build();
    if operation.when != Condition::Always {
        return object;
    }
    // What another operation on this path claims for itself is not this one's.
    for when in siblings {
        let Condition::BodyIs(pointer, value) = when else { continue };
        let name = pointer.trim_start_matches('/');
        let pattern = format!("^(?!{value}$)");
        match object.properties.get_mut(name) {
            Some(RefOr::T(Schema::Object(property))) => property.pattern = Some(pattern),
            Some(_) => {}
            None => {
                let other = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
                object.properties.insert(name.to_owned(), other.into());
            }
        }
    }
    object
}

fn answer_note(operation: &Operation) -> &'static str {
    match operation.answer {
        ValueType::Any | ValueType::Object([]) => "Chakra's answer; its form is not documented.",
        _ => "",
    }
}

/// The name of what the path takes. Where that is a union, it has the name that generators would give to one
/// without a name, so that none of its members may have it.
fn body_name(operation: &Operation) -> String {
    format!("{}Request", camel(operation.id))
}

/// The name of what one of the operations of a path takes.
fn request_name(operation: &Operation, siblings: &[&'static Operation]) -> String {
    let id = match operation.also.first() {
        Some(other) if siblings.len() > 1 => other,
        _ => operation.id,
    };
    format!("{}Request", camel(id))
}

fn answer_name(operation: &Operation) -> String {
    format!("{}Answer", camel(operation.id))
}

fn camel(id: &str) -> String {
    id.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}
