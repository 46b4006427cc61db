use serde_json::{Value, json};

use super::{Body, Caller, Portico, Sandbox, eventually};

/// A tenant with a Chakra team of its own, whose key is stored and verified.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    /// Its id.
    pub(crate) id: String,
    /// The operator, acting on it.
    pub(crate) operator: Caller,
    /// A caller with role `owner`.
    pub(crate) owner: Caller,
    /// The Chakra key in plain text.
    pub(crate) chakra_key: String,
    /// The id under which it is stored.
    pub(crate) chakra_key_id: String,
    sandbox: Sandbox,
}

/// A customer whose sign-up is finished.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    /// The customer.
    pub(crate) customer: String,
    /// Its plugin.
    pub(crate) plugin: String,
    /// The plugin's WABA.
    pub(crate) waba: String,
    /// A phone number of the WABA.
    pub(crate) phone: String,
}

/// The text of a field.
#[track_caller]
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("expected a text {name} in {value}")).to_owned()
}

impl Tenant {
    /// A tenant with a new Chakra team.
    pub(crate) async fn new(portico: &Portico, name: &str) -> Self {
        let team_key = portico.sandbox().team().await;
        Self::on_team(portico, name, &team_key).await
    }

    /// A tenant that stores this key of a Chakra team, which nobody else holds.
    pub(crate) async fn on_team(portico: &Portico, name: &str, chakra_key: &str) -> Self {
        let bare = Self::bare(portico, name).await;
        Self::storing(portico, bare, chakra_key).await
    }

    /// Another tenant on this one's Chakra team, by leave of the operator.
    pub(crate) async fn joined_by(&self, portico: &Portico, name: &str) -> Self {
        let bare = Self::bare(portico, name).await;
        let leave = format!("/api/v1/tenants/{}/team-sharing/{}", bare.0, self.id);
        portico.operator().send(reqwest::Method::PUT, &leave, Body::None).await.expect(204);
        Self::storing(portico, bare, &self.chakra_key).await
    }

    async fn storing(portico: &Portico, (id, operator, owner): (String, Caller, Caller), chakra_key: &str) -> Self {
        let body = json!({"name": "main", "access_token": chakra_key, "is_default": true});
        let stored = owner.post("/api/v1/chakra-keys", body).await.expect(201);
        assert_eq!(stored["status"], "verified", "{stored}");
        let chakra_key_id = text(&stored, "id");
        let chakra_key = chakra_key.to_owned();
        Self { id, operator, owner, chakra_key, chakra_key_id, sandbox: portico.sandbox() }
    }

    /// A tenant without a Chakra key: its id, the operator acting on it, and its owner.
    pub(crate) async fn bare(portico: &Portico, name: &str) -> (String, Caller, Caller) {
        let id = text(&portico.operator().post("/api/v1/tenants", json!({"name": name})).await.expect(201), "id");
        let operator = portico.operator().with("Portico-Tenant", &id);
        let body = json!({"name": "the owner", "role": "owner"});
        let secret = text(&operator.post("/api/v1/api-keys", body).await.expect(201), "secret");
        (id, operator, portico.anonymous().bearing(&secret))
    }

    /// The controls of the sandbox in which its team is.
    pub(crate) fn sandbox_of(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A caller with a new key of that role.
    pub(crate) async fn key(&self, role: &str) -> Caller {
        self.key_with(json!({"name": format!("a {role} key"), "role": role})).await
    }

    /// A caller with a new key that reaches these customers only.
    pub(crate) async fn limited_key(&self, role: &str, customers: &[&str]) -> Caller {
        self.key_with(json!({"name": format!("a limited {role} key"), "role": role, "customers": customers})).await
    }

    /// A caller with a new key as the body says.
    pub(crate) async fn key_with(&self, body: Value) -> Caller {
        let secret = text(&self.owner.post("/api/v1/api-keys", body).await.expect(201), "secret");
        self.owner.bearing(&secret)
    }

    /// A customer.
    pub(crate) async fn customer(&self, external_id: &str) -> String {
        let path = format!("/api/v1/customers/by-external-id/{external_id}");
        text(&self.owner.put(&path, json!({"name": format!("Shop {external_id}")})).await.expect_success(), "id")
    }

    /// A plugin of a customer, with no WABA yet.
    pub(crate) async fn plugin(&self, customer: &str, name: &str) -> String {
        let caller = self.owner.with("Portico-Customer", customer);
        let made = caller.post("/plugin", json!({"type": "whatsapp", "name": name})).await.expect_success();
        text(&made["_data"], "id")
    }

    /// A customer with a plugin whose sign-up is finished.
    pub(crate) async fn connect(&self, external_id: &str) -> Connected {
        let customer = self.customer(external_id).await;
        let plugin = self.plugin(&customer, external_id).await;
        let body = json!({"pluginId": plugin});
        self.owner.post("/v1/ext/whatsapp-partner/create-connect-token", body).await.expect_success();
        self.sandbox.sign_up(&plugin, "finish").await;
        self.settled(customer, plugin).await
    }

    /// Waits until Chakra tells the plugin's numbers: it settles some seconds late.
    pub(crate) async fn settled(&self, customer: String, plugin: String) -> Connected {
        let sync = format!("/api/v1/plugins/{plugin}/sync");
        let number = eventually("the connected plugin has a phone number", || async {
            self.owner.post_empty(&sync).await.expect_success();
            let numbers = self.owner.list("/api/v1/phone-numbers").await;
            numbers.into_iter().find(|number| number["plugin_id"] == *plugin)
        })
        .await;
        Connected { customer, plugin, waba: text(&number, "waba_id"), phone: text(&number, "id") }
    }
}

impl Connected {
    /// The path that sends from its number.
    pub(crate) fn messages(&self) -> String {
        format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", self.plugin, self.phone)
    }

    /// The path below its plugin.
    pub(crate) fn below(&self, rest: &str) -> String {
        format!("/v1/ext/plugin/whatsapp/{}/{rest}", self.plugin)
    }
}

/// A text message in Meta's format.
pub(crate) fn message() -> Value {
    json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "15550001111", "type": "text",
        "text": {"body": "Your order is on its way"}})
}
