//! Meta's webhook fields, and which events they are.

use serde_json::value::RawValue;

use super::json::{pick, text};
use crate::kind::EventKind;
use crate::message::Doubt;

/// What the items of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// Messages, as events of this kind.
    Messages(EventKind),
    /// Statuses of messages, as events of this kind.
    Statuses(EventKind),
    /// Calls, which say themselves what happened.
    Calls,
    /// Groups, as events of this kind.
    Groups(EventKind),
    /// What concerns a person, as events of this kind.
    Persons(EventKind),
}

/// The lists of a field's `value` whose every item is an event of its own.
pub(super) fn lists(field: &str) -> &'static [(&'static str, Items)] {
    use EventKind as K;
    match field {
        "messages" => &[
            ("messages", Items::Messages(K::MessageReceived)),
            ("statuses", Items::Statuses(K::MessageStatus)),
            ("message_echoes", Items::Messages(K::MessageEcho)),
        ],
        "smb_message_echoes" | "message_echoes" => &[("message_echoes", Items::Messages(K::MessageEcho))],
        "standby" => &[
            ("messages", Items::Messages(K::MessageStandby)),
            ("message_echoes", Items::Messages(K::MessageStandby)),
            ("statuses", Items::Statuses(K::MessageStatus)),
        ],
        "calls" => &[("calls", Items::Calls), ("statuses", Items::Statuses(K::CallStatus))],
        "group_lifecycle_update" => &[("groups", Items::Groups(K::GroupLifecycle))],
        "group_participants_update" => &[("groups", Items::Groups(K::GroupParticipants))],
        "group_settings_update" => &[("groups", Items::Groups(K::GroupSettings))],
        "group_status_update" => &[("groups", Items::Groups(K::GroupStatus))],
        "user_preferences" => &[("user_preferences", Items::Persons(K::UserPreference))],
        "messaging_handovers" => &[("messaging_handovers", Items::Persons(K::ConversationHandover))],
        _ => &[],
    }
}

/// What a change of that field is as a whole, where none of its lists holds anything.
pub(super) fn change(field: &str, value: Option<&RawValue>) -> Result<EventKind, Doubt> {
    use EventKind as K;
    Ok(match field {
        "messages" if has(value, "errors")? => K::MessageError,
        "history" => K::HistorySync,
        "smb_app_state_sync" => K::ContactsSync,
        "messaging_handovers" => K::ConversationHandover,
        "message_template_status_update" => K::TemplateStatus,
        "message_template_quality_update" => K::TemplateQuality,
        "message_template_components_update" => K::TemplateComponents,
        "template_category_update" => category(value)?,
        "template_correct_category_detection" => K::TemplateCategoryImpending,
        "account_alerts" => K::AccountAlert,
        "account_update" => account(value)?,
        "account_review_update" | "business_status_update" => K::AccountReview,
        "account_settings_update" => K::AccountSettings,
        "business_capability_update" => K::AccountCapability,
        "security" => K::AccountSecurity,
        "payment_configuration_update" => K::AccountPayment,
        "partner_solutions" => K::AccountPartner,
        "phone_number_name_update" => K::PhoneNumberName,
        "phone_number_quality_update" => K::PhoneNumberQuality,
        "flows" => K::FlowUpdate,
        "automatic_events" => K::AdEvent,
        _ => K::Unknown,
    })
}

fn has(value: Option<&RawValue>, name: &str) -> Result<bool, Doubt> {
    Ok(match value {
        Some(value) => pick(value, [name])?[0].is_some(),
        None => false,
    })
}

/// Meta says first which category a template will have (`correct_category` beside the present one), and later which it
/// has (`previous_category` beside the new one).
fn category(value: Option<&RawValue>) -> Result<EventKind, Doubt> {
    let impending = has(value, "correct_category")? && !has(value, "previous_category")?;
    Ok(if impending { EventKind::TemplateCategoryImpending } else { EventKind::TemplateCategoryChanged })
}

fn account(value: Option<&RawValue>) -> Result<EventKind, Doubt> {
    let event = match value {
        Some(value) => pick(value, ["event"])?[0].and_then(text).unwrap_or_default(),
        None => return Ok(EventKind::AccountUpdate),
    };
    Ok(match &*event {
        "ACCOUNT_OFFBOARDED" => EventKind::AccountOffboarded,
        "ACCOUNT_RECONNECTED" => EventKind::AccountReconnected,
        _ => EventKind::AccountUpdate,
    })
}
