//! What events tell of groups, in Meta's format.

use serde_json::{Value, json};

use super::kind::{Kind, PERSON};
use crate::fresh;

/// The group of an event, as its sample has it.
pub(super) fn thing(kind: Kind, id: &str, timestamp: &str) -> Value {
    let request = fresh::group_request();
    match kind {
        Kind::GroupDeleted => {
            json!({"type": "group_delete", "request_id": request, "group_id": id, "timestamp": timestamp})
        }
        Kind::GroupSettings => {
            json!({"type": "group_settings_update", "request_id": request, "group_id": id, "timestamp": timestamp})
        }
        Kind::GroupJoin => json!({
            "type": "group_participants_add", "group_id": id, "timestamp": timestamp, "reason": "invite_link",
            "added_participants": [{"wa_id": PERSON}],
        }),
        Kind::GroupLeave => json!({
            "type": "group_participants_remove", "request_id": request, "group_id": id, "timestamp": timestamp,
            "initiated_by": "business", "removed_participants": [{"input": PERSON, "wa_id": PERSON}],
        }),
        _ => json!({
            "type": "group_create", "request_id": request, "group_id": id, "subject": "Order 42",
            "invite_link": format!("https://chat.whatsapp.com/{}", fresh::alphanumeric(22)), "timestamp": timestamp,
        }),
    }
}
