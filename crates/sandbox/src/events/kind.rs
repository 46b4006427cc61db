//! The kinds of events, and what they are called.

use uuid::Uuid;

use crate::generate;

macro_rules! kinds {
    ($($variant:ident = $name:literal $(| $also:literal)*, $what:literal;)+) => {
        /// A kind of event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum EventKind { $(#[doc = $what] $variant,)+ }

        impl EventKind {
            /// The kinds by name, for messages.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name,)+];

            /// The kind of that name, or of the name that the sample has in the API description.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($name $(| $also)* => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

kinds! {
    Message = "message" | "message_text", "A text from a person.";
    Image = "message_image", "An image from a person.";
    Audio = "message_audio", "A voice note from a person.";
    Button = "button_reply", "A press on a reply button.";
    Reaction = "reaction", "A reaction to a message.";
    Status = "status" | "status_delivered", "How far a message has come; delivered unless overridden.";
    Failed = "status_failed", "A message that was not delivered.";
    Echo = "echo" | "smb_message_echo", "A message typed on the phone (coexistence).";
    TemplateStatus = "template_status", "A review of a template.";
    TemplateCategory = "template_category", "A template put in another category.";
    TemplateQuality = "template_quality", "A template's quality.";
    Group = "group_lifecycle", "A group made.";
    GroupDeleted = "group_delete", "A group deleted.";
    GroupSettings = "group_settings", "A group's subject, description or picture changed.";
    GroupJoin = "group_participants_add", "People come into a group.";
    GroupLeave = "group_participants_remove", "People put out of a group.";
}

impl EventKind {
    /// Whether the event names a phone number, and not only a WABA.
    pub(crate) fn names_number(self) -> bool {
        !matches!(self, Self::TemplateStatus | Self::TemplateCategory | Self::TemplateQuality)
    }

    /// The event's name in Chakra's format, which has few.
    pub(crate) fn chakra_name(self) -> Option<&'static str> {
        match self {
            Self::Message | Self::Image | Self::Audio | Self::Button | Self::Reaction => Some("message"),
            Self::Status | Self::Failed => Some("status"),
            Self::Echo => Some("smb_message_echo"),
            _ => None,
        }
    }

    /// The list in `value` whose only item is what happened; empty where that is `value` itself.
    pub(super) fn list_name(self) -> &'static str {
        match self {
            Self::Message | Self::Image | Self::Audio | Self::Button | Self::Reaction => "messages",
            Self::Status | Self::Failed => "statuses",
            Self::Echo => "message_echoes",
            Self::Group | Self::GroupDeleted | Self::GroupSettings | Self::GroupJoin | Self::GroupLeave => "groups",
            Self::TemplateStatus | Self::TemplateCategory | Self::TemplateQuality => "",
        }
    }

    /// A new id for an event of this kind.
    pub(crate) fn new_id(self) -> String {
        match self {
            Self::Group | Self::GroupDeleted | Self::GroupSettings | Self::GroupJoin | Self::GroupLeave => {
                generate::group_id(&generate::digits(11))
            }
            Self::TemplateStatus | Self::TemplateCategory | Self::TemplateQuality => Uuid::new_v4().to_string(),
            _ => generate::wamid(),
        }
    }
}

/// WhatsApp id of who writes, unless overridden.
pub(super) const PERSON: &str = "15550001111";
