//! What the documentation is given.

use portico_core::code::Code;
use portico_web::routes::Route;

/// What the documentation is made of, beside its own texts and the catalogue of Chakra's operations.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'s> {
    /// Every route of Portico's own API.
    pub routes: &'s [Route],
    /// Every error code.
    pub codes: &'s [Code],
    /// The OpenAPI document as JSON.
    pub json: &'s str,
    /// The same as YAML.
    pub yaml: &'s str,
    /// A copy as OpenAPI 3.0, for generators that know no 3.1.
    pub json_3_0: &'s str,
}
