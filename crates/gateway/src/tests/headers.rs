use http::header::{HeaderMap, HeaderName, HeaderValue};
use portico_chakra::operation;

use super::{Given, refusal};
use crate::headers::{incoming, outgoing};

/// The names of a call's headers on their way to Chakra, sorted.
fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
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
fn only_listed_headers_of_a_call_go_to_chakra() {
    let given = Given(&[
        ("accept", "application/json"),
        ("accept-language", "de"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"1\""),
        ("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("x-chakra-sdk", "1"),
        ("accept-encoding", "gzip"),
        ("cookie", "session=1"),
        ("user-agent", "curl"),
        ("host", "portico.example.com"),
        ("forwarded", "for=192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("portico-customer", "acme"),
        ("x-request-id", "forged"),
    ]);
    let headers = outgoing(operation("health"), &given, false, "req-1").expect("is well-formed");
    let expected =
        ["accept", "accept-language", "if-modified-since", "if-none-match", "range", "x-chakra-sdk", "x-request-id"];
    assert_eq!(names(&headers), expected);
    assert_eq!(headers["x-request-id"], "req-1");
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
    for id in ["health", "whatsapp_messages", "upload_public_media", "set_business_public_key"] {
        let headers = outgoing(operation(id), &secrets, true, "req-1").expect("is well-formed");
        let text = format!("{headers:?}");
        for secret in ["ptc_", "Basic", "ten_x", "session"] {
            assert!(!text.contains(secret), "{id}: {text}");
        }
    }
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
    let headers = outgoing(operation("health"), &given, false, "req-1").expect("is well-formed");
    assert_eq!(names(&headers), ["x-request-id"]);
}

#[test]
fn chakra_reads_a_json_body_as_portico_did() {
    let given = Given(&[("content-type", "application/json; charset=utf-16"), ("content-length", "2")]);
    let headers = outgoing(operation("whatsapp_messages"), &given, false, "req-1").expect("is well-formed");
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("content-length"), "the client writes the length that it sends");
}

#[test]
fn a_streamed_body_keeps_its_boundary_and_its_announced_length() {
    let given = Given(&[("content-type", "multipart/form-data; boundary=x"), ("content-length", "9")]);
    let upload = operation("upload_public_media");
    let headers = outgoing(upload, &given, true, "req-1").expect("is well-formed");
    assert_eq!(headers["content-type"], "multipart/form-data; boundary=x");
    assert_eq!(headers["content-length"], "9");
    let read = operation("health");
    assert_eq!(names(&outgoing(read, &given, false, "req-1").expect("is well-formed")), ["x-request-id"]);
}

#[test]
fn a_header_that_cannot_be_written_is_refused() {
    let given = Given(&[("accept", "a\nb")]);
    assert_eq!(refusal(outgoing(operation("health"), &given, false, "req-1")), (400, "header_malformed"));
}

#[test]
fn an_answer_keeps_its_own_headers() {
    let given = [("content-type", "image/png"), ("etag", "\"1\""), ("retry-after", "7"), ("x-meta", "1")];
    assert_eq!(answered(&given), ["content-type: image/png", "etag: \"1\"", "retry-after: 7", "x-meta: 1"]);
}

#[test]
fn cookies_and_what_an_upstream_could_say_in_porticos_name_stay_behind() {
    let given = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("set-cookie2", "c=3"),
        ("x-request-id", "theirs"),
        ("portico-operation", "forged"),
        ("server", "nginx"),
        ("date", "now"),
        ("strict-transport-security", "max-age=0"),
        ("www-authenticate", "Basic"),
        ("alt-svc", "h3=\":443\""),
        ("content-length", "5"),
    ];
    assert_eq!(answered(&given), [""; 0]);
}

#[test]
fn hop_by_hop_headers_of_an_answer_stay_behind_also_when_connection_names_them() {
    let given = [
        ("connection", "close, X-Hop"),
        ("connection", "x-other"),
        ("x-hop", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("x-kept", "3"),
    ];
    assert_eq!(answered(&given), ["x-kept: 3"]);
}
