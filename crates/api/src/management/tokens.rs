//! Short-lived tokens.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PermissionSet, PhoneNumberId, TokenId};
use portico_identity::{MintToken, MintedToken};
use portico_web::extract::Body;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Created;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::values::reveal;

/// A token to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 900, "permissions": ["messages:send"]}))]
pub(crate) struct MintTokenBody {
    /// How long it lives, in seconds: 1 to 3600; absent: 900. It never outlives the key that mints it.
    #[schema(minimum = 1, maximum = 3600, default = 900)]
    expires_in: Option<u32>,
    /// What it may do: at least one permission, none that the caller lacks, and none that no token can have.
    permissions: PermissionSet,
    /// Only these customers, at most 50; absent: those that the caller reaches.
    customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers, at most 50; absent: those that the caller reaches.
    phone_numbers: Option<Vec<PhoneNumberId>>,
}

/// A new token. Nobody keeps it; what it may do now is asked of its minter's standing at each use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedToken {
    /// Its id: the claim `jti`, and `token_id` in the audit log.
    id: TokenId,
    /// What callers send as `Authorization: Bearer …`: a JWT, signed with Ed25519.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, example = "eyJhbGciOiJFZERTQSIsImtpZCI6InNna18wMWg0NTV2YjRwZXg1dnNrbmswODRzbjAycSIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJwb3J0aWNvIn0.c2lnbmF0dXJl")]
    token: SecretString,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// From when on it is refused.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    /// What it may do.
    permissions: PermissionSet,
    /// The customers that it reaches; null: all of the tenant.
    #[schema(required = true)]
    customers: Option<Vec<CustomerId>>,
    /// The phone numbers that it reaches; null: all of those customers.
    #[schema(required = true)]
    phone_numbers: Option<Vec<PhoneNumberId>>,
}

impl From<MintedToken> for IssuedToken {
    fn from(MintedToken { claims, token }: MintedToken) -> Self {
        Self {
            id: claims.id,
            token,
            token_type: "Bearer",
            expires_at: claims.expires_at,
            permissions: claims.permissions,
            customers: claims.reach.customers.clone(),
            phone_numbers: claims.reach.phone_numbers.clone(),
        }
    }
}

/// Mints a short-lived token.
///
/// It can do no more than the key that mints it, at the moment of use: what is taken from the key is
/// taken from the token within a second. It never holds a permission that makes or shows something which
/// outlives it.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", operation_id = "mint_token",
    request_body = MintTokenBody,
    responses((status = 201, body = IssuedToken, description = "The new token.")))]
pub(crate) async fn mint(
    caller: Caller<perm::TokensMint>,
    Body(body): Body<MintTokenBody>,
    app: Data<App>,
) -> Result<Created<IssuedToken>, Problem> {
    let new = MintToken {
        expires_in: body.expires_in,
        permissions: body.permissions,
        customers: body.customers,
        phone_numbers: body.phone_numbers,
    };
    Ok(Created(app.tokens().mint(caller.scope(), new).await?.into()))
}
