use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use portico_auth::{Origin, Principal};
use portico_chakra::{UpstreamError, operation};
use portico_domain::RequestEntry;

use super::{World, a_failure, head};
use crate::call::{Answer, AnswerBody, Pieces};
use crate::record::{CallRecord, Told};

/// The record of a call by the operator in the world's tenant.
fn record(world: &World) -> CallRecord {
    let mut record = world.record(&head("GET", "/v1/health"));
    let principal = Principal::operator(Some(world.tenant.id), Origin::default());
    record.caller(&principal, operation("health"));
    record
}

fn whole(status: u16) -> Answer {
    Answer::new(status, Vec::new(), AnswerBody::Whole(Bytes::from_static(b"{}")))
}

fn in_pieces(status: u16, pieces: Vec<Result<&'static str, UpstreamError>>) -> Answer {
    let pieces = stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from)));
    Answer::new(status, Vec::new(), AnswerBody::Pieces(Box::pin(pieces)))
}

/// The pieces of an answer's body as the caller gets them.
fn pieces(answer: Answer) -> Pieces {
    match answer.body {
        AnswerBody::Pieces(pieces) => pieces,
        AnswerBody::Whole(_) => panic!("the body is whole"),
    }
}

/// The one entry of the log.
async fn entry(world: &World) -> RequestEntry {
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("there is one entry");
    entry
}

fn outcome(entry: &RequestEntry) -> (u16, Option<&str>) {
    (entry.status, entry.code.as_deref())
}

#[tokio::test]
async fn a_call_is_recorded_once_when_its_whole_answer_is_handed_over() {
    let world = World::new().await;
    let mut record = record(&world);
    record.is_told(Told { upstream_status: Some(202), has_errors: true, learned: Vec::new() });
    assert_eq!(world.waiting(), 0, "it goes on");
    world.kit.clock.advance(Duration::from_millis(3));
    let answer = record.ends_with(Ok(whole(202))).expect("is an answer");
    assert_eq!((answer.status, answer.operation), (202, Some("health")));
    assert_eq!(world.waiting(), 1);
    drop(answer);
    assert_eq!(world.waiting(), 1, "the answer's end is not recorded again");

    let entry = entry(&world).await;
    assert_eq!(outcome(&entry), (202, None));
    assert_eq!((entry.upstream_status, entry.has_errors, entry.duration_us), (Some(202), true, 3_000));
    assert_eq!(
        (entry.operation.as_str(), entry.method.as_str(), entry.request_id.as_str()),
        ("health", "GET", "req-1")
    );
    assert_eq!(entry.at, portico_testkit::test_core::START);
}

#[tokio::test]
async fn an_answer_in_pieces_is_recorded_when_its_last_piece_was_taken() {
    let world = World::new().await;
    let answer = record(&world).ends_with(Ok(in_pieces(206, vec![Ok("a"), Ok("b")]))).expect("is an answer");
    assert_eq!(world.waiting(), 0, "the body is still to come");
    let mut pieces = pieces(answer);
    for expected in ["a", "b"] {
        assert_eq!(pieces.next().await.expect("one more comes").expect("is a piece"), expected);
        world.kit.clock.advance(Duration::from_millis(5));
        assert_eq!(world.waiting(), 0, "nobody knows yet that it was the last");
    }
    assert!(pieces.next().await.is_none());
    assert_eq!(world.waiting(), 1);
    drop(pieces);
    assert_eq!(world.waiting(), 1);
    let entry = entry(&world).await;
    assert_eq!((outcome(&entry), entry.duration_us), ((206, None), 10_000));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_recorded_as_answered() {
    let world = World::new().await;
    let broken = in_pieces(200, vec![Ok("a"), Err(UpstreamError::TooLong), Ok("never asked for")]);
    let mut pieces = pieces(record(&world).ends_with(Ok(broken)).expect("is an answer"));
    pieces.next().await.expect("comes").expect("is a piece");
    let error = pieces.next().await.expect("comes").expect_err("breaks off");
    assert_eq!(error.reason(), "too_long", "the caller's connection ends with the same failure");
    assert_eq!(world.waiting(), 1, "it is recorded although the stream is still held");
    assert!(pieces.next().await.is_none());
    assert_eq!(world.waiting(), 1);
    assert_eq!(outcome(&entry(&world).await), (502, Some("upstream_garbled")));
}

#[tokio::test]
async fn a_caller_who_goes_away_within_the_body_is_recorded_as_gone() {
    let world = World::new().await;
    let answer = record(&world).ends_with(Ok(in_pieces(200, vec![Ok("a"), Ok("b")]))).expect("is an answer");
    let mut pieces = pieces(answer);
    pieces.next().await.expect("comes").expect("is a piece");
    drop(pieces);
    assert_eq!(world.waiting(), 1);
    assert_eq!(outcome(&entry(&world).await), (499, None));
}

#[tokio::test]
async fn a_caller_who_goes_away_before_the_answer_is_recorded_as_gone() {
    let world = World::new().await;
    let mut record = record(&world);
    record.is_told(Told { upstream_status: Some(200), ..Told::default() });
    drop(record);
    let entry = entry(&world).await;
    assert_eq!((outcome(&entry), entry.upstream_status), ((499, None), Some(200)));
}

#[tokio::test]
async fn a_failure_is_recorded_with_its_status_and_code() {
    let world = World::new().await;
    let failure = record(&world).ends_with(Err(a_failure())).expect_err("is a failure");
    assert_eq!(failure.operation, Some("health"));
    assert_eq!(outcome(&entry(&world).await), (404, Some("not_found")));
}

#[tokio::test]
async fn a_caller_whom_nobody_knows_has_no_log() {
    let world = World::new().await;
    let head = head("GET", "/v1/health");
    drop(world.record(&head));
    world.record(&head).ends_with(Err(a_failure())).expect_err("is a failure");
    world.record(&head).ends_with(Ok(whole(200))).expect("is an answer");
    // The operator acts in no tenant unless it names one.
    let mut record = world.record(&head);
    record.caller(&Principal::operator(None, Origin::default()), operation("health"));
    drop(record);
    assert_eq!(world.waiting(), 0);
    // Metrics know them all.
    let metrics = world.metrics();
    for code in ["499", "404", "200"] {
        let line = format!("surface=\"compatible\",class=\"none\",code=\"{code}\"}}");
        assert!(metrics.contains(&line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn a_call_is_in_flight_until_its_body_has_ended() {
    let world = World::new().await;
    let in_flight = |count: u8| {
        let line = format!("portico_requests_in_flight{{surface=\"compatible\"}} {count}\n");
        assert!(world.metrics().contains(&line), "{line} is missing");
    };
    let answer = record(&world).ends_with(Ok(in_pieces(200, vec![]))).expect("is an answer");
    in_flight(1);
    let mut pieces = pieces(answer);
    assert!(pieces.next().await.is_none());
    in_flight(0);
}
