//! Answers of a shape that the catalogue does not name, so that a wrong guess about Chakra is seen and mended there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portico_core::Core;
use time::Date;

/// Which operations were told of, and on which day (UTC).
#[derive(Debug, Default)]
pub(crate) struct UnknownShapes(Mutex<HashMap<&'static str, Date>>);

impl UnknownShapes {
    /// Counts such an answer, and tells of the operation once a day.
    pub(crate) fn note(&self, core: &Core, operation: &'static str, field: &str) {
        core.metrics.unknown_shape(operation);
        let today = core.clock.now().date();
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, today);
        if told != Some(today) {
            tracing::warn!(
                operation,
                field,
                "an answer of Chakra holds a field that the catalogue does not know; callers to whom not all of the team is \
                 open do not get such answers"
            );
        }
    }
}
