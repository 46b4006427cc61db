//! Reading the fields of a JSON body as Chakra does: null, an empty text and 0 count as absent.

use serde_json::{Map, Value};

use crate::reply::Refusal;

/// A JSON object whose fields are read with a word about what is wrong with them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The value, unless it counts as absent.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Number(number) => number.as_f64() != Some(0.0),
            _ => true,
        })
    }

    /// A text.
    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, "a string"))).transpose()
    }

    /// A text that must be there.
    pub(crate) fn required_text(self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::bad(format!("{name} is required")))
    }

    /// A text, or a whole number as its digits: clients write ids both ways.
    pub(crate) fn id(self, name: &str) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// A truth value.
    pub(crate) fn bool(self, name: &str) -> Result<Option<bool>, Refusal> {
        self.get(name).map(|value| value.as_bool().ok_or_else(|| wrong(name, "a boolean"))).transpose()
    }

    /// A number.
    pub(crate) fn number(self, name: &str) -> Result<Option<f64>, Refusal> {
        self.get(name).map(|value| value.as_f64().ok_or_else(|| wrong(name, "a number"))).transpose()
    }

    /// An object.
    pub(crate) fn object(self, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        self.get(name).map(|value| value.as_object().ok_or_else(|| wrong(name, "an object"))).transpose()
    }

    /// A list; absent is empty.
    pub(crate) fn list(self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.get(name) {
            None => Ok(&[]),
            Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(name, "an array")),
        }
    }
}

fn wrong(name: &str, kind: &str) -> Refusal {
    Refusal::bad(format!("{name} must be {kind}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unset_fields_of_the_n8n_node_count_as_absent() {
        let body = json!({"a": "", "b": 0, "c": null, "d": 1});
        let fields = Fields(body.as_object().expect("is an object"));
        assert_eq!(fields.text("a"), Ok(None));
        assert_eq!(fields.number("b"), Ok(None));
        assert_eq!(fields.text("c"), Ok(None));
        assert_eq!(fields.id("d"), Ok(Some("1".to_owned())));
        assert_eq!(fields.text("d"), Err(Refusal::bad("d must be a string")));
    }
}
