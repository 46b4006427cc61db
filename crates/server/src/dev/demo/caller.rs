//! A caller of the own gateway and of the sandbox.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::DemoError;

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How much of a refusal is shown, in characters.
const SHOWN: usize = 300;

/// The operator, who may act on a tenant.
pub(super) struct Caller {
    http: Client,
    base: String,
    token: SecretString,
    tenant: Option<String>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct Answer {
    what: String,
    /// Its status.
    pub(super) status: StatusCode,
    text: String,
    /// Its body; null where that is no JSON.
    pub(super) json: Value,
}

impl Caller {
    /// The operator of the gateway at this address.
    pub(super) fn new(base: &str, token: SecretString) -> Result<Self, DemoError> {
        // An idle connection would keep the gateway waiting when it stops.
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(LIMIT).build();
        Ok(Self { http: http.map_err(DemoError::Client)?, base: base.to_owned(), token, tenant: None })
    }

    /// From here on the operator acts on this tenant.
    pub(super) fn act_on(&mut self, tenant: &str) {
        self.tenant = Some(tenant.to_owned());
    }

    /// Calls the gateway.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, DemoError> {
        let what = format!("{method} {path}");
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret());
        if let Some(tenant) = &self.tenant {
            request = request.header("Portico-Tenant", tenant);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(what, request).await
    }

    /// Posts to the gateway, which must take it. A null is no body.
    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Answer, DemoError> {
        self.send(Method::POST, path, (!body.is_null()).then_some(body)).await?.success()
    }

    /// Every row of a list of the gateway.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, DemoError> {
        let mut rows = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let mut page = self.send(Method::GET, &format!("{path}?limit=100{from}"), None).await?.success()?;
            match page.json["data"].take() {
                Value::Array(data) => rows.extend(data),
                _ => return Err(DemoError::Lacks { what: page.what, field: "data" }),
            }
            cursor = page.json["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    /// A control call of the sandbox, which must take it.
    pub(super) async fn control(&self, url: &str, body: Value) -> Result<Answer, DemoError> {
        answer(format!("POST {url}"), self.http.post(url).json(&body)).await?.success()
    }
}

impl Answer {
    /// Whether the status is 200 to 299.
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// This answer, if it is no refusal.
    pub(super) fn success(self) -> Result<Self, DemoError> {
        if self.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// This answer as a refusal.
    pub(super) fn refusal(&self) -> DemoError {
        let said = self.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
        DemoError::Refused { what: self.what.clone(), status: self.status, said }
    }

    /// A text of the answer.
    pub(super) fn text(&self, field: &'static str) -> Result<String, DemoError> {
        let text = self.json[field].as_str().map(str::to_owned);
        text.ok_or_else(|| DemoError::Lacks { what: self.what.clone(), field })
    }
}

async fn answer(what: String, request: RequestBuilder) -> Result<Answer, DemoError> {
    let received = async {
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.text().await?))
    };
    match received.await {
        Ok((status, text)) => {
            let json = serde_json::from_str(&text).unwrap_or_default();
            Ok(Answer { what, status, text, json })
        }
        Err(source) => Err(DemoError::NoAnswer { what, source }),
    }
}
