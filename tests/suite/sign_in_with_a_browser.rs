//! The console's pages in a real browser, and a real OpenID provider. `PORTICO_PICTURES` names a folder
//! for pictures of the pages.

use serde_json::json;

use crate::harness::tenant::text;
use crate::harness::{Portico, Programs, Serve, Tenant, free_port};

const SECRET: &str = "a client secret of this test".trim_ascii();

#[tokio::test]
async fn people_sign_in_by_password_and_at_an_identity_provider() {
    let portico = Portico::start().await;
    let programs = Programs::compile(portico.data().folder(), &["oidc-provider.d.ts", "sign-in.ts"]).await;
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let secret = SECRET.replace(' ', "-");
    let serve = Serve::start_told(&portico, portico.told("sandbox_url"), |url| {
        vec![
            ("PORTICO_PUBLIC_URL".to_owned(), url.to_owned()),
            ("PORTICO_OIDC_ISSUER".to_owned(), issuer.clone()),
            ("PORTICO_OIDC_CLIENT_ID".to_owned(), "portico".to_owned()),
            ("PORTICO_OIDC_CLIENT_SECRET".to_owned(), secret.clone()),
        ]
    })
    .await;
    let (_, _, owner) = Tenant::bare(&portico, "Example Shop").await;
    let owner = owner.at(serve.url());
    let mut links = Vec::new();
    for (email, role) in
        [("password@example.com", "owner"), ("provider@example.com", "developer"), ("waiting@example.com", "viewer")]
    {
        let made = owner.post("/api/v1/invitations", json!({"email": email, "role": role})).await.expect(201);
        links.push(text(&made, "accept_url"));
    }
    let port = port.to_string();
    let mut environment = vec![
        ("PORTICO_URL", serve.url()),
        ("ISSUER_URL", &*issuer),
        ("ISSUER_PORT", &port),
        ("CLIENT_SECRET", &secret),
        ("PASSWORD_INVITATION", &links[0]),
        ("PROVIDER_INVITATION", &links[1]),
    ];
    let pictures = std::env::var("PORTICO_PICTURES").unwrap_or_default();
    if !pictures.is_empty() {
        environment.push(("PICTURES", &pictures));
    }
    let said = programs.run("sign-in.ts", &environment).await;
    assert!(said.ends_with("done\n"), "the program went to its end: {said}");
    drop(serve);
    portico.stop().await;
}
