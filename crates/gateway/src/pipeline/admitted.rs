//! The limits of what is called let the call through.

use super::owned::Owned;

/// A call that is within the limits of what it names.
///
/// The caller's own rate limit was counted when the caller was known. Limits that need to know whose number is
/// called, such as those of a phone number or of a recipient, belong here; there is none yet.
#[derive(Debug)]
pub(crate) struct Admitted<'c>(Owned<'c>);

impl<'c> Admitted<'c> {
    /// Counts the call.
    pub(crate) const fn of(owned: Owned<'c>) -> Self {
        Self(owned)
    }

    /// What is owned.
    pub(super) fn into_owned(self) -> Owned<'c> {
        self.0
    }
}
