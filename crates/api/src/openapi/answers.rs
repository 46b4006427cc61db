//! What compatible calls can answer.

use portico_chakra::schema::ValueType;
use portico_chakra::{AnswerRule, At, BodyKind, Confidence, Effect, Envelope, Kind, Operation, Owned};
use portico_core::code::{self, CODES, Code};
use portico_domain::Permission;
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    AllOfBuilder, ArrayBuilder, Content, Header, HeaderBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Response,
    Schema, Type,
};

use super::bodies;
use super::shape;

const JSON: &str = "application/json";

/// An invented request id.
const REQUEST_ID: &str = "req_0190163d8694739b8a1f8b3b8a5d2f11";

/// The answers of one operation on a path, by status.
pub(super) fn all(operations: &[&'static Operation]) -> Vec<(String, Response)> {
    let mut all = vec![("200".to_owned(), success(operations))];
    if operations[0].envelope == Envelope::Binary {
        let mut part = success(operations);
        "The part that `Range` asks for.".clone_into(&mut part.description);
        all.push(("206".to_owned(), part));
        let elsewhere = "The bytes are on another host: follow `Location` without your key.";
        all.push(("302".to_owned(), with_headers(ResponseBuilder::new()).description(elsewhere).build()));
    }
    for status in [400, 401, 403, 404, 409, 413, 415, 429, 500, 502, 503, 504] {
        let codes = codes_of(operations, status);
        if !codes.is_empty() || status == 429 {
            all.push((status.to_string(), failure(operations[0], status, &codes)));
        }
    }
    all
}

fn success(operations: &[&'static Operation]) -> Response {
    let first = operations[0];
    let response = with_headers(ResponseBuilder::new());
    if first.envelope == Envelope::Binary {
        let bytes = Content::new(Some(shape::schema(&ValueType::File, "")));
        return response.description("The bytes, with their own content type.").content("*/*", bytes).build();
    }
    let description = match first.envelope {
        Envelope::Chakra => "Chakra's answer. Filled `_errors` mean that it failed all the same.",
        _ => "Meta's own answer.",
    };
    response.description(description).content(JSON, success_content(operations)).build()
}

fn success_content(operations: &[&'static Operation]) -> Content {
    let schemas: Vec<RefOr<Schema>> = told_apart(operations).into_iter().map(success_schema).collect();
    let examples = operations.iter().map(|operation| {
        let example = ExampleBuilder::new().summary(operation.title).value(Some(success_example(operation)));
        (operation.id, example.build())
    });
    let content = ContentBuilder::new().examples_from_iter(examples);
    match <[_; 1]>::try_from(schemas) {
        Ok([one]) => content.schema(Some(one)).build(),
        // The answers of several operations on one path may look alike, so that more than one fits.
        Err(several) => content
            .schema(Some(RefOr::T(Schema::AnyOf(utoipa::openapi::schema::AnyOf {
                items: several,
                ..Default::default()
            }))))
            .build(),
    }
}

/// The operations whose answers the schema must tell apart. One that answers no more than the first, or nothing
/// that is known, adds nothing: every field may be missing.
fn told_apart(operations: &[&'static Operation]) -> Vec<&'static Operation> {
    let first = operations[0];
    let adds = |operation: &Operation| operation.answer != first.answer && operation.answer != ValueType::Object(&[]);
    let others = operations[1..].iter().copied().filter(|operation| adds(operation));
    std::iter::once(first).chain(others).collect()
}

fn success_schema(operation: &'static Operation) -> RefOr<Schema> {
    let data = bodies::answer_ref(operation);
    if operation.envelope == Envelope::MetaRaw {
        return data;
    }
    let data = ObjectBuilder::new().property("_data", data).required("_data");
    let envelope = Ref::from_schema_name("ChakraEnvelope");
    RefOr::T(AllOfBuilder::new().item(RefOr::<Schema>::Ref(envelope)).item(data).into())
}

fn success_example(operation: &Operation) -> Value {
    let answer: Value = serde_json::from_str(operation.answer_sample).expect("samples are JSON, as a test proves");
    match operation.envelope {
        Envelope::Chakra => json!({"_data": answer, "_meta": {}, "_errors": []}),
        Envelope::MetaRaw | Envelope::Binary => answer,
    }
}

fn failure(operation: &Operation, status: u16, codes: &[&'static Code]) -> Response {
    let mut content = ContentBuilder::new().examples_from_iter(
        codes.iter().map(|code| (code.code, RefOr::<Example>::Ref(Ref::new(example_ref(code.code))))),
    );
    if let Some(name) = upstream_example(operation, status) {
        content = content.examples_from_iter([(name, RefOr::<Example>::Ref(Ref::new(example_ref(name))))]);
    }
    let meta = operation.envelope == Envelope::MetaRaw && !matches!(status, 409 | 413 | 415 | 503);
    let schema = Ref::from_schema_name(if meta { "ChakraOrMetaError" } else { "ChakraError" });
    let mut response = with_headers(ResponseBuilder::new())
        .description(describe(status, codes))
        .content(JSON, content.schema(Some(RefOr::<Schema>::Ref(schema))).build());
    if status == 401 {
        response = response.header_ref("WWW-Authenticate", Ref::new("#/components/headers/WwwAuthenticate"));
    }
    if matches!(status, 429 | 503) {
        response = response.header_ref("Retry-After", Ref::new("#/components/headers/RetryAfter"));
    }
    response.build()
}

/// An answer of Chakra itself with that status.
fn upstream_example(operation: &Operation, status: u16) -> Option<&'static str> {
    match (status, operation.envelope) {
        (400, Envelope::MetaRaw) => Some("meta_rejection"),
        (400, _) if operation.body != BodyKind::None => Some("chakra_rejection"),
        (429, _) => Some("chakra_too_many"),
        _ => None,
    }
}

/// What a status means, with its codes.
pub(super) fn describe(status: u16, codes: &[&'static Code]) -> String {
    let what = match status {
        400 => "The request is malformed, or Chakra or Meta rejects it.",
        401 => "The credential is missing, unknown or expired.",
        403 => "The caller may not.",
        404 => "An id does not exist, or not for this caller.",
        409 => "It contradicts what is there, or needs something that is not.",
        412 => "It changed since it was read.",
        413 => "The body is too long.",
        415 => "The content type is not one that the operation takes.",
        422 => "A field is wrong.",
        428 => "`If-Match` is missing.",
        429 => "A limit of Portico is reached, as the code says; or Chakra's own, whose answer passes unchanged.",
        500 => "Portico failed.",
        502 => "Chakra refuses the stored key, cannot be reached, refuses, or answers what cannot be read.",
        503 => "Portico's database cannot be reached.",
        504 => "Chakra did not answer in time.",
        _ => "It did not work.",
    };
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.code)).collect();
    if names.is_empty() { what.to_owned() } else { format!("{what} Codes: {}.", names.join(", ")) }
}

/// The codes with which the operations can answer that status.
fn codes_of(operations: &[&'static Operation], status: u16) -> Vec<&'static Code> {
    let can = |code: &&Code| operations.iter().any(|operation| occurs(operation, **code));
    CODES.iter().filter(|code| code.status == status && code.surface.is_compatible()).filter(can).collect()
}

fn occurs(operation: &Operation, code: Code) -> bool {
    let owns = |wanted: fn(Kind) -> bool| operation.owned.iter().any(|owned| wanted(owned.kind));
    let kinds =
        [owns(|kind| kind == Kind::Plugin), owns(|kind| kind == Kind::Waba), owns(|kind| kind == Kind::PhoneNumber)];
    let json = !matches!(operation.body, BodyKind::None | BodyKind::Multipart);
    match code {
        code::NOT_FOUND | code::METHOD_NOT_ALLOWED | code::TENANT_REQUIRED => false,
        code::PLUGIN_NOT_FOUND => kinds[0],
        code::WABA_NOT_FOUND => kinds[1],
        code::PHONE_NUMBER_NOT_FOUND | code::PHONE_NUMBER_INACTIVE => kinds[2],
        code::RESOURCE_NOT_FOUND => owns(|kind| matches!(kind, Kind::Learned(_))),
        // A second plugin beside that of the path, or of the number or account.
        code::IDS_DO_NOT_MATCH => {
            let hard = operation.owned.iter().filter(|owned| !matches!(owned.kind, Kind::Learned(_)));
            let beside = |owned: &Owned| owned.kind == Kind::Plugin && !matches!(owned.at, At::Path(_));
            hard.count() > 1 && operation.owned.iter().any(beside)
        }
        code::PATH_NOT_ALLOWED => operation.paths.iter().any(|path| path.contains('{')),
        code::BODY_MALFORMED => json || operation.body == BodyKind::Multipart,
        code::BODY_TOO_LARGE | code::CONTENT_TYPE_UNSUPPORTED => operation.body != BodyKind::None,
        code::PERMISSION_DENIED => operation.permission.is_some(),
        code::KEY_LIMITED => {
            let makes_customers = matches!(operation.effect, Effect::CreatesPlugin | Effect::BeginsConnect);
            makes_customers || operation.permission.is_some_and(Permission::is_team_wide)
        }
        code::TEAM_WIDE_REFUSED => operation.team_wide,
        code::UPSTREAM_REJECTED => operation.effect == Effect::BeginsConnect,
        code::UPSTREAM_GARBLED => operation.rule != AnswerRule::Pass || operation.effect != Effect::None,
        _ => true,
    }
}

fn with_headers(response: ResponseBuilder) -> ResponseBuilder {
    response
        .header_ref("X-Request-Id", Ref::new("#/components/headers/RequestId"))
        .header_ref("Portico-Operation", Ref::new("#/components/headers/Operation"))
        .header_ref("RateLimit", Ref::new("#/components/headers/RateLimit"))
        .header_ref("RateLimit-Policy", Ref::new("#/components/headers/RateLimitPolicy"))
}

fn example_ref(name: &str) -> String {
    format!("#/components/examples/{name}")
}

/// The headers that answers carry.
pub(super) fn headers() -> Vec<(&'static str, Header)> {
    let text = |what: &str, example: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([example]);
        HeaderBuilder::new().schema(Some(schema)).description(Some(what)).build()
    };
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).examples([1]);
    vec![
        ("RequestId", text("The id of the request: the caller's own, or one that Portico made.", REQUEST_ID)),
        ("Operation", text("The operation that the call was taken for.", "whatsapp_messages")),
        (
            "RateLimit",
            text(
                "For a key with a rate limit: how many calls are left, and in how many seconds all are there again.",
                "\"api_key\";r=4;t=1",
            ),
        ),
        (
            "RateLimitPolicy",
            text("For a key with a rate limit: how many calls in how many seconds.", "\"api_key\";q=5;w=1"),
        ),
        ("WwwAuthenticate", text("How to authenticate.", "Bearer")),
        ("ETag", text("The version of what was read; for `If-Match`.", "\"3\"")),
        (
            "RetryAfter",
            HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait before a repeat.")).build(),
        ),
    ]
}

/// The envelope and the errors that answers refer to.
pub(super) fn schemas() -> Vec<(&'static str, Schema)> {
    let texts = || ArrayBuilder::new().items(RefOr::T(Schema::from(ObjectBuilder::new().schema_type(Type::String))));
    let text = |what: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(what));
    let anything = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    let envelope = ObjectBuilder::new()
        .description(Some("The shape around Chakra's answers."))
        .property("_data", anything().description(Some("The answer itself.")))
        .property(
            "_meta",
            ObjectBuilder::new().schema_type(Type::Object).description(Some("Paging, counts; may be absent.")),
        )
        .property(
            "_errors",
            texts().description(Some("Empty or absent on success. Filled ones mean failure, whatever the status.")),
        );
    let error_meta = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Filled when Portico speaks; Chakra's own errors carry neither `source` nor `code`."))
        .property("requestId", text("The same as the header `X-Request-Id`."))
        .property("source", text("`portico`: the error is Portico's, not Chakra's."))
        .property("code", text("The stable code: see [all codes](/docs/problems)."));
    let error = ObjectBuilder::new()
        .description(Some("An error in Chakra's envelope, of Portico or of Chakra itself."))
        .property("_data", ArrayBuilder::new().items(RefOr::T(anything().into())).description(Some("Empty.")))
        .property("_meta", error_meta)
        .property("_errors", texts().description(Some("What is wrong, for people.")))
        .required("_errors");
    let meta = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("message", text("What is wrong."))
        .property("type", text("For example `OAuthException`."))
        .property("code", ObjectBuilder::new().schema_type(Type::Integer).description(Some("Meta's code.")))
        .property("error_subcode", ObjectBuilder::new().schema_type(Type::Integer))
        .property("error_data", ObjectBuilder::new().schema_type(Type::Object))
        .property("fbtrace_id", text("Meta's own request id."))
        .required("message");
    let meta = ObjectBuilder::new()
        .description(Some("An error in Meta's own form, passed unchanged."))
        .property("error", meta)
        .required("error");
    // One schema with a name: generators name an alternative inside an answer each time anew.
    let either = OneOfBuilder::new()
        .description(Some("An error in Chakra's envelope or in Meta's own form."))
        .item(RefOr::<Schema>::Ref(Ref::from_schema_name("ChakraError")))
        .item(RefOr::<Schema>::Ref(Ref::from_schema_name("MetaError")));
    vec![
        ("ChakraEnvelope", envelope.into()),
        ("ChakraError", error.into()),
        ("ChakraOrMetaError", either.into()),
        ("MetaError", meta.into()),
    ]
}

/// An example of every error that compatible calls answer.
pub(super) fn examples() -> Vec<(String, Example)> {
    let own = CODES.iter().filter(|code| code.surface.is_compatible()).map(|code| {
        let body = json!({
            "_data": [],
            "_meta": {"requestId": REQUEST_ID, "source": "portico", "code": code.code},
            "_errors": [format!("{} {}", code.meaning, code.fix)],
        });
        (code.code, code.meaning, body)
    });
    let chakra = |text: &str| json!({"_data": [], "_meta": {}, "_errors": [text]});
    let meta = json!({"error": {"message": "(#100) Invalid parameter", "type": "OAuthException", "code": 100,
        "fbtrace_id": "AEXAMPLE0000000000000"}});
    let passed = [
        (
            "chakra_rejection",
            "Meta's rejection, as Chakra passes it.",
            chakra("(#131009) Parameter value is not valid"),
        ),
        ("chakra_too_many", "Chakra's own limit.", chakra("Too many requests")),
        ("meta_rejection", "Meta's rejection, in Meta's form.", meta),
    ];
    own.chain(passed)
        .map(|(name, what, body)| (name.to_owned(), ExampleBuilder::new().summary(what).value(Some(body)).build()))
        .collect()
}

/// How a confidence reads.
pub(super) const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Documented => "on Chakra's own pages",
        Confidence::Observed => "seen in code that calls the live API",
        Confidence::Inferred => "by analogy, it may turn out different",
    }
}

/// An example of a problem with that code.
pub(super) fn problem(code: &Code) -> Example {
    let body = json!({
        "type": format!("/docs/problems#{}", code.code),
        "title": code.title(),
        "status": code.status,
        "detail": format!("{} {}", code.meaning, code.fix),
        "code": code.code,
        "request_id": REQUEST_ID,
    });
    ExampleBuilder::new().summary(code.meaning).value(Some(body)).build()
}
