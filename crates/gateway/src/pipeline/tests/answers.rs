//! What of an answer reaches the caller.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use http::header::CONTENT_ENCODING;

use super::body;
use crate::call::{Answer, AnswerBody, Call, Failure};
use crate::tests::world::TestKey;
use crate::tests::{ChakraStandIn, JSON, World, head, refusal};

const JSON_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
const MALFORMED: (u16, &str) = (502, "upstream_garbled");
const NUMBERS: &str = "/v1/ext/whatsapp-phone-number";

/// A world before a Chakra that gives this answer.
fn world(head: &'static str, body: &'static str) -> impl Future<Output = (ChakraStandIn, World)> {
    // Large: it makes a database.
    Box::pin(made(head, body))
}

async fn made(head: &'static str, body: &'static str) -> (ChakraStandIn, World) {
    let chakra = ChakraStandIn::answering(head, body).await;
    let world = World::with_chakra(&chakra.url).await;
    // Large: it asks Chakra and writes.
    Box::pin(world.store_chakra_key()).await;
    (chakra, world)
}

async fn limited(world: &World) -> TestKey {
    let customer = world.tenant.connection.customer;
    world.key_that("owner", |new| new.customers = Some(vec![customer])).await
}

async fn get(world: &World, key: &TestKey, path: &str) -> Result<Answer, Box<Failure>> {
    Box::pin(world.gateway.forward(Call { head: head("GET", path).by(&key.bearer), body: body("") })).await
}

/// The body of an answer, or what it broke off with.
async fn bytes(answer: Answer) -> Result<Bytes, String> {
    match answer.body {
        AnswerBody::Whole(bytes) => Ok(bytes),
        AnswerBody::Pieces(mut pieces) => {
            let mut all = Vec::new();
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece.map_err(|error| error.reason().to_owned())?);
            }
            Ok(all.into())
        }
    }
}

/// Status and code of a refused call.
#[track_caller]
fn refused(outcome: Result<Answer, Box<Failure>>) -> (u16, &'static str) {
    refusal(outcome.map_err(|failure| failure.error))
}

#[tokio::test]
async fn an_answer_that_shows_the_chakra_key_is_not_handed_on() {
    for (head, body, path) in [
        (JSON_HEAD, r#"{"_data":{"status":"chakra-key-of-the-tests"},"_errors":[]}"#, "/v1/health"),
        ("HTTP/1.1 400 Bad Request", r#"{"_errors":["Bearer chakra-key-of-the-tests"]}"#, "/v1/health"),
        ("HTTP/1.1 200 OK\r\netag: \"chakra-key-of-the-tests\"", "{}", "/v1/health"),
        (
            "HTTP/1.1 302 Found\r\nlocation: https://cdn.example.com/?t=chakra-key-of-the-tests",
            "",
            "/v2/whatsapp/v24.0/media/7/show",
        ),
    ] {
        let (_chakra, world) = world(head, body).await;
        let key = world.key("owner").await;
        assert_eq!(refused(get(&world, &key, path).await), MALFORMED, "{head}");
    }
    let (_chakra, learning) = world(JSON_HEAD, r#"{"_data":{"whatsappMessageId":"chakra-key-of-the-tests"}}"#).await;
    let key = learning.key("owner").await;
    let own = &learning.tenant.connection;
    let path = format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", own.plugin, own.phone_number);
    let head = head("POST", &path).by(&key.bearer).with(&JSON);
    let call = Call { head, body: body(r#"{"type":"text","to":"1"}"#) };
    assert_eq!(refused(Box::pin(learning.gateway.forward(call)).await), MALFORMED);
    learning.kit.request_log(learning.tenant.id).await;
    let mut tx = learning.kit.core.db.begin_system(learning.tenant.id).await.expect("a transaction begins");
    let learned = tx.learned("message", &["chakra-key-of-the-tests".to_owned()]).await.expect("is read");
    assert!(learned.is_empty(), "the key is written down as an id");

    let (chakra, refusing) = world("HTTP/1.1 403 Forbidden", "").await;
    let key = refusing.key("owner").await;
    chakra.says(format!("{}chakra-key-of-the-tests", "y".repeat(490)));
    let told = get(&refusing, &key, "/v1/health").await.expect_err("is refused").error.to_string();
    assert!(!told.contains("chakra-key"), "where it is cut off makes no difference: {told}");
    let (_chakra, world) = world("HTTP/1.1 500 Oops", "chakra-key-of-the-tests broke").await;
    let key = world.key("owner").await;
    let told = get(&world, &key, "/v1/health").await.expect_err("is an error").error.to_string();
    assert!(!told.contains("chakra-key"), "{told}");
}

#[tokio::test]
async fn a_file_that_shows_the_chakra_key_breaks_off_before_it() {
    let (_chakra, world) = world("HTTP/1.1 200 OK\r\ncontent-type: image/png", "abc chakra-key-of-the-tests def").await;
    let key = world.key("owner").await;
    let answer = get(&world, &key, "/v2/whatsapp/v24.0/media/7/show").await.expect("begins");
    assert_eq!(bytes(answer).await, Err("withheld".to_owned()));
}

#[tokio::test]
async fn an_answer_that_came_packed_unasked_is_unpacked_and_judged() {
    fn packed(plain: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(plain.as_bytes()).expect("memory takes it");
        packer.finish().expect("memory takes it")
    }
    const PACKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\nx-chakra: 1";
    let (chakra, world) = world(PACKED, "").await;
    let (open, limited) = (world.key("owner").await, limited(&world).await);
    let own = &world.tenant.connection;
    let row = format!(r#"{{"id":"{}","plugin":"{}"}}"#, own.phone_number, own.plugin);
    chakra.says(packed(&format!(r#"{{"_data":[{row},{{"id":"999999999999999"}}],"_errors":[]}}"#)));
    let answer = get(&world, &limited, NUMBERS).await.expect("is unpacked");
    assert!(answer.headers.iter().all(|(name, _)| *name != CONTENT_ENCODING));
    assert_eq!(bytes(answer).await, Ok(Bytes::from(format!(r#"{{"_data":[{row}],"_errors":[]}}"#))));
    chakra.says(packed(r#"{"_data":{"status":"chakra-key-of-the-tests"}}"#));
    assert_eq!(refused(get(&world, &open, "/v1/health").await), MALFORMED, "the key shows in what was packed");
    chakra.says("is not packed");
    assert_eq!(refused(get(&world, &open, "/v1/health").await).0, 502);
}

#[tokio::test]
async fn a_switch_of_protocols_is_no_answer() {
    let (_chakra, world) = world("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket", "").await;
    let key = world.key("owner").await;
    let outcome = get(&world, &key, "/v1/health").await;
    assert_eq!(refused(outcome).0, 502);
}

#[tokio::test]
async fn an_answer_of_an_unknown_shape_reaches_nobody_who_may_not_see_all_of_it() {
    for body in [
        r#"{"data":[{"id":"999999999999999"}]}"#,
        r#"{"_data":[],"included":[{"id":"999999999999999"}]}"#,
        r#"{"included":[{"id":"999999999999999"}],"_data":[]}"#,
        r#"{"_data":[],"\u005fdat\ud83d":1}"#,
    ] {
        let (_chakra, world) = world(JSON_HEAD, body).await;
        let limited = limited(&world).await;
        assert_eq!(refused(get(&world, &limited, NUMBERS).await), MALFORMED, "{body}");
        let open = world.key("owner").await;
        let answer = get(&world, &open, NUMBERS).await.expect("all of the team is the caller's");
        assert_eq!(bytes(answer).await, Ok(Bytes::from(body)));
        let line = "portico_unknown_answer_shapes_total{operation=\"list_whatsapp_phone_numbers\"} 2\n";
        assert!(world.metrics().contains(line), "{}", world.metrics());
    }
}

#[tokio::test]
async fn what_stands_beside_rows_or_in_a_refusal_shows_no_rows_to_who_may_not_see_all() {
    const SIBLINGS: &str = r#"{"id":"999999999999999"}"#;
    let (chakra, refusing) = world(JSON_HEAD, "").await;
    let limited = limited(&refusing).await;
    let body =
        format!(r#"{{"_data":[],"_meta":{{"page":1,"rows":[{SIBLINGS}],"total":7}},"_errors":["no",{SIBLINGS}]}}"#);
    chakra.says(&body);
    let told = bytes(get(&refusing, &limited, NUMBERS).await.expect("is answered")).await;
    assert_eq!(told, Ok(Bytes::from(r#"{"_data":[],"_meta":{"page":1},"_errors":["no"]}"#)));
    let open = refusing.key("owner").await;
    assert_eq!(bytes(get(&refusing, &open, NUMBERS).await.expect("is answered")).await, Ok(Bytes::from(body)));

    let (chakra, refusing) = world("HTTP/1.1 400 Bad Request", "").await;
    let limited = self::limited(&refusing).await;
    for rows in [r#"{"_data":[ROW],"_errors":["x"]}"#, r#"{"_data":[],"_errors":[ROW]}"#, r#"{"_data":ROW}"#] {
        chakra.says(rows.replace("ROW", SIBLINGS));
        assert_eq!(refused(get(&refusing, &limited, NUMBERS).await), (400, "upstream_wordless"), "{rows}");
    }
    let words = r#"{"_data":[],"_meta":{"requestId":"r"},"_errors":["no"]}"#;
    chakra.says(words);
    assert_eq!(bytes(get(&refusing, &limited, NUMBERS).await.expect("is answered")).await, Ok(Bytes::from(words)));
}

#[tokio::test]
async fn a_row_with_a_text_cut_inside_an_emoji_passes_as_the_bytes_that_came() {
    const CHATS: &str = "/v1/ext/chat";
    const BODY: &str = r#"{"_data":[{"id":"c1","plugin":"PLUGIN","t":"cut \ud83d"}, {"plugin":"PLUGIN","id":"c2"}],"_meta":{"x":"\ud83d"}}"#;
    let (chakra, world) = world(JSON_HEAD, "{}").await;
    let text = BODY.replace("PLUGIN", &world.tenant.connection.plugin.to_string());
    let rows = text.replace("}, {", "},{");
    let rows = rows.split(",\"_meta\"").next().expect("has rows").to_owned();
    chakra.says(&text);
    for (key, is_paged) in [(world.key("owner").await, false), (limited(&world).await, true)] {
        let head = head("POST", CHATS).by(&key.bearer).with(&JSON);
        let answer = world.gateway.forward(Call { head, body: body("{}") }).await.expect("is answered");
        let told = bytes(answer).await.expect("is whole");
        // Nothing fell out. A limited key gets its rows on a page of Portico's own.
        let passes = if is_paged { told.starts_with(rows.as_bytes()) } else { told == text.as_bytes() };
        assert!(passes, "{told:?}");
    }
}

#[tokio::test]
async fn a_number_of_another_customer_never_moves_by_a_call_of_a_limited_key() {
    let (chakra, world) = world(JSON_HEAD, "{}").await;
    let own = world.tenant.connection.clone();
    let other = world.kit.add_connection(world.tenant.id).await;
    let claim = |waba: &str, numbers: [&str; 2]| {
        format!(
            r#"{{"_data":{{"id":"{}","type":"whatsapp","name":"n","isActive":true,"auth":{{"whatsappBusinessAccountsById":{{
            "{waba}":{{"phoneNumbers":["{}","{}"]}}}}}}}},"_errors":[]}}"#,
            own.plugin, numbers[0], numbers[1]
        )
    };
    let (plugin, limited) = (format!("/plugin/{}", own.plugin), limited(&world).await);
    let theirs = format!("{NUMBERS}/{}", other.phone_number);
    for waba in [other.waba.as_str(), own.waba.as_str()] {
        chakra.says(claim(waba, [own.phone_number.as_str(), other.phone_number.as_str()]));
        get(&world, &limited, &plugin).await.expect("is the caller's plugin");
        assert_eq!(refused(get(&world, &limited, &theirs).await), (404, "phone_number_not_found"), "{waba}");
    }
    let open = world.key("owner").await;
    get(&world, &open, &plugin).await.expect("is the caller's plugin");
    get(&world, &limited, &theirs).await.expect("whoever may change all of the tenant moves it");
}
