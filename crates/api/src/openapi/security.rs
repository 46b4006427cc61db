//! How callers prove who they are, as the document's security schemes.

use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The name of the security scheme of API keys.
pub(super) const API_KEY: &str = "apiKey";
/// The name of the security scheme of the operator.
pub(super) const OPERATOR_TOKEN: &str = "operatorToken";

/// Both schemes by name.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 2] {
    let api_key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("ptc_…")
        .description(Some(
            "An API key that Portico issued, `Authorization: Bearer ptc_<env>_…`, or a short-lived token that a key minted, `Authorization: Bearer eyJ…`.",
        ))
        .build();
    let mut operator = Http::new(HttpAuthScheme::Bearer);
    operator.description =
        Some("The operator's token; with `Portico-Tenant: ten_…` where the operation belongs to a tenant.".to_owned());
    [(API_KEY, SecurityScheme::Http(api_key)), (OPERATOR_TOKEN, SecurityScheme::Http(operator))]
}
