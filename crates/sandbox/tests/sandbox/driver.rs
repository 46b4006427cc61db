//! A sandbox with one team, and short calls to it.

use std::time::Duration;

use portico_sandbox::{DemoTeam, Sandbox, Settings, start};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// A running sandbox.
pub(crate) struct Driver {
    pub(crate) sandbox: Sandbox,
    pub(crate) team: DemoTeam,
    pub(crate) client: Client,
}

/// A plugin after a finished sign-up.
pub(crate) struct Connected {
    pub(crate) plugin: String,
    pub(crate) waba: String,
    pub(crate) number: String,
}

/// An answer, with its body as JSON where it is.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let sandbox = start(settings).await.expect("a free port starts");
        let team = sandbox.add_team("Example");
        let client = Client::builder().no_proxy().build().expect("builds");
        Self { sandbox, team, client }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url())).bearer_auth(&self.team.chakra_key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// A call with another access token.
    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.sandbox.url())).bearer_auth(key)).await
    }

    /// A call with another access token, of any method, with a JSON body.
    pub(crate) async fn call_as(&self, key: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.sandbox.url()));
        Answer::of(request.bearer_auth(key).json(&body)).await
    }

    /// The answer of a read, asked for again and again until it is as wanted.
    pub(crate) async fn get_until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let read = async {
            loop {
                let answer = self.get(path).await;
                if wanted(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("comes in time")
    }

    /// A new plugin's id.
    pub(crate) async fn plugin(&self) -> String {
        let made = self.post("/plugin", json!({"type": "whatsapp", "name": "customer-0001"})).await;
        made.body["_data"]["id"].as_str().expect("has an id").to_owned()
    }

    /// A new plugin with a WABA and a number.
    pub(crate) async fn connected(&self) -> Connected {
        let plugin = self.plugin().await;
        let done = self.post("/_sandbox/signups", json!({"plugin_id": plugin, "outcome": "finish"})).await;
        let text = |value: &Value| value.as_str().expect("is a text").to_owned();
        Connected { plugin, waba: text(&done.body["waba_id"]), number: text(&done.body["phone_number_ids"][0]) }
    }

    pub(crate) async fn configure(&self, plugin: &str, config: Value) {
        let done = self.post(&format!("/v1/ext/plugin/whatsapp/{plugin}/update-config"), config).await;
        assert_eq!(done.body["_data"]["success"], true, "{:?}", done.body);
    }
}

impl Connected {
    pub(crate) fn messages(&self) -> String {
        format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", self.plugin, self.number)
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::from(request.send().await.expect("answers")).await
    }

    pub(crate) async fn from(response: Response) -> Self {
        let status = response.status().as_u16();
        let text = response.text().await.expect("has a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, body }
    }

    /// The only text in `_errors` of a refusal.
    pub(crate) fn error(&self) -> &str {
        assert_eq!(self.body["_data"], json!([]), "{:?}", self.body);
        self.body["_errors"][0].as_str().expect("has an error")
    }
}

/// A well-formed text message.
pub(crate) fn text_message() -> Value {
    json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "text", "text": {"body": "Hello"}})
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
