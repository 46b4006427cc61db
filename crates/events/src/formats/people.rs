//! Who the other side of an event is.

use serde_json::value::RawValue;

use super::json::{each, id, pick};
use crate::message::{Doubt, Party};

/// How many of a change's `contacts` are looked at.
const MOST_CONTACTS: usize = 1_000;

/// A person as a change's `contacts` tells of them. `profile` is absent beside statuses.
pub(super) struct Contact<'a> {
    party: Party,
    /// As it was written.
    pub(super) raw: &'a str,
}

/// The people in `contacts`.
pub(super) fn contacts(list: Option<&RawValue>) -> Result<Vec<Contact<'_>>, Doubt> {
    let mut all = Vec::new();
    let Some(list) = list else { return Ok(all) };
    each(list, |contact| {
        let [wa_id, user_id, parent, profile] = pick(contact, ["wa_id", "user_id", "parent_user_id", "profile"])?;
        let username = match profile {
            Some(profile) => id(pick(profile, ["username"])?[0]),
            None => None,
        };
        if all.len() < MOST_CONTACTS {
            let party = Party { user_id: id(user_id), parent_user_id: id(parent), phone: id(wa_id), username };
            all.push(Contact { party, raw: contact.get() });
        }
        Ok(())
    })?;
    Ok(all)
}

/// Adds to a person what `contacts` knows of them, and gives where that stands.
pub(super) fn complete<'a>(party: &mut Party, contacts: &[Contact<'a>]) -> Option<&'a str> {
    let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let known = contacts
        .iter()
        .find(|contact| same(&contact.party.user_id, &party.user_id) || same(&contact.party.phone, &party.phone));
    // A message that names nobody by an id: the only person that the change tells of is meant.
    let lone = || contacts.first().filter(|_| contacts.len() == 1 && party.user_id.is_none() && party.phone.is_none());
    let Contact { party: more, raw } = known.or_else(lone)?;
    for (mine, more) in [
        (&mut party.user_id, &more.user_id),
        (&mut party.parent_user_id, &more.parent_user_id),
        (&mut party.phone, &more.phone),
        (&mut party.username, &more.username),
    ] {
        if mine.is_none() {
            mine.clone_from(more);
        }
    }
    Some(raw)
}
