//! The items of events about groups, in Meta's format.

use serde_json::{Value, json};

use super::kind::{EventKind, PERSON};
use crate::generate;

/// The only item of the list `groups`, as the sample of that kind has it.
pub(super) fn item_json(kind: EventKind, id: &str, timestamp: &str) -> Value {
    let request = generate::group_request();
    match kind {
        EventKind::GroupDeleted => {
            json!({"type": "group_delete", "request_id": request, "group_id": id, "timestamp": timestamp})
        }
        EventKind::GroupSettings => {
            json!({"type": "group_settings_update", "request_id": request, "group_id": id, "timestamp": timestamp})
        }
        EventKind::GroupJoin => json!({
            "type": "group_participants_add", "group_id": id, "timestamp": timestamp, "reason": "invite_link",
            "added_participants": [{"wa_id": PERSON}],
        }),
        EventKind::GroupLeave => json!({
            "type": "group_participants_remove", "request_id": request, "group_id": id, "timestamp": timestamp,
            "initiated_by": "business", "removed_participants": [{"input": PERSON, "wa_id": PERSON}],
        }),
        _ => json!({
            "type": "group_create", "request_id": request, "group_id": id, "subject": "Order 42",
            "invite_link": format!("https://chat.whatsapp.com/{}", generate::alphanumeric(22)), "timestamp": timestamp,
        }),
    }
}
