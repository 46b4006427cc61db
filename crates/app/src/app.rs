//! One field for each service.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portico_connections::{
    ChakraKeys, Connections, Customers, Lookup, PhoneNumbers, PluginConfigurations, Plugins, Wabas,
};
use portico_core::Core;
use portico_events::{Events, Hooks, Receiver, WebhookSecrets};
use portico_gateway::{Gateway, RequestLog};
use portico_identity::{
    ApiKeys, AuditLog, Authenticator, Invitations, Members, ProviderSignIn, Roles, Sessions, SignIn, SigningKeys,
    TenantExports, Tenants, Tokens,
};

/// The application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) services: Arc<Services>,
    pub(crate) gateway: Gateway,
}

/// The services that all clones share.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) core: Core,
    pub(crate) connections: Connections,
    pub(crate) authenticator: Authenticator,
    pub(crate) sessions: Sessions,
    pub(crate) sign_in: SignIn,
    pub(crate) provider_sign_in: ProviderSignIn,
    pub(crate) api_keys: ApiKeys,
    pub(crate) roles: Roles,
    pub(crate) tokens: Tokens,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) members: Members,
    pub(crate) invitations: Invitations,
    pub(crate) tenants: Tenants,
    pub(crate) tenant_exports: TenantExports,
    pub(crate) audit_log: AuditLog,
    pub(crate) request_log: RequestLog,
    /// The process is told to stop.
    pub(crate) draining: AtomicBool,
    pub(crate) receiver: Receiver,
    pub(crate) hooks: Hooks,
    pub(crate) webhook_secrets: WebhookSecrets,
    pub(crate) events: Events,
}

impl App {
    /// A clone whose connections to Chakra are its own: one for each worker thread.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        Self { services: Arc::clone(&self.services), gateway: self.gateway.for_worker() }
    }

    /// What services share: limits, the bulkhead, refused attempts, uses of keys.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.services.core
    }

    /// Where the outside reaches Portico, without a slash at the end; none: at the host that a call names.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.services.core.public_url.as_deref()
    }

    /// Where Chakra reaches Portico's hooks, without a slash at the end; `host` is that of a call, for where the settings
    /// say nothing.
    #[must_use]
    pub fn hooks_url(&self, host: &str) -> String {
        let core = &self.services.core;
        let set = core.hooks_url.as_deref().or(core.public_url.as_deref());
        set.map_or_else(|| format!("http://{host}"), str::to_owned)
    }

    /// Forwards calls to Chakra.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Finds out who calls.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.services.authenticator
    }

    /// Sessions of signed-in browsers.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.services.sessions
    }

    /// Signing in, accepting invitations, choosing a tenant.
    #[must_use]
    pub fn sign_in(&self) -> &SignIn {
        &self.services.sign_in
    }

    /// Signing in at an identity provider.
    #[must_use]
    pub fn provider_sign_in(&self) -> &ProviderSignIn {
        &self.services.provider_sign_in
    }

    /// API keys.
    #[must_use]
    pub fn api_keys(&self) -> &ApiKeys {
        &self.services.api_keys
    }

    /// Roles.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.services.roles
    }

    /// Short-lived tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.services.tokens
    }

    /// The keys that sign tokens.
    #[must_use]
    pub fn signing_keys(&self) -> &SigningKeys {
        &self.services.signing_keys
    }

    /// Members of tenants.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.services.members
    }

    /// Invitations to become a member.
    #[must_use]
    pub fn invitations(&self) -> &Invitations {
        &self.services.invitations
    }

    /// Tenants and their settings.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.services.tenants
    }

    /// Bundles of what tenants own.
    #[must_use]
    pub fn tenant_exports(&self) -> &TenantExports {
        &self.services.tenant_exports
    }

    /// The audit log.
    #[must_use]
    pub fn audit_log(&self) -> &AuditLog {
        &self.services.audit_log
    }

    /// The log of proxied calls.
    #[must_use]
    pub fn request_log(&self) -> &RequestLog {
        &self.services.request_log
    }

    /// Takes in what Chakra posts.
    #[must_use]
    pub fn receiver(&self) -> &Receiver {
        &self.services.receiver
    }

    /// Addresses that Chakra posts to.
    #[must_use]
    pub fn hooks(&self) -> &Hooks {
        &self.services.hooks
    }

    /// What Chakra signs with.
    #[must_use]
    pub fn webhook_secrets(&self) -> &WebhookSecrets {
        &self.services.webhook_secrets
    }

    /// Events that were received.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.services.events
    }

    /// Chakra keys.
    #[must_use]
    pub fn chakra_keys(&self) -> &ChakraKeys {
        &self.services.connections.chakra_keys
    }

    /// Customers and their connections.
    #[must_use]
    pub fn customers(&self) -> &Customers {
        &self.services.connections.customers
    }

    /// Plugins.
    #[must_use]
    pub fn plugins(&self) -> &Plugins {
        &self.services.connections.plugins
    }

    /// Configurations of plugins.
    #[must_use]
    pub fn plugin_configurations(&self) -> &PluginConfigurations {
        &self.services.connections.configurations
    }

    /// WhatsApp Business Accounts.
    #[must_use]
    pub fn wabas(&self) -> &Wabas {
        &self.services.connections.wabas
    }

    /// Phone numbers.
    #[must_use]
    pub fn phone_numbers(&self) -> &PhoneNumbers {
        &self.services.connections.phone_numbers
    }

    /// From what is known of a customer to its plugin and phone numbers.
    #[must_use]
    pub fn lookup(&self) -> &Lookup {
        &self.services.connections.lookup
    }
}
