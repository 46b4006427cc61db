//! The HTTP surfaces of Portico on actix-web: the management API, the door to the Chakra-compatible
//! calls, health, metrics and documentation.
//!
//! Handlers translate: they extract, call one use case of [`portico_app`], and wrap what it gives.
//! No route of the management API can be registered without a permission; see [`portico_web::guard`]. Errors
//! become answers in one place, [`portico_web::error_response`]. To add a call, see [`management`].

mod compatible;
pub mod management;
pub mod openapi;
mod public;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use portico_app::App;
use portico_core::RequestError;
use portico_core::code::CODES;
use portico_docs::{Docs, Sources};
pub use portico_web::leading_slashes;
use portico_web::problem::Problem;
use portico_web::request_id::RequestId;
use utoipa::openapi::OpenApi;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| openapi::document(management::openapi(), None));
static JSON: LazyLock<String> = LazyLock::new(|| openapi::to_json(&DOCUMENT));

/// The documentation of a Portico with that public address (without a slash at its end), made once for all of its
/// workers.
#[must_use]
pub fn documentation(public_url: Option<&str>) -> Docs {
    let document = openapi::document(management::openapi(), public_url);
    let (json, yaml) = (openapi::to_compact_json(&document), openapi::to_yaml(&document));
    let json_3_0 = openapi::to_json_3_0(&document);
    let routes = management::routes();
    Docs::new(&Sources { routes: routes.table(), codes: CODES, json: &json, yaml: &yaml, json_3_0: &json_3_0 })
}

/// Registers everything that the public listener serves. `app` is this worker's own.
pub fn configure(config: &mut ServiceConfig, app: App, docs: &Docs) {
    config.app_data(Data::new(app.clone()));
    public::register(config, app, docs);
    config.service(management::routes().into_service());
}

/// The answer to a head that never becomes a request, by its status: 400, 408, 414 or 431. A problem, since nobody knows
/// which surface was meant.
#[must_use]
pub fn refusal(status: u16) -> HttpResponse {
    let error = match status {
        408 => RequestError::TooSlow,
        414 | 431 => RequestError::HeadTooLarge,
        _ => RequestError::MalformedHead,
    };
    Problem::from(error).answer_to_none(&RequestId::generate())
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

/// A copy of the OpenAPI document in version 3.0, as JSON: see [`openapi::to_json_3_0`].
#[must_use]
pub fn openapi_json_3_0() -> String {
    openapi::to_json_3_0(&DOCUMENT)
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
