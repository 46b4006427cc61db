//! Calls that are only accepted: the outcome comes as an event.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::events::{DeliveryJob, EventContext, EventKind};
use crate::world::World;

/// The event with the outcome of a call.
#[derive(Debug)]
pub(super) struct OutcomeEvent<'a> {
    pub(super) kind: EventKind,
    /// Of the group or template.
    pub(super) id: &'a str,
    /// What differs from the sample of the kind: a JSON object.
    pub(super) changes: Value,
    /// How long after the call, in milliseconds.
    pub(super) after_ms: i64,
}

impl OutcomeEvent<'_> {
    /// Has it delivered to the plugin of that phone number, if there is one.
    pub(super) fn schedule_for_number(self, world: &mut World, number: &str) {
        let plugin = world.numbers.get(number).and_then(|number| world.plugins.get(&number.plugin));
        if let Some(plugin) = plugin {
            let context = EventContext::of(world, plugin, Some(number));
            self.send(world, context);
        }
    }

    /// Has it delivered to the plugin of that WABA, if there is one.
    pub(super) fn schedule_for_waba(self, world: &mut World, waba: &str) {
        let plugin = world.wabas.get(waba).and_then(|waba| world.plugins.get(&waba.plugin));
        if let Some(plugin) = plugin {
            let mut context = EventContext::of(world, plugin, None);
            waba.clone_into(&mut context.waba_id);
            self.send(world, context);
        }
    }

    fn send(self, world: &mut World, context: EventContext) {
        let changes: Map<String, Value> = self.changes.as_object().cloned().unwrap_or_default();
        world.outbox.push(DeliveryJob::CallOutcome {
            after: Duration::from_millis(self.after_ms.unsigned_abs()),
            context: Box::new(context),
            kind: self.kind,
            changes,
            id: self.id.to_owned(),
        });
    }
}
