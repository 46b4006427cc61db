use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use portico_chakra::{Matched, Method, UpstreamError, operation, router};

use super::{Given, JSON, refusal};
use crate::body::{Received, fits, pump, receive, while_pumping};
use crate::call::BodyFailure;

const MIB: usize = 1024 * 1024;
const MALFORMED: (u16, &str) = (400, "body_malformed");
const TOO_LARGE: (u16, &str) = (413, "body_too_large");
const UNSUPPORTED: (u16, &str) = (415, "content_type_unsupported");

const PLUGIN: &str = "11111111-2222-4333-8444-555555555555";
const FORM: Given<'static> = Given(&[("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")]);
const MULTIPART: Given<'static> = Given(&[("content-type", "Multipart/Form-Data; boundary=x")]);

fn matched(method: Method, path: &str) -> Matched<'static, '_> {
    router().find(Some(method), path).expect("is in the catalogue")
}

/// The body as the operation of that call takes it, from these pieces.
async fn received(
    method: Method,
    path: &str,
    headers: Given<'_>,
    pieces: &[Result<&'static [u8], BodyFailure>],
) -> Result<Received, crate::Error> {
    let matched = matched(method, path);
    let pieces: Vec<_> = pieces.iter().map(|piece| piece.map(Bytes::from_static)).collect();
    receive(matched.route.default_operation(), &matched, &headers, &mut stream::iter(pieces)).await
}

/// The same for an operation with a JSON body.
async fn json(pieces: &[Result<&'static [u8], BodyFailure>]) -> Result<Received, crate::Error> {
    received(Method::Put, &format!("/plugin/{PLUGIN}"), JSON, pieces).await
}

/// A body that must not be read.
fn untouchable() -> impl futures_util::Stream<Item = Result<Bytes, BodyFailure>> + Unpin {
    stream::poll_fn(|_| panic!("the body is read"))
}

#[test]
fn each_kind_of_body_takes_its_content_types_and_no_other() {
    let types = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""];
    for (id, taken) in [
        ("health", &types[..]),
        ("whatsapp_messages", &types[..1]),
        ("bulk_create_processes", &types[..1]),
        ("set_business_public_key", &types[..2]),
        ("update_group_settings", &["application/json", "multipart/form-data"]),
        ("upload_public_media", &types[2..3]),
    ] {
        for given in types {
            for spelling in [given.to_owned(), given.to_uppercase(), format!(" {given} ; charset=utf-8")] {
                let headers = [("content-type", spelling.as_str())];
                let fitting = fits(operation(id), &Given(&headers), None);
                if taken.contains(&given) {
                    fitting.expect("is taken");
                } else {
                    assert_eq!(refusal(fitting), UNSUPPORTED, "{id} with {spelling:?}");
                }
            }
        }
    }
    assert_eq!(refusal(fits(operation("whatsapp_messages"), &Given(&[]), None)), UNSUPPORTED);
    fits(operation("health"), &Given(&[]), None).expect("has no body");
}

#[test]
fn a_compressed_body_is_taken_only_where_it_streams() {
    for (id, content_type, taken) in [
        ("whatsapp_messages", "application/json", false),
        ("set_business_public_key", "application/x-www-form-urlencoded", false),
        ("update_group_settings", "application/json", false),
        ("update_group_settings", "multipart/form-data; boundary=x", true),
        ("upload_public_media", "multipart/form-data; boundary=x", true),
    ] {
        for (encoding, encoded) in
            [("gzip", true), ("br, gzip", true), ("identity", false), (" Identity ", false), ("", false)]
        {
            let headers = [("content-type", content_type), ("content-encoding", encoding)];
            let fitting = fits(operation(id), &Given(&headers), None);
            if taken || !encoded {
                fitting.expect("is taken");
            } else {
                assert_eq!(refusal(fitting), UNSUPPORTED, "{id} with {encoding}");
            }
        }
    }
}

#[test]
fn a_body_that_is_announced_as_too_long_is_refused_before_it_is_read() {
    for (id, headers, limit) in [
        ("whatsapp_messages", JSON, MIB),
        ("set_business_public_key", FORM, MIB),
        ("upload_public_media", MULTIPART, 100 * MIB),
        ("update_group_settings", MULTIPART, 100 * MIB),
    ] {
        fits(operation(id), &headers, Some(limit as u64)).expect("is just within the limit");
        assert_eq!(refusal(fits(operation(id), &headers, Some(limit as u64 + 1))), TOO_LARGE, "{id}");
        // Length comes before type.
        assert_eq!(refusal(fits(operation(id), &Given(&[]), Some(u64::MAX))), TOO_LARGE, "{id}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_asked_for_is_not_read() {
    let matched = matched(Method::Get, "/v1/health");
    let read = receive(matched.route.default_operation(), &matched, &JSON, &mut untouchable()).await;
    assert!(matches!(read, Ok(Received::Nothing)), "{read:?}");
}

#[tokio::test]
async fn media_is_left_to_be_streamed() {
    let upload = format!("/v1/ext/plugin/whatsapp/{PLUGIN}/upload-public-media");
    for path in [upload.as_str(), "/v1/whatsapp/v24.0/Y2FwaV9ncm91cDox"] {
        let matched = matched(Method::Post, path);
        let read = receive(matched.route.default_operation(), &matched, &MULTIPART, &mut untouchable()).await;
        assert!(matches!(read, Ok(Received::Stream)), "{path}: {read:?}");
    }
    let read = received(Method::Post, "/v1/whatsapp/v24.0/Y2FwaV9ncm91cDox", JSON, &[Ok(b"{}")]).await;
    assert!(matches!(read, Ok(Received::Json { .. })), "{read:?}");
}

#[tokio::test]
async fn a_form_is_taken_whole_and_an_empty_one_too() {
    let path = format!("/v1/ext/plugin/whatsapp/{PLUGIN}/api/v24.0/200/whatsapp_business_encryption");
    let Ok(Received::Form(bytes)) = received(Method::Post, &path, FORM, &[Ok(b"a="), Ok(b"1&b=2")]).await else {
        panic!("is a form")
    };
    assert_eq!(bytes, "a=1&b=2");
    assert!(matches!(received(Method::Post, &path, FORM, &[]).await, Ok(Received::Form(bytes)) if bytes.is_empty()));
    let long: &'static [u8] = Box::leak(vec![b'a'; MIB + 1].into_boxed_slice());
    assert_eq!(refusal(received(Method::Post, &path, FORM, &[Ok(long)]).await), TOO_LARGE);
}

#[tokio::test]
async fn json_is_taken_from_any_pieces_and_its_watched_fields_are_read() {
    let Ok(read) = json(&[Ok(b"{\"pluginId\":"), Ok(b""), Ok(b"\"x\",\"na"), Ok(b"me\":\"n\"}")]).await else {
        panic!("is JSON")
    };
    assert_eq!(read.text("pluginId"), Some("x"));
    assert_eq!(read.tree().expect("is JSON"), serde_json::json!({"pluginId": "x", "name": "n"}));
}

#[tokio::test]
async fn json_that_is_empty_broken_or_ambiguous_is_refused() {
    for body in [
        &b""[..],
        b"{",
        b"nonsense",
        b"[]",
        b"\"text\"",
        b"{} {}",
        b"{\"pluginId\":\"a\",\"pluginId\":\"b\"}",
        b"{\"pluginId\":\"a\",\"plugin\\u0049d\":\"b\"}",
        b"{\"name\":\"\xff\"}",
    ] {
        assert_eq!(refusal(json(&[Ok(body)]).await), MALFORMED, "{}", body.escape_ascii());
    }
    assert_eq!(refusal(json(&[]).await), MALFORMED);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_also_when_what_came_is_json() {
    assert_eq!(refusal(json(&[Err(BodyFailure)]).await), MALFORMED);
    assert_eq!(refusal(json(&[Ok(b"{}"), Err(BodyFailure)]).await), MALFORMED);
}

#[tokio::test]
async fn json_may_have_a_mebibyte_and_not_a_byte_more() {
    let (mut whole, head) = (vec![b' '; MIB], b"{}");
    whole[..2].copy_from_slice(head);
    let whole: &'static [u8] = whole.leak();
    assert!(json(&[Ok(whole)]).await.is_ok());
    assert!(json(&[Ok(&whole[..7]), Ok(&whole[7..])]).await.is_ok());
    assert_eq!(refusal(json(&[Ok(whole), Ok(b" ")]).await), TOO_LARGE);
    let longer: &'static [u8] = [whole, b" "].concat().leak();
    assert_eq!(refusal(json(&[Ok(longer)]).await), TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_does_not_end_is_read_no_further_than_the_limit() {
    let path = format!("/plugin/{PLUGIN}");
    let matched = matched(Method::Put, &path);
    let mut endless = stream::repeat_with(|| Ok(Bytes::from(vec![b' '; 65_536])));
    let read = receive(matched.route.default_operation(), &matched, &JSON, &mut endless).await;
    assert_eq!(refusal(read), TOO_LARGE);
}

#[tokio::test]
async fn the_body_decides_which_operation_of_a_route_is_meant() {
    let path = format!("/v1/ext/plugin/whatsapp/{PLUGIN}/api/v24.0/200/messages");
    let matched = matched(Method::Post, &path);
    for (body, expected) in [
        (&b"{\"status\":\"read\"}"[..], "mark_message_read"),
        (b"{\"type\":\"template\"}", "send_template_message_meta_format"),
        (b"{\"type\":\"text\"}", "whatsapp_messages"),
    ] {
        let read = received(Method::Post, &path, JSON, &[Ok(body)]).await.expect("is JSON");
        assert_eq!(read.operation(&matched).id, expected);
    }
    assert_eq!(Received::Stream.operation(&matched).id, "whatsapp_messages");
}

#[tokio::test]
async fn a_plugin_is_made_for_a_customer_that_the_body_names() {
    let made = async |path: &str, body: &'static [u8]| {
        let read = received(Method::Post, path, JSON, &[Ok(body)]).await.expect("is JSON");
        let made = read.new_plugin(matched(Method::Post, path).route.default_operation())?;
        Ok::<_, crate::Error>(made.map(|new| (new.external_id.to_string(), new.name.to_string())))
    };
    let pair = |external_id: &str, name: &str| Some((external_id.to_owned(), name.to_owned()));
    assert_eq!(made("/plugin", b"{\"name\":\"acme\"}").await.expect("is a name"), pair("acme", "acme"));
    for nameless in [&b"{}"[..], b"{\"name\":\"\"}", b"{\"name\":1}", b"{\"name\":\"a\\u0000\"}"] {
        assert_eq!(refusal(made("/plugin", nameless).await), MALFORMED, "{}", nameless.escape_ascii());
    }
    let connect = "/v1/ext/whatsapp-partner/create-connect-token";
    let all = b"{\"newPluginName\":\"p\",\"clientReferenceId\":\"c-1\",\"clientName\":\"Acme\"}";
    assert_eq!(made(connect, all).await.expect("are names"), pair("c-1", "Acme"));
    assert_eq!(made(connect, b"{\"pluginId\":\"x\"}").await.expect("makes none"), None);
    assert_eq!(refusal(made(connect, b"{\"pluginId\":\"x\",\"newPluginName\":\"p\"}").await), MALFORMED);
}

/// What becomes of a body of these pieces on its way to a Chakra that reads all of it.
async fn pumped(pieces: Vec<Result<Bytes, BodyFailure>>) -> (Result<usize, (u16, &'static str)>, bool) {
    let (pump, mut receiver) = pump(stream::iter(pieces));
    let reading = async {
        let (mut length, mut is_whole) = (0, true);
        while let Some(piece) = receiver.recv().await {
            match piece {
                Ok(piece) => length += piece.len(),
                Err(_) => is_whole = false,
            }
        }
        (length, is_whole)
    };
    let (pumped, (length, is_whole)) = futures_util::future::join(pump, reading).await;
    (pumped.map(|()| length).map_err(|error| refusal(Err::<Infallible, _>(error))), is_whole)
}

#[tokio::test]
async fn a_streamed_body_arrives_whole() {
    let pieces = (0..20).map(|_| Ok(Bytes::from_static(b"0123456789"))).collect();
    assert_eq!(pumped(pieces).await, (Ok(200), true));
}

#[tokio::test]
async fn a_streamed_body_that_breaks_off_or_is_too_long_breaks_the_call_to_chakra_off() {
    let broken = vec![Ok(Bytes::from_static(b"0123")), Err(BodyFailure)];
    assert_eq!(pumped(broken).await, (Err(MALFORMED), false));
    let part = Bytes::from(vec![0; 25 * MIB]);
    let just_fits: Vec<_> = (0..4).map(|_| Ok(part.clone())).collect();
    let too_long = just_fits.clone().into_iter().chain([Ok(Bytes::from_static(b"1"))]).collect();
    assert_eq!(pumped(just_fits).await, (Ok(100 * MIB), true));
    assert_eq!(pumped(too_long).await, (Err(TOO_LARGE), false));
}

#[tokio::test]
async fn what_is_wrong_with_the_body_counts_before_what_chakra_made_of_it() {
    let (pump, receiver) = pump(stream::iter([Err(BodyFailure)]));
    let sending = async {
        drop(receiver);
        Err::<(), _>(UpstreamError::Timeout)
    };
    assert_eq!(refusal(while_pumping(pump, sending).await), MALFORMED);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_the_answer() {
    let (pump, _receiver) = pump(stream::pending());
    let answered = while_pumping(pump, async { Ok(200) }).await.expect("nothing is wrong with the body");
    assert_eq!(answered.expect("is an answer"), 200);
    let (pump, receiver) = self::pump(stream::repeat_with(|| Ok(Bytes::from_static(b"x"))));
    drop(receiver);
    pump.await.expect("nobody wants the rest");
}
