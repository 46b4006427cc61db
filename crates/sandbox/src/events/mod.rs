//! Events (webhooks): what Chakra posts to the URLs in a plugin's configuration.

mod body;
mod context;
mod delivery;
mod group;
mod kind;
mod overrides;
mod referenced;
mod webhook_sender;

pub(crate) use context::{EventContext, NotSendable};
pub(crate) use delivery::deliver_jobs;
pub(crate) use kind::EventKind;

use std::time::Duration;

use serde_json::{Map, Value};

/// Events to deliver in the background.
#[derive(Debug)]
pub(crate) enum DeliveryJob {
    /// The statuses of a message that was just accepted.
    MessageStatuses {
        /// Under which the world's messages find it.
        number: u64,
        /// None if the plugin has no webhook URL.
        context: Option<Box<EventContext>>,
        wamid: String,
        to: String,
        /// `biz_opaque_callback_data` of the send; comes back in each status.
        callback_data: Option<String>,
    },
    /// The event in which a call that was accepted has its outcome.
    CallOutcome {
        /// How long after the call.
        after: Duration,
        context: Box<EventContext>,
        kind: EventKind,
        /// What differs from the sample of the kind.
        changes: Map<String, Value>,
        /// The id in the event: of a message, a group or a template.
        id: String,
    },
    /// Events that a control call asked for.
    Batch {
        context: Box<EventContext>,
        kind: EventKind,
        /// What differs from the sample of the kind.
        overrides: Map<String, Value>,
        /// One event for each id.
        ids: Vec<String>,
    },
}
