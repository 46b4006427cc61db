//! How the application starts and stops.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portico_chakra::{Client, ClientBuildError, PathOverrides};
use portico_connections::Connections;
use portico_core::trusted_proxies::TrustedProxies;
use portico_core::vault::{UnlockError, unlock};
use portico_core::{Core, CoreOptions};
use portico_domain::clock::Clock;
use portico_events::{Events, Hooks, Receiver, WebhookSecrets};
use portico_gateway::{Gateway, RequestLog};
use portico_identity::{
    ApiKeys, AuditLog, Authenticator, Invitations, Members, ProviderSignIn, Roles, Sessions, SignIn, SigningKeys,
    TenantExports, Tenants, Tokens,
};
use portico_storage::Db;
use portico_vault::{KeyEnvironment, MasterKeys, OperatorToken};

use crate::app::{App, Services};

/// How the application runs.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Where Chakra is.
    pub chakra_url: String,
    /// The paths on which calls go out, where settings choose.
    pub chakra_paths: PathOverrides,
    /// Where the outside reaches Portico, without a slash at the end; none: at the host that a call names.
    pub public_url: Option<String>,
    /// Where Chakra reaches Portico's hooks, without a slash at the end; none: at `public_url`.
    pub hooks_url: Option<String>,
    /// Whose word about the addresses of callers is taken.
    pub trusted_proxies: TrustedProxies,
    /// The environment in the text of new API keys.
    pub environment: KeyEnvironment,
    /// Where people sign in, if not with a password alone.
    pub oidc: Option<Arc<portico_oidc::Provider>>,
    /// How many rows of the request log wait for Postgres before further ones are dropped.
    pub request_log_capacity: usize,
}

/// Why the application does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The vault does not open, or its database fails.
    #[error(transparent)]
    Vault(#[from] UnlockError),
    /// The address of Chakra is wrong.
    #[error(transparent)]
    ChakraUrl(#[from] ClientBuildError),
}

impl App {
    /// Proves the master key against the database's canary (sealing one on the first start), makes every service
    /// and starts the background tasks.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(
        db: Db,
        master_keys: MasterKeys,
        operator: OperatorToken,
        options: AppOptions,
    ) -> Result<Self, StartError> {
        let chakra = Client::new(&options.chakra_url)?.with_path_overrides(options.chakra_paths);
        let mac_key = unlock(&db, &master_keys).await?;
        let core_options = CoreOptions {
            public_url: options.public_url,
            hooks_url: options.hooks_url,
            trusted_proxies: options.trusted_proxies,
            request_log_capacity: options.request_log_capacity,
            clock: Clock::system(),
        };
        let core = Core::new(db, Arc::new(master_keys), mac_key, core_options);
        // Before it serves: a rotation that begins from now on knows of this replica, and one that was under way moved the
        // canary first, so that the keys are proved once more.
        core.replica.announce().await.map_err(UnlockError::from)?;
        unlock(&core.db, &core.master_keys).await?;
        let connections = Connections::new(&core, &chakra);
        let (sessions, signing_keys, sign_in) = (Sessions::new(&core), SigningKeys::new(&core), SignIn::new(&core));
        let authenticator =
            Authenticator::new(&core, (operator, options.environment.clone()), &sessions, &signing_keys);
        let gateway = Gateway::new(&core, chakra, &authenticator, &connections);
        let services = Services {
            provider_sign_in: ProviderSignIn::new(&core, options.oidc, &sign_in),
            api_keys: ApiKeys::new(&core, options.environment),
            roles: Roles::new(&core),
            tokens: Tokens::new(&core, &signing_keys),
            members: Members::new(&core),
            invitations: Invitations::new(&core),
            tenants: Tenants::new(&core),
            tenant_exports: TenantExports::new(&core),
            audit_log: AuditLog::new(&core),
            request_log: RequestLog::new(&core),
            receiver: Receiver::new(&core),
            hooks: Hooks::new(&core),
            webhook_secrets: WebhookSecrets::new(&core),
            events: Events::new(&core),
            core,
            connections,
            authenticator,
            sessions,
            sign_in,
            signing_keys,
            draining: AtomicBool::new(false),
        };
        services.core.tasks.start();
        Ok(Self { services: Arc::new(services), gateway })
    }

    /// Ends all background work: rounds in hand are waited for, and what waits to be written is written.
    pub async fn stop(&self) {
        let core = self.core();
        core.tasks.stop().await;
        core.write_behind.write_rest().await;
        core.refusals.write_all().await;
        core.replica.withdraw().await;
    }
}
