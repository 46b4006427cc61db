//! The management API: one module for each resource, with requests, answers and handlers.
//!
//! To add a call, write its handler in the module of its resource, name it in [`routes`] and in
//! `Documented`; a test compares the two.

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

use actix_web::http::Method;
use portico_web::guard::{Route, Routes};
use portico_web::problem::Document;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::SecurityRequirement;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};

/// Every route of the management API, each with its permission.
#[must_use]
#[rustfmt::skip]
pub fn routes() -> Routes {
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    Routes::under("/api/v1")
        .guarded(post.clone(), "/tenants", tenants::create)
        .guarded(get.clone(), "/tenants", tenants::list)
        .guarded(get.clone(), "/tenants/{id}", tenants::get)
        .guarded(patch.clone(), "/tenants/{id}", tenants::patch)
        .guarded(delete.clone(), "/tenants/{id}", tenants::delete)
        .guarded(get.clone(), "/tenant", tenant::get)
        .guarded(patch.clone(), "/tenant", tenant::patch)
        .guarded(get.clone(), "/session", session::get)
        .guarded(delete.clone(), "/session", session::end)
        .guarded(post.clone(), "/invitations", invitations::create)
        .guarded(get.clone(), "/invitations", invitations::list)
        .guarded(get.clone(), "/invitations/{id}", invitations::get)
        .guarded(delete.clone(), "/invitations/{id}", invitations::revoke)
        .guarded(get.clone(), "/members", members::list)
        .guarded(delete.clone(), "/members/me", members::leave)
        .guarded(get.clone(), "/members/{id}", members::get)
        .guarded(patch.clone(), "/members/{id}", members::patch)
        .guarded(delete.clone(), "/members/{id}", members::remove)
        .guarded(get.clone(), "/permissions", roles::permissions)
        .guarded(post.clone(), "/roles", roles::create)
        .guarded(get.clone(), "/roles", roles::list)
        .guarded(get.clone(), "/roles/{id}", roles::get)
        .guarded(patch.clone(), "/roles/{id}", roles::patch)
        .guarded(delete.clone(), "/roles/{id}", roles::delete)
        .guarded(post.clone(), "/api-keys", api_keys::create)
        .guarded(get.clone(), "/api-keys", api_keys::list)
        .guarded(get.clone(), "/api-keys/{id}", api_keys::get)
        .guarded(patch.clone(), "/api-keys/{id}", api_keys::patch)
        .guarded(delete.clone(), "/api-keys/{id}", api_keys::revoke)
        .guarded(post.clone(), "/api-keys/{id}/rotate", api_keys::rotate)
        .guarded(get.clone(), "/api-keys/{id}/old-secret-uses", api_keys::old_secret_uses)
        .guarded(post.clone(), "/tokens", tokens::mint)
        .guarded(get.clone(), "/signing-keys", signing_keys::list)
        .guarded(post.clone(), "/signing-keys/rotate", signing_keys::rotate)
        .guarded(post.clone(), "/chakra-keys", chakra_keys::create)
        .guarded(get.clone(), "/chakra-keys", chakra_keys::list)
        .guarded(get.clone(), "/chakra-keys/{id}", chakra_keys::get)
        .guarded(patch.clone(), "/chakra-keys/{id}", chakra_keys::patch)
        .guarded(delete.clone(), "/chakra-keys/{id}", chakra_keys::delete)
        .guarded(post.clone(), "/chakra-keys/{id}/verify", chakra_keys::verify)
        .guarded(post.clone(), "/chakra-keys/{id}/replace", chakra_keys::replace)
        .guarded(post.clone(), "/chakra-keys/{id}/set-default", chakra_keys::set_default)
        .guarded(get.clone(), "/chakra-keys/{id}/uses", chakra_keys::uses)
        .guarded(put, "/customers/by-external-id/{external_id}", customers::ensure)
        .guarded(post.clone(), "/customers", customers::create)
        .guarded(get.clone(), "/customers", customers::list)
        .guarded(get.clone(), "/customers/{id}", customers::get)
        .guarded(patch.clone(), "/customers/{id}", customers::patch)
        .guarded(delete.clone(), "/customers/{id}", customers::delete)
        .guarded(get.clone(), "/customers/{id}/connection", customers::connection)
        .guarded(delete.clone(), "/customers/{id}/connection", customers::disconnect)
        .guarded(post.clone(), "/plugins", plugins::create)
        .guarded(get.clone(), "/plugins", plugins::list)
        .guarded(get.clone(), "/plugins/{plugin_id}", plugins::get)
        .guarded(delete, "/plugins/{plugin_id}", plugins::delete)
        .guarded(post, "/plugins/{plugin_id}/sync", plugins::sync)
        .guarded(get.clone(), "/plugins/{plugin_id}/configuration", configuration::get)
        .guarded(patch.clone(), "/plugins/{plugin_id}/configuration", configuration::patch)
        .guarded(get.clone(), "/wabas", wabas::list)
        .guarded(get.clone(), "/wabas/{id}", wabas::get)
        .guarded(get.clone(), "/phone-numbers", phone_numbers::list)
        .guarded(get.clone(), "/phone-numbers/{id}", phone_numbers::get)
        .guarded(patch, "/phone-numbers/{id}", phone_numbers::patch)
        .guarded(get.clone(), "/lookup", lookup::find)
        .guarded(get.clone(), "/requests", requests::list)
        .guarded(get.clone(), "/tenant/export", tenant::export)
        .guarded(get.clone(), "/audit-log", audit_log::list)
        .guarded(get.clone(), "/audit-log/verify", audit_log::verify)
        .guarded(get.clone(), "/audit-log/export", audit_log::export)
        .guarded(get.clone(), "/operator/audit-log", audit_log::operator_list)
        .guarded(get.clone(), "/operator/audit-log/verify", audit_log::operator_verify)
        .guarded(get, "/operator/audit-log/export", audit_log::operator_export)
}

#[derive(OpenApi)]
#[openapi(
    paths(
        tenants::create,
        tenants::list,
        tenants::get,
        tenants::patch,
        tenants::delete,
        tenant::get,
        tenant::patch,
        session::get,
        session::end,
        members::list,
        members::get,
        members::patch,
        members::remove,
        members::leave,
        invitations::create,
        invitations::list,
        invitations::get,
        invitations::revoke,
        api_keys::create,
        api_keys::list,
        api_keys::get,
        api_keys::patch,
        api_keys::revoke,
        api_keys::rotate,
        api_keys::old_secret_uses,
        crate::public::revoke_leaked,
        tokens::mint,
        signing_keys::list,
        signing_keys::rotate,
        roles::list,
        roles::create,
        roles::get,
        roles::patch,
        roles::delete,
        roles::permissions,
        chakra_keys::create,
        chakra_keys::list,
        chakra_keys::get,
        chakra_keys::patch,
        chakra_keys::delete,
        chakra_keys::verify,
        chakra_keys::replace,
        chakra_keys::set_default,
        chakra_keys::uses,
        customers::create,
        customers::list,
        customers::ensure,
        customers::get,
        customers::patch,
        customers::delete,
        customers::connection,
        customers::disconnect,
        plugins::create,
        plugins::list,
        plugins::get,
        plugins::delete,
        plugins::sync,
        configuration::get,
        configuration::patch,
        wabas::list,
        wabas::get,
        phone_numbers::list,
        phone_numbers::get,
        phone_numbers::patch,
        lookup::find,
        requests::list,
        tenant::export,
        audit_log::list,
        audit_log::verify,
        audit_log::export,
        audit_log::operator_list,
        audit_log::operator_verify,
        audit_log::operator_export,
        crate::public::healthz,
        crate::public::readyz,
        crate::public::jwks,
    ),
    components(schemas(Document))
)]
struct Documented;

/// What the handlers say of themselves, with the permission that each one's type asks for.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Documented::openapi();
    for (path, item) in &mut document.paths.paths {
        if let Some(public) = item.get.as_mut().filter(|_| !path.starts_with("/api/")) {
            public.security = Some(Vec::new());
        }
    }
    for (method, path) in crate::public::CALLS {
        let item = document.paths.paths.get_mut(*path);
        if let Some(public) = item.and_then(|item| operation(item, method).as_mut()) {
            public.security = Some(Vec::new());
        }
    }
    for route in routes().table() {
        let item = document.paths.paths.get_mut(&route.path);
        if let Some(operation) = item.and_then(|item| operation(item, &route.method).as_mut()) {
            permit(operation, route);
        }
    }
    document
}

fn operation<'i>(item: &'i mut PathItem, method: &Method) -> &'i mut Option<Operation> {
    match method.as_str() {
        "POST" => &mut item.post,
        "PUT" => &mut item.put,
        "PATCH" => &mut item.patch,
        "DELETE" => &mut item.delete,
        _ => &mut item.get,
    }
}

fn permit(operation: &mut Operation, route: &Route) {
    if let Some(permission) = route.permission {
        let extensions = operation.extensions.get_or_insert_default();
        extensions.merge(Extensions::from_iter([("x-portico-permission", Value::from(permission.as_str()))]));
    }
    if route.operator {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("operatorToken", [])]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_documented_and_every_documented_call_is_a_route() {
        let public = crate::public::CALLS.iter().map(|(method, path)| format!("{method} {path}"));
        let routed: BTreeSet<_> =
            routes().table().iter().map(|route| format!("{} {}", route.method, route.path)).chain(public).collect();
        let mut documented = BTreeSet::new();
        for (path, mut item) in Documented::openapi().paths.paths {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if operation(&mut item, &method).is_some() && path.starts_with("/api/") {
                    documented.insert(format!("{method} {path}"));
                }
            }
        }
        assert_eq!(routed, documented);
    }

    #[test]
    fn every_call_says_which_permission_it_asks_for_if_any() {
        let mut document = openapi();
        for route in routes().table() {
            let item = document.paths.paths.get_mut(&route.path).expect("is documented");
            let operation = operation(item, &route.method).as_ref().expect("is documented");
            let said = operation.extensions.as_ref().and_then(|all| all.get("x-portico-permission"));
            let needed = route.permission.map(|permission| Value::from(permission.as_str()));
            assert_eq!(said, needed.as_ref(), "{}", route.path);
            let operators = route.permission.is_some_and(portico_domain::Permission::is_operator_only);
            assert_eq!(route.operator, operators, "{}", route.path);
        }
    }
}
