use std::collections::HashMap;

use portico_chakra::{Kind, LearnedKind, Operation};
use serde_json::{Value, json};

use super::tenant::{message, text};
use super::{Body, Connected, Tenant, eventually, random_digits, random_uuid};

/// Ids of things of one connected customer, made through Portico so that it knows whose they are; by
/// kind, or by the name of a path parameter.
pub(crate) type Things = HashMap<&'static str, String>;

impl Tenant {
    /// New things of every kind that calls of the operation name.
    pub(crate) async fn things(&self, shop: &Connected, operation: &Operation) -> Things {
        let mut things = Things::new();
        for owned in operation.owned {
            if let Kind::Learned(kind) = owned.kind
                && !things.contains_key(kind.as_str())
            {
                things.insert(kind.as_str(), self.thing(shop, kind).await);
            }
        }
        match operation.id {
            "delete_message_template" => {
                let (id, name) = self.template(shop).await;
                things.extend([("template", id), ("name", name)]);
            }
            // The path of a lead's creation is a call of its own.
            "create_process" => drop(things.insert("procedureShortId", "order".to_owned())),
            _ => {}
        }
        for name in operation.paths.iter().flat_map(|path| super::call::path_parameters(path)) {
            match name {
                "userId" => {
                    let users = self.owner.get("/v1/ext/users").await.expect_success();
                    things.insert("userId", text(&users["_data"][0], "id"));
                }
                "primaryKeyValue" => {
                    let key = format!("L-{}", random_digits());
                    self.process(json!({"lead_id": key})).await;
                    things.insert("primaryKeyValue", key);
                }
                "phoneNumber" if operation.id == "update_lead_by_phone_number" => {
                    let number = random_digits();
                    self.process(json!({"phone_number": number})).await;
                    things.insert("phoneNumber", number);
                }
                _ => {}
            }
        }
        things
    }

    /// A new thing of that kind.
    pub(crate) async fn thing(&self, shop: &Connected, kind: LearnedKind) -> String {
        let owner = &self.owner;
        match kind {
            LearnedKind::Message => {
                text(&owner.post(&shop.messages(), message()).await.expect_success()["_data"], "whatsappMessageId")
            }
            LearnedKind::Media => self.medium(shop).await,
            LearnedKind::Template => self.template(shop).await.0,
            LearnedKind::Group => self.group(shop).await,
            LearnedKind::Call => {
                let path = format!("/v1/whatsapp/v24.0/{}/calls", shop.phone);
                let body = json!({"messaging_product": "whatsapp", "action": "connect", "to": "15550001111",
                    "session": {"sdp_type": "offer", "sdp": "v=0"}});
                text(&owner.post(&path, body).await.expect_success()["calls"][0], "id")
            }
            LearnedKind::Chat => self.chat(shop, &random_digits()).await,
            LearnedKind::Photo => {
                let sent = owner.send(reqwest::Method::POST, "/v1/ext/photo", Body::File("photo")).await;
                text(&sent.expect_success()["_data"], "id")
            }
            LearnedKind::Process => self.process(json!({"name": "Ada Example", "phone_number": random_digits()})).await,
            LearnedKind::Job => {
                let process = self.process(json!({"name": "Ada Example"})).await;
                let body = json!({"processes": [{"id": process, "update": {"status": "COMPLETED"}}]});
                text(&owner.patch("/v1/ext/procedure/lead/process", body).await.expect_success()["_data"], "id")
            }
            LearnedKind::Campaign => {
                let config = owner.get("/v1/ext/config").await.expect_success();
                text(&config["_data"]["campaigns"][0], "id")
            }
        }
    }

    /// A new template that Meta has reviewed: its id and name.
    async fn template(&self, shop: &Connected) -> (String, String) {
        let name = format!("template_{}", random_digits());
        let body = json!({"name": name, "category": "UTILITY", "language": "en_US",
            "components": [{"type": "BODY", "text": "Your order is ready"}]});
        let made = text(&self.owner.post(&templates(shop), body).await.expect_success(), "id");
        let list = format!("{}?name={name}", templates(shop));
        eventually("the template is reviewed", || async {
            let listed = self.owner.get(&list).await.expect_success();
            (listed["data"][0]["status"] == "APPROVED").then_some(())
        })
        .await;
        (made, name)
    }

    async fn process(&self, data: Value) -> String {
        let made = self.owner.post("/v1/ext/procedure/lead/process", json!({"data": data})).await;
        text(&made.expect_success()["_data"], "id")
    }

    /// The chat with a person, begun by a message to them.
    pub(crate) async fn chat(&self, shop: &Connected, person: &str) -> String {
        let mut body = message();
        body["to"] = json!(person);
        self.owner.post(&shop.messages(), body).await.expect_success();
        eventually("the chat is listed", || async {
            let chats = self.owner.post("/v1/ext/chat", json!({"limit": 100})).await.expect_success();
            let chats = chats["_data"].as_array()?;
            chats.iter().find(|chat| chat["primaryContactHandle"]["value"] == *person).map(|chat| text(chat, "id"))
        })
        .await
    }

    async fn group(&self, shop: &Connected) -> String {
        let path = format!("/v1/whatsapp/v24.0/{}/groups", shop.phone);
        let subject = format!("Order {}", random_digits());
        let body =
            json!({"messaging_product": "whatsapp", "subject": subject, "join_approval_mode": "approval_required"});
        self.owner.post(&path, body).await.expect_success();
        eventually("the group is listed", || async {
            let groups = self.owner.get(&format!("{path}?limit=1000")).await.expect_success();
            let all = groups["data"]["groups"].as_array()?.clone();
            all.iter().find(|group| group["subject"] == *subject).map(|group| text(group, "id"))
        })
        .await
    }

    /// A medium that a customer's customer sent. Portico learns of it only from events.
    async fn medium(&self, shop: &Connected) -> String {
        // An event needs somewhere to go; nobody listens there.
        let webhook = json!({"passThroughWebhookUrl": "http://127.0.0.1:9/hook"});
        self.owner.post(&shop.below("update-config"), webhook).await.expect_success();
        self.sandbox_of().medium(&shop.plugin).await
    }
}

/// The path of a customer's templates.
pub(crate) fn templates(shop: &Connected) -> String {
    format!("/v1/ext/plugin/whatsapp/api/v24.0/{}/message_templates", shop.waba)
}

/// An id of that kind that nobody has.
pub(crate) fn nobodys(kind: LearnedKind) -> String {
    match kind {
        LearnedKind::Message => format!("wamid.{}", random_digits()),
        LearnedKind::Call => format!("wacid.{}", random_digits()),
        LearnedKind::Group => format!("Y2FwaV9ncm91cDo{}", random_digits()),
        LearnedKind::Media | LearnedKind::Template => random_digits(),
        LearnedKind::Chat | LearnedKind::Photo | LearnedKind::Process | LearnedKind::Job | LearnedKind::Campaign => {
            random_uuid()
        }
    }
}
