//! Short-lived tokens, which their minter narrows and whose minter's standing is asked at each use.

use std::sync::Arc;

use portico_auth::token::{LIFETIME_LONGEST, LIST_LONGEST};
use portico_auth::{Denied, NotGrantable, Reach, Scope, Subject, TenantScope, TokenClaims};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PermissionSet, PhoneNumberId, TokenId};
use portico_storage::TenantTx;
use portico_vault::SecretString;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use portico_core::Core;
use portico_core::Error as CoreError;
use portico_core::audit::Change;

use crate::Error;
use crate::minter::Minter;
use crate::moments::rfc3339;
use crate::signing_keys::SigningKeys;

/// How long a token lives unless its minter says otherwise.
const LIFETIME: Duration = Duration::minutes(15);

/// A token to be.
#[derive(Debug, Clone)]
pub struct MintToken {
    /// How long it lives, in seconds.
    pub expires_in: Option<u32>,
    /// What it may do.
    pub permissions: PermissionSet,
    /// Only these customers.
    pub customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers.
    pub phone_numbers: Option<Vec<PhoneNumberId>>,
}

/// A new token, which nobody keeps.
#[derive(Debug)]
pub struct MintedToken {
    /// What it says.
    pub claims: TokenClaims,
    /// The token.
    pub token: SecretString,
}

/// Short-lived tokens.
#[derive(Debug)]
pub struct Tokens {
    core: Core,
    signing_keys: SigningKeys,
}

impl Tokens {
    /// The service on that core, which signs with those keys.
    #[must_use]
    pub fn new(core: &Core, signing_keys: &SigningKeys) -> Self {
        Self { core: core.clone(), signing_keys: signing_keys.clone() }
    }

    /// Mints a token, no wider than the caller and no longer than its own standing.
    ///
    /// # Errors
    ///
    /// [`CoreError::Denied`] for the operator and for a secret that a rotation replaced, [`Error::UnknownKey`]
    /// for one that was replaced a moment ago, [`CoreError::Invalid`] for a field out of range, a permission that
    /// no token holds, or a customer or phone number that does not exist for the caller;
    /// [`Error::Lacks`] for permissions that the caller lacks.
    pub async fn mint(&self, scope: &Scope<perm::TokensMint>, new: MintToken) -> Result<MintedToken, Error> {
        let subject = Subject::of(scope.actor()).ok_or(Denied::NotForOperator)?;
        let proof = scope.proof();
        if proof.old_secret.is_some() {
            return Err(Denied::OldSecret.into());
        }
        let lifetime = lifetime(new.expires_in)?;
        if new.permissions == PermissionSet::EMPTY {
            return Err(CoreError::invalid("/permissions", "must not be empty: name what the token may do").into());
        }
        let permissions = scope.grantable(new.permissions).map_err(|error| match error {
            NotGrantable::Never(permission) => CoreError::invalid(
                "/permissions",
                format!("holds {permission}, which no token can have: use an API key where it is needed"),
            )
            .into(),
            NotGrantable::Lacks(missing) => Error::Lacks { pointer: "/permissions", missing },
        })?;
        check_list(new.customers.as_deref(), "/customers")?;
        check_list(new.phone_numbers.as_deref(), "/phone_numbers")?;
        let keys = self.signing_keys.open().await?;
        let mut tx = self.core.db.begin(scope).await?;
        let reach = asked_reach(scope, &mut tx, new.customers, new.phone_numbers).await?;
        let now = self.core.clock.now();
        let minter = Minter::read(&mut tx, subject).await?.ok_or(Error::UnknownKey)?;
        // Whoever was let in by what a replica still believed mints nothing that holds from now on.
        if minter.tokens_not_before() != proof.tokens_not_before {
            return Err(Error::UnknownKey);
        }
        let issued_at = issued_at(now, minter.tokens_not_before());
        let ends = [minter.expires_at(), proof.session_ends_at];
        let expires_at = ends.into_iter().flatten().fold(issued_at + lifetime, OffsetDateTime::min);
        let claims = TokenClaims {
            id: TokenId::generate(),
            subject,
            tenant: scope.tenant(),
            issued_at,
            expires_at: expires_at.replace_nanosecond(0).unwrap_or(expires_at),
            permissions,
            reach: Arc::new(reach),
        };
        let signer = keys.signer(now).ok_or(Error::NoSigner)?;
        let token = SecretString::from(signer.sign(&claims, keys.verifying.issuer()));
        let after = json!({
            "expires_at": rfc3339(claims.expires_at),
            "permissions": claims.permissions,
            "customers": claims.reach.customers,
            "phone_numbers": claims.reach.phone_numbers,
        });
        self.core.audit.record(&mut tx, scope, Change::of("token.mint").to("token", claims.id).into(&after)).await?;
        tx.commit().await?;
        Ok(MintedToken { claims, token })
    }
}

/// When a token is minted, to the second: later than what its minter took back. What that may be ahead
/// of the clock is within what every verifier allows.
fn issued_at(now: OffsetDateTime, not_before: Option<OffsetDateTime>) -> OffsetDateTime {
    let whole = |moment: OffsetDateTime| moment.replace_nanosecond(0).unwrap_or(moment);
    not_before.map_or(whole(now), |moment| whole(now).max(whole(moment) + Duration::SECOND))
}

fn lifetime(expires_in: Option<u32>) -> Result<Duration, Error> {
    let Some(seconds) = expires_in else { return Ok(LIFETIME) };
    let lifetime = Duration::seconds(seconds.into());
    if lifetime.is_zero() || lifetime > LIFETIME_LONGEST {
        let most = LIFETIME_LONGEST.whole_seconds();
        return Err(CoreError::invalid("/expires_in", format!("must be from 1 to {most} seconds")).into());
    }
    Ok(lifetime)
}

fn check_list<T>(list: Option<&[T]>, pointer: &'static str) -> Result<(), Error> {
    match list {
        Some([]) => {
            Err(CoreError::invalid(pointer, "must not be empty: leave the field out for all that the caller reaches")
                .into())
        }
        Some(list) if list.len() > LIST_LONGEST => {
            Err(CoreError::invalid(pointer, format!("must have at most {LIST_LONGEST} entries")).into())
        }
        _ => Ok(()),
    }
}

/// How far the token reaches. What the caller does not reach is refused like what does not exist.
async fn asked_reach(
    scope: &TenantScope,
    tx: &mut TenantTx,
    customers: Option<Vec<CustomerId>>,
    phone_numbers: Option<Vec<PhoneNumberId>>,
) -> Result<Reach, Error> {
    let own = scope.reach();
    let mut asked = Reach { customers, phone_numbers };
    for id in asked.customers.iter().flatten() {
        if tx.customer(own.customers(), *id).await?.is_none() {
            return Err(CoreError::invalid("/customers", "names a customer that does not exist").into());
        }
    }
    let mut owners = Vec::new();
    for id in asked.phone_numbers.iter().flatten() {
        let owner = tx.owner_of_phone_number(id).await?.map(|owned| owned.customer);
        let within = |customer: &CustomerId| own.covers_customer(*customer) && own.covers_phone_number(id);
        let owner = owner
            .filter(within)
            .ok_or_else(|| CoreError::invalid("/phone_numbers", "names a phone number that does not exist"))?;
        if !asked.covers_customer(owner) {
            return Err(CoreError::invalid(
                "/phone_numbers",
                "names a phone number of another customer than /customers",
            )
            .into());
        }
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    // A token that is limited to numbers reaches no other customer.
    if asked.phone_numbers.is_some() && asked.customers.is_none() {
        asked.customers = Some(owners);
    }
    let reach = own.narrowed(&asked);
    for (count, pointer) in [
        (reach.customers.as_ref().map(Vec::len), "/customers"),
        (reach.phone_numbers.as_ref().map(Vec::len), "/phone_numbers"),
    ] {
        if count.is_some_and(|count| count > LIST_LONGEST) {
            let text = format!("must name at most {LIST_LONGEST}: the caller is limited to more than a token can list");
            return Err(CoreError::invalid(pointer, text).into());
        }
    }
    Ok(reach)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::minter::is_taken_back;

    #[test]
    fn what_was_minted_until_a_rotation_is_taken_back_and_what_is_minted_after_it_is_not() {
        let rotated = datetime!(2030-01-01 12:00:00.5 UTC);
        let before = issued_at(rotated - Duration::milliseconds(100), None);
        assert!(is_taken_back(before, Some(rotated)), "in the same second");
        assert!(!is_taken_back(before, None));
        for later in [Duration::ZERO, Duration::milliseconds(100), Duration::SECOND, Duration::HOUR] {
            let after = issued_at(rotated + later, Some(rotated));
            assert!(!is_taken_back(after, Some(rotated)), "{later}");
            assert!(after - (rotated + later) <= Duration::SECOND);
        }
    }
}
