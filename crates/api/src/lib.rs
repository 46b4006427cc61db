//! The HTTP surfaces of Portico on actix-web: the management API, the door to the Chakra-compatible
//! calls, health, metrics and documentation.
//!
//! Handlers translate: they extract, call one use case of [`portico_app`], and wrap what it gives.
//! No route of the management API can be registered without a permission; see [`portico_web::guard`]. Errors
//! become answers in one place, [`portico_web::error_response`]. To add a call, see [`management`].

mod compatible;
mod hooks;
pub mod management;
pub mod openapi;
mod public;

use std::sync::LazyLock;

use actix_web::web::{Data, ServiceConfig};
use portico_app::App;
use portico_core::code::CODES;
use portico_docs::{Docs, Sources};
pub use portico_web::leading_slashes;
use utoipa::openapi::OpenApi;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| openapi::document(management::openapi(), None));
static JSON: LazyLock<String> = LazyLock::new(|| openapi::to_json(&DOCUMENT));

/// The documentation of a Portico with that public address (without a slash at its end), made once for all of its
/// workers.
#[must_use]
pub fn documentation(public_url: Option<&str>) -> Docs {
    let document = openapi::document(management::openapi(), public_url);
    let (json, yaml) = (openapi::to_compact_json(&document), openapi::to_yaml(&document));
    Docs::new(&Sources { routes: management::routes().table(), codes: CODES, json: &json, yaml: &yaml })
}

/// Registers everything that the public listener serves. `app` is this worker's own.
pub fn configure(config: &mut ServiceConfig, app: App, docs: &Docs) {
    config.app_data(Data::new(app.clone()));
    public::register(config, app, docs);
    config.service(management::routes().into_service());
}

/// Registers what the private listener serves: `GET /metrics`, in the text format of `OpenMetrics`.
pub fn configure_metrics(config: &mut ServiceConfig, app: App) {
    public::register_metrics(config, app);
}

/// The OpenAPI document of both surfaces, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    JSON.clone()
}

/// The OpenAPI document of both surfaces, as YAML.
#[must_use]
pub fn openapi_yaml() -> String {
    openapi::to_yaml(&DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_that_the_code_writes() {
        let committed = include_str!("../../../openapi/portico.json");
        let fresh = openapi_json();
        let differing = fresh.lines().zip(committed.lines()).find(|(fresh, committed)| fresh != committed);
        assert!(fresh == committed, "run `make openapi`: {differing:?}");
    }
}
