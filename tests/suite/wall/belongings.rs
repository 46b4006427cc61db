//! An id of every kind that a call can name, for one tenant.

use std::collections::BTreeMap;

use portico_domain::{ApiKeyId, ChakraKeyId, CustomerId, EventId, InvitationId, MemberId, RoleId, TenantId};
use serde_json::json;

use crate::harness::tenant::text;
use crate::harness::{Connected, Tenant, random_digits, random_uuid};
use crate::members::join;

/// How many things with names of their own there are.
const NAMED: usize = 12;

/// Ids by the name of their schema in the OpenAPI document.
#[derive(Debug, Clone, Default)]
pub(super) struct Belongings(BTreeMap<&'static str, Vec<String>>);

impl Belongings {
    /// The id of that kind, if there is one.
    pub(super) fn get(&self, kind: &str) -> Option<String> {
        self.0.get(kind)?.last().cloned()
    }

    /// The same, another one the next time if there are more: names may be taken over by whoever tries them.
    pub(super) fn take(&mut self, kind: &str) -> Option<String> {
        let all = self.0.get_mut(kind)?;
        if all.len() > 1 { all.pop() } else { all.last().cloned() }
    }

    fn add(&mut self, kind: &'static str, id: impl Into<String>) {
        self.0.entry(kind).or_default().push(id.into());
    }

    /// What belongs to a customer.
    pub(super) fn of_customer(shop: &Connected, external_id: &str) -> Self {
        let mut all = Self::default();
        all.add("CustomerId", &shop.customer);
        all.add("PluginId", &shop.plugin);
        all.add("WabaId", &shop.waba);
        all.add("PhoneNumberId", &shop.phone);
        all.add("ExternalId", external_id);
        all
    }

    /// One thing of each kind of a tenant, made where it takes making; of what has a name, many.
    pub(super) async fn of(tenant: &Tenant, shop: &Connected, external_id: &str) -> Self {
        let mut all = Self::of_customer(shop, external_id);
        let owner = &tenant.owner;
        for _ in 0..NAMED {
            let name = format!("desk-{}", random_digits());
            let role = json!({"name": name, "permissions": ["messages:send"]});
            owner.post("/api/v1/roles", role).await.expect(201);
            all.add("RoleName", name);
            let external_id = format!("shop-{}", random_digits());
            tenant.customer(&external_id).await;
            all.add("ExternalId", external_id);
        }
        let role = json!({"name": format!("kept-{}", random_digits()), "permissions": ["messages:send"]});
        all.add("RoleId", text(&owner.post("/api/v1/roles", role).await.expect(201), "id"));
        let key = json!({"name": "another", "role": "viewer"});
        all.add("ApiKeyId", text(&owner.post("/api/v1/api-keys", key).await.expect(201), "id"));
        let email = format!("somebody-{}@example.com", random_digits());
        let (member, _) = join(owner, &email, "viewer").await;
        all.add("MemberId", member);
        let invited = json!({"email": format!("guest-{}@example.com", random_digits()), "role": "viewer"});
        all.add("InvitationId", text(&owner.post("/api/v1/invitations", invited).await.expect(201), "id"));
        all.add("TenantId", &tenant.id);
        all.add("ChakraKeyId", &tenant.chakra_key_id);
        all.add("EventId", event(tenant, shop).await);
        all
    }
}

/// An event of the tenant's customer.
async fn event(tenant: &Tenant, shop: &Connected) -> String {
    let owner = &tenant.owner;
    let secret = "the-secret-of-a-team";
    owner.put("/api/v1/webhook-secret", json!({"secret": secret})).await.expect(200);
    let hook = owner.post_empty(&format!("/api/v1/plugins/{}/hook", shop.plugin)).await.expect_success();
    let status = json!({"event": "status", "payload": {"wabaId": shop.waba, "externalId": format!("wamid.{}", random_digits()),
        "deliveryStatus": "READ", "recipientId": "15550001111"}});
    crate::hooks_in::post_signed(owner, &text(&hook, "url"), secret, &status).await;
    text(&owner.list("/api/v1/events").await[0], "id")
}

/// An id of that kind that is well-formed and nobody's, a new one each time.
pub(super) fn nobodys(kind: &str) -> String {
    match kind {
        "CustomerId" => CustomerId::generate().to_string(),
        "PluginId" => random_uuid(),
        "WabaId" | "PhoneNumberId" => random_digits(),
        "ExternalId" => format!("shop-{}", random_digits()),
        "RoleName" => format!("desk-{}", random_digits()),
        "TenantId" => TenantId::generate().to_string(),
        "RoleId" => RoleId::generate().to_string(),
        "ApiKeyId" => ApiKeyId::generate().to_string(),
        "ChakraKeyId" => ChakraKeyId::generate().to_string(),
        "MemberId" => MemberId::generate().to_string(),
        "InvitationId" => InvitationId::generate().to_string(),
        "EventId" => EventId::generate().to_string(),
        other => panic!("tell tests/suite/wall/belongings.rs what an unknown {other} looks like"),
    }
}
