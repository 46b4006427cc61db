//! Clients in TypeScript, as partners write them.

use crate::harness::{Connected, Findings, Portico, Programs, Tenant};

#[tokio::test]
async fn a_client_generated_from_the_document_goes_the_partners_way() {
    let portico = Portico::start().await;
    let programs = Programs::compile(portico.data().folder(), &["portico-client.ts"]).await;
    let tenant = Tenant::new(&portico, "TypeScript").await;
    let (shop, other) = (tenant.connect("shop").await, tenant.connect("other").await);
    let environment = [
        ("PORTICO_URL", tenant.owner.base()),
        ("OWNER_KEY", tenant.owner.token()),
        ("CUSTOMER_ID", &shop.customer),
        ("PLUGIN_ID", &shop.plugin),
        ("PHONE_NUMBER_ID", &shop.phone),
        ("OTHER_PLUGIN_ID", &other.plugin),
    ];
    let said = programs.run("portico-client.ts", &environment).await;
    assert_eq!(said, "done\n", "the program went to its end");
    portico.stop().await;
}

/// What of a Chakra client's work is compared; the program has more steps, for operations to come:
/// `templates`, `receivedMedia` (with `MEDIA_ID`), `groups`, `chats`, `processes`, `users`, `photos`.
const STEPS: &str = "health,accounts,plugins,configuration,media,sends,refusals,calling,templates,receivedMedia,groups,chats,processes,users,photos";

#[tokio::test]
async fn a_client_of_chakra_sees_no_difference_after_a_change_of_base_url_and_token() {
    let portico = Portico::start().await;
    let programs = Programs::compile(portico.data().folder(), &["chakra-client.ts"]).await;
    // Each run changes things: two set-ups that are alike, of two teams.
    let (near, far) = (Tenant::new(&portico, "Near").await, Tenant::new(&portico, "Far").await);
    let (near_shop, far_shop) = (near.connect("shop").await, far.connect("shop").await);
    let program = async |base: &str, token: &str, shop: &Connected| {
        let environment = [
            ("BASE_URL", base),
            ("TOKEN", token),
            ("STEPS", STEPS),
            ("PLUGIN_ID", &shop.plugin),
            ("WABA_ID", &shop.waba),
            ("PHONE_NUMBER_ID", &shop.phone),
            // The picture that the emulated Chakra gives every number.
            ("MEDIA_ID", &format!("{}01", shop.phone)),
        ];
        programs.run("chakra-client.ts", &environment).await
    };
    let direct = program(portico.sandbox().url(), &near.chakra_key, &near_shop).await;
    let through = program(far.owner.base(), far.owner.token(), &far_shop).await;
    let mut findings = Findings::new();
    findings.check(direct.contains("<wamid 1>"), || format!("nothing was sent: {direct}"));
    for (number, (expected, got)) in direct.lines().zip(through.lines()).enumerate() {
        findings.check(expected == got, || format!("line {}: Chakra {expected}, through Portico {got}", number + 1));
    }
    findings.check(direct.lines().count() == through.lines().count(), || "one says more than the other".to_owned());
    findings.finish();
    portico.stop().await;
}
