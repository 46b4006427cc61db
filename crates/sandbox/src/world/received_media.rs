//! Media of messages from people. Only ids and types are kept: the bytes follow from them.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sample_media;

/// Media that are kept, and saved; the oldest go first.
const KEPT: usize = 5_000;

/// A medium of a message from a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedMedium<'a> {
    /// Meta's id.
    pub(crate) id: &'a str,
    /// With its parameters, as in `audio/ogg; codecs=opus`.
    pub(crate) mime_type: &'a str,
}

impl ReceivedMedium<'_> {
    /// The same bytes at every call.
    pub(crate) fn content(&self) -> Bytes {
        sample_media::bytes_of(self.id, self.mime_type)
    }
}

/// The media, each visible to one team.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReceivedMedia {
    /// Types, by team and id.
    types: HashMap<String, String>,
    order: VecDeque<String>,
}

impl ReceivedMedia {
    /// Keeps a medium; one that is known stays as it is.
    pub(crate) fn add(&mut self, team: Uuid, id: &str, mime_type: &str) {
        let key = key(team, id);
        if self.types.contains_key(&key) {
            return;
        }
        self.types.insert(key.clone(), mime_type.to_owned());
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.types.remove(&oldest);
        }
    }

    /// The team's medium of that id.
    pub(crate) fn get<'a>(&'a self, team: Uuid, id: &'a str) -> Option<ReceivedMedium<'a>> {
        self.types.get(&key(team, id)).map(|mime_type| ReceivedMedium { id, mime_type })
    }
}

fn key(team: Uuid, id: &str) -> String {
    format!("{team}/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_media_go_and_no_team_sees_anothers() {
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        let mut received = ReceivedMedia::default();
        (0..=KEPT).for_each(|n| received.add(one, &n.to_string(), "image/jpeg"));
        assert_eq!(received.get(one, "0"), None);
        assert_eq!(received.get(one, "1"), Some(ReceivedMedium { id: "1", mime_type: "image/jpeg" }));
        assert_eq!(received.get(two, "1"), None);
        assert_eq!(received.types.len(), received.order.len());
    }
}
