//! The types of events: what an endpoint filters by.

macro_rules! kinds {
    ($($variant:ident = $name:literal, $what:literal;)+) => {
        /// The type of an event, as `message.received`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $(#[doc = $what] $variant,)+ }

        impl EventKind {
            /// Every type that comes from Chakra, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling in the envelope. It never changes its meaning.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The sentence that says what happened.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }
        }
    };
}

kinds! {
    MessageReceived = "message.received", "A person wrote to a phone number.";
    MessageStatus = "message.status", "A message that was sent came further, or failed.";
    MessageEcho = "message.echo", "A message was sent from the phone itself, or by another program.";
    MessageStandby = "message.standby", "A message came while another program has the conversation; it must not be answered.";
    MessageError = "message.error", "Meta tells of an error that belongs to no single message.";
    IdentityChanged = "identity.changed", "A person has another phone number or user id than before.";
    UserPreference = "user.preference", "A person changed what they want to be sent.";
    ConversationHandover = "conversation.handover", "A conversation passed from one program to another.";
    HistorySync = "history.sync", "A part of the older messages of a number that is also used on a phone.";
    ContactsSync = "contacts.sync", "The address book of a number that is also used on a phone changed.";
    CallConnect = "call.connect", "A call is being set up.";
    CallTerminate = "call.terminate", "A call ended.";
    CallStatus = "call.status", "A call came further: it rings, was accepted or rejected.";
    CallUpdate = "call.update", "Something else happened to a call.";
    GroupLifecycle = "group.lifecycle", "A group was made or deleted, or that failed.";
    GroupParticipants = "group.participants", "People came into a group, left it, or asked to join.";
    GroupSettings = "group.settings", "A group's subject, description or picture changed, or that failed.";
    GroupStatus = "group.status", "A group was suspended, or freed again.";
    TemplateStatus = "template.status", "A template was reviewed, paused or disabled.";
    TemplateQuality = "template.quality", "A template's quality changed.";
    TemplateComponents = "template.components", "A template's content changed.";
    TemplateCategoryImpending = "template.category.impending", "A template is going to be put in another category.";
    TemplateCategoryChanged = "template.category.changed", "A template was put in another category.";
    AccountAlert = "account.alert", "Meta warns about an account or a number.";
    AccountUpdate = "account.update", "An account changed in another way.";
    AccountOffboarded = "account.offboarded", "The number's owner took it back to the phone, or lost the connection.";
    AccountReconnected = "account.reconnected", "A number that was taken back is connected again.";
    AccountReview = "account.review", "Meta reviewed an account.";
    AccountSettings = "account.settings", "The settings of a number changed.";
    AccountCapability = "account.capability", "What an account may do, as how many people it may write to, changed.";
    AccountSecurity = "account.security", "The PIN of a number was asked for or changed.";
    AccountPayment = "account.payment", "How an account pays or is paid changed.";
    AccountPartner = "account.partner", "A solution of several partners changed.";
    PhoneNumberName = "phone_number.name", "The name of a number was reviewed.";
    PhoneNumberQuality = "phone_number.quality", "The quality or the throughput of a number changed.";
    FlowUpdate = "flow.update", "A flow changed its state or its health.";
    AdEvent = "ad.event", "Meta saw a purchase or lead in a conversation that an ad began.";
    Unknown = "unknown", "Something that this version of Portico has no name for; `raw` has all of it.";
}

impl EventKind {
    /// Whether it tells of something said or done in a conversation, so that it names a phone number.
    #[must_use]
    pub const fn is_of_a_number(self) -> bool {
        matches!(
            self,
            Self::MessageReceived
                | Self::MessageStatus
                | Self::MessageEcho
                | Self::MessageStandby
                | Self::MessageError
                | Self::IdentityChanged
                | Self::UserPreference
                | Self::ConversationHandover
                | Self::CallConnect
                | Self::CallTerminate
                | Self::CallStatus
                | Self::CallUpdate
                | Self::GroupLifecycle
                | Self::GroupParticipants
                | Self::GroupSettings
                | Self::GroupStatus
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_once_in_lower_case_with_dots() {
        let mut names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventKind::ALL.len());
    }
}
