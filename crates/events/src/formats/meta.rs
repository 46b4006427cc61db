//! Meta's format, which Chakra passes through: `entry[].changes[].value`.

use portico_chakra::LearnedKind;
use portico_domain::{PhoneNumberId, WabaId};
use serde_json::value::RawValue;

use super::fields::{self, Items};
use super::item::{self, is_filled, name};
use super::json::{each, id, is_list, pick, text};
use super::people::{Contact, complete, contacts};
use super::{Events, hashed, time_of, unknown};
use crate::kind::EventKind;
use crate::message::{Doubt, ParsedEvent, Source};

const OPEN: &str = r#"{"object":"whatsapp_business_account","entry":["#;

/// An entry, in parts.
#[derive(Clone, Copy)]
struct Entry<'a> {
    id: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
}

/// A change, in parts.
struct Change<'a> {
    entry: Entry<'a>,
    field: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    product: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
    contacts: Vec<Contact<'a>>,
    waba_id: Option<WabaId>,
    phone_number_id: Option<PhoneNumberId>,
    /// What `field` says.
    name: String,
}

/// Reads the list of entries.
pub(super) fn read<'a>(entries: &'a RawValue, events: &mut Events<'a>) -> Result<(), Doubt> {
    each(entries, |entry| {
        let [id, time, changes] = pick(entry, ["id", "time", "changes"])?;
        let parts = Entry { id, time };
        match changes {
            Some(changes) if is_list(changes) && is_filled(Some(changes)) => {
                each(changes, |change| read_change(parts, change, events))
            }
            _ => events.add(bare_entry(parts, entry)),
        }
    })
}

/// An entry without changes.
fn bare_entry<'a>(parts: Entry<'a>, entry: &'a RawValue) -> ParsedEvent<'a> {
    let mut event = unknown("", hashed(EventKind::Unknown, &[entry.get()]), entry.get());
    event.waba_id = waba(parts.id);
    event.occurred_at = time_of(parts.time);
    event.source = Source { pieces: vec![(OPEN, entry.get())], end: "]}" };
    event
}

fn waba(value: Option<&RawValue>) -> Option<WabaId> {
    id(value)?.parse().ok()
}

fn read_change<'a>(entry: Entry<'a>, change: &'a RawValue, events: &mut Events<'a>) -> Result<(), Doubt> {
    let [field, value] = pick(change, ["field", "value"])?;
    let name = field.and_then(text).unwrap_or_default().into_owned();
    let none = [None; 3];
    let [product, metadata, people] = match value {
        Some(value) => pick(value, ["messaging_product", "metadata", "contacts"])?,
        None => none,
    };
    let number = match metadata {
        Some(metadata) => pick(metadata, ["phone_number_id"])?[0],
        None => None,
    };
    let contacts = contacts(people)?;
    let phone_number_id = id(number).and_then(|id| id.parse().ok());
    let waba_id = waba(entry.id);
    let change = Change { entry, field, value, product, metadata, contacts, waba_id, phone_number_id, name };
    let mut any = false;
    if let Some(value) = value {
        for (list, items) in fields::lists(&change.name) {
            let Some(list_value) = pick(value, [list])?[0] else { continue };
            each(list_value, |item| {
                any = true;
                events.add(change.item(list, *items, item)?)
            })?;
        }
    }
    if any { Ok(()) } else { events.add(change.whole()?) }
}

impl<'a> Change<'a> {
    /// One item of one of its lists.
    fn item(&self, list: &'static str, items: Items, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
        let mut event = match items {
            Items::Messages(kind) => item::message(kind, &self.name, item)?,
            Items::Statuses(kind) => item::status(kind, &self.name, item)?,
            Items::Calls => item::call(&self.name, item)?,
            Items::Groups(kind) => item::group(kind, &self.name, item)?,
            Items::Persons(kind) => item::about_person(kind, &self.name, item)?,
        };
        let contact = complete(&mut event.party, &self.contacts);
        event.source = self.source(list, item, contact);
        self.place(&mut event);
        Ok(event)
    }

    /// The change in one piece.
    fn whole(&self) -> Result<ParsedEvent<'a>, Doubt> {
        let kind = fields::change(&self.name, self.value)?;
        let written = |part: Option<&'a RawValue>| part.map_or("", RawValue::get);
        let Entry { id: waba, time } = self.entry;
        let key = hashed(kind, &[&self.name, written(waba), written(time), written(self.value)]);
        let mut event = ParsedEvent { kind, ..unknown(&self.name, key, self.value.map_or("null", RawValue::get)) };
        if let Some(value) = self.value {
            let [template] = pick(value, ["message_template_id"])?;
            name(&mut event, LearnedKind::Template, id(template));
        }
        let mut pieces = self.opened();
        pieces.push((r#""value":"#, self.value.map_or("null", RawValue::get)));
        event.source = Source { pieces, end: "}]}]}" };
        self.place(&mut event);
        Ok(event)
    }

    /// Says whose the event claims to be, and when it was at the latest.
    fn place(&self, event: &mut ParsedEvent<'a>) {
        event.waba_id.clone_from(&self.waba_id);
        event.phone_number_id.clone_from(&self.phone_number_id);
        event.occurred_at = event.occurred_at.or_else(|| time_of(self.entry.time));
    }

    /// The beginning of a body with this change alone, up to its `value`.
    fn opened(&self) -> Vec<(&'static str, &'a str)> {
        let mut pieces = vec![(OPEN, "")];
        pieces.push((r#"{"id":"#, self.entry.id.map_or("null", RawValue::get)));
        if let Some(time) = self.entry.time {
            pieces.push((r#","time":"#, time.get()));
        }
        pieces.push((r#","changes":[{"field":"#, self.field.map_or("null", RawValue::get)));
        pieces.push((",", ""));
        pieces
    }

    /// A body with this item alone.
    fn source(&self, list: &'static str, item: &'a RawValue, contact: Option<&'a str>) -> Source<'a> {
        let mut pieces = self.opened();
        pieces.push((r#""value":{"messaging_product":"#, self.product.map_or(r#""whatsapp""#, RawValue::get)));
        if let Some(metadata) = self.metadata {
            pieces.push((r#","metadata":"#, metadata.get()));
        }
        if let Some(contact) = contact {
            pieces.push((r#","contacts":["#, contact));
            pieces.push(("]", ""));
        }
        pieces.push((",\"", ""));
        pieces.push((list, ""));
        pieces.push(("\":[", item.get()));
        Source { pieces, end: "]}}]}]}" }
    }
}
