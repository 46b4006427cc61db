//! Nobody makes the same call at this moment.

use super::admitted::Admitted;
use super::owned::Owned;

/// A call that nobody else makes at this moment, and that was not answered before.
///
/// A call claims its `Idempotency-Key` here. The compatible surface takes none yet, so every call is one of its own.
#[derive(Debug)]
pub(crate) struct Claimed<'c>(Admitted<'c>);

impl<'c> Claimed<'c> {
    /// Claims the call.
    pub(crate) const fn of(admitted: Admitted<'c>) -> Self {
        Self(admitted)
    }

    /// What is owned.
    pub(super) fn into_owned(self) -> Owned<'c> {
        self.0.into_owned()
    }
}
