//! A gateway on a real Postgres, and keys to call it with.

use portico_auth::{Origin, Principal, Scope};
use portico_chakra::Client;
use portico_connections::{ChakraKeyVerifier, ChakraKeys, Connections, StoreChakraKey};
use portico_core::metrics::Metrics;
use portico_domain::permission::Required;
use portico_domain::{ApiKeyId, ChakraKeyId, TenantId};
use portico_identity::{ApiKeys, Authenticator, CreateApiKey, Sessions, SigningKeys};
use portico_testkit::test_core::{TestCore, TestTenant};
use portico_vault::{ApiKeySecret, ExposeSecret as _, KeyEnvironment, OperatorToken, SecretString};

use super::ChakraStandIn;
use crate::Gateway;
use crate::call::Head;
use crate::record::CallRecord;

/// The text of the Chakra key that [`World::store_chakra_key`] stores.
pub(crate) const CHAKRA_KEY: &str = "chakra-key-of-the-tests";
/// The value of `Authorization` by which the operator calls.
pub(crate) const OPERATOR: &str = "Bearer operator-token-of-at-least-32-characters";

/// A gateway, its database, and one tenant.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) tenant: TestTenant,
    api_keys: ApiKeys,
    chakra_keys: ChakraKeys,
    pub(crate) kit: TestCore,
    /// Asked about keys that are stored, and about nothing else.
    _accepts_keys: ChakraStandIn,
}

/// An API key of a test.
#[derive(Debug)]
pub(crate) struct TestKey {
    pub(crate) id: ApiKeyId,
    /// The value of `Authorization`.
    pub(crate) bearer: String,
}

impl World {
    /// One in which nobody listens where Chakra should be.
    pub(crate) async fn new() -> Self {
        // The discard port: nothing serves it on a machine of today, and connecting is refused at once.
        Self::with_chakra("http://127.0.0.1:9").await
    }

    /// One whose Chakra is there.
    pub(crate) async fn with_chakra(url: &str) -> Self {
        // Large: it makes a database.
        Box::pin(Self::made_for(url)).await
    }

    async fn made_for(url: &str) -> Self {
        let kit = TestCore::on_postgres().await;
        let core = &kit.core;
        let chakra = Client::new(url).expect("is a URL of a server");
        let connections = Connections::new(core, &chakra);
        let token = OPERATOR.trim_start_matches("Bearer ");
        let accepts_keys = ChakraStandIn::answering("HTTP/1.1 500 Broken", "").await;
        let accepting = Client::new(&accepts_keys.url).expect("is a URL of a server");
        let verifier = ChakraKeyVerifier::new(core, &accepting, &connections.credentials);
        let operator = OperatorToken::parse(token.into()).expect("is long enough");
        let authenticator =
            Authenticator::new(core, (operator, environment()), &Sessions::new(core), &SigningKeys::new(core));
        Self {
            gateway: Gateway::new(core, chakra, &authenticator, &connections),
            api_keys: ApiKeys::new(core, environment()),
            tenant: kit.add_tenant().await,
            chakra_keys: ChakraKeys::new(core, &connections.credentials, &verifier),
            kit,
            _accepts_keys: accepts_keys,
        }
    }

    /// A record of that call.
    pub(crate) fn record(&self, head: &Head<'_>) -> CallRecord {
        CallRecord::begin(&self.gateway.services, head)
    }

    /// How many entries wait to be written into the log.
    pub(crate) fn waiting(&self) -> u64 {
        self.kit.core.write_behind.waiting()
    }

    /// Everything that was counted, in the text format of `OpenMetrics`.
    pub(crate) fn metrics(&self) -> String {
        Metrics::render(&self.kit.core)
    }

    /// A new key of the world's tenant with a built-in role.
    pub(crate) async fn key(&self, role: &str) -> TestKey {
        self.key_that(role, |_| {}).await
    }

    /// The same, limited.
    pub(crate) async fn key_that(&self, role: &str, limit: impl FnOnce(&mut CreateApiKey)) -> TestKey {
        let mut new = CreateApiKey {
            name: "Test".parse().expect("is a name"),
            description: None,
            role: role.parse().expect("is a role"),
            customers: None,
            phone_numbers: None,
            allowed_ips: None,
            rate_limit: None,
            expires_at: None,
        };
        limit(&mut new);
        let made = self.api_keys.create(&operator_in(self.tenant.id), new).await.expect("the operator makes keys");
        TestKey { id: made.key.id, bearer: format!("Bearer {}", made.secret.expose_secret()) }
    }

    /// Revokes a key of the world's tenant.
    pub(crate) async fn revoke(&self, key: &TestKey) {
        self.api_keys.revoke(&operator_in(self.tenant.id), key.id).await.expect("the operator revokes keys");
    }

    /// Stores [`CHAKRA_KEY`] as the key of the tenant's calls; its team is known.
    pub(crate) async fn store_chakra_key(&self) -> ChakraKeyId {
        self.try_store_chakra_key(CHAKRA_KEY).await.expect("the operator stores keys")
    }

    /// Stores a key of the one team that there is, if the tenant may.
    pub(crate) async fn try_store_chakra_key(&self, token: &str) -> Result<ChakraKeyId, portico_connections::Error> {
        let new = StoreChakraKey {
            name: "Test".parse().expect("is a name"),
            description: None,
            access_token: SecretString::from(token),
            is_default: true,
        };
        Ok(self.chakra_keys.create(&operator_in(self.tenant.id), new).await?.id)
    }

    /// The status of a stored Chakra key.
    pub(crate) async fn chakra_key_status(&self, id: ChakraKeyId) -> String {
        let scope = operator_in(self.tenant.id);
        let key = self.chakra_keys.get(&scope, id).await.expect("the operator sees keys");
        format!("{:?}", key.status).to_lowercase()
    }
}

/// A key that has the form of one and was never made.
pub(crate) fn unknown_key() -> String {
    format!("Bearer {}", ApiKeySecret::generate(&environment(), &mut rand::rng()).expose())
}

fn environment() -> KeyEnvironment {
    "test".parse().expect("is an environment")
}

fn operator_in<P: Required>(tenant: TenantId) -> Scope<P> {
    Principal::operator(Some(tenant), Origin::default()).authorize().expect("the operator may")
}
