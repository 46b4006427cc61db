//! What a call names.

use portico_chakra::Kind;
use portico_connections::thing;
use portico_core::Error as CoreError;
use portico_domain::{CustomerId, PhoneNumberId, PluginId};
use portico_storage::OwnedId;

use crate::Error;

/// The owned things that a call names. They belong together: all to one plugin.
#[derive(Debug, Default)]
pub(crate) struct Named {
    first: Option<OwnedId>,
    phone_number: Option<PhoneNumberId>,
}

impl Named {
    pub(crate) fn plugin(&self) -> Option<PluginId> {
        self.first.map(|owned| owned.plugin)
    }

    pub(crate) fn customer(&self) -> Option<CustomerId> {
        self.first.map(|owned| owned.customer)
    }

    pub(crate) fn owner(&self) -> Option<OwnedId> {
        self.first
    }

    pub(crate) fn phone_number(&self) -> Option<&PhoneNumberId> {
        self.phone_number.as_ref()
    }

    /// That the call names this number.
    pub(crate) fn add_phone_number(&mut self, number: Option<PhoneNumberId>) {
        self.phone_number = number;
    }

    /// That something was sent or received through this number, unless the call names one.
    pub(crate) fn suggest_phone_number(&mut self, number: Option<PhoneNumberId>) {
        self.phone_number = self.phone_number.take().or(number);
    }

    /// Adds what an id of that kind belongs to.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] or [`CoreError::Missing`] when it belongs elsewhere than the rest;
    /// [`Error::InactiveNumber`].
    pub(crate) fn add(&mut self, kind: Kind, owned: OwnedId) -> Result<(), Error> {
        match self.first {
            None => self.first = Some(owned),
            Some(first) if first.plugin == owned.plugin => {}
            Some(_) if kind == Kind::Plugin => {
                return Err(Error::Mismatch("the body or query names another plugin than the path".into()));
            }
            // Chakra would not find a number or account inside a plugin that it does not belong to.
            Some(_) => return Err(CoreError::Missing(thing(kind)).into()),
        }
        if owned.is_active { Ok(()) } else { Err(Error::InactiveNumber) }
    }
}
