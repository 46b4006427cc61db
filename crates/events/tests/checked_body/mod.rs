//! What holds of any body: the property tests and the fuzzer ask it.

use portico_events::formats::parse;
use portico_events::message::MOST_EVENTS;

/// What must hold of any body.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(body) = parse(bytes) else { return };
    assert!((1..=MOST_EVENTS).contains(&body.events.len()));
    assert!(body.doubt.is_none() || body.events.len() == 1);
    for event in &body.events {
        let raw = body.raw_of(event);
        let again = parse(&raw).expect("what is kept can be read again");
        assert!(event.key.len() <= 4 * 512 && event.field.len() <= 4 * 64);
        if body.doubt.is_none() && again.doubt.is_none() && again.events.len() == 1 {
            assert_eq!(again.events[0].kind, event.kind);
        }
        for named in &event.named {
            assert!(!named.id.contains('\0') && (1..=512).contains(&named.id.len()));
        }
    }
}
