//! Clients in TypeScript, as partners write them.

use crate::harness::{Portico, Programs, Tenant};

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
