//! Which headers cross, in either direction: those listed here and no other. Cookies, credentials, what belongs to the
//! connection or tells of the caller's network, and names by which an upstream could speak for Portico or steer what
//! stands in front of it stay behind. The page on calls has the same table for readers.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use portico_chakra::router::API_KEY_MARK;
use portico_chakra::{BodyKind, Envelope, Operation};
use portico_core::Error;

use crate::call::Headers;

/// Headers of a request that Chakra may see: what the caller takes, and on which condition.
static ONWARD: [(HeaderName, &str); 7] = [
    (header::ACCEPT, "Accept"),
    (header::ACCEPT_LANGUAGE, "Accept-Language"),
    (header::IF_MATCH, "If-Match"),
    (header::IF_NONE_MATCH, "If-None-Match"),
    (header::IF_MODIFIED_SINCE, "If-Modified-Since"),
    (header::IF_UNMODIFIED_SINCE, "If-Unmodified-Since"),
    (HeaderName::from_static("x-chakra-sdk"), "X-Chakra-Sdk"),
];

/// The same where the answer is a file. A part of a JSON answer could not be judged, so others are always asked for whole.
static ONWARD_FOR_FILES: [(HeaderName, &str); 2] = [(header::RANGE, "Range"), (header::IF_RANGE, "If-Range")];

/// Headers that say how a body is written, which go on with a body that streams.
static OF_A_BODY: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "Content-Type"),
    (header::CONTENT_ENCODING, "Content-Encoding"),
    (header::CONTENT_LANGUAGE, "Content-Language"),
];

/// Headers of an answer that the caller gets. `Content-Length` follows from the body, `Location` from a redirect that is
/// handed on.
static BACK: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::AGE,
    header::VARY,
    header::RETRY_AFTER,
];

/// Shorter ones are no credentials of Portico's, and stand in other texts by chance.
const SHORTEST_CREDENTIAL: usize = 16;

/// Whether the bytes hold an API key of Portico's, or what looks like the beginning of one.
pub(crate) fn holds_api_key(bytes: &[u8]) -> bool {
    bytes.windows(API_KEY_MARK.len()).any(|part| part == API_KEY_MARK.as_bytes())
}

/// Refuses headers that would go on to Chakra and cannot: before anything is done for the call.
///
/// # Errors
///
/// [`Error::Header`] for one that is malformed, or holds an API key or what the call was made with.
pub(crate) fn check(given: &dyn Headers) -> Result<(), Error> {
    let presented =
        given.get(header::AUTHORIZATION.as_str()).and_then(|value| value.rsplit(|byte| *byte == b' ').next());
    let presented = presented.filter(|token| token.len() >= SHORTEST_CREDENTIAL);
    let holds_it = |value: &[u8]| presented.is_some_and(|token| memchr::memmem::find(value, token).is_some());
    let judged = ONWARD.iter().chain(&ONWARD_FOR_FILES).chain(&OF_A_BODY);
    let request_id = (HeaderName::from_static("x-request-id"), "X-Request-Id");
    for (name, spelling) in judged.chain([&request_id]) {
        let Some(value) = given.get(name.as_str()) else { continue };
        if holds_api_key(value) {
            return Err(Error::Header(spelling, "holds an API key; send it in the Authorization header only".into()));
        }
        if holds_it(value) {
            return Err(Error::Header(
                spelling,
                "holds the credential; send it in the Authorization header only".into(),
            ));
        }
        if HeaderValue::from_bytes(value).is_err() {
            return Err(Error::Header(spelling, "is malformed".into()));
        }
    }
    Ok(())
}

/// Whether the body is written with an encoding, as `gzip`.
pub(crate) fn is_encoded(given: &dyn Headers) -> bool {
    given
        .get(header::CONTENT_ENCODING.as_str())
        .is_some_and(|value| !value.is_empty() && !value.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

fn is_json(given: &dyn Headers) -> bool {
    let kind = given.get(header::CONTENT_TYPE.as_str()).and_then(|value| value.split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}

/// The headers that go to Chakra.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn outgoing(
    operation: &Operation,
    given: &dyn Headers,
    streams: bool,
    request_id: &str,
) -> Result<HeaderMap, Error> {
    check(given)?;
    let mut headers = HeaderMap::with_capacity(6);
    let value = |name: &HeaderName| given.get(name.as_str()).and_then(|value| HeaderValue::from_bytes(value).ok());
    let for_files = ONWARD_FOR_FILES.iter().filter(|_| operation.envelope == Envelope::Binary);
    for (name, _) in ONWARD.iter().chain(for_files) {
        if let Some(value) = value(name) {
            headers.insert(name, value);
        }
    }
    // Without it any encoding would be as good to Chakra, and an answer that is looked into must be readable.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    match operation.body {
        BodyKind::None => {}
        // Chakra must read a JSON body as we did: a charset in the caller's header could change that.
        BodyKind::Json | BodyKind::JsonList => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        BodyKind::JsonOrForm | BodyKind::JsonOrMultipart if is_json(given) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        BodyKind::JsonOrForm | BodyKind::JsonOrMultipart | BodyKind::Multipart => {
            for (name, _) in OF_A_BODY.iter().filter(|(name, _)| streams || *name == header::CONTENT_TYPE) {
                if let Some(value) = value(name) {
                    headers.insert(name, value);
                }
            }
            if streams && let Some(value) = value(&header::CONTENT_LENGTH) {
                headers.insert(header::CONTENT_LENGTH, value);
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    Ok(headers)
}

/// The headers that the caller gets of Chakra's answer.
pub(crate) fn incoming(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let named = headers.get_all(header::CONNECTION);
    let named: Vec<&str> = named
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let crosses =
        |name: &HeaderName| BACK.contains(name) && !named.iter().any(|other| other.eq_ignore_ascii_case(name.as_str()));
    headers.iter().filter(|(name, _)| crosses(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Takes out what no longer fits an answer whose body was changed.
pub(crate) fn drop_changed(head: &mut Vec<(HeaderName, HeaderValue)>) {
    let of_the_body =
        [header::ETAG, header::LAST_MODIFIED, header::CONTENT_ENCODING, header::CONTENT_RANGE, header::ACCEPT_RANGES];
    head.retain(|(name, _)| !of_the_body.contains(name));
}
