//! Answers: Chakra's envelope, Meta's bare JSON, texts; and refusals in the shape of each.

use actix_web::http::StatusCode;
use bytes::Bytes;
use portico_chakra::Envelope;
use serde_json::{Value, json};

/// A whole answer, not yet on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// 200 with `_data`, in Chakra's envelope.
    pub(crate) fn data(data: &Value) -> Self {
        Self::json(StatusCode::OK, &json!({"_data": data, "_meta": {}, "_errors": []}))
    }

    /// `{"success": true}` as `_data`.
    pub(crate) fn success() -> Self {
        Self::data(&json!({"success": true}))
    }

    /// Meta's own JSON, not wrapped.
    pub(crate) fn meta(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// Any JSON.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Plain text.
    pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    /// Any bytes.
    pub(crate) fn new(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: content_type.to_owned(), headers: Vec::new(), body: body.into() }
    }

    /// What Chakra says to a path it does not know.
    pub(crate) fn no_route() -> Self {
        Self::text(StatusCode::NOT_FOUND, "Not Found")
    }
}

/// What a handler gives back.
pub(crate) type Answer = Result<Reply, Refusal>;

/// Why a call was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Chakra itself says no.
    Chakra(StatusCode, String),
    /// Meta says no, with the code from its list.
    Meta(u32, String),
    /// Meta's schema check says no; there is no code in the text.
    Schema(String),
    /// Meta's code 100, with a subcode and a text for people.
    Explained { status: StatusCode, subcode: u32, title: String, text: String },
}

impl Refusal {
    /// 404 for a thing of that name.
    pub(crate) fn missing(what: &str) -> Self {
        Self::Chakra(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// 400 of Chakra's own checks.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::Chakra(StatusCode::BAD_REQUEST, text.into())
    }

    /// Meta's `(#131009) Parameter value is not valid`.
    pub(crate) fn parameter_value() -> Self {
        Self::Meta(131_009, "Parameter value is not valid".to_owned())
    }

    /// Meta's `(#100)`, with what is wrong.
    pub(crate) fn parameter(what: impl Into<String>) -> Self {
        Self::Meta(100, what.into())
    }

    /// The text alone.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Chakra(_, text) | Self::Schema(text) | Self::Explained { text, .. } => text.clone(),
            Self::Meta(code, text) => format!("(#{code}) {text}"),
        }
    }

    /// As it goes out, in the shape that answers of that envelope have.
    pub(crate) fn reply(&self, envelope: Envelope) -> Reply {
        let (status, code, text) = match self {
            Self::Chakra(status, text) => return envelope_error(*status, text),
            Self::Meta(code, text) => (StatusCode::BAD_REQUEST, *code, format!("(#{code}) {text}")),
            Self::Schema(text) => (StatusCode::BAD_REQUEST, 100, text.clone()),
            Self::Explained { status, .. } => (*status, 100, "(#100) Invalid parameter".to_owned()),
        };
        let mut body = match envelope {
            // As captured: a rejection that Chakra passes on has no `_meta`.
            Envelope::Chakra => json!({"_data": [], "_errors": [text]}),
            Envelope::MetaRaw | Envelope::Binary => json!({"error": {
                "message": text,
                "type": "OAuthException",
                "code": code,
                "fbtrace_id": crate::generate::alphanumeric(23),
            }}),
        };
        if let (Self::Explained { subcode, title, text, .. }, Some(Value::Object(error))) =
            (self, body.get_mut("error"))
        {
            error.insert("error_subcode".to_owned(), json!(subcode));
            error.insert("is_transient".to_owned(), json!(false));
            error.insert("error_user_title".to_owned(), json!(title));
            error.insert("error_user_msg".to_owned(), json!(text));
        }
        Reply::json(status, &body)
    }
}

/// An error in Chakra's envelope, where `_data` is an empty array.
pub(crate) fn envelope_error(status: StatusCode, text: &str) -> Reply {
    Reply::json(status, &json!({"_data": [], "_meta": {}, "_errors": [text]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(reply: &Reply) -> Value {
        serde_json::from_slice(&reply.body).expect("is JSON")
    }

    #[test]
    fn metas_refusal_takes_the_shape_of_the_operation() {
        let refusal = Refusal::parameter_value();
        let wrapped = body(&refusal.reply(Envelope::Chakra));
        assert_eq!(wrapped, json!({"_data": [], "_errors": ["(#131009) Parameter value is not valid"]}));
        let bare = body(&refusal.reply(Envelope::MetaRaw));
        assert_eq!(bare.pointer("/error/code"), Some(&json!(131_009)));
    }

    #[test]
    fn an_explained_refusal_has_a_subcode_where_meta_is_not_wrapped() {
        let refusal = Refusal::Explained {
            status: StatusCode::NOT_FOUND,
            subcode: 7,
            title: "Gone".to_owned(),
            text: "It is gone".to_owned(),
        };
        let bare = refusal.reply(Envelope::MetaRaw);
        assert_eq!((bare.status, &body(&bare)["error"]["error_subcode"]), (StatusCode::NOT_FOUND, &json!(7)));
        assert_eq!(
            body(&refusal.reply(Envelope::Chakra)),
            json!({"_data": [], "_errors": ["(#100) Invalid parameter"]})
        );
    }

    #[test]
    fn chakras_refusal_is_always_wrapped() {
        let reply = Refusal::missing("Plugin").reply(Envelope::MetaRaw);
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert_eq!(body(&reply), json!({"_data": [], "_meta": {}, "_errors": ["Plugin not found"]}));
    }
}
