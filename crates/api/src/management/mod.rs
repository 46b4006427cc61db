//! The management API: one module for each resource, with requests, answers and handlers; where a resource
//! has more than four calls, one file for each in it.
//!
//! To add a call, write its handler in the module of its resource and name it in [`routes`]: method, path
//! and description are those of its `#[utoipa::path]`.

#![expect(unused_qualifications, reason = "the code that utoipa writes for `params`")]

mod api_keys;
mod audit_log;
mod chakra_keys;
mod customers;
mod events;
mod hooks;
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
mod webhook_secret;

use portico_web::route;
use portico_web::routes::Routes;
use utoipa::openapi::OpenApi;

use crate::public;

/// Every route of the management API, each with its permission, in the order of the document; and the calls
/// for everybody that stand beside them in it.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::under("/api/v1")
        .guarded(route!(tenants::create::handler))
        .guarded(route!(tenants::list::handler))
        .guarded(route!(tenants::get::handler))
        .guarded(route!(tenants::patch::handler))
        .guarded(route!(tenants::delete::handler))
        .guarded(route!(tenants::team_sharing::list))
        .guarded(route!(tenants::team_sharing::allow))
        .guarded(route!(tenants::team_sharing::end))
        .guarded(route!(tenant::get))
        .guarded(route!(tenant::patch))
        .guarded(route!(session::get))
        .guarded(route!(session::who_am_i))
        .guarded(route!(session::end))
        .guarded(route!(members::list::handler))
        .guarded(route!(members::get::handler))
        .guarded(route!(members::patch::handler))
        .guarded(route!(members::sign_in_link::handler))
        .guarded(route!(members::remove::handler))
        .guarded(route!(members::leave::handler))
        .guarded(route!(invitations::create))
        .guarded(route!(invitations::list))
        .guarded(route!(invitations::get))
        .guarded(route!(invitations::revoke))
        .guarded(route!(api_keys::create::handler))
        .guarded(route!(api_keys::list::handler))
        .guarded(route!(api_keys::get::handler))
        .guarded(route!(api_keys::patch::handler))
        .guarded(route!(api_keys::revoke::handler))
        .guarded(route!(api_keys::rotate::handler))
        .guarded(route!(api_keys::old_secret_uses::handler))
        .public(public::leak_report().document)
        .guarded(route!(tokens::mint))
        .guarded(route!(signing_keys::list))
        .guarded(route!(signing_keys::rotate))
        .guarded(route!(roles::list::handler))
        .guarded(route!(roles::create::handler))
        .guarded(route!(roles::get::handler))
        .guarded(route!(roles::patch::handler))
        .guarded(route!(roles::delete::handler))
        .guarded(route!(roles::permissions::handler))
        .guarded(route!(chakra_keys::create::handler).asking_chakra())
        .guarded(route!(chakra_keys::list::handler))
        .guarded(route!(chakra_keys::get::handler))
        .guarded(route!(chakra_keys::patch::handler))
        .guarded(route!(chakra_keys::delete::handler))
        .guarded(route!(chakra_keys::verify::handler).asking_chakra())
        .guarded(route!(chakra_keys::replace::handler).asking_chakra())
        .guarded(route!(chakra_keys::set_default::handler))
        .guarded(route!(chakra_keys::uses::handler))
        .guarded(route!(customers::create::handler))
        .guarded(route!(customers::list::handler))
        .guarded(route!(customers::ensure::handler))
        .guarded(route!(customers::get::handler))
        .guarded(route!(customers::patch::handler))
        .guarded(route!(customers::delete::handler))
        .guarded(route!(customers::connection::handler))
        .guarded(route!(customers::disconnect::handler).asking_chakra())
        .guarded(route!(plugins::create::handler).asking_chakra())
        .guarded(route!(plugins::list::handler))
        .guarded(route!(plugins::get::handler))
        .guarded(route!(plugins::delete::handler).asking_chakra())
        .guarded(route!(plugins::sync::handler).asking_chakra())
        .guarded(route!(plugins::configuration::get).asking_chakra())
        .guarded(route!(plugins::configuration::patch).asking_chakra())
        .guarded(route!(wabas::list))
        .guarded(route!(wabas::get))
        .guarded(route!(phone_numbers::list))
        .guarded(route!(phone_numbers::get))
        .guarded(route!(phone_numbers::patch))
        .guarded(route!(lookup::find).asking_chakra())
        .guarded(route!(hooks::get))
        .guarded(route!(hooks::create))
        .guarded(route!(hooks::rotate))
        .guarded(route!(webhook_secret::get))
        .guarded(route!(webhook_secret::set))
        .guarded(route!(webhook_secret::begin_log_only))
        .guarded(route!(webhook_secret::end_log_only))
        .guarded(route!(events::list))
        .guarded(route!(events::get))
        .guarded(route!(events::list_quarantined))
        .guarded(route!(events::route))
        .guarded(route!(requests::list))
        .guarded(route!(requests::get))
        .guarded(route!(tenant::export))
        .guarded(route!(audit_log::list::handler))
        .guarded(route!(audit_log::verify::handler))
        .guarded(route!(audit_log::export::handler))
        .guarded(route!(audit_log::operator_list::handler))
        .guarded(route!(audit_log::operator_verify::handler))
        .guarded(route!(audit_log::operator_export::handler));
    let routes = public::hook_calls().documents.into_iter().fold(routes, Routes::public);
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
