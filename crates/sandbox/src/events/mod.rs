//! Events: what Chakra tells the URL that a plugin's configuration names.

mod arise;
mod courier;
mod group;
mod kind;
mod overrides;
mod subject;
mod work;

pub(crate) use kind::Kind;
pub(crate) use subject::{NotSendable, Subject};
pub(crate) use work::run;

use std::time::Duration;

use serde_json::{Map, Value};

/// Something to send in the background.
#[derive(Debug)]
pub(crate) enum Errand {
    /// The statuses of a message that was just accepted.
    Progress {
        /// Its number among the messages.
        number: u64,
        /// The plugin at the time, with its webhook URLs.
        subject: Option<Box<Subject>>,
        /// WhatsApp message id.
        wamid: String,
        /// Recipient.
        to: String,
        /// What the sender wants back.
        callback_data: Option<String>,
    },
    /// The event in which a call that was accepted has its outcome.
    Outcome {
        /// How long after the call.
        after: Duration,
        /// The plugin at the time of the call.
        subject: Box<Subject>,
        /// Which event.
        kind: Kind,
        /// Changes to the sample.
        changes: Map<String, Value>,
        /// The id of the thing that it tells of.
        id: String,
    },
    /// Events that a control call asked for.
    Batch {
        /// The plugin at the time.
        subject: Box<Subject>,
        /// Which event.
        kind: Kind,
        /// Changes to the sample.
        overrides: Map<String, Value>,
        /// One event for each id.
        ids: Vec<String>,
    },
}
