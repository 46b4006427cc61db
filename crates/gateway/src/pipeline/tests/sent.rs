use std::time::Duration;

use crate::Error;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use portico_chakra::{LearnedKind, UpstreamBody};

use super::{Departing, Sent, body, credentialed};
use crate::call::{Answer, AnswerBody, BodyFailure, Call, Failure, Head};
use crate::record::{CallRecord, Told};
use crate::tests::world::CHAKRA_KEY;
use crate::tests::{ChakraStandIn, Given, JSON, World, head, refusal};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json";

/// Sends a call with that JSON.
async fn sent(world: &World, head: Head<'_>, json: &'static str, record: &mut CallRecord) -> Result<Sent, Error> {
    let call = credentialed(world, head, json, record).await?;
    let mut told = Told::default();
    let body = UpstreamBody::Full(Bytes::from_static(json.as_bytes()));
    let sent = Sent::of(Departing::of(call, &world.gateway), body, &world.gateway, &mut told).await;
    record.is_told(told);
    sent
}

/// Takes a call through all stages.
async fn forwarded(world: &World, head: Head<'_>) -> Result<Answer, Box<Failure>> {
    world.gateway.forward(Call { head, body: body("") }).await
}

/// How often a call to Chakra failed for that reason.
fn failures(world: &World, reason: &str) -> String {
    let metrics = world.metrics();
    let name = format!("portico_upstream_failures_total{{reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or("0").to_owned()
}

fn messages(world: &World) -> String {
    let own = &world.tenant.connection;
    format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", own.plugin, own.phone_number)
}

#[tokio::test]
async fn chakra_gets_the_call_with_its_own_key_and_its_status_is_recorded() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 202 Accepted\r\nx-meta: 1", "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let (key, path) = (world.key("owner").await, messages(&world));
    let headers = Given(&[("content-type", "application/json"), ("cookie", "a=1"), ("authorization", "Bearer ptc_x")]);
    let head = head("POST", &path).by(&key.bearer).with(&headers);
    let mut record = world.record(&head);
    let json = r#"{"type":"text","to":"1"}"#;
    let (asked, incoming, _) = sent(&world, head, json, &mut record).await.expect("is answered").into_parts();
    assert_eq!((asked.operation.id, incoming.status()), ("whatsapp_messages", 202));

    let [call] = chakra.calls().try_into().expect("Chakra is called once");
    assert!(call.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{call}");
    assert!(call.ends_with("\r\n\r\n{\"type\":\"text\",\"to\":\"1\"}"), "{call}");
    assert!(call.contains(&format!("authorization: Bearer {CHAKRA_KEY}\r\n")), "{call}");
    for strange in ["ptc_", "cookie"] {
        assert!(!call.contains(strange), "{call}");
    }
    let metrics = world.metrics();
    let line = "portico_upstream_duration_seconds_count{class=\"messages:send\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");

    drop(record);
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.upstream_status, entry.status), (Some(202), 499), "the caller went away before the answer");
}

#[tokio::test]
async fn a_chakra_that_is_not_there_is_told_counted_and_logged() {
    let world = World::new().await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let failure = forwarded(&world, head("GET", "/v1/health").by(&key.bearer)).await.expect_err("nobody is there");
    assert_eq!(failure.operation, Some("health"));
    assert_eq!(refusal(Err::<(), _>(failure.error)), (502, "upstream_unreachable"));
    assert_eq!((failures(&world, "connect"), failures(&world, "reset")), ("1".to_owned(), "0".to_owned()));
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.code.as_deref()), (502, Some("upstream_unreachable")));
    assert_eq!(entry.upstream_status, None);
}

#[tokio::test]
async fn a_chakra_that_speaks_no_http_is_told_by_another_reason() {
    let chakra = ChakraStandIn::answering("nonsense", "").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let failure = forwarded(&world, head("GET", "/v1/health").by(&key.bearer)).await.expect_err("is no answer");
    assert_eq!(refusal(Err::<(), _>(failure.error)), (502, "upstream_unreachable"));
    assert_eq!((failures(&world, "connect"), failures(&world, "reset")), ("0".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn a_streamed_body_that_breaks_off_is_the_callers_fault_and_not_chakras() {
    let chakra = ChakraStandIn::answering(OK, "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", world.tenant.connection.plugin);
    let headers = Given(&[("content-type", "multipart/form-data; boundary=x"), ("content-length", "100")]);
    let head = head("POST", &path).by(&key.bearer).with(&headers);
    let pieces = [Ok(Bytes::from_static(b"--x")), Err(BodyFailure::BrokenOff)];
    let failure = world.gateway.forward(Call { head, body: stream::iter(pieces) }).await.expect_err("breaks off");
    assert_eq!(refusal(Err::<(), _>(failure.error)), (400, "body_malformed"));
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.code.as_deref(), entry.upstream_status), (400, Some("body_malformed"), None));
    for reason in portico_chakra::UpstreamError::REASONS {
        assert_eq!(failures(&world, reason), "0", "{reason}");
    }
}

#[tokio::test]
async fn a_key_that_chakra_refuses_is_told_counted_and_marked() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 401 Unauthorized", "{\"_errors\":[\"secret words\"]}").await;
    let world = World::with_chakra(&chakra.url).await;
    let stored = world.store_chakra_key().await;
    let key = world.key("owner").await;
    let failure = forwarded(&world, head("GET", "/v1/health").by(&key.bearer)).await.expect_err("is refused");
    assert!(!failure.error.to_string().contains("secret words"), "what Chakra says of the key is not the caller's");
    assert_eq!(refusal(Err::<(), _>(failure.error)), (502, "chakra_key_refused"));
    assert_eq!(world.kit.core.metrics.keys_refused.get(), 1);
    assert_eq!(world.chakra_key_status(stored).await, "verified", "a task marks it, off the path of the call");
    world.kit.core.tasks.start();
    for _ in 0..500 {
        if world.chakra_key_status(stored).await == "refused" {
            world.kit.core.tasks.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the key is not marked within ten seconds");
}

#[tokio::test]
async fn metas_own_refusal_of_a_request_says_nothing_of_the_key() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 403 Forbidden", "{\"error\":{\"message\":\"(10) no\"}}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let answer = forwarded(&world, head("GET", "/v1/health").by(&key.bearer)).await.expect("is Meta's answer");
    assert_eq!(answer.status, 403);
    assert_eq!(world.kit.core.metrics.keys_refused.get(), 0);
}

#[tokio::test]
async fn an_answer_comes_back_through_all_stages() {
    let chakra = ChakraStandIn::answering(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: a=1\r\netag: \"1\"\r\nx-meta: 1",
        "{\"_data\":{},\"_errors\":[]}",
    )
    .await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let (key, path) = (world.key("owner").await, messages(&world));
    let head = head("POST", &path).by(&key.bearer).with(&JSON);
    let call = Call { head, body: body(r#"{"type":"text","to":"1"}"#) };
    let answer = world.gateway.forward(call).await.expect("is an answer");
    assert_eq!((answer.status, answer.operation), (200, Some("whatsapp_messages")));
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "etag"]);
    let AnswerBody::Whole(bytes) = answer.body else { panic!("is a short answer") };
    assert_eq!(bytes, "{\"_data\":{},\"_errors\":[]}");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.upstream_status, entry.code), (200, Some(200), None));
}

#[tokio::test]
async fn an_empty_medium_is_recorded_as_answered_although_nobody_asks_for_its_pieces() {
    for (text, status) in [("HTTP/1.1 200 OK\r\ncontent-type: image/png", 200), ("HTTP/1.1 204 No Content", 204)] {
        let chakra = ChakraStandIn::answering(text, "").await;
        let world = World::with_chakra(&chakra.url).await;
        world.store_chakra_key().await;
        let key = world.key("owner").await;
        let path = "/v2/whatsapp/v24.0/media/300400500600700/show";
        let answer = forwarded(&world, head("GET", path).by(&key.bearer)).await.expect("is answered");
        assert_eq!(answer.status, status);
        // As the HTTP server does with a body of no length.
        drop(answer);
        let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
        assert_eq!((entry.status, entry.code), (status, None));
    }
}

#[tokio::test]
async fn a_call_with_an_unreadable_credential_is_counted() {
    let world = World::new().await;
    let failure = world.gateway.refuse(&head("GET", "/v1/health"), portico_auth::BadCredential::NotAscii.into());
    assert_eq!(refusal(Err::<(), _>(failure.error)), (401, "unauthorized"));
    let line = "portico_request_duration_seconds_count{surface=\"compatible\",class=\"none\",code=\"401\"} 1\n";
    assert!(world.metrics().contains(line), "{line} is missing in\n{}", world.metrics());
    assert_eq!(world.waiting(), 0, "nobody is known whose log it is");
}

const SENT: &str = r#"{"_data":{"id":"1","whatsappMessageId":"wamid.1"},"_errors":[]}"#;
/// The time in which a stand-in on this machine has long answered.
const LONG: Duration = Duration::from_mins(1);

/// Makes a call whose caller goes away while Chakra works on it.
async fn forsaken(world: &World, chakra: &ChakraStandIn, head: Head<'_>, json: &str) {
    let call = world.gateway.forward(Call { head, body: body(json) });
    tokio::select! {
        _ = call => panic!("it has an answer that nobody gave"),
        () = chakra.has_a_call() => {}
    }
}

#[tokio::test]
async fn a_send_whose_caller_goes_away_is_recorded_with_its_outcome_and_what_it_taught() {
    let chakra = ChakraStandIn::holding(OK, SENT).await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let (key, path) = (world.key("owner").await, messages(&world));
    let head = head("POST", &path).by(&key.bearer).with(&JSON);
    forsaken(&world, &chakra, head, r#"{"type":"text","to":"1"}"#).await;
    assert_eq!(world.waiting(), 0, "nobody knows yet how it ends");
    chakra.answer_one();
    tokio::time::timeout(LONG, world.gateway.finish()).await.expect("it ends");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded once");
    assert_eq!((entry.status, entry.upstream_status, entry.code), (499, Some(200), None));
    let mut tx = world.kit.core.db.begin_system(world.tenant.id).await.expect("a transaction begins");
    let learned = tx.learned(LearnedKind::Message.as_str(), &["wamid.1".to_owned()]).await.expect("is read");
    assert_eq!(learned.len(), 1, "its id is known");
    assert_eq!(chakra.calls().len(), 1);
}

#[tokio::test]
async fn a_send_whose_caller_goes_away_and_that_fails_is_recorded_with_what_went_wrong() {
    let chakra = ChakraStandIn::holding("nonsense", "").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let (key, path) = (world.key("owner").await, messages(&world));
    let head = head("POST", &path).by(&key.bearer).with(&JSON);
    forsaken(&world, &chakra, head, r#"{"type":"text","to":"1"}"#).await;
    chakra.answer_one();
    tokio::time::timeout(LONG, world.gateway.finish()).await.expect("it ends");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded once");
    assert_eq!((entry.status, entry.upstream_status), (499, None));
    assert_eq!(entry.code.as_deref(), Some("upstream_unreachable"));
}

#[tokio::test]
async fn a_read_whose_caller_goes_away_ends_at_once() {
    let chakra = ChakraStandIn::holding(OK, "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    forsaken(&world, &chakra, head("GET", "/v1/health").by(&key.bearer), "").await;
    assert_eq!(world.waiting(), 1, "it is recorded");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.upstream_status, entry.code), (499, None, None));
}

#[tokio::test]
async fn an_upload_whose_caller_goes_away_ends_if_chakra_has_all_of_it() {
    let chakra = ChakraStandIn::holding(OK, r#"{"_data":{},"_errors":[]}"#).await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", world.tenant.connection.plugin);
    let headers = Given(&[("content-type", "multipart/form-data; boundary=x"), ("content-length", "7")]);
    let head = head("POST", &path).by(&key.bearer).with(&headers);
    forsaken(&world, &chakra, head, "--x--\r\n").await;
    chakra.answer_one();
    tokio::time::timeout(LONG, world.gateway.finish()).await.expect("it ends");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.upstream_status), (499, Some(200)));
}

#[tokio::test]
async fn an_upload_whose_caller_goes_away_before_chakra_has_all_of_it_breaks_off() {
    let chakra = ChakraStandIn::holding(OK, r#"{"_data":{},"_errors":[]}"#).await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", world.tenant.connection.plugin);
    let headers = Given(&[("content-type", "multipart/form-data; boundary=x"), ("content-length", "7")]);
    let head = head("POST", &path).by(&key.bearer).with(&headers);
    let half = stream::iter([Ok(Bytes::from_static(b"--x"))]).chain(stream::pending());
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let half = half.inspect(move |_| {
        begun.take().map(|begun| begun.send(()));
    });
    let call = world.gateway.forward(Call { head, body: Box::pin(half) });
    tokio::select! {
        _ = call => panic!("the body has not ended"),
        _ = has_begun => {}
    }
    assert_eq!(world.waiting(), 1, "it is recorded at once");
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.status, entry.upstream_status), (499, None));
}
