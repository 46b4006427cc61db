//! JSON bodies.

use std::io::ErrorKind;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{Method, header};
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use portico_core::body_memory::{BodyShare, NoRoom};
use portico_core::{Error as CoreError, Fault, RequestError};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::decode_error::pointer_to;
use super::json::Tree;
use crate::argument::Extract;

use crate::error::AppError;
use crate::problem::Problem;

/// The longest body, in bytes.
const LIMIT: usize = 1024 * 1024;

/// A JSON object of at most 1 MiB.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// No body, or an empty object.
#[derive(Debug)]
pub struct NoBody;

impl<T: DeserializeOwned + PartialSchema> Extract for Body<T> {
    async fn extract(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
        Self::within(LIMIT, request, payload).await
    }
}

impl<T: DeserializeOwned + PartialSchema> Body<T> {
    /// A JSON object of at most so many bytes: for calls that anybody may make.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooLarge`], [`RequestError::ContentType`], [`RequestError::Body`] for what is no JSON object,
    /// and [`CoreError::Invalid`] for fields.
    pub async fn within(limit: usize, request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
        let bytes = read(limit, request, payload).await?;
        if bytes.is_empty() {
            // A call that requires nothing may be made with nothing.
            let empty = if request.method() == Method::POST { parse(b"{}").ok() } else { None };
            let missing = || RequestError::Body("the body is empty; send a JSON object".into());
            return Ok(Self(empty.ok_or_else(missing)?));
        }
        Ok(Self(parse(&bytes)?))
    }
}

impl Extract for NoBody {
    async fn extract(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
        let bytes = read(LIMIT, request, payload).await?;
        if !bytes.is_empty() {
            parse::<Nothing>(&bytes)?;
        }
        Ok(Self)
    }
}

/// `{}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn read(limit: usize, request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, AppError> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
        return Err(RequestError::TooLarge(limit).into());
    }
    let kind = content_type(request)?;
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| broken_off(&error))?;
        if body.len() + piece.len() > limit {
            return Err(RequestError::TooLarge(limit).into());
        }
        if let Some(share) = request.extensions_mut().get_mut::<BodyShare>() {
            share.grow(piece.len()).map_err(|NoRoom| CoreError::TenantBusy)?;
        }
        body.extend_from_slice(&piece);
    }
    match kind {
        Kind::None if !body.is_empty() => Err(RequestError::ContentType("application/json").into()),
        Kind::None | Kind::Json => Ok(body.freeze()),
    }
}

/// Why a body ended before its end.
#[must_use]
pub fn broken_off(error: &PayloadError) -> RequestError {
    match error {
        PayloadError::Io(error) if error.kind() == ErrorKind::TimedOut => RequestError::TooSlow,
        _ => RequestError::Body("the body did not arrive whole".into()),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    None,
    Json,
}

fn content_type(request: &HttpRequest) -> Result<Kind, RequestError> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(RequestError::ContentType("application/json, without Content-Encoding"));
    }
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Ok(Kind::None) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let suffixed = essence.starts_with("application/") && essence.ends_with("+json");
    if essence == "application/json" || suffixed {
        Ok(Kind::Json)
    } else {
        Err(RequestError::ContentType("application/json"))
    }
}

/// How many wrong fields are told at the most.
const MOST_FAULTS: usize = 20;

/// The object as that type.
///
/// # Errors
///
/// [`RequestError::Body`] when the text is no JSON object or a key stands twice;
/// [`CoreError::Invalid`] for fields: all that are wrong or missing, the first in each.
fn parse<T: DeserializeOwned + PartialSchema>(bytes: &[u8]) -> Result<T, AppError> {
    let tree: Tree = serde_json::from_slice(bytes)
        .map_err(|error| RequestError::Body(format!("the body is malformed JSON: {error}")))?;
    if !matches!(tree, Tree::Object(_)) {
        return Err(RequestError::Body("the body must be a JSON object".into()).into());
    }
    decode(tree).map_err(|first| CoreError::Invalid(all_faults::<T>(bytes, first)).into())
}

fn decode<T: DeserializeOwned>(tree: Tree) -> Result<T, Fault> {
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().clone();
        error.into_inner().at(&path)
    })
}

/// What else is wrong beside the first fault, at which decoding stopped: each field is decoded by itself, where
/// no other can hide what is wrong with it, and those that the schema requires are looked for.
fn all_faults<T: DeserializeOwned + PartialSchema>(bytes: &[u8], first: Fault) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut missing = required::<T>();
    if let Ok(Tree::Object(fields)) = serde_json::from_slice(bytes) {
        for (name, value) in fields {
            missing.retain(|wanted| *wanted != name);
            let pointer = pointer_to(&name);
            let inside = |fault: &Fault| fault.pointer.strip_prefix(&pointer).is_some_and(is_end_or_step);
            let alone = decode::<T>(Tree::Object(vec![(name, value)]));
            faults.extend(alone.err().filter(inside));
        }
    }
    let detail = "is required";
    faults.extend(missing.iter().map(|name| Fault { pointer: pointer_to(name), detail: detail.to_owned() }));
    if !faults.contains(&first) {
        faults.insert(0, first);
    }
    faults.truncate(MOST_FAULTS);
    faults
}

/// Whether a pointer that goes on so is to the same field or into it.
fn is_end_or_step(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

fn required<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use portico_domain::{Metadata, Name};

    use super::*;
    use crate::extract::{Patch, given};

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: Name,
        #[serde(default)]
        #[schema(value_type = Option<Name>)]
        note: Patch<Name>,
        #[serde(default, deserialize_with = "given")]
        list: Option<Vec<Inner>>,
        metadata: Option<Metadata>,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        n: u8,
    }

    async fn sent(kind: Option<&str>, body: impl Into<Bytes>) -> Result<Sample, AppError> {
        let mut request = TestRequest::post().set_payload(body);
        if let Some(kind) = kind {
            request = request.insert_header((header::CONTENT_TYPE, kind));
        }
        let (request, mut payload) = request.to_http_parts();
        match Body::extract(&request, &mut payload).await {
            Ok(Body(sample)) => Ok(sample),
            Err(Problem::App(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn wrong(body: &'static str) -> (String, String) {
        match sent(Some("application/json"), body).await {
            Err(AppError::Core(CoreError::Invalid(mut faults))) => {
                let Fault { pointer, detail } = faults.remove(0);
                (pointer, detail)
            }
            Err(AppError::Request(RequestError::Body(text))) => (String::new(), text),
            other => panic!("{other:?}"),
        }
    }

    #[actix_web::test]
    async fn absent_null_and_given_are_told_apart() {
        let read = |body: &'static str| sent(Some("application/json; charset=utf-8"), body);
        assert_eq!(read(r#"{"name":"a"}"#).await.unwrap().note, Patch::Keep);
        assert_eq!(read(r#"{"name":"a","note":null}"#).await.unwrap().note, Patch::Clear);
        let sample = read(r#"{"name":"a","note":"b","list":[{"n":1}],"metadata":{"k":"v"}}"#).await.unwrap();
        assert_eq!((sample.name.as_str(), sample.note), ("a", Patch::Set("b".parse().unwrap())));
        assert_eq!((sample.list.map(|list| list[0].n), sample.metadata.is_some()), (Some(1), true));
        assert_eq!(wrong(r#"{"name":"a","list":null}"#).await.0, "/list");
    }

    #[actix_web::test]
    async fn a_wrong_field_is_pointed_at() {
        let of = |pointer: &str, detail: &str| (pointer.to_owned(), detail.to_owned());
        assert_eq!(wrong("{}").await, of("/name", "is required"));
        assert_eq!(wrong(r#"{"name":5}"#).await, of("/name", "must be a string, not a number"));
        assert_eq!(wrong(r#"{"name":""}"#).await, of("/name", "must be 1 to 100 characters long, but has 0"));
        assert_eq!(
            wrong(r#"{"name":"a","list":[{"n":1},{"n":300}]}"#).await,
            of("/list/1/n", "must be a whole number from 0 to 255")
        );
        assert_eq!(wrong(r#"{"name":"a","list":[{}]}"#).await, of("/list/0/n", "is required"));
        assert_eq!(wrong(r#"{"name":"a","list":[[1]]}"#).await, of("/list/0", "must be an object, not an array"));
        let (pointer, detail) = wrong(r#"{"name":"a","a/b":1}"#).await;
        assert_eq!(pointer, "/a~1b");
        assert!(detail.contains("is not known"), "{detail}");
        assert_eq!(wrong(r#"{"name":"a","metadata":{"":"x"}}"#).await.0, "/metadata");
    }

    #[actix_web::test]
    async fn all_wrong_fields_are_told_at_once() {
        let body = r#"{"nmae":"a","note":5,"list":[{"n":1},{"n":300}],"notes":"x","metadata":{"k":"v"}}"#;
        let Err(AppError::Core(CoreError::Invalid(faults))) = sent(Some("application/json"), body).await else {
            panic!("is taken");
        };
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/nmae", "/note", "/list/1/n", "/notes", "/name"]);
        let many: Vec<_> = (0..100).map(|n| format!("\"x{n}\":0")).collect();
        let body = format!("{{\"name\":\"a\",{}}}", many.join(","));
        let Err(AppError::Core(CoreError::Invalid(faults))) = sent(Some("application/json"), body).await else {
            panic!("is taken");
        };
        assert_eq!(faults.len(), MOST_FAULTS);
    }

    #[actix_web::test]
    async fn what_is_no_object_is_malformed() {
        for body in ["", "[]", "\"a\"", "{", "{\"name\":\"a\",}", "null", "{\"name\":\"a\"} x"] {
            assert!(
                matches!(sent(Some("application/json"), body).await, Err(AppError::Request(RequestError::Body(_)))),
                "{body}"
            );
        }
        assert!(wrong("{\"name\":\"a\",\n\"name\":\"b\"}").await.1.contains("\"name\" stands twice at line 2"));
        let deep = format!("{{\"name\":{}", "[".repeat(500));
        assert!(matches!(sent(Some("application/json"), deep).await, Err(AppError::Request(RequestError::Body(_)))));
        assert!(matches!(
            sent(Some("application/json"), &b"{\"name\":\"\xff\"}"[..]).await,
            Err(AppError::Request(RequestError::Body(_)))
        ));
    }

    #[actix_web::test]
    async fn only_json_is_taken() {
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json")] {
            assert!(matches!(sent(kind, "{}").await, Err(AppError::Request(RequestError::ContentType(_)))), "{kind:?}");
        }
        assert!(sent(Some("application/merge-patch+json"), r#"{"name":"a"}"#).await.is_ok());
        assert!(matches!(sent(None, "").await, Err(AppError::Request(RequestError::Body(_)))));
    }

    #[actix_web::test]
    async fn a_long_body_is_refused_before_and_while_it_is_read() {
        let long = "x".repeat(LIMIT + 1);
        assert!(matches!(
            sent(Some("application/json"), long).await,
            Err(AppError::Request(RequestError::TooLarge(LIMIT)))
        ));
        let request = TestRequest::post().insert_header((header::CONTENT_LENGTH, LIMIT + 1));
        let (request, mut payload) = request.to_http_parts();
        let refused = Body::<Sample>::extract(&request, &mut payload).await;
        assert!(matches!(refused, Err(Problem::App(AppError::Request(RequestError::TooLarge(_))))));
    }

    #[actix_web::test]
    async fn nothing_or_an_empty_object_is_no_body() {
        for (body, fits) in [("", true), ("{}", true), ("{\"a\":1}", false), ("[]", false)] {
            let request = TestRequest::post().insert_header((header::CONTENT_TYPE, "application/json"));
            let (request, mut payload) = request.set_payload(body).to_http_parts();
            assert_eq!(NoBody::extract(&request, &mut payload).await.is_ok(), fits, "{body}");
        }
    }
}
