//! How far inside its tenant a caller reaches.

use portico_domain::{CustomerId, PhoneNumberId};

/// The customers and phone numbers that a caller is limited to inside its tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    /// The customers within reach; none: all of the tenant.
    pub customers: Option<Vec<CustomerId>>,
    /// The phone numbers within reach, by Meta's ids; none: all of those customers.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
}

/// The customers that a list may show; none: all of the tenant.
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

    /// What is within both this reach and `by`.
    #[must_use]
    pub fn narrowed(&self, by: &Self) -> Self {
        Self {
            customers: both(self.customers.as_deref(), by.customers.as_deref()),
            phone_numbers: both(self.phone_numbers.as_deref(), by.phone_numbers.as_deref()),
        }
    }

    /// The customers that a list may show.
    #[must_use]
    pub fn customers(&self) -> CustomerReach<'_> {
        self.customers.as_deref()
    }
}

/// The intersection of two lists, where no list stands for everything.
fn both<T: Clone + PartialEq>(one: Option<&[T]>, other: Option<&[T]>) -> Option<Vec<T>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.iter().filter(|item| other.contains(item)).cloned().collect()),
        (list, None) | (None, list) => list.map(<[T]>::to_vec),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reach over few customers and numbers, so that two of them often have some in common.
    fn reach() -> impl Strategy<Value = Reach> {
        let customers = prop::option::of(prop::collection::vec(0..6_u8, 0..5));
        let numbers = prop::option::of(prop::collection::vec(0..6_u8, 0..5));
        (customers, numbers).prop_map(|(customers, numbers)| Reach {
            customers: customers.map(|all| all.into_iter().map(customer).collect()),
            phone_numbers: numbers.map(|all| all.into_iter().map(number).collect()),
        })
    }

    fn customer(at: u8) -> CustomerId {
        format!("cus_01h455vb4pex5vsknk084sn02{at}").parse().expect("is an id")
    }

    fn number(at: u8) -> PhoneNumberId {
        format!("10000000000000{at}").parse().expect("is an id")
    }

    /// Everything that can be asked of a reach.
    fn covered(reach: &Reach) -> Vec<bool> {
        let customers = (0..6).map(|at| reach.covers_customer(customer(at)));
        let numbers = (0..6).map(|at| reach.covers_phone_number(&number(at)));
        customers.chain(numbers).chain([reach.is_whole_tenant()]).collect()
    }

    proptest! {
        #[test]
        fn narrowed_covers_exactly_what_both_cover(one in reach(), other in reach()) {
            let narrowed = covered(&one.narrowed(&other));
            let both: Vec<_> = covered(&one).into_iter().zip(covered(&other)).map(|(a, b)| a && b).collect();
            prop_assert_eq!(narrowed, both);
        }

        #[test]
        fn narrowing_is_idempotent_and_does_not_ask_for_order(one in reach(), two in reach(), three in reach()) {
            let narrowed = one.narrowed(&two);
            prop_assert_eq!(narrowed.narrowed(&two), narrowed.clone());
            prop_assert_eq!(covered(&two.narrowed(&one)), covered(&narrowed));
            prop_assert_eq!(covered(&narrowed.narrowed(&three)), covered(&one.narrowed(&two.narrowed(&three))));
            prop_assert_eq!(one.narrowed(&Reach::ALL), one.clone());
        }
    }

    #[test]
    fn a_list_shows_the_customers_of_the_reach() {
        let some = [customer(1), customer(2)];
        let reach = Reach { customers: Some(some.to_vec()), phone_numbers: None };
        assert_eq!(reach.customers(), Some(&some[..]));
        assert_eq!(Reach::ALL.customers(), None);
    }

    #[test]
    fn a_key_limited_to_phone_numbers_reaches_those_and_no_other() {
        let reach = Reach { customers: None, phone_numbers: Some(vec![number(1)]) };
        assert!(reach.covers_phone_number(&number(1)) && !reach.covers_phone_number(&number(2)));
        assert!(!reach.is_whole_tenant());
        assert!(Reach::ALL.covers_phone_number(&number(2)));
    }

    #[test]
    fn a_limited_key_without_customers_reaches_none() {
        let reach = Reach { customers: Some(Vec::new()), phone_numbers: None };
        assert!(!reach.covers_customer(CustomerId::generate()));
        assert!(!reach.is_whole_tenant());
        assert!(Reach::ALL.covers_customer(CustomerId::generate()));
        assert!(Reach::ALL.is_whole_tenant());
    }
}
