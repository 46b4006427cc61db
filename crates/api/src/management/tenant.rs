//! The caller's own tenant.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Branding, ChakraKeyId, GraphVersion, Origin, TenantSettings};
use portico_identity::TenantSettingsPatch;
use portico_web::extract::{Body, NotOffered, given, refuse_not_offered};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Json, Lines};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the tenant changes; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"default_chakra_key": "chk_01h455vb4pex5vsknk084sn02q"}))]
pub(crate) struct PatchTenantSettings {
    /// Origins that may embed the connect page. Not offered yet: 422 `not_offered`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Origin>>, nullable = false)]
    allowed_origins: NotOffered,
    /// How the connect page looks. Not offered yet: 422 `not_offered`.
    #[serde(default)]
    #[schema(value_type = Option<Branding>, nullable = false)]
    branding: NotOffered,
    /// The Graph API version that Portico's own calls use. Not offered yet: 422 `not_offered`.
    #[serde(default)]
    #[schema(value_type = Option<GraphVersion>)]
    graph_version: NotOffered,
    /// For how long the log of proxied calls is kept, in days. Not offered yet: 422 `not_offered`.
    #[serde(default)]
    #[schema(value_type = Option<u16>, nullable = false)]
    retention_days: NotOffered,
    /// The Chakra key that calls use.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    default_chakra_key: Option<ChakraKeyId>,
}

/// Reads the tenant's settings.
#[utoipa::path(get, path = "/api/v1/tenant", tag = "tenant", operation_id = "get_own_tenant",
    responses((status = 200, body = TenantSettings, description = "The settings.")))]
pub(crate) async fn get(caller: Caller<perm::TenantRead>, app: Data<App>) -> Result<Json<TenantSettings>, Problem> {
    Ok(Json(app.tenants().settings(caller.scope()).await?))
}

/// Changes the tenant's settings.
#[utoipa::path(patch, path = "/api/v1/tenant", tag = "tenant", operation_id = "change_own_tenant",
    request_body = PatchTenantSettings,
    responses((status = 200, body = TenantSettings, description = "The settings as they are now.")))]
pub(crate) async fn patch(
    caller: Caller<perm::TenantWrite>,
    Body(body): Body<PatchTenantSettings>,
    app: Data<App>,
) -> Result<Json<TenantSettings>, Problem> {
    refuse_not_offered(&[
        ("/allowed_origins", body.allowed_origins),
        ("/branding", body.branding),
        ("/graph_version", body.graph_version),
        ("/retention_days", body.retention_days),
    ])?;
    let patch = TenantSettingsPatch::default();
    Ok(Json(app.tenants().patch_settings(caller.scope(), patch, body.default_chakra_key).await?))
}

/// Exports everything that the tenant owns as of now, but no secrets: a line of JSON for each row.
///
/// The first line is `{"type":"manifest","data":{…}}` and names the tables. Each row is
/// `{"type":<table>,"data":{…}}`. The last line is `{"type":"end","data":{"rows":{…}}}` with the number
/// of rows of each table: without it the bundle is cut short. It stands in the audit log. One export of a
/// tenant runs at a time; it breaks off when nothing is read for a minute, and
/// after ten minutes. While those of others take all the room, it answers 503 `busy`.
#[utoipa::path(get, path = "/api/v1/tenant/export", tag = "tenant", operation_id = "export_tenant",
    responses(
        (status = 200, body = ExportLine, content_type = "application/x-ndjson", description = "The bundle."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "Another export of this tenant is being written."),
    ))]
pub(crate) async fn export(caller: Caller<perm::TenantExport>, app: Data<App>) -> Result<Lines, Problem> {
    Ok(Lines::of(app.tenant_exports().export(caller.scope()).await?))
}

/// One line of a bundle.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "is documentation")]
pub(crate) struct ExportLine {
    /// `manifest` first, `end` last, between them the name of a table.
    #[schema(rename = "type", example = "customers")]
    kind: String,
    /// The row; ids are written as this API shows them.
    #[schema(value_type = Object, example = json!({"customer_id": "cus_01h455vb4pex5vsknk084sn02q", "name": "Shop"}))]
    data: serde_json::Value,
}
