//! How Portico keeps secrets: what it must be able to read again is sealed, what it only has to
//! recognise is hashed.
//!
//! # What is sealed with what
//!
//! ```text
//! master keys (settings)  ──wrap──▶  data key (one per tenant)  ──seal──▶  a column of a row
//!                         ──seal──▶  MAC key, canary (one each per installation)
//! ```
//!
//! * [`MasterKeys`] are listed in the settings and are never stored. The first one seals, all of them
//!   open, so a master key is replaced by putting the new one in front and re-wrapping. Where a key is,
//!   its [`MasterKeyProvider`] knows: in the settings themselves ([`LocalMasterKey`]), or in a device or
//!   service that never shows it, whose providers stand in a crate of their own because they do I/O.
//! * A [`DataKey`] belongs to one tenant and is stored only wrapped. Destroying the wrapped form
//!   destroys everything that the tenant ever sealed.
//! * A row's column is sealed with its tenant's data key and bound to its [`SealedLocation`].
//!
//! Everything that is sealed here is AES-256-GCM with a fresh random 96-bit nonce. What surrounds a ciphertext is
//! authenticated with it, so that a sealed value opens only where it was put:
//!
//! | sealed | bound to |
//! |---|---|
//! | column of a row | format, tenant, table, row, column, data key version |
//! | data key | format, purpose, master key id, tenant, data key version |
//! | MAC key, canary | format, purpose, master key id |
//! | another secret of the operator's | format, purpose, master key id, table, column, row |
//!
//! Secrets that Portico only recognises never come back: API keys ([`ApiKeySecret`]) and the
//! operator's token ([`OperatorToken`]) are reduced to SHA-256, which suffices because both are
//! long and random; so are the tokens of browsers ([`BrowserToken`]). Passwords are not, so they are
//! stretched by argon2id ([`HashedPassword`]). Chakra keys are also given a keyed [`Fingerprint`], so that
//! the same key can be found twice without opening either.
//!
//! Fingerprints, tickets, CSRF tokens, throttling buckets and the ends of audit chains are message
//! authentication codes. Each purpose has a key of its own type, all from one [`MacKey`]; see [`mac_key`].
//!
//! ```
//! use portico_domain::TenantId;
//! use portico_vault::{DataKey, DataKeyVersion, ExposeSecret, MasterKeys, SealedLocation, SecretString};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rng = &mut rand::rng();
//! let tenant = TenantId::generate();
//! let (masters, _text_for_the_settings) = MasterKeys::generate("k1".parse()?, rng);
//!
//! let data_key = DataKey::generate(DataKeyVersion::FIRST, rng);
//! let wrapped = masters.wrap_data_key(tenant, &data_key, rng).await?;
//!
//! let location = SealedLocation { tenant, table: "chakra_keys", column: "access_token", row: "chk_1" };
//! let sealed = data_key.seal(&location, &SecretString::from("a Chakra key"), rng);
//!
//! let data_key = masters.unwrap_data_key(tenant, data_key.version(), &wrapped.bytes).await?;
//! assert_eq!(data_key.open(&location, &sealed)?.expose_secret(), "a Chakra key");
//! assert!(data_key.open(&SealedLocation { row: "chk_2", ..location }, &sealed).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # What is not here
//!
//! No I/O: settings are read by `server`, rows by `storage`, and opened keys are cached by `app`.
//! No randomness of its own: every caller passes a [`rand::CryptoRng`]. No way to turn sealing off.
//! Signatures of webhooks and JWTs belong to the crates that speak those protocols.
//!
//! # Adding a secret
//!
//! A new sealed column needs nothing here: give its [`SealedLocation`]. A new thing of the operator's, sealed
//! straight under the master keys, is sealed for [`Purpose::operator_secret`] of its column and row. Both must
//! stand in the registers of `portico_storage::sealed`, which is what a rotation walks; a test there
//! fails for a column that holds sealed bytes and stands in none.

pub mod api_key_secret;
mod associated_data;
pub mod audit_chain;
pub mod browser_token;
mod cipher;
pub mod csrf_key;
pub mod data_key;
pub mod data_key_version;
pub mod fingerprint;
pub mod keyring;
pub mod local_master_key;
pub mod mac_key;
mod master_key_breaker;
pub mod master_key_entry;
pub mod master_key_id;
pub mod open_error;
pub mod operator_token;
pub mod password;
pub mod provider;
pub mod purpose;
pub mod throttle_key;
pub mod ticket_key;

pub use api_key_secret::{
    API_KEY_PATTERN, ApiKeySecret, KeyEnvironment, MalformedApiKey, MalformedKeyEnvironment, SecretHash, hash_of,
};
pub use audit_chain::AuditChainKey;
pub use browser_token::BrowserToken;
pub use csrf_key::CsrfKey;
pub use data_key::{DataKey, SealedLocation, sealed_version};
pub use data_key_version::DataKeyVersion;
pub use fingerprint::{Fingerprint, FingerprintSubkey};
pub use keyring::{MasterKeys, WrappedKey, needed_master_key};
pub use local_master_key::LocalMasterKey;
pub use mac_key::MacKey;
pub use master_key_entry::{MasterKeyEntry, MasterKeysError};
pub use master_key_id::{MalformedMasterKeyId, MasterKeyId};
pub use open_error::{MasterKeyFailure, OpenError};
pub use operator_token::{OPERATOR_TOKEN_MIN_LEN, OperatorToken, WeakOperatorToken};
pub use password::{HashedPassword, WeakPassword, check_password};
pub use provider::{MasterKeyProvider, Pending, ProviderError};
pub use purpose::Purpose;
pub use secrecy::{ExposeSecret, SecretString};
pub use throttle_key::ThrottleKey;
pub use ticket_key::TicketKey;
