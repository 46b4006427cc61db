//! Made-up JSON, written in every way that the grammar allows, and what is nearly JSON.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A JSON object, sometimes another value, sometimes after a byte order mark.
pub(crate) fn answer() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop_oneof![9 => Just(""), 1 => Just("\u{feff}")];
    let text = prop_oneof![8 => object(value()), 1 => value(), 1 => nested()];
    (mark, space(), text, space())
        .prop_map(|(mark, before, text, after)| [mark, &before, &text, &after].concat().into())
}

/// A JSON object or list, sometimes another value.
pub(crate) fn body() -> impl Strategy<Value = Vec<u8>> {
    (space(), prop_oneof![4 => object(value()), 4 => list(value()), 1 => value(), 1 => nested()], space())
        .prop_map(|(before, text, after)| [before, text, after].concat().into())
}

/// JSON with a byte or three lost, added or changed, or with an end cut off.
pub(crate) fn mistaken() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![4 => select(b"{}[]\",:\\0-+.eEtfnu \n\x0c\x00\x1f\xef\xbb\xbf\xff".to_vec()), 1 => any::<u8>()];
    let mistake = (any::<prop::sample::Index>(), 0..4_u8, byte);
    (prop_oneof![answer(), body()], vec(mistake, 1..4)).prop_map(|(mut bytes, mistakes)| {
        for (at, how, byte) in mistakes {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 if at < bytes.len() => bytes[at] = byte,
                3 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    })
}

/// Tokens in any order, something that is nearly a scalar, or any bytes at all.
pub(crate) fn anything() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => select(vec!["{", "}", "[", "]", ",", ":", "{", "\"a\"", "\"a\":", "\"b\":[", "null", "\"*\"", "\""]).prop_map(str::to_owned),
        1 => number(),
        1 => string(),
        1 => select(vec!["tru", "nul", "-", "1.", "01", "\\u12", "\u{feff}", "\u{c}"]).prop_map(str::to_owned),
        1 => space(),
    ];
    prop_oneof![
        3 => (nearly_scalar(), any::<bool>()).prop_map(|(scalar, listed)| {
            if listed { format!("{{\"a\":[{scalar}]}}") } else { format!("{{\"a\":{scalar}}}") }.into()
        }),
        3 => vec(token, 0..24).prop_map(|tokens| tokens.concat().into()),
        1 => vec(any::<u8>(), 0..64),
    ]
}

fn value() -> BoxedStrategy<String> {
    let literal = select(vec!["true", "false", "null", "{}", "[]"]).prop_map(str::to_owned);
    prop_oneof![literal, number(), string()]
        .prop_recursive(5, 40, 5, |inner| prop_oneof![list(inner.clone()), object(inner)])
        .boxed()
}

fn list(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((space(), value, space()), 0..5).prop_map(|elements| {
        let elements: Vec<_> = elements.into_iter().map(|(before, value, after)| before + &value + &after).collect();
        format!("[{}]", elements.join(","))
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((space(), key(), space(), space(), value, space()), 0..5).prop_map(|members| {
        let member = |(before, key, after, inner, value, end): (String, String, String, String, String, String)| {
            [&before, &key, &after, ":", &inner, &value, &end].concat()
        };
        format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
    })
}

/// Often a key that is watched, so that many stand twice; sometimes written with escapes.
fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "\"a\"",
        "\"a\"",
        "\"b\"",
        "\"c\"",
        "\"*\"",
        "\"\"",
        "\"\\u0061\"",
        "\"\\u002a\"",
        "\"_data\"",
        "\"_meta\"",
        "\"_d\\u0061ta\"",
        "\"type\"",
        "\"processes\"",
        "\"id\"",
        "\"data\"",
        "\"groups\"",
        "\"paging\"",
        "\"next\"",
        "\"\\ud83d\"",
        "\"a\\u0000\"",
        "\"a\\\"\"",
    ];
    prop_oneof![9 => select(known).prop_map(str::to_owned), 1 => string()]
}

/// Any text, any escape: also halves of surrogate pairs.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[^\"\\\\\\x00-\\x1f]{0,6}",
        1 => select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(str::to_owned),
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => "\\\\ud[89abAB][0-9a-f]{2}(\\\\ud[c-fC-F][0-9a-f]{2})?",
        1 => select(vec!["]", "}", ",", ":", "é", "€", "😀", "\u{7f}", "\u{2028}", "\u{feff}"]).prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?"
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 1 => "[ \t\r\n]{0,4}"]
}

/// What looks like a number, an escape or a literal, and sometimes is one.
fn nearly_scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "-?[01][-+.eE0-9]{0,5}",
        3 => "\"\\\\u[0-9a-fA-F]{3}.\"",
        1 => "\"\\\\[ -~]u?[0-9a-gA-G]{0,5}\"",
        1 => "(true|false|null|nul|tru|fals|True)[a-z ]?",
    ]
}

/// Around the depth at which `serde_json` gives up.
fn nested() -> impl Strategy<Value = String> {
    (120..135_usize, vec(any::<bool>(), 135), scalar()).prop_map(|(depth, objects, scalar)| {
        let opened: String = objects[..depth].iter().map(|object| if *object { "{\"a\":" } else { "[" }).collect();
        let closed: String = objects[..depth].iter().rev().map(|object| if *object { '}' } else { ']' }).collect();
        opened + scalar + &closed
    })
}

fn scalar() -> impl Strategy<Value = &'static str> {
    select(vec!["1", "null", "\"x\"", "{}", "[]"])
}
