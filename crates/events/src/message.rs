//! What one body of Chakra's says, as events of one shape.

use std::borrow::Cow;

use portico_chakra::LearnedKind;
use portico_domain::{PhoneNumberId, WabaId};
use time::OffsetDateTime;

use crate::kind::EventKind;

/// The most events that one body may hold; one with more is kept in one piece.
pub const MOST_EVENTS: usize = 1_000;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As Meta writes it, passed through by Chakra.
    Meta,
    /// Chakra's own form.
    Chakra,
    /// Neither.
    Unknown,
}

impl Format {
    /// The spelling in storage and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Chakra => "chakra",
            Self::Unknown => "unknown",
        }
    }
}

/// Why it is not certain what a body says, so that nothing of it may be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// A name that decides something stands twice in one object.
    Ambiguous,
    /// The body holds more than [`MOST_EVENTS`] events, or they share more than can be written out for each.
    TooMany,
}

impl Doubt {
    /// The spelling in the quarantine's `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::TooMany => "too_many",
        }
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// They are not one JSON value.
    #[error("the body is not one JSON value: it breaks off at line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 when the body ends too early.
        column: usize,
    },
}

/// A body, taken apart.
#[derive(Debug)]
pub struct ParsedBody<'a> {
    /// How it is written.
    pub format: Format,
    /// At least one event; the only one is the whole body where nobody knows better.
    pub events: Vec<ParsedEvent<'a>>,
    /// Why nothing of it may be routed; it has one event then.
    pub doubt: Option<Doubt>,
    /// The body without a byte order mark.
    pub(crate) body: &'a str,
}

/// One message, one status, or one change of something else.
#[derive(Debug, Clone)]
pub struct ParsedEvent<'a> {
    /// What it is.
    pub kind: EventKind,
    /// What Meta's `field` or Chakra's `event` said, at most 64 bytes of it; empty where it said nothing.
    pub field: String,
    /// The same for every copy of the event in either format, within one plugin: the WhatsApp message id with kind and
    /// status, or a hash of what was said.
    pub key: String,
    /// The account that it says it belongs to.
    pub waba_id: Option<WabaId>,
    /// The number that it says it belongs to.
    pub phone_number_id: Option<PhoneNumberId>,
    /// When it happened, as it says; none: it does not say, or nothing that can be.
    pub occurred_at: Option<OffsetDateTime>,
    /// The WhatsApp message that it is about.
    pub message_id: Option<String>,
    /// How far that message came, in lower case.
    pub status: Option<String>,
    /// Who the other side is.
    pub party: Party,
    /// The group in which it happened.
    pub group_id: Option<String>,
    /// Ids in it whose owner nobody could tell otherwise.
    pub named: Vec<NamedId>,
    /// What happened, as JSON of Chakra's or Meta's: the message, the status, the change's value; the whole body where nobody
    /// knows better.
    pub content: &'a str,
    pub(crate) source: Source<'a>,
}

/// The person at the other end, by whatever is known of them: a phone number may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// The id that is valid within one business portfolio.
    pub user_id: Option<String>,
    /// The id of the person in the parent portfolio.
    pub parent_user_id: Option<String>,
    /// The phone number, digits.
    pub phone: Option<String>,
    /// The user name.
    pub username: Option<String>,
}

/// An id that names no owner by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedId {
    /// What it names.
    pub kind: LearnedKind,
    /// As it was written.
    pub id: String,
}

/// Where an event stands in its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source<'a> {
    /// What goes before and after each of the pieces, in order; empty: the whole body.
    pub(crate) pieces: Vec<(&'static str, &'a str)>,
    /// What closes it.
    pub(crate) end: &'static str,
}

impl Source<'_> {
    /// How long it is when written out.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(|(before, piece)| before.len() + piece.len()).sum::<usize>() + self.end.len()
    }
}

impl ParsedBody<'_> {
    /// The body as if this event alone stood in it: byte for byte what came, when it does stand alone; else with what
    /// surrounds it and without its neighbours.
    #[must_use]
    pub fn raw_of(&self, event: &ParsedEvent<'_>) -> Cow<'_, [u8]> {
        if self.events.len() == 1 || event.source.pieces.is_empty() {
            return Cow::Borrowed(self.body.as_bytes());
        }
        let mut text = String::with_capacity(event.source.len());
        for (before, piece) in &event.source.pieces {
            text.push_str(before);
            text.push_str(piece);
        }
        text.push_str(event.source.end);
        Cow::Owned(text.into_bytes())
    }
}

impl ParsedEvent<'_> {
    /// What order is kept within: the group, else the person, else nothing. Within one phone number.
    #[must_use]
    pub fn conversation(&self) -> Option<String> {
        let Party { user_id, phone, .. } = &self.party;
        let person = || user_id.as_ref().map(|id| format!("user:{id}"));
        let number = || phone.as_ref().map(|phone| format!("phone:{phone}"));
        self.group_id.as_ref().map(|id| format!("group:{id}")).or_else(person).or_else(number)
    }
}
