use http::header::{HeaderMap, HeaderName, HeaderValue};
use portico_chakra::operation;

use super::{Given, refusal};
use crate::headers::{check, drop_changed, incoming, outgoing};

/// Answers JSON, and takes no body.
const READ: &str = "health";
/// Answers a file.
const FILE: &str = "show_media";
/// Takes a JSON body.
const SEND: &str = "whatsapp_messages";
/// Takes a multipart body, which streams.
const UPLOAD: &str = "upload_public_media";

/// The names of a call's headers on their way to Chakra, sorted.
fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn to_chakra(id: &str, given: &Given<'_>) -> HeaderMap {
    outgoing(operation(id), given, id == UPLOAD, "req-1").expect("is well-formed")
}

/// What Chakra's headers look like to the caller, in their order.
fn answered(given: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let text = |(name, value): &(HeaderName, HeaderValue)| format!("{name}: {}", value.to_str().expect("is text"));
    incoming(&headers).iter().map(text).collect()
}

#[test]
fn what_a_call_was_made_with_goes_on_in_no_other_header() {
    let token = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl";
    let bearer = format!("Bearer {token}");
    for name in ["accept", "accept-language", "if-none-match", "x-chakra-sdk", "x-request-id", "range", "content-type"]
    {
        let value = format!("a/{token};b");
        let given = [("authorization", bearer.as_str()), (name, value.as_str())];
        assert_eq!(refusal(check(&Given(&given))), (400, "header_malformed"), "{name}");
        let given = [("authorization", "Bearer x"), (name, value.as_str())];
        check(&Given(&given)).expect("is nobody's");
    }
}

/// The table of headers that say what is asked for and how a body is written: which of the four kinds of call they go on
/// with, as they came unless another value stands there.
#[test]
fn each_header_of_a_call_goes_on_with_the_calls_that_it_belongs_to() {
    let all = &[READ, FILE, SEND, UPLOAD][..];
    for (name, given, goes_on, written) in [
        ("accept", "application/json", all, "application/json"),
        ("accept-language", "de", all, "de"),
        ("x-chakra-sdk", "1", all, "1"),
        ("if-match", "\"1\"", all, "\"1\""),
        ("if-none-match", "\"1\"", all, "\"1\""),
        ("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT", all, "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("if-unmodified-since", "Thu, 01 Jan 2026 00:00:00 GMT", all, "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("range", "bytes=0-1", &[FILE], "bytes=0-1"),
        ("if-range", "\"1\"", &[FILE], "\"1\""),
        ("accept-encoding", "gzip", all, "identity"),
        ("accept-charset", "utf-16", &[], ""),
        ("content-type", "multipart/form-data; boundary=x", &[UPLOAD], "multipart/form-data; boundary=x"),
        ("content-encoding", "gzip", &[UPLOAD], "gzip"),
        ("content-language", "de", &[UPLOAD], "de"),
        ("content-length", "9", &[UPLOAD], "9"),
        ("content-range", "bytes 0-1/2", &[], ""),
        ("content-location", "/x", &[], ""),
        ("digest", "x", &[], ""),
        ("cookie", "session=1", &[], ""),
        ("user-agent", "curl", &[], ""),
        ("host", "portico.example.com", &[], ""),
        ("origin", "https://example.com", &[], ""),
        ("referer", "https://example.com", &[], ""),
        ("forwarded", "for=192.0.2.1", &[], ""),
        ("x-forwarded-for", "192.0.2.1", &[], ""),
        ("x-http-method-override", "DELETE", &[], ""),
        ("portico-customer", "acme", &[], ""),
        ("te", "trailers", &[], ""),
        ("expect", "100-continue", &[], ""),
        ("upgrade", "h2c", &[], ""),
        ("x-request-id", "forged", all, "req-1"),
    ] {
        let headers = [(name, given)];
        for id in all {
            let goes = goes_on.contains(id);
            let headers = to_chakra(id, &Given(&headers));
            let value = headers.get(name).filter(|value| goes || *value != "application/json");
            assert_eq!(value.map(HeaderValue::as_bytes), goes.then_some(written.as_bytes()), "{name} with {id}");
        }
    }
}

#[test]
fn no_credential_of_the_caller_goes_to_chakra() {
    let secrets = Given(&[
        ("authorization", "Bearer ptc_live_x"),
        ("proxy-authorization", "Basic x"),
        ("portico-tenant", "ten_x"),
        ("cookie", "session=1"),
        ("x-api-key", "ptc_live_x"),
    ]);
    for id in [READ, SEND, UPLOAD, "set_business_public_key"] {
        let text = format!("{:?}", to_chakra(id, &secrets));
        for secret in ["ptc_", "Basic", "ten_x", "session"] {
            assert!(!text.contains(secret), "{id}: {text}");
        }
    }
}

#[test]
fn an_api_key_in_any_header_that_could_go_on_is_refused() {
    for name in [
        "accept",
        "accept-language",
        "x-chakra-sdk",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "range",
        "if-range",
        "content-type",
        "content-encoding",
        "content-language",
        "x-request-id",
    ] {
        for value in ["ptc_live_x", "a, Bearer ptc_live_x", "text/plain; key=ptc_"] {
            let given = [(name, value)];
            let error = check(&Given(&given)).expect_err("is refused").to_string();
            assert!(!error.contains("ptc_") && error.contains("Authorization"), "{error}");
            assert_eq!(refusal(check(&Given(&given))), (400, "header_malformed"), "{name}: {value}");
        }
    }
    check(&Given(&[("authorization", "Bearer ptc_live_x"), ("accept", "a/ptc")])).expect("stay behind, and is none");
}

#[test]
fn hop_by_hop_headers_of_a_call_stay_behind_also_when_connection_names_them() {
    let given = Given(&[
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
    ]);
    assert_eq!(names(&to_chakra(READ, &given)), ["accept-encoding", "x-request-id"]);
}

#[test]
fn chakra_reads_a_json_body_as_portico_did() {
    let given = Given(&[("content-type", "application/json; charset=utf-16"), ("content-length", "2")]);
    for id in [SEND, "set_business_public_key", "update_group_settings"] {
        let headers = to_chakra(id, &given);
        assert_eq!(headers["content-type"], "application/json", "{id}");
        assert!(!headers.contains_key("content-length"), "the client writes the length that it sends");
    }
}

#[test]
fn a_header_that_cannot_be_written_is_refused() {
    let given = Given(&[("accept", "a\nb")]);
    assert_eq!(refusal(outgoing(operation(READ), &given, false, "req-1")), (400, "header_malformed"));
}

#[test]
fn only_listed_headers_of_an_answer_come_back() {
    let kept = [
        ("content-type", "image/png"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-disposition", "attachment"),
        ("content-range", "bytes 0-1/2"),
        ("accept-ranges", "bytes"),
        ("etag", "\"1\""),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("cache-control", "private"),
        ("expires", "0"),
        ("age", "1"),
        ("vary", "accept"),
        ("retry-after", "7"),
    ];
    let expected: Vec<String> = kept.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(answered(&kept), expected);
    for name in [
        "set-cookie",
        "set-cookie2",
        "x-accel-redirect",
        "x-accel-buffering",
        "x-sendfile",
        "x-lighttpd-send-file",
        "refresh",
        "clear-site-data",
        "content-security-policy",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "location",
        "link",
        "authorization",
        "x-request-id",
        "portico-operation",
        "ratelimit",
        "x-business-use-case-usage",
        "server",
        "date",
        "strict-transport-security",
        "www-authenticate",
        "alt-svc",
        "content-length",
        "x-meta",
    ] {
        assert_eq!(answered(&[(name, "1")]), [""; 0], "{name}");
    }
}

#[test]
fn hop_by_hop_headers_of_an_answer_stay_behind_also_when_connection_names_them() {
    let given = [
        ("connection", "close, ETag"),
        ("connection", "age"),
        ("etag", "1"),
        ("age", "2"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("vary", "3"),
    ];
    assert_eq!(answered(&given), ["vary: 3"]);
}

#[test]
fn what_describes_the_bytes_that_came_does_not_describe_others() {
    let given = ["content-type", "etag", "last-modified", "content-encoding", "content-range", "accept-ranges", "vary"];
    let mut head: Vec<_> =
        given.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1"))).into_iter().collect();
    drop_changed(&mut head);
    let left: Vec<_> = head.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, ["content-type", "vary"]);
}
