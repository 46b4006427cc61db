//! How far inside its tenant a caller reaches.

use portico_domain::{CustomerId, PhoneNumberId};

/// The limits of a key inside its tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Only these customers; none: all.
    pub customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers; none: all of those customers.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
}

/// The customers that a list may show: all of the tenant's, or these.
pub type CustomerReach<'a> = Option<&'a [CustomerId]>;

impl Reach {
    /// All of the tenant.
    pub const ALL: Self = Self { customers: None, phone_numbers: None };

    /// Whether the whole tenant is within reach.
    #[must_use]
    pub const fn is_whole_tenant(&self) -> bool {
        self.customers.is_none() && self.phone_numbers.is_none()
    }

    /// Whether what belongs to the customer is within reach.
    #[must_use]
    pub fn covers_customer(&self, customer: CustomerId) -> bool {
        self.customers.as_ref().is_none_or(|all| all.contains(&customer))
    }

    /// Whether the phone number is within reach, given that its customer is.
    #[must_use]
    pub fn covers_phone_number(&self, id: &PhoneNumberId) -> bool {
        self.phone_numbers.as_ref().is_none_or(|all| all.contains(id))
    }

    /// The customers that a list may show.
    #[must_use]
    pub fn customers(&self) -> CustomerReach<'_> {
        self.customers.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_key_without_customers_reaches_none() {
        let reach = Reach { customers: Some(Vec::new()), phone_numbers: None };
        assert!(!reach.covers_customer(CustomerId::generate()));
        assert!(!reach.is_whole_tenant());
        assert!(Reach::ALL.covers_customer(CustomerId::generate()));
    }
}
