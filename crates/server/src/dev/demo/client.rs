//! The HTTP client that makes the demo tenant: calls to the own gateway and to the sandbox's controls.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::DemoError;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a refusal's body an error shows, in characters.
const BODY_SHOWN: usize = 300;

/// Calls with the operator's token, on a tenant from [`DemoClient::act_on`] on.
pub(super) struct DemoClient {
    http: Client,
    base: String,
    token: SecretString,
    tenant: Option<String>,
}

/// The answer to a call, of any status.
#[derive(Debug)]
pub(super) struct Answer {
    call: String,
    pub(super) status: StatusCode,
    text: String,
    /// The body; null where that is no JSON.
    pub(super) json: Value,
}

impl DemoClient {
    /// The operator of the gateway at this address.
    pub(super) fn new(base: &str, token: SecretString) -> Result<Self, DemoError> {
        // An idle connection would keep the gateway waiting when it stops.
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(CALL_TIMEOUT).build();
        Ok(Self { http: http.map_err(DemoError::Client)?, base: base.to_owned(), token, tenant: None })
    }

    /// Names this tenant in every further call to the gateway (`Portico-Tenant`).
    pub(super) fn act_on(&mut self, tenant: &str) {
        self.tenant = Some(tenant.to_owned());
    }

    /// Calls the gateway; any status is an answer.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, DemoError> {
        let call = format!("{method} {path}");
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret());
        if let Some(tenant) = &self.tenant {
            request = request.header("Portico-Tenant", tenant);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(call, request).await
    }

    /// Posts to the gateway; a null is no body.
    ///
    /// # Errors
    /// Any answer but 2xx is one.
    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Answer, DemoError> {
        self.send(Method::POST, path, (!body.is_null()).then_some(body)).await?.success()
    }

    /// Every row of a list of the gateway, from all of its pages.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, DemoError> {
        let mut rows = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let mut page = self.send(Method::GET, &format!("{path}?limit=100{from}"), None).await?.success()?;
            match page.json["data"].take() {
                Value::Array(data) => rows.extend(data),
                _ => return Err(DemoError::MissingField { call: page.call, field: "data" }),
            }
            cursor = page.json["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    /// A control call of the sandbox.
    ///
    /// # Errors
    /// Any answer but 2xx is one.
    pub(super) async fn control(&self, url: &str, body: Value) -> Result<Answer, DemoError> {
        answer(format!("POST {url}"), self.http.post(url).json(&body)).await?.success()
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The answer if its status is 2xx, else its [`DemoError::Refused`].
    pub(super) fn success(self) -> Result<Self, DemoError> {
        if self.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    pub(super) fn refusal(&self) -> DemoError {
        let body = self.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(BODY_SHOWN).collect();
        DemoError::Refused { call: self.call.clone(), status: self.status, body }
    }

    /// A text field of the body.
    pub(super) fn text(&self, field: &'static str) -> Result<String, DemoError> {
        let text = self.json[field].as_str().map(str::to_owned);
        text.ok_or_else(|| DemoError::MissingField { call: self.call.clone(), field })
    }
}

async fn answer(call: String, request: RequestBuilder) -> Result<Answer, DemoError> {
    let received = async {
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.text().await?))
    };
    match received.await {
        Ok((status, text)) => {
            let json = serde_json::from_str(&text).unwrap_or_default();
            Ok(Answer { call, status, text, json })
        }
        Err(source) => Err(DemoError::NoAnswer { call, source }),
    }
}
