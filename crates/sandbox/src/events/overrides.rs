//! Changes to a sample event, as a control call names them.
//!
//! Short names (`from`, `text`, `id`, `phone_number_id`, `waba_id`, …) go where they belong; any
//! other name goes into the body, into its `value`, or into the message, status or echo itself,
//! whichever has it, and into the last when none has. Objects merge; lists merge item by item, and an
//! empty list empties.

use serde_json::{Map, Value, json};

use super::kind::EventKind;

const VALUE: &str = "/entry/0/changes/0/value";

/// Applies the changes to a body in Meta's format.
pub(super) fn apply(body: &mut Value, kind: EventKind, changes: &Map<String, Value>) {
    for (name, change) in changes {
        apply_override(body, kind, name, change);
    }
}

fn apply_override(body: &mut Value, kind: EventKind, name: &str, change: &Value) {
    match name {
        "waba_id" => set(body, "/entry/0/id", change),
        "phone_number_id" => set(body, &format!("{VALUE}/metadata/phone_number_id"), change),
        "display_phone_number" => set(body, &format!("{VALUE}/metadata/display_phone_number"), change),
        "field" => set(body, "/entry/0/changes/0/field", change),
        "object" | "entry" => merge_in(body, "", name, change),
        "value" => {
            if let Some(value) = body.pointer_mut(VALUE) {
                merge(value, change);
            }
        }
        "message_id" | "wamid" if kind != EventKind::Reaction => merge_in(body, &item_pointer(kind), "id", change),
        "text" if change.is_string() => merge_in(body, &item_pointer(kind), "text", &json!({"body": change})),
        "timestamp" if change.is_number() => merge_in(body, &item_pointer(kind), name, &change.to_string().into()),
        "template_id" => set(body, &format!("{VALUE}/message_template_id"), change),
        "template_name" => set(body, &format!("{VALUE}/message_template_name"), change),
        "from" | "recipient_id" => {
            merge_in(body, &item_pointer(kind), name, change);
            set(body, &format!("{VALUE}/contacts/0/wa_id"), change);
        }
        _ => {
            let in_value = body.pointer(VALUE).is_some_and(|value| value.get(name).is_some());
            let pointer = if in_value { VALUE.to_owned() } else { item_pointer(kind) };
            merge_in(body, &pointer, name, change);
        }
    }
}

/// JSON pointer to the item that says what happened.
fn item_pointer(kind: EventKind) -> String {
    match kind.list_name() {
        "" => VALUE.to_owned(),
        list => format!("{VALUE}/{list}/0"),
    }
}

/// Puts a value where there already is one.
fn set(body: &mut Value, pointer: &str, to: &Value) {
    if let Some(value) = body.pointer_mut(pointer) {
        value.clone_from(to);
    }
}

fn merge_in(body: &mut Value, pointer: &str, name: &str, change: &Value) {
    if let Some(Value::Object(object)) = body.pointer_mut(pointer) {
        merge(object.entry(name).or_insert(Value::Null), change);
    }
}

/// Puts `change` over `value`, keeping what it does not name.
pub(super) fn merge(value: &mut Value, change: &Value) {
    match (value, change) {
        (Value::Object(value), Value::Object(change)) => {
            for (name, change) in change {
                merge(value.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (Value::Array(value), Value::Array(change)) if !change.is_empty() => {
            value.resize(value.len().max(change.len()), Value::Null);
            for (value, change) in value.iter_mut().zip(change) {
                merge(value, change);
            }
        }
        (value, change) => value.clone_from(change),
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::EventContext;
    use super::*;

    fn changed(kind: EventKind, changes: &Value) -> Value {
        let changes = changes.as_object().expect("is an object");
        kind.meta_body(&EventContext::default(), "wamid.x", changes, 0)
    }

    #[test]
    fn short_names_go_where_they_belong() {
        let body = changed(
            EventKind::Message,
            &json!({"from": "49", "text": "Hi", "phone_number_id": "7", "waba_id": "8", "message_id": "wamid.y"}),
        );
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(value["messages"][0]["text"], json!({"body": "Hi"}));
        assert_eq!((&value["messages"][0]["from"], &value["contacts"][0]["wa_id"]), (&json!("49"), &json!("49")));
        assert_eq!(value["metadata"]["phone_number_id"], "7");
        assert_eq!(value["messages"][0]["id"], "wamid.y");
        assert_eq!(body["entry"][0]["id"], "8");
    }

    #[test]
    fn other_names_merge_into_what_has_them() {
        let body = changed(EventKind::Status, &json!({"status": "read", "metadata": {"extra": 1}}));
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(value["statuses"][0]["status"], "read");
        assert_eq!(value["metadata"]["extra"], 1);
        let body = changed(EventKind::TemplateStatus, &json!({"event": "REJECTED", "template_id": 9}));
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!((&value["event"], &value["message_template_id"]), (&json!("REJECTED"), &json!(9)));
    }
}
