//! How customers are connected: Chakra keys, customers, plugins, WABAs and phone numbers, and whose every id is.
//!
//! [`Connections`] makes the services of this crate from one core and one client of Chakra. To add a use case,
//! add a method to the service of its subject.

mod chakra_calls;
mod chakra_keys;
mod customers;
mod error;
mod learned;
mod lookup;
mod ownership;
mod phone_numbers;
mod plugins;
mod single_flight;
mod wabas;

use portico_chakra::Client;
use portico_core::Core;

pub use chakra_keys::{
    ChakraCredentials, ChakraKeyVerifier, ChakraKeys, OpenChakraKey, PatchChakraKey, RefusedKeys, StoreChakraKey,
};
pub use customers::{Connection, Customers, EnsureCustomer, name_from};
pub use error::Error;
pub use learned::LearnedIds;
pub use lookup::Lookup;
pub use ownership::{Ownership, thing};
pub use phone_numbers::PhoneNumbers;
pub use plugins::{
    ConfigurationState, CreatePlugin, Observed, PluginConfiguration, PluginConfigurations, Plugins, reduce_auth,
};
pub use portico_storage::{CustomerPatch, NewCustomer};
pub use wabas::Wabas;

use chakra_calls::ChakraCalls;

/// The services of this crate, each made once.
#[derive(Debug)]
pub struct Connections {
    /// Chakra keys, as the management API handles them.
    pub chakra_keys: ChakraKeys,
    /// Chakra keys, sealed and opened.
    pub credentials: ChakraCredentials,
    /// What Chakra says of keys.
    pub verifier: ChakraKeyVerifier,
    /// Keys that Chakra refused.
    pub refused_keys: RefusedKeys,
    /// Customers and their connections.
    pub customers: Customers,
    /// Plugins.
    pub plugins: Plugins,
    /// Configurations of plugins.
    pub configurations: PluginConfigurations,
    /// WhatsApp Business Accounts.
    pub wabas: Wabas,
    /// Phone numbers.
    pub phone_numbers: PhoneNumbers,
    /// Looking customers up.
    pub lookup: Lookup,
    /// Whose plugins, WABAs and phone numbers are.
    pub ownership: Ownership,
    /// Whose other ids are.
    pub learned: LearnedIds,
}

impl Connections {
    /// Makes them on that core; calls go to `chakra`.
    #[must_use]
    pub fn new(core: &Core, chakra: &Client) -> Self {
        let (credentials, refused_keys) = (ChakraCredentials::new(core), RefusedKeys::new(core));
        let verifier = ChakraKeyVerifier::new(core, chakra, &credentials);
        let calls = ChakraCalls::new(chakra, &credentials, &verifier, &refused_keys);
        let configurations = PluginConfigurations::new(core, &calls);
        let plugins = Plugins::new(core, &calls, &configurations);
        Self {
            chakra_keys: ChakraKeys::new(core, &credentials, &verifier),
            customers: Customers::new(core, &calls),
            wabas: Wabas::new(core),
            phone_numbers: PhoneNumbers::new(core),
            lookup: Lookup::new(core, &plugins),
            ownership: Ownership::new(core),
            learned: LearnedIds::new(core, &credentials),
            credentials,
            verifier,
            refused_keys,
            plugins,
            configurations,
        }
    }
}
