//! The hunt for secrets with everything logged: what goes wrong is told in the most words there are.

use serde_json::json;

use crate::harness::hunt::{Secret, plant};
use crate::harness::tenant::{message, text};
use crate::harness::{DataDir, Portico, Tenant};

#[tokio::test]
async fn no_secret_leaves_its_place_even_when_everything_is_logged() {
    let portico = Portico::start_logging("trace", DataDir::new()).await;
    let tenant = Tenant::new(&portico, "Hunted").await;
    let shop = tenant.connect("shop").await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();

    // A key that Chakra refuses, one that is stored twice, one with a wrong field.
    let refused = format!("not-a-key-of-chakras-{}", uuid::Uuid::new_v4().simple());
    plant(Secret::Chakra, &refused);
    let stored = |token: &str| json!({"name": "spare", "access_token": token, "is_default": false});
    assert_eq!(tenant.owner.post("/api/v1/chakra-keys", stored(&refused)).await.status, 422);
    let spare = portico.sandbox().another_key(&tenant.chakra_key).await;
    plant(Secret::Chakra, &spare);
    let id = text(&tenant.owner.post("/api/v1/chakra-keys", stored(&spare)).await.expect(201), "id");
    tenant.owner.post("/api/v1/chakra-keys", stored(&spare)).await.expect(409);
    portico.sandbox().revoke_key(&spare).await;
    tenant.owner.post_empty(&format!("/api/v1/chakra-keys/{id}/verify")).await.expect(200);
    let wrong = json!({"name": 7, "access_token": refused});
    assert_eq!(tenant.owner.post("/api/v1/chakra-keys", wrong).await.status, 422);
    tenant.owner.post_empty(&format!("/api/v1/chakra-keys/{id}/set-default")).await.expect(200);
    assert_eq!(tenant.owner.post(&shop.messages(), message()).await.status, 502);
    let main = format!("/api/v1/chakra-keys/{}/set-default", tenant.chakra_key_id);
    tenant.owner.post_empty(&main).await.expect(200);

    // Secrets where they do not belong: in a query, a path, a body, another header.
    let key = tenant.key("messaging").await;
    for path in [
        format!("/v1/ext/users?token={}", key.token()),
        format!("/plugin/{}", key.token()),
        format!("/api/v1/customers/{}", key.token()),
    ] {
        assert!((400..500).contains(&key.get(&path).await.status), "{path}");
    }
    let shouted = key.with("X-Request-Id", key.token()).get("/api/v1/tenant").await;
    assert_eq!(shouted.status, 403, "{shouted}");
    portico.stop().await;
}
