//! The demo tenant: made over HTTP against the own gateway, as a user would, one step after the
//! other. Each step is written to the state file when it is done, so that a start that was killed goes on
//! where it was, and a later start repeats nothing.

mod client;

use std::time::{Duration, Instant};

use portico_app::App;
use portico_auth::Origin;
use portico_identity::SignInError;
use portico_sandbox::Sandbox;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::client::{Answer, DemoClient};
use super::state::{DemoTenant, StateError, StateFile, StoredSecret, hexadecimal};
use crate::console;

const TENANT_NAME: &str = "Demo";
/// The tenant's own id of its customer, and the name of the customer's plugin.
const CUSTOMER_EXTERNAL_ID: &str = "demo-customer";
/// The customer's name.
const CUSTOMER_NAME: &str = "Demo shop";
/// The name under which the key of the sandbox is stored.
const CHAKRA_KEY_NAME: &str = "Sandbox";

/// How long it may take until a finished sign-up shows its phone number.
const SIGN_UP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Why the demo tenant is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The gateway or the sandbox could not be called.
    #[error("cannot make the demo tenant: {call} got no answer: {source}")]
    NoAnswer {
        /// Method and path.
        call: String,
        source: reqwest::Error,
    },
    /// The answer's status was not 2xx.
    #[error("cannot make the demo tenant: {call} was answered with {status}: {body}")]
    Refused {
        /// Method and path.
        call: String,
        status: StatusCode,
        /// The beginning of the answer's body.
        body: String,
    },
    /// The answer lacks a field that the next step needs.
    #[error("cannot make the demo tenant: the answer to {call} lacks {field}")]
    MissingField {
        /// Method and path.
        call: String,
        field: &'static str,
    },
    /// The sign-up was finished, but no phone number appeared in time.
    #[error("cannot make the demo tenant: the sandbox told no phone number of plugin {plugin} within {} s", SIGN_UP_TIMEOUT.as_secs())]
    NoNumber {
        /// Chakra's id of it.
        plugin: String,
    },
    /// A step could not be written to the state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The member could not be made.
    #[error("cannot make the demo tenant's member: {0}")]
    Member(#[source] SignInError),
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[source] reqwest::Error),
}

/// The member who can sign in to the console.
const MEMBER_EMAIL: &str = "demo@example.com";
/// For how long the printed link signs in, in seconds.
const SIGN_IN_LINK_SECONDS: u32 = 3_600;

/// Makes what is missing of the demo tenant, and gives a link by which its member signs in once.
pub(super) async fn ensure(
    gateway_url: &str,
    sandbox: &Sandbox,
    app: &App,
    file: &mut StateFile,
) -> Result<SecretString, DemoError> {
    let client = DemoClient::new(gateway_url, file.state.operator_token.0.clone())?;
    let mut setup = DemoSetup { client, sandbox, file };
    setup.tenant().await?;
    setup.api_keys().await?;
    setup.chakra_key().await?;
    setup.customer().await?;
    setup.connection().await?;
    setup.member(app).await?;
    setup.sign_in_link().await
}

struct DemoSetup<'a> {
    /// The operator, acting on the demo tenant once it is there.
    client: DemoClient,
    sandbox: &'a Sandbox,
    file: &'a mut StateFile,
}

impl DemoSetup<'_> {
    fn demo(&self) -> &DemoTenant {
        &self.file.state.demo
    }

    fn save_step(&mut self, step: impl FnOnce(&mut DemoTenant)) -> Result<(), DemoError> {
        step(&mut self.file.state.demo);
        Ok(self.file.save()?)
    }

    async fn tenant(&mut self) -> Result<(), DemoError> {
        if let Some(id) = self.demo().tenant_id.clone() {
            let answer = self.client.send(Method::GET, &format!("/api/v1/tenants/{id}"), None).await?;
            if answer.is_success() {
                self.client.act_on(&id);
                return Ok(());
            }
            if answer.status != StatusCode::NOT_FOUND {
                return Err(answer.refusal());
            }
            // Somebody deleted it, or this is another database: begin anew.
            self.save_step(|demo| *demo = DemoTenant::default())?;
        }
        console::say("Making the demo tenant");
        let id = if let Some(id) = self.tenant_of_interrupted_start().await? {
            id
        } else {
            self.save_step(|demo| demo.tenant_asked = true)?;
            self.client.post("/api/v1/tenants", json!({"name": TENANT_NAME})).await?.text("id")?
        };
        self.client.act_on(&id);
        self.save_step(|demo| demo.tenant_id = Some(id))
    }

    async fn tenant_of_interrupted_start(&self) -> Result<Option<String>, DemoError> {
        if !self.demo().tenant_asked {
            return Ok(None);
        }
        let tenants = self.client.list("/api/v1/tenants").await?;
        Ok(tenants.iter().find(|tenant| tenant["name"] == TENANT_NAME).and_then(id_of))
    }

    /// A key that a killed start made is lost: nobody can know its secret. It gets a sister.
    async fn api_keys(&mut self) -> Result<(), DemoError> {
        if self.demo().admin_key.is_none() {
            let secret = self.api_key("admin", "owner").await?;
            self.save_step(|demo| demo.admin_key = Some(secret))?;
        }
        if self.demo().messaging_key.is_none() {
            let secret = self.api_key("messaging", "messaging").await?;
            self.save_step(|demo| demo.messaging_key = Some(secret))?;
        }
        Ok(())
    }

    async fn api_key(&self, name: &str, role: &str) -> Result<StoredSecret, DemoError> {
        let made = self.client.post("/api/v1/api-keys", json!({"name": name, "role": role})).await?;
        Ok(StoredSecret(made.text("secret")?.into()))
    }

    /// The member who can sign in: an owner, made as one is who accepts an invitation. Nobody knows its password.
    async fn member(&mut self, app: &App) -> Result<(), DemoError> {
        if let Some(id) = self.demo().member_id.clone() {
            let answer = self.client.send(Method::GET, &format!("/api/v1/members/{id}"), None).await?;
            if answer.status != StatusCode::NOT_FOUND {
                return answer.success().map(drop);
            }
        }
        let mut members = self.client.list("/api/v1/members").await?;
        if !members.iter().any(|member| member["email"] == MEMBER_EMAIL) {
            self.take_back_invitation().await?;
            let body = json!({"email": MEMBER_EMAIL, "role": "owner", "name": "Demo"});
            let link = self.client.post("/api/v1/invitations", body).await?.text("accept_url")?;
            let token = link.rsplit('/').next().unwrap_or_default();
            let acceptance = app.sign_in().acceptance();
            acceptance
                .with_password(token, hexadecimal::<32>().into(), &Origin::default())
                .await
                .map_err(DemoError::Member)?;
            members = self.client.list("/api/v1/members").await?;
        }
        let id = members.iter().find(|member| member["email"] == MEMBER_EMAIL).and_then(id_of);
        self.save_step(|demo| demo.member_id = id)
    }

    /// One that a killed start left: its link is lost.
    async fn take_back_invitation(&self) -> Result<(), DemoError> {
        let invitations = self.client.list("/api/v1/invitations").await?;
        for id in invitations.iter().filter(|one| one["email"] == MEMBER_EMAIL).filter_map(id_of) {
            self.client.send(Method::DELETE, &format!("/api/v1/invitations/{id}"), None).await?;
        }
        Ok(())
    }

    async fn sign_in_link(&self) -> Result<SecretString, DemoError> {
        let member = self.demo().member_id.as_deref().unwrap_or_default();
        let body = json!({"expires_in": SIGN_IN_LINK_SECONDS});
        let made = self.client.post(&format!("/api/v1/members/{member}/sign-in-link"), body).await?;
        Ok(made.text("url")?.into())
    }

    /// The key of a team that the sandbox knows, stored and verified.
    async fn chakra_key(&mut self) -> Result<(), DemoError> {
        let known = |key: &StoredSecret| self.sandbox.has_team(key.0.expose_secret());
        if !self.demo().sandbox_chakra_key.as_ref().is_some_and(known) {
            // None yet, or the sandbox forgot it; then the stored key has to be replaced.
            let key = StoredSecret(self.sandbox.add_team(TENANT_NAME).chakra_key.into());
            self.save_step(|demo| {
                demo.sandbox_chakra_key = Some(key);
                demo.chakra_key_id = None;
            })?;
        }
        if self.demo().chakra_key_id.is_none()
            && let Some(key) = self.demo().sandbox_chakra_key.clone()
        {
            let id = self.store_chakra_key(&key.0).await?;
            self.save_step(|demo| demo.chakra_key_id = Some(id))?;
        }
        Ok(())
    }

    /// Stores the key of the sandbox, in place of one that is there, and has it verified.
    async fn store_chakra_key(&self, key: &SecretString) -> Result<String, DemoError> {
        let token = key.expose_secret();
        let stored = self.client.list("/api/v1/chakra-keys").await?;
        let id = if let Some(id) = stored.iter().find(|key| key["name"] == CHAKRA_KEY_NAME).and_then(id_of) {
            self.client.post(&format!("/api/v1/chakra-keys/{id}/replace"), json!({"access_token": token})).await?;
            id
        } else {
            let body = json!({"name": CHAKRA_KEY_NAME, "access_token": token, "is_default": true});
            self.client.post("/api/v1/chakra-keys", body).await?.text("id")?
        };
        self.client.post(&format!("/api/v1/chakra-keys/{id}/verify"), Value::Null).await?;
        Ok(id)
    }

    async fn customer(&mut self) -> Result<(), DemoError> {
        if self.demo().customer_id.is_none() {
            let id = self.ensure_customer().await?;
            self.save_step(|demo| demo.customer_id = Some(id))?;
        }
        Ok(())
    }

    async fn ensure_customer(&self) -> Result<String, DemoError> {
        let path = format!("/api/v1/customers/by-external-id/{CUSTOMER_EXTERNAL_ID}");
        self.client.send(Method::PUT, &path, Some(json!({"name": CUSTOMER_NAME}))).await?.success()?.text("id")
    }

    /// A plugin of the customer with a phone number.
    async fn connection(&mut self) -> Result<(), DemoError> {
        if let Some(plugin) = self.demo().plugin_id.clone() {
            // The sandbox may have forgotten it with its team, or not saved it when both were killed.
            if !self.is_at_chakra(&plugin).await? {
                self.client.send(Method::DELETE, &format!("/api/v1/plugins/{plugin}"), None).await?;
                self.save_step(forget_connection)?;
            } else if self.demo().phone_number_id.is_some() {
                return Ok(());
            }
        }
        let plugin = self.plugin().await?;
        let number = self.number(&plugin).await?;
        let text = |field: &str| number[field].as_str().map(str::to_owned);
        self.save_step(|demo| {
            demo.waba_id = text("waba_id");
            demo.phone_number_id = text("id");
        })
    }

    /// Whether Chakra still has the plugin.
    async fn is_at_chakra(&self, plugin: &str) -> Result<bool, DemoError> {
        let answer = self.sync(plugin).await?;
        if !answer.is_success() && answer.status != StatusCode::NOT_FOUND {
            // The developer may have changed the demo tenant: that is no reason not to start.
            tracing::warn!(plugin.id = plugin, "the demo plugin cannot be synchronised: {}", answer.refusal());
            return Ok(true);
        }
        Ok(answer.is_success() && answer.json["status"] != "missing")
    }

    async fn sync(&self, plugin: &str) -> Result<Answer, DemoError> {
        self.client.send(Method::POST, &format!("/api/v1/plugins/{plugin}/sync"), None).await
    }

    async fn plugin(&mut self) -> Result<String, DemoError> {
        if let Some(id) = self.demo().plugin_id.clone() {
            return Ok(id);
        }
        let customer = self.ensure_customer().await?;
        let id = if let Some(id) = self.plugin_of_interrupted_start(&customer).await? {
            id
        } else {
            let body = json!({"customer_id": customer, "name": CUSTOMER_EXTERNAL_ID});
            self.client.post("/api/v1/plugins", body).await?.text("id")?
        };
        self.save_step(|demo| {
            demo.customer_id = Some(customer);
            demo.plugin_id = Some(id.clone());
        })?;
        Ok(id)
    }

    async fn plugin_of_interrupted_start(&self, customer: &str) -> Result<Option<String>, DemoError> {
        let plugins = self.client.list("/api/v1/plugins").await?;
        for id in plugins.iter().filter(|plugin| plugin["customer_id"] == customer).filter_map(id_of) {
            if self.is_at_chakra(&id).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The plugin's phone number, after a sign-up if there is none.
    async fn number(&self, plugin: &str) -> Result<Value, DemoError> {
        if let Some(number) = self.find_number(plugin).await? {
            return Ok(number);
        }
        let sign_up = format!("{}/_sandbox/signups", self.sandbox.url());
        self.client.control(&sign_up, json!({"plugin_id": plugin, "outcome": "finish"})).await?;
        let deadline = Instant::now() + SIGN_UP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(number) = self.find_number(plugin).await? {
                return Ok(number);
            }
            sleep(POLL_INTERVAL).await;
        }
        Err(DemoError::NoNumber { plugin: plugin.to_owned() })
    }

    async fn find_number(&self, plugin: &str) -> Result<Option<Value>, DemoError> {
        self.sync(plugin).await?.success()?;
        let numbers = self.client.list("/api/v1/phone-numbers").await?;
        Ok(numbers.into_iter().find(|number| number["plugin_id"] == plugin))
    }
}

fn forget_connection(demo: &mut DemoTenant) {
    demo.plugin_id = None;
    demo.waba_id = None;
    demo.phone_number_id = None;
}

fn id_of(row: &Value) -> Option<String> {
    row["id"].as_str().map(str::to_owned)
}
