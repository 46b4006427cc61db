//! The management API: one module for each resource, with requests, answers and handlers.
//!
//! To add a call, write its handler in the module of its resource and name it in [`routes`]: method, path
//! and description are those of its `#[utoipa::path]`.

#![expect(clippy::option_option, reason = "absent, null and given are three things in a PATCH")]
#![expect(unused_qualifications, reason = "the code that utoipa writes for `params`")]

mod api_keys;
mod audit_log;
mod chakra_keys;
mod configuration;
mod customers;
mod invitations;
mod lookup;
mod members;
mod phone_numbers;
mod plugins;
mod requests;
mod roles;
mod session;
mod signing_keys;
mod tenant;
mod tenants;
mod tokens;
mod values;
mod wabas;

use portico_web::route;
use portico_web::routes::Routes;
use utoipa::openapi::OpenApi;

use crate::public;

/// Every route of the management API, each with its permission, in the order of the document; and the calls
/// for everybody that stand beside them in it.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::under("/api/v1")
        .guarded(route!(tenants::create))
        .guarded(route!(tenants::list))
        .guarded(route!(tenants::get))
        .guarded(route!(tenants::patch))
        .guarded(route!(tenants::delete))
        .guarded(route!(tenant::get))
        .guarded(route!(tenant::patch))
        .guarded(route!(session::get))
        .guarded(route!(session::end))
        .guarded(route!(members::list))
        .guarded(route!(members::get))
        .guarded(route!(members::patch))
        .guarded(route!(members::remove))
        .guarded(route!(members::leave))
        .guarded(route!(invitations::create))
        .guarded(route!(invitations::list))
        .guarded(route!(invitations::get))
        .guarded(route!(invitations::revoke))
        .guarded(route!(api_keys::create))
        .guarded(route!(api_keys::list))
        .guarded(route!(api_keys::get))
        .guarded(route!(api_keys::patch))
        .guarded(route!(api_keys::revoke))
        .guarded(route!(api_keys::rotate))
        .guarded(route!(api_keys::old_secret_uses))
        .public(public::leak_report().document)
        .guarded(route!(tokens::mint))
        .guarded(route!(signing_keys::list))
        .guarded(route!(signing_keys::rotate))
        .guarded(route!(roles::list))
        .guarded(route!(roles::create))
        .guarded(route!(roles::get))
        .guarded(route!(roles::patch))
        .guarded(route!(roles::delete))
        .guarded(route!(roles::permissions))
        .guarded(route!(chakra_keys::create))
        .guarded(route!(chakra_keys::list))
        .guarded(route!(chakra_keys::get))
        .guarded(route!(chakra_keys::patch))
        .guarded(route!(chakra_keys::delete))
        .guarded(route!(chakra_keys::verify))
        .guarded(route!(chakra_keys::replace))
        .guarded(route!(chakra_keys::set_default))
        .guarded(route!(chakra_keys::uses))
        .guarded(route!(customers::create))
        .guarded(route!(customers::list))
        .guarded(route!(customers::ensure))
        .guarded(route!(customers::get))
        .guarded(route!(customers::patch))
        .guarded(route!(customers::delete))
        .guarded(route!(customers::connection))
        .guarded(route!(customers::disconnect))
        .guarded(route!(plugins::create))
        .guarded(route!(plugins::list))
        .guarded(route!(plugins::get))
        .guarded(route!(plugins::delete))
        .guarded(route!(plugins::sync))
        .guarded(route!(configuration::get))
        .guarded(route!(configuration::patch))
        .guarded(route!(wabas::list))
        .guarded(route!(wabas::get))
        .guarded(route!(phone_numbers::list))
        .guarded(route!(phone_numbers::get))
        .guarded(route!(phone_numbers::patch))
        .guarded(route!(lookup::find))
        .guarded(route!(requests::list))
        .guarded(route!(tenant::export))
        .guarded(route!(audit_log::list))
        .guarded(route!(audit_log::verify))
        .guarded(route!(audit_log::export))
        .guarded(route!(audit_log::operator_list))
        .guarded(route!(audit_log::operator_verify))
        .guarded(route!(audit_log::operator_export));
    public::reads().iter().fold(routes, |routes, call| routes.public(call.document))
}

/// What the handlers say of themselves, with the permission that each one's type asks for.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().openapi()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_call_stands_twice() {
        let mut seen = HashSet::new();
        for route in routes().table() {
            assert!(seen.insert(format!("{} {}", route.method, route.path)), "{route:?}");
        }
    }

    #[test]
    fn every_call_says_which_permission_it_asks_for_if_any() {
        let document = serde_json::to_value(openapi()).expect("is JSON");
        for route in routes().table() {
            let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
            let needed = route.permission.map(portico_domain::Permission::as_str);
            assert_eq!(operation["x-portico-permission"].as_str(), needed, "{}", route.path);
            let operators = route.permission.is_some_and(portico_domain::Permission::is_operator_only);
            assert_eq!(route.operator, operators, "{}", route.path);
        }
    }
}
