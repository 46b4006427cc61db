//! What a tenant owns, as the management API shows it.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::api_key_rotation::OldSecret;
use crate::customer::Metadata;
use crate::ids::{ApiKeyId, ChakraKeyId, CustomerId, RoleId, TenantId};
use crate::meta_ids::{PhoneNumberId, PluginId, WabaId};
use crate::rate_limit::RateLimit;
use crate::role::PermissionSet;
use crate::settings::{Branding, GraphVersion, Limits, Origin};
use crate::status::{ApiKeyStatus, ChakraKeyStatus, CustomerStatus, PluginStatus, TenantStatus};
use crate::text::{Description, ExternalId, Name, RoleName};

/// A SaaS company that uses this Portico, as the operator sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: Name,
    /// Whether its calls are served.
    pub status: TenantStatus,
    /// Its limits. Nothing enforces any yet, so none can be set.
    pub limits: Limits,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// The operator's leave for a tenant to store keys of a Chakra team that another one holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TeamSharing {
    /// The tenant that holds the team.
    pub with: TenantId,
    /// When the operator gave leave.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A tenant's own settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantSettings {
    /// The tenant.
    pub id: TenantId,
    /// Its name.
    pub name: Name,
    /// Whether its calls are served.
    pub status: TenantStatus,
    /// Origins that may embed the connect page. None can be set yet.
    pub allowed_origins: Vec<Origin>,
    /// How the connect page looks. Cannot be set yet.
    pub branding: Branding,
    /// The Chakra key that calls use.
    pub default_chakra_key: Option<ChakraKeyId>,
    /// The Graph API version that Portico's own calls use; null: Portico's choice, the only one yet.
    pub graph_version: Option<GraphVersion>,
    /// For how long the log of proxied calls is kept, in days; null: for ever, the only choice yet.
    pub retention_days: Option<u16>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// An access token issued by Chakra, without the token.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChakraKey {
    /// Its id.
    pub id: ChakraKeyId,
    /// Its name, unique within the tenant.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// 16 hexadecimal digits by which the same token is recognised; says nothing about the token.
    #[schema(example = "9f86d081884c7d65")]
    pub fingerprint: String,
    /// The last four characters of the token.
    #[schema(example = "x9Qf")]
    pub last4: String,
    /// Whether calls use it.
    pub is_default: bool,
    /// What Chakra last said of it.
    pub status: ChakraKeyStatus,
    /// The name of the Chakra team that it belongs to, once verified.
    pub team_name: Option<String>,
    /// When Chakra last accepted it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub verified_at: Option<OffsetDateTime>,
    /// When Chakra last refused it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub refused_at: Option<OffsetDateTime>,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A business that the tenant onboards.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// The tenant's own id of it, unique within the tenant.
    pub external_id: ExternalId,
    /// Its name.
    pub name: Name,
    /// The tenant's own notes.
    pub metadata: Metadata,
    /// How far it is.
    pub status: CustomerStatus,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Chakra's container of one customer's WhatsApp set-up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plugin {
    /// Chakra's plugin id.
    pub id: PluginId,
    /// The same id, under the name by which other things refer to it.
    pub plugin_id: PluginId,
    /// The customer that it belongs to.
    pub customer_id: CustomerId,
    /// Its name.
    pub name: String,
    /// Whether it has a WABA.
    pub status: PluginStatus,
    /// Whether Chakra has it switched on.
    pub is_active: bool,
    /// When Portico last asked Chakra about it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub synced_at: Option<OffsetDateTime>,
    /// When it was recorded.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the record last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A WhatsApp Business Account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Waba {
    /// Meta's id of it.
    pub id: WabaId,
    /// The customer that it belongs to.
    pub customer_id: CustomerId,
    /// The plugin that it is connected to.
    pub plugin_id: PluginId,
    /// Its name, if Chakra told it.
    pub name: Option<String>,
    /// Chakra's word on it, for example CONNECTED.
    pub status: Option<String>,
    /// When Chakra was last asked.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
}

/// A business phone number.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PhoneNumber {
    /// Meta's id of it (not the number).
    pub id: PhoneNumberId,
    /// The customer that it belongs to.
    pub customer_id: CustomerId,
    /// Its plugin.
    pub plugin_id: PluginId,
    /// Its WABA.
    pub waba_id: WabaId,
    /// The number as people read it.
    pub display_phone_number: Option<String>,
    /// The name shown to recipients.
    pub verified_name: Option<String>,
    /// Meta's word on it, for example CONNECTED.
    pub status: Option<String>,
    /// GREEN, YELLOW, RED or UNKNOWN.
    pub quality_rating: Option<String>,
    /// For example `TIER_1K`.
    pub messaging_limit_tier: Option<String>,
    /// For example APPROVED.
    pub name_status: Option<String>,
    /// Whether the tenant sends from it: calls that name an inactive one are refused.
    pub is_active: bool,
    /// When Chakra was last asked.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
}

/// A named set of permissions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Role {
    /// Its id; built-in roles have none.
    pub id: Option<RoleId>,
    /// Its name, unique within the tenant.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<Description>,
    /// Whether every tenant has it.
    pub built_in: bool,
    /// What it allows.
    pub permissions: PermissionSet,
}

/// A key that Portico issued, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// The name of its role.
    pub role: RoleName,
    /// Whether it opens anything.
    pub status: ApiKeyStatus,
    /// The beginning of the secret, to recognise it by.
    #[schema(example = "ptc_live_4kT9aZ")]
    pub prefix: String,
    /// Only these customers; null: all.
    pub customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers; null: all.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
    /// Only from these addresses (CIDR); null: from anywhere.
    #[schema(value_type = Option<Vec<String>>, example = json!(["192.0.2.0/24"]))]
    pub allowed_ips: Option<Vec<ipnet::IpNet>>,
    /// Requests per second; null: no limit of its own.
    pub rate_limit: Option<RateLimit>,
    /// Not from this moment on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was last used, to the batch (about a second).
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// From where.
    pub last_used_address: Option<String>,
    /// For which operation of Chakra's, or by which method on which path template of Portico's own API.
    pub last_used_operation: Option<String>,
    /// Secrets that rotations replaced and that still open, or ended less than 30 days ago; newest first.
    pub old_secrets: Vec<OldSecret>,
    /// When the present secret took the place of another.
    #[serde(with = "time::serde::rfc3339::option")]
    pub rotated_at: Option<OffsetDateTime>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// One proxied call: metadata only.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestEntry {
    /// The `X-Request-Id` of the call.
    pub request_id: String,
    /// When it arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The operation of the catalogue.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The status that the caller got; 499 for one who left before the answer.
    pub status: u16,
    /// The status that Chakra gave, if it answered.
    pub upstream_status: Option<u16>,
    /// Portico's error code, if the answer was its own, or for what went wrong after the caller had left.
    pub code: Option<String>,
    /// Whether a 2xx carried a filled `_errors`.
    pub has_errors: bool,
    /// From the first byte of the request to the head of the answer, in microseconds.
    pub duration_us: u64,
    /// The key that called; none for the operator.
    pub api_key_id: Option<ApiKeyId>,
    /// The customer that the call was for, where it named one.
    pub customer_id: Option<CustomerId>,
    /// The plugin that the call named.
    pub plugin_id: Option<PluginId>,
}
