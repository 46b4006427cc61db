//! The demo tenant: made over HTTP against the own gateway, as a user would, one step after the
//! other. Each step is remembered when it is done, so that a start that was killed goes on where it
//! was, and a later start repeats nothing.

mod caller;

use std::time::{Duration, Instant};

use portico_sandbox::Sandbox;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::caller::{Answer, Caller};
use super::state::{Demo, Kept, StateError, StateFile};
use crate::console;

/// The demo tenant's name.
const TENANT: &str = "Demo";
/// The tenant's own id of its customer, and what the customer's plugin is called.
const CUSTOMER: &str = "demo-customer";
/// What the customer is called.
const SHOP: &str = "Demo shop";
/// What the key of the sandbox is called.
const CHAKRA_KEY: &str = "Sandbox";

/// How long the sandbox may take until it tells the number of a finished sign-up.
const SETTLES: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Why the demo tenant is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The gateway or the sandbox could not be called.
    #[error("cannot make the demo tenant: {what} got no answer: {source}")]
    NoAnswer {
        /// Method and path.
        what: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It refused.
    #[error("cannot make the demo tenant: {what} was answered with {status}: {said}")]
    Refused {
        /// Method and path.
        what: String,
        /// The status.
        status: StatusCode,
        /// The beginning of the answer.
        said: String,
    },
    /// Its answer lacks something.
    #[error("cannot make the demo tenant: the answer to {what} lacks {field}")]
    Lacks {
        /// Method and path.
        what: String,
        /// The field.
        field: &'static str,
    },
    /// The number never came.
    #[error("cannot make the demo tenant: the sandbox told no phone number of plugin {plugin} within {} s", SETTLES.as_secs())]
    NoNumber {
        /// The plugin.
        plugin: String,
    },
    /// A step could not be remembered.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client cannot be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[source] reqwest::Error),
}

/// Makes what is missing of the demo tenant.
pub(super) async fn ensure(gateway_url: &str, sandbox: &Sandbox, file: &mut StateFile) -> Result<(), DemoError> {
    let caller = Caller::new(gateway_url, file.state.operator_token.0.clone())?;
    let mut maker = Maker { caller, sandbox, file };
    maker.tenant().await?;
    maker.api_keys().await?;
    maker.chakra_key().await?;
    maker.customer().await?;
    maker.connection().await
}

struct Maker<'a> {
    /// The operator, acting on the demo tenant once it is there.
    caller: Caller,
    sandbox: &'a Sandbox,
    file: &'a mut StateFile,
}

impl Maker<'_> {
    fn demo(&self) -> &Demo {
        &self.file.state.demo
    }

    fn remember(&mut self, step: impl FnOnce(&mut Demo)) -> Result<(), DemoError> {
        step(&mut self.file.state.demo);
        Ok(self.file.save()?)
    }

    async fn tenant(&mut self) -> Result<(), DemoError> {
        if let Some(id) = self.demo().tenant_id.clone() {
            let answer = self.caller.send(Method::GET, &format!("/api/v1/tenants/{id}"), None).await?;
            if answer.is_success() {
                self.caller.act_on(&id);
                return Ok(());
            }
            if answer.status != StatusCode::NOT_FOUND {
                return Err(answer.refusal());
            }
            // Somebody deleted it, or this is another database: begin anew.
            self.remember(|demo| *demo = Demo::default())?;
        }
        console::say("Making the demo tenant");
        let id = if let Some(id) = self.tenant_of_a_killed_start().await? {
            id
        } else {
            self.remember(|demo| demo.tenant_asked = true)?;
            self.caller.post("/api/v1/tenants", json!({"name": TENANT})).await?.text("id")?
        };
        self.caller.act_on(&id);
        self.remember(|demo| demo.tenant_id = Some(id))
    }

    async fn tenant_of_a_killed_start(&self) -> Result<Option<String>, DemoError> {
        if !self.demo().tenant_asked {
            return Ok(None);
        }
        let tenants = self.caller.list("/api/v1/tenants").await?;
        Ok(tenants.iter().find(|tenant| tenant["name"] == TENANT).and_then(id_of))
    }

    /// A key that a killed start made is lost: nobody can know its secret. It gets a sister.
    async fn api_keys(&mut self) -> Result<(), DemoError> {
        if self.demo().admin_key.is_none() {
            let secret = self.api_key("admin", "owner").await?;
            self.remember(|demo| demo.admin_key = Some(secret))?;
        }
        if self.demo().messaging_key.is_none() {
            let secret = self.api_key("messaging", "messaging").await?;
            self.remember(|demo| demo.messaging_key = Some(secret))?;
        }
        Ok(())
    }

    async fn api_key(&self, name: &str, role: &str) -> Result<Kept, DemoError> {
        let made = self.caller.post("/api/v1/api-keys", json!({"name": name, "role": role})).await?;
        Ok(Kept(made.text("secret")?.into()))
    }

    /// The key of a team that the sandbox knows, stored and verified.
    async fn chakra_key(&mut self) -> Result<(), DemoError> {
        let known = |key: &Kept| self.sandbox.has_team(key.0.expose_secret());
        if !self.demo().sandbox_chakra_key.as_ref().is_some_and(known) {
            // None yet, or the sandbox forgot it; then the stored key has to be replaced.
            let key = Kept(self.sandbox.add_team(TENANT).chakra_key.into());
            self.remember(|demo| {
                demo.sandbox_chakra_key = Some(key);
                demo.chakra_key_id = None;
            })?;
        }
        if self.demo().chakra_key_id.is_none()
            && let Some(key) = self.demo().sandbox_chakra_key.clone()
        {
            let id = self.store(&key.0).await?;
            self.remember(|demo| demo.chakra_key_id = Some(id))?;
        }
        Ok(())
    }

    /// Stores the key of the sandbox, in place of one that is there, and has it verified.
    async fn store(&self, key: &SecretString) -> Result<String, DemoError> {
        let token = key.expose_secret();
        let stored = self.caller.list("/api/v1/chakra-keys").await?;
        let id = if let Some(id) = stored.iter().find(|key| key["name"] == CHAKRA_KEY).and_then(id_of) {
            self.caller.post(&format!("/api/v1/chakra-keys/{id}/replace"), json!({"access_token": token})).await?;
            id
        } else {
            let body = json!({"name": CHAKRA_KEY, "access_token": token, "is_default": true});
            self.caller.post("/api/v1/chakra-keys", body).await?.text("id")?
        };
        self.caller.post(&format!("/api/v1/chakra-keys/{id}/verify"), Value::Null).await?;
        Ok(id)
    }

    async fn customer(&mut self) -> Result<(), DemoError> {
        if self.demo().customer_id.is_none() {
            let id = self.ensure_customer().await?;
            self.remember(|demo| demo.customer_id = Some(id))?;
        }
        Ok(())
    }

    async fn ensure_customer(&self) -> Result<String, DemoError> {
        let path = format!("/api/v1/customers/by-external-id/{CUSTOMER}");
        self.caller.send(Method::PUT, &path, Some(json!({"name": SHOP}))).await?.success()?.text("id")
    }

    /// A plugin of the customer with a phone number.
    async fn connection(&mut self) -> Result<(), DemoError> {
        if let Some(plugin) = self.demo().plugin_id.clone() {
            // The sandbox may have forgotten it with its team, or not saved it when both were killed.
            if !self.knows(&plugin).await? {
                self.caller.send(Method::DELETE, &format!("/api/v1/plugins/{plugin}"), None).await?;
                self.remember(forget_connection)?;
            } else if self.demo().phone_number_id.is_some() {
                return Ok(());
            }
        }
        let plugin = self.plugin().await?;
        let number = self.number(&plugin).await?;
        let text = |field: &str| number[field].as_str().map(str::to_owned);
        self.remember(|demo| {
            demo.waba_id = text("waba_id");
            demo.phone_number_id = text("id");
        })
    }

    /// Whether Chakra still has the plugin.
    async fn knows(&self, plugin: &str) -> Result<bool, DemoError> {
        let answer = self.sync(plugin).await?;
        if !answer.is_success() && answer.status != StatusCode::NOT_FOUND {
            // The developer may have changed the demo tenant: that is no reason not to start.
            tracing::warn!(plugin.id = plugin, "the demo plugin cannot be synchronised: {}", answer.refusal());
            return Ok(true);
        }
        Ok(answer.is_success() && answer.json["status"] != "missing")
    }

    async fn sync(&self, plugin: &str) -> Result<Answer, DemoError> {
        self.caller.send(Method::POST, &format!("/api/v1/plugins/{plugin}/sync"), None).await
    }

    async fn plugin(&mut self) -> Result<String, DemoError> {
        if let Some(id) = self.demo().plugin_id.clone() {
            return Ok(id);
        }
        let customer = self.ensure_customer().await?;
        let id = if let Some(id) = self.plugin_of_a_killed_start(&customer).await? {
            id
        } else {
            let body = json!({"customer_id": customer, "name": CUSTOMER});
            self.caller.post("/api/v1/plugins", body).await?.text("id")?
        };
        self.remember(|demo| {
            demo.customer_id = Some(customer);
            demo.plugin_id = Some(id.clone());
        })?;
        Ok(id)
    }

    async fn plugin_of_a_killed_start(&self, customer: &str) -> Result<Option<String>, DemoError> {
        let plugins = self.caller.list("/api/v1/plugins").await?;
        for id in plugins.iter().filter(|plugin| plugin["customer_id"] == customer).filter_map(id_of) {
            if self.knows(&id).await? {
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
        self.caller.control(&sign_up, json!({"plugin_id": plugin, "outcome": "finish"})).await?;
        let deadline = Instant::now() + SETTLES;
        while Instant::now() < deadline {
            if let Some(number) = self.find_number(plugin).await? {
                return Ok(number);
            }
            sleep(POLL).await;
        }
        Err(DemoError::NoNumber { plugin: plugin.to_owned() })
    }

    async fn find_number(&self, plugin: &str) -> Result<Option<Value>, DemoError> {
        self.sync(plugin).await?.success()?;
        let numbers = self.caller.list("/api/v1/phone-numbers").await?;
        Ok(numbers.into_iter().find(|number| number["plugin_id"] == plugin))
    }
}

fn forget_connection(demo: &mut Demo) {
    demo.plugin_id = None;
    demo.waba_id = None;
    demo.phone_number_id = None;
}

fn id_of(row: &Value) -> Option<String> {
    row["id"].as_str().map(str::to_owned)
}
