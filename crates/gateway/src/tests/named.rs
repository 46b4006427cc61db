use portico_chakra::Kind;
use portico_domain::{CustomerId, PluginId};
use portico_storage::OwnedId;
use uuid::Uuid;

use super::refusal;
use crate::named::Named;

fn owned() -> OwnedId {
    OwnedId { customer: CustomerId::generate(), plugin: PluginId::from_uuid(Uuid::new_v4()), is_active: true }
}

#[test]
fn things_of_one_plugin_belong_together() {
    let (mut named, owner) = (Named::default(), owned());
    assert_eq!((named.plugin(), named.customer()), (None, None));
    for kind in [Kind::Plugin, Kind::Waba, Kind::PhoneNumber, Kind::Plugin] {
        named.add(kind, owner).expect("is of the same plugin");
    }
    assert_eq!((named.plugin(), named.customer()), (Some(owner.plugin), Some(owner.customer)));
}

#[test]
fn two_plugins_do_not_match() {
    let mut named = Named::default();
    named.add(Kind::Plugin, owned()).expect("is the first");
    assert_eq!(refusal(named.add(Kind::Plugin, owned())), (400, "ids_do_not_match"));
}

#[test]
fn a_number_or_waba_of_another_plugin_is_not_there() {
    for (kind, code) in [(Kind::PhoneNumber, "phone_number_not_found"), (Kind::Waba, "waba_not_found")] {
        let mut named = Named::default();
        named.add(Kind::Plugin, owned()).expect("is the first");
        assert_eq!(refusal(named.add(kind, owned())), (404, code));
    }
}

#[test]
fn an_inactive_number_is_refused_and_one_of_another_plugin_is_still_not_there() {
    let mut named = Named::default();
    let (owner, other) = (owned(), owned());
    named.add(Kind::Plugin, owner).expect("is the first");
    let inactive = |owner| OwnedId { is_active: false, ..owner };
    assert_eq!(refusal(named.add(Kind::PhoneNumber, inactive(owner))), (409, "phone_number_inactive"));
    assert_eq!(refusal(named.add(Kind::PhoneNumber, inactive(other))), (404, "phone_number_not_found"));
}

#[test]
fn a_number_that_the_call_names_wins_over_one_that_was_learned() {
    let (mine, learned) = ("1".parse().expect("is digits"), "2".parse().expect("is digits"));
    let mut named = Named::default();
    named.suggest_phone_number(Some(learned));
    assert_eq!(named.phone_number().map(ToString::to_string).as_deref(), Some("2"));
    named.add_phone_number(Some(mine));
    named.suggest_phone_number(Some("3".parse().expect("is digits")));
    assert_eq!(named.phone_number().map(ToString::to_string).as_deref(), Some("1"));
}
