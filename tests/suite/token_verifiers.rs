//! Other people's libraries verify our tokens with nothing but the key set.

use serde_json::json;

use crate::harness::tenant::text;
use crate::harness::{Portico, Programs, Tenant, python};

#[tokio::test]
async fn pyjwt_and_jose_accept_our_tokens_and_refuse_changed_ones() {
    let portico = Portico::start().await;
    let programs = Programs::compile(portico.data().folder(), &["verify-token.ts"]).await;
    let tenant = Tenant::new(&portico, "Verifiers").await;
    let asked = json!({"permissions": ["messages:send"], "expires_in": 300});
    let before = tenant.owner.post("/api/v1/tokens", asked.clone()).await.expect(201);
    // Two keys in the set: a verifier has to choose by key id.
    portico.operator().post("/api/v1/signing-keys/rotate", json!({"active_in_seconds": 5})).await.expect(200);
    let jwks = format!("{}/.well-known/jwks.json", tenant.owner.base());
    let (token, id) = (text(&before, "token"), text(&before, "id"));
    let environment = [
        ("JWKS_URL", jwks.as_str()),
        ("TOKEN", token.as_str()),
        ("TOKEN_ID", id.as_str()),
        ("TENANT_ID", tenant.id.as_str()),
        ("ISSUER", "portico"),
    ];
    assert_eq!(python::run("verify_token.py", &environment).await, "done\n", "PyJWT went to its end");
    assert_eq!(programs.run("verify-token.ts", &environment).await, "done\n", "jose went to its end");
    portico.stop().await;
}
