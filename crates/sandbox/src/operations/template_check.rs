//! What Meta checks of a template that is handed in.

use actix_web::http::StatusCode;
use serde_json::Value;

use crate::reply::Refusal;
use crate::world::{is_type, variables};

/// What a template can be for.
pub(super) const CATEGORIES: [&str; 3] = ["MARKETING", "UTILITY", "AUTHENTICATION"];

const TYPES: [&str; 7] =
    ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"];
const FORMATS: [&str; 5] = ["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"];
/// Meta's subcode for a text that is too long.
const TOO_LONG: u32 = 2_388_040;
/// Meta's subcode for a field that a component lacks.
const INCOMPLETE: u32 = 2_388_043;

/// The name: lower case, digits and underscore, up to 512.
pub(super) fn name(name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() <= 512 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Refusal::parameter(
        "Param name must be 1 to 512 characters, which may be lowercase letters, numbers and underscores.",
    ))
}

/// The language: one like `de`, `fil`, `en_US` or `zh_CN`.
pub(super) fn language(language: &str) -> Result<(), Refusal> {
    let (code, region) = language.split_once('_').map_or((language, None), |(code, region)| (code, Some(region)));
    let lower = (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase());
    let upper = |region: &str| region.len() >= 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
    if lower && region.is_none_or(upper) {
        return Ok(());
    }
    Err(Refusal::parameter("Param language must be a language code that WhatsApp supports, such as en_US."))
}

/// The components: known ones, one of them a body, each with what it needs.
pub(super) fn components(components: &[Value], category: &str) -> Result<(), Refusal> {
    for (at, component) in components.iter().enumerate() {
        if !TYPES.iter().any(|kind| is_type(component, kind)) {
            return Err(Refusal::parameter(format!(
                "Param components[{at}]['type'] must be one of {{{}}}",
                TYPES.join(", ")
            )));
        }
    }
    let only = |kind: &'static str| {
        let mut found = components.iter().filter(move |component| is_type(component, kind));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Refusal::parameter(format!("Param components must hold at most one {kind}."))),
            (found, None) => Ok(found),
        }
    };
    let Some(body) = only("BODY")? else { return Err(missing_field("BODY", "text")) };
    if category != "AUTHENTICATION" {
        text(body, "BODY", 1_024)?;
        examples(body, "BODY", "body_text")?;
    }
    if let Some(header) = only("HEADER")? {
        check_header(header)?;
    }
    if let Some(footer) = only("FOOTER")?.filter(|_| category != "AUTHENTICATION") {
        text(footer, "FOOTER", 60)?;
    }
    if let Some(buttons) = only("BUTTONS")? {
        check_buttons(buttons)?;
    }
    Ok(())
}

fn check_header(header: &Value) -> Result<(), Refusal> {
    let format = header["format"].as_str().ok_or_else(|| missing_field("HEADER", "format"))?.to_uppercase();
    match format.as_str() {
        "TEXT" => {
            text(header, "HEADER", 60)?;
            examples(header, "HEADER", "header_text")
        }
        "LOCATION" => Ok(()),
        known if FORMATS.contains(&known) => match header.pointer("/example/header_handle") {
            Some(Value::Array(handles)) if !handles.is_empty() => Ok(()),
            _ => Err(missing_field("HEADER", "example")),
        },
        _ => Err(Refusal::parameter(format!("Param components['format'] must be one of {{{}}}", FORMATS.join(", ")))),
    }
}

/// One to ten buttons with a type; a URL with a variable needs an example.
fn check_buttons(component: &Value) -> Result<(), Refusal> {
    let buttons = component["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !(1..=10).contains(&buttons.len()) {
        return Err(missing_field("BUTTONS", "buttons"));
    }
    for button in buttons {
        if !button["type"].is_string() {
            return Err(missing_field("BUTTONS", "type"));
        }
        if button["url"].as_str().is_some_and(|url| url.contains("{{")) && button["example"].is_null() {
            return Err(missing_field("BUTTONS", "example"));
        }
    }
    Ok(())
}

/// A text that must be there and not be longer than that.
fn text<'v>(component: &'v Value, kind: &str, max: usize) -> Result<&'v str, Refusal> {
    let text = component["text"].as_str().filter(|text| !text.is_empty()).ok_or_else(|| missing_field(kind, "text"))?;
    if text.chars().count() <= max {
        return Ok(text);
    }
    Err(Refusal::Explained {
        status: StatusCode::BAD_REQUEST,
        subcode: TOO_LONG,
        title: "Character limit exceeded".to_owned(),
        text: format!("The {kind} of a template may have {max} characters."),
    })
}

/// As many examples as the text has variables: in a list (for a body, a list of lists), or by name.
fn examples(component: &Value, kind: &str, name: &str) -> Result<(), Refusal> {
    let needed = variables(component["text"].as_str().unwrap_or_default()).len();
    let example = &component["example"];
    let list = match &example[name] {
        Value::Array(list) => list.first().and_then(Value::as_array).unwrap_or(list),
        _ => &Vec::new(),
    };
    let named = example[format!("{name}_named_params")].as_array().map_or(0, Vec::len);
    if needed <= list.len().max(named) { Ok(()) } else { Err(missing_field(kind, "example")) }
}

fn missing_field(kind: &str, field: &str) -> Refusal {
    Refusal::Explained {
        status: StatusCode::BAD_REQUEST,
        subcode: INCOMPLETE,
        title: "Message template \"components\" param is missing expected field(s)".to_owned(),
        text: format!("component of type {kind} is missing expected field(s) ({field})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(list: &Value) -> Result<(), Refusal> {
        components(list.as_array().expect("is a list"), "UTILITY")
    }

    fn subcode(list: &Value) -> u32 {
        match judged(list) {
            Err(Refusal::Explained { subcode, .. }) => subcode,
            other => panic!("{list}: {other:?}"),
        }
    }

    #[test]
    fn what_meta_takes_passes() {
        for list in [
            json!([{"type": "BODY", "text": "Hello"}]),
            json!([{"type": "body", "text": "Hello {{1}} {{2}}", "example": {"body_text": [["a", "b"]]}}]),
            json!([{"type": "BODY", "text": "Hello {{who}}",
                "example": {"body_text_named_params": [{"param_name": "who", "example": "Ada"}]}}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::a"]}}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}",
                "example": {"header_text": ["Ada"]}}, {"type": "FOOTER", "text": "bye"},
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]}]),
        ] {
            assert_eq!(judged(&list), Ok(()), "{list}");
        }
        assert_eq!(components(&[json!({"type": "BODY"})], "AUTHENTICATION"), Ok(()));
    }

    #[test]
    fn what_lacks_something_is_refused() {
        for list in [
            json!([{"type": "FOOTER", "text": "x"}]),
            json!([{"type": "BODY"}]),
            json!([{"type": "BODY", "text": "Hello {{1}} {{2}}", "example": {"body_text": [["a"]]}}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "HEADER", "format": "IMAGE"}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "HEADER", "text": "x"}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": []}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Go", "url": "https://example.com/{{1}}"}]}]),
        ] {
            assert_eq!(subcode(&list), INCOMPLETE, "{list}");
        }
        assert_eq!(subcode(&json!([{"type": "BODY", "text": "x".repeat(1_025)}])), TOO_LONG);
    }

    #[test]
    fn unknown_or_double_components_are_refused() {
        for list in [
            json!([{"type": "SONG"}]),
            json!([{"type": "BODY", "text": "x"}, {"type": "BODY", "text": "y"}]),
            json!(["BODY"]),
            json!([{"type": "BODY", "text": "x"}, {"type": "HEADER", "format": "SMELL"}]),
        ] {
            assert!(matches!(judged(&list), Err(Refusal::Meta(100, _))), "{list}");
        }
    }

    #[test]
    fn names_and_languages_have_a_shape() {
        assert!(name("order_ready_2").is_ok() && name(&"a".repeat(512)).is_ok());
        for bad in ["Order", "a b", "ä", "a-b", &"a".repeat(513)] {
            assert!(name(bad).is_err(), "{bad}");
        }
        assert!(["de", "fil", "en_US", "zh_HK"].iter().all(|known| language(known).is_ok()));
        assert!(["english", "EN", "en-US", "en_", "en_us", "e"].iter().all(|bad| language(bad).is_err()));
    }
}
