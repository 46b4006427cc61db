//! The bodies of events, in Meta's and in Chakra's format.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::context::EventContext;
use super::kind::{EventKind, PERSON};
use super::{group, overrides};
use crate::generate;

impl EventKind {
    /// The body in Meta's format.
    pub(crate) fn meta_body(
        self,
        context: &EventContext,
        id: &str,
        changes: &Map<String, Value>,
        now_ms: i64,
    ) -> Value {
        let mut body = json!({
            "object": "whatsapp_business_account",
            "entry": [{
                "id": context.waba_id,
                "changes": [{"value": self.value(context, id, now_ms), "field": self.field()}],
            }],
        });
        if !self.names_number() {
            // Meta dates what concerns an account, in seconds.
            body["entry"][0]["time"] = json!(now_ms / 1_000);
        }
        overrides::apply(&mut body, self, changes);
        body
    }

    fn field(self) -> &'static str {
        match self {
            Self::Echo => "smb_message_echoes",
            Self::TemplateStatus => "message_template_status_update",
            Self::TemplateCategory => "template_category_update",
            Self::TemplateQuality => "message_template_quality_update",
            Self::Group | Self::GroupDeleted => "group_lifecycle_update",
            Self::GroupSettings => "group_settings_update",
            Self::GroupJoin | Self::GroupLeave => "group_participants_update",
            _ => "messages",
        }
    }

    fn value(self, context: &EventContext, id: &str, now_ms: i64) -> Value {
        let named = json!({
            "message_template_id": context.template_id,
            "message_template_name": "order_ready",
            "message_template_language": "en_US",
        });
        let with = |mut value: Value| {
            overrides::merge(&mut value, &named);
            value
        };
        match self {
            Self::TemplateStatus => with(json!({"event": "APPROVED", "reason": "NONE"})),
            Self::TemplateCategory => with(json!({"previous_category": "UTILITY", "new_category": "MARKETING"})),
            Self::TemplateQuality => with(json!({"previous_quality_score": "GREEN", "new_quality_score": "YELLOW"})),
            _ => {
                let mut value = json!({
                    "messaging_product": "whatsapp",
                    "metadata": {
                        "display_phone_number": context.display_phone_number,
                        "phone_number_id": context.phone_number_id,
                    },
                    self.list_name(): [self.item_json(context, id, now_ms)],
                });
                if let Some(contact) = self.contact() {
                    value["contacts"] = json!([contact]);
                }
                value
            }
        }
    }

    fn contact(self) -> Option<Value> {
        match self.list_name() {
            "messages" => {
                Some(json!({"profile": {"name": "Ada Example"}, "user_id": "US.1000000000000001", "wa_id": PERSON}))
            }
            "statuses" | "message_echoes" => Some(json!({"user_id": "US.1000000000000001", "wa_id": PERSON})),
            _ => None,
        }
    }

    fn item_json(self, context: &EventContext, id: &str, now_ms: i64) -> Value {
        let timestamp = (now_ms / 1_000).to_string();
        let message = |kind: &str, content: Value| json!({"from": PERSON, "from_user_id": "US.1000000000000001", "id": id, "timestamp": timestamp, "type": kind, kind: content});
        match self {
            // What else is known of a medium follows from its id; see `referenced`.
            Self::Image => {
                message("image", json!({"id": generate::digits(15), "mime_type": "image/jpeg", "caption": "Look"}))
            }
            Self::Audio => message(
                "audio",
                json!({"id": generate::digits(15), "mime_type": "audio/ogg; codecs=opus", "voice": true}),
            ),
            Self::Button => {
                let reply = json!({"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}});
                let mut message = message("interactive", reply);
                message["context"] = json!({"from": context.display_phone_number, "id": generate::wamid()});
                message
            }
            Self::Reaction => message("reaction", json!({"message_id": generate::wamid(), "emoji": "👍"})),
            Self::Status => json!({
                "id": id, "status": "delivered", "timestamp": timestamp, "recipient_id": PERSON,
                "recipient_user_id": "US.1000000000000001",
                "pricing": {"billable": false, "category": "service", "pricing_model": "PMP", "type": "free_customer_service"},
            }),
            Self::Failed => json!({
                "id": id, "status": "failed", "timestamp": timestamp, "recipient_id": PERSON,
                "errors": [{
                    "code": 131_049, "title": "Message not delivered", "message": "Message not delivered",
                    "error_data": {"details": "Held back to keep the ecosystem healthy"},
                }],
            }),
            Self::Echo => json!({
                "from": context.display_phone_number, "to": PERSON, "id": id, "timestamp": timestamp,
                "type": "text", "text": {"body": "Typed on the phone"},
            }),
            Self::Group | Self::GroupDeleted | Self::GroupSettings | Self::GroupJoin | Self::GroupLeave => {
                group::item_json(self, id, &timestamp)
            }
            _ => message("text", json!({"body": "Hello"})),
        }
    }

    /// The body in Chakra's format, made from the one in Meta's.
    pub(crate) fn chakra_body(self, meta: &Value, now_ms: i64) -> Option<Value> {
        let name = self.chakra_name()?;
        let entry = meta.pointer("/entry/0")?;
        let value = entry.pointer("/changes/0/value")?;
        let items = value.get(self.list_name())?;
        let item = items.get(0)?;
        let waba = &entry["id"];
        let payload = match name {
            "message" => json!({
                "wabaId": waba, "messageId": item["id"], "externalId": item["id"], "timestamp": now_ms,
                "message": item, "contacts": value["contacts"],
            }),
            "status" => {
                let status = item["status"].as_str().unwrap_or_default().to_uppercase();
                let mut payload = json!({
                    "id": Uuid::new_v4(), "externalId": item["id"], "wabaId": waba, "deliveryStatus": status,
                    "timestamp": now_ms, "recipientId": item["recipient_id"],
                });
                if let Some(error) = item.pointer("/errors/0") {
                    payload["errorContext"] = json!({"message": error["message"], "providerPayload": error});
                }
                payload
            }
            _ => json!({"wabaId": waba, "timestamp": now_ms, "message_echoes": items}),
        };
        Some(json!({"event": name, "payload": payload}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> EventContext {
        EventContext {
            waba_id: "100".to_owned(),
            phone_number_id: "200".to_owned(),
            display_phone_number: "15550002222".to_owned(),
            ..EventContext::default()
        }
    }

    #[test]
    fn every_kind_has_a_body_that_names_its_owner() {
        for name in EventKind::NAMES {
            let kind = EventKind::parse(name).expect("is a kind");
            let body = kind.meta_body(&context(), "id", &Map::new(), 1_790_000_000_123);
            assert_eq!(body.pointer("/entry/0/id"), Some(&json!("100")), "{name}");
            let number = body.pointer("/entry/0/changes/0/value/metadata/phone_number_id");
            assert_eq!(number.is_some(), kind.names_number(), "{name}");
            assert_eq!(kind.chakra_body(&body, 0).is_some(), kind.chakra_name().is_some(), "{name}");
            // As Meta sends them; libraries fail without.
            let time = body.pointer("/entry/0/time");
            assert_eq!(time, (!kind.names_number()).then_some(&json!(1_790_000_000)), "{name}");
            let has_people = matches!(kind.list_name(), "messages" | "statuses" | "message_echoes");
            let person = body.pointer("/entry/0/changes/0/value/contacts/0/wa_id");
            assert_eq!(person, has_people.then_some(&json!(PERSON)), "{name}");
        }
    }

    #[test]
    fn a_status_in_chakras_format_is_upper_case() {
        let meta = EventKind::Status.meta_body(&context(), "wamid.x", &Map::new(), 1_000);
        let chakra = EventKind::Status.chakra_body(&meta, 1_000).expect("has one");
        assert_eq!(chakra["event"], "status");
        assert_eq!(chakra["payload"]["deliveryStatus"], "DELIVERED");
        assert_eq!(chakra["payload"]["externalId"], "wamid.x");
    }
}
