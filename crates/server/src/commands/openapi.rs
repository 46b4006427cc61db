//! `portico openapi`: prints the OpenAPI document that the gateway serves.

use crate::cli::{Openapi, OpenapiFormat};
use crate::console;

pub(super) fn run(arguments: &Openapi) {
    let document = match arguments.format {
        OpenapiFormat::Json => portico_api::openapi_json(),
        OpenapiFormat::Json30 => portico_api::openapi_json_3_0(),
        OpenapiFormat::Yaml => portico_api::openapi_yaml(),
    };
    console::say(document.trim_end());
}
