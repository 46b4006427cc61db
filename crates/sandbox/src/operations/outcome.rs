//! Calls that only accept a wish: the outcome comes as an event.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::events::{Errand, Kind, Subject};
use crate::world::World;

/// The event that tells an outcome.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub(super) kind: Kind,
    /// The id of the thing that it tells of.
    pub(super) id: &'a str,
    /// What differs from the sample of the kind: a JSON object.
    pub(super) changes: Value,
    /// How long after the call, in milliseconds.
    pub(super) after_ms: i64,
}

impl Outcome<'_> {
    /// Has it sent about that phone number.
    pub(super) fn of_number(self, world: &mut World, number: &str) {
        let plugin = world.numbers.get(number).and_then(|number| world.plugins.get(&number.plugin));
        if let Some(plugin) = plugin {
            let subject = Subject::of(world, plugin, Some(number));
            self.send(world, subject);
        }
    }

    /// Has it sent about that WABA.
    pub(super) fn of_waba(self, world: &mut World, waba: &str) {
        let plugin = world.wabas.get(waba).and_then(|waba| world.plugins.get(&waba.plugin));
        if let Some(plugin) = plugin {
            let mut subject = Subject::of(world, plugin, None);
            waba.clone_into(&mut subject.waba_id);
            self.send(world, subject);
        }
    }

    fn send(self, world: &mut World, subject: Subject) {
        let changes: Map<String, Value> = self.changes.as_object().cloned().unwrap_or_default();
        world.outbox.push(Errand::Outcome {
            after: Duration::from_millis(self.after_ms.unsigned_abs()),
            subject: Box::new(subject),
            kind: self.kind,
            changes,
            id: self.id.to_owned(),
        });
    }
}
