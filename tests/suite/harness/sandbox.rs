use serde_json::{Value, json};

use super::Caller;
use super::hunt::{self, Secret};

/// The controls of the emulated Chakra.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox(Caller);

impl Sandbox {
    /// The sandbox at that URL.
    pub(crate) fn at(url: &str) -> Self {
        Self(Caller::anonymous(url))
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        self.0.base()
    }

    /// What arrived since the record was cleared.
    pub(crate) async fn record(&self) -> Vec<Value> {
        let record = self.0.get("/_sandbox/requests").await.expect(200);
        record["data"].as_array().expect("the record has data").clone()
    }

    /// Everything that it keeps.
    pub(crate) async fn state(&self) -> Value {
        self.0.get("/_sandbox/state").await.expect(200)
    }

    /// Of that, what callers asked for: a reading that Portico makes for itself bears no request id.
    pub(crate) async fn forwarded(&self) -> Vec<Value> {
        let mut record = self.record().await;
        record.retain(|request| !header(request, "x-request-id").is_empty());
        record
    }

    /// Forgets what arrived.
    pub(crate) async fn clear(&self) {
        self.0.delete("/_sandbox/requests").await.expect_success();
    }

    /// Makes calls fail from now on, as the design's table of faults says.
    pub(crate) async fn fault(&self, fault: Value) {
        self.0.post("/_sandbox/faults", fault).await.expect_success();
    }

    /// Ends every fault.
    pub(crate) async fn clear_faults(&self) {
        self.0.delete("/_sandbox/faults").await.expect_success();
    }

    /// Makes a team; its Chakra key.
    pub(crate) async fn team(&self) -> String {
        let team = self.0.post("/_sandbox/teams", json!({})).await.expect_success();
        let key = team["chakra_key"].as_str().expect("a team has a key");
        hunt::plant(Secret::Chakra, key);
        key.to_owned()
    }

    /// Another key of the team of this one.
    pub(crate) async fn another_key(&self, chakra_key: &str) -> String {
        let made = self.0.post("/_sandbox/keys", json!({"chakra_key": chakra_key})).await.expect(201);
        made["chakra_key"].as_str().expect("a key is a text").to_owned()
    }

    /// Revokes a key at Chakra.
    pub(crate) async fn revoke_key(&self, chakra_key: &str) {
        let body = super::Body::Json(json!({"chakra_key": chakra_key}));
        self.0.send(reqwest::Method::DELETE, "/_sandbox/keys", body).await.expect_success();
    }

    /// The id of a medium that arrived with an event.
    pub(crate) async fn medium(&self, plugin: &str) -> String {
        let id = super::random_digits();
        let body = json!({"plugin_id": plugin, "kind": "message_image", "overrides": {"image": {"id": id}}});
        self.0.post("/_sandbox/events", body).await.expect_success();
        id
    }

    /// Ends a sign-up as a person in the browser would.
    pub(crate) async fn sign_up(&self, plugin: &str, outcome: &str) {
        let body = json!({"plugin_id": plugin, "outcome": outcome});
        self.0.post("/_sandbox/signups", body).await.expect_success();
    }
}

/// A header of a recorded request; empty where it is absent.
pub(crate) fn header<'r>(request: &'r Value, name: &str) -> &'r str {
    let headers = request["headers"].as_object().into_iter().flatten();
    headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// What is wrong with what arrived: nothing may hold the caller's secret, everything must bear the
/// Chakra key, and there must be something; none if nothing is wrong.
pub(crate) fn leaks(record: &[Value], chakra_key: &str, callers_secret: &str) -> Option<String> {
    if record.is_empty() {
        return Some("nothing arrived at the sandbox".to_owned());
    }
    for request in record {
        let what = format!("{} {}", request["method"], request["path"]);
        let credential = header(request, "authorization");
        if credential != format!("Bearer {chakra_key}") {
            return Some(format!(
                "{what} arrived with the credential {credential:?}, not with the tenant's Chakra key"
            ));
        }
        if request.to_string().contains(callers_secret) {
            return Some(format!("{what} arrived with the caller's key in it: {request}"));
        }
    }
    None
}
