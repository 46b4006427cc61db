//! What a master key is used for, so that what was sealed for one use opens for no other.

use portico_domain::TenantId;

use crate::associated_data::AssociatedData;
use crate::data_key_version::DataKeyVersion;
use crate::master_key_id::MasterKeyId;

/// One use of the master keys, and for which row. What is sealed for one purpose opens for no other.
#[derive(Debug, Clone)]
pub struct Purpose(AssociatedData);

// Each use has a label that no other use has.
const DATA_KEY: &str = "portico/vault/data-key";
// From when fingerprints were all that the MAC key was for. Stored keys are bound to it.
const MAC_KEY: &str = "portico/vault/fingerprint-key";
const CANARY: &str = "portico/vault/canary";
const OPERATOR_SECRET: &str = "portico/vault/operator-secret";
const PROOF: &str = "portico/vault/proof";

impl Purpose {
    /// A tenant's data key of that version.
    #[must_use]
    pub fn data_key(tenant: TenantId, version: DataKeyVersion) -> Self {
        Self(AssociatedData::new(DATA_KEY).field(tenant.uuid().as_bytes()).field(version.0.to_be_bytes()))
    }

    /// The installation's [`MacKey`](crate::MacKey).
    #[must_use]
    pub fn mac_key() -> Self {
        Self(AssociatedData::new(MAC_KEY))
    }

    /// The canary: an empty value that is opened at every start.
    #[must_use]
    pub fn canary() -> Self {
        Self(AssociatedData::new(CANARY))
    }

    /// One of the operator's secrets, by table, column, and the row's primary key as text.
    #[must_use]
    pub fn operator_secret(table: &str, column: &str, row: &str) -> Self {
        Self(AssociatedData::new(OPERATOR_SECRET).field(table).field(column).field(row))
    }

    /// A test value that is sealed and opened again to see whether a key works. Never stored.
    pub(crate) fn proof() -> Self {
        Self(AssociatedData::new(PROOF))
    }

    /// The associated data of this purpose with that key, in that format.
    pub(crate) fn bound_to(&self, format: u8, id: &MasterKeyId) -> AssociatedData {
        self.0.clone().field([format]).field(id.as_str())
    }
}
