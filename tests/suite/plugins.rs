//! Plugins, their configuration, WABAs and phone numbers.

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Body, Findings, Portico, Tenant, eventually};

#[tokio::test]
async fn a_plugins_configuration_changes_only_for_who_knows_its_version() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Configuration").await;
    let shop = tenant.connect("shop").await;
    let owner = &tenant.owner;
    let path = format!("/api/v1/plugins/{}/configuration", shop.plugin);
    let mut findings = Findings::new();

    let read = owner.get(&path).await;
    let tag = read.header("etag").to_owned();
    findings.check(!tag.is_empty(), || format!("no ETag: {read}"));
    for name in ["desired", "observed"] {
        findings.check(read.json.get(name).is_some(), || format!("no {name}: {read}"));
    }
    // Whatever field of the desired configuration is a flag serves: turn it over.
    let wanted = json!({"pass_through_webhook_url": "https://example.com/hooks/a"});
    findings.note("without If-Match", owner.patch(&path, wanted.clone()).await.not_a_problem(&[428]));
    let stale = owner.with("If-Match", "\"0\"").patch(&path, wanted.clone()).await;
    findings.note("a stale If-Match", stale.not_a_problem(&[412]));
    let junk = owner.with("If-Match", "not a tag").patch(&path, wanted.clone()).await;
    findings.note("a junk If-Match", junk.not_a_problem(&[400, 412]));
    let unchanged = owner.get(&path).await;
    findings.check(unchanged.header("etag") == tag, || format!("a refused patch changed the version: {unchanged}"));

    let patched = owner.with("If-Match", &tag).patch(&path, wanted.clone()).await;
    findings.check(patched.is_success(), || format!("{patched}"));
    let now = owner.get(&path).await;
    findings.check(now.header("etag") != tag, || format!("the version did not change: {now}"));
    let holds = now.at("/desired").to_string().contains("https://example.com/hooks/a");
    findings.check(holds, || format!("the change is not desired now: {now}"));
    findings.note(
        "the first If-Match again",
        owner.with("If-Match", &tag).patch(&path, wanted.clone()).await.not_a_problem(&[412]),
    );
    // A proxy that compresses makes a tag weak; and what wants nothing new may be repeated.
    let strong = now.header("etag").to_owned();
    for tag in [&format!("W/{strong}"), &strong] {
        let repeated = owner.with("If-Match", tag).patch(&path, wanted.clone()).await;
        findings.check(repeated.header("etag") == strong, || format!("{tag}: {repeated}"));
    }
    let stale = owner.with("If-Match", "W/\"999999\"").patch(&path, wanted).await;
    findings.note("a weak tag of another version", stale.not_a_problem(&[412]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn plugins_and_numbers_are_kept_true_and_an_inactive_number_sends_nothing() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Numbers").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();

    let customer = tenant.customer("managed").await;
    let made = owner.post("/api/v1/plugins", json!({"customer_id": customer, "name": "managed"})).await.expect(201);
    findings.check(made["customer_id"] == *customer && made["status"] == "created", || format!("{made}"));
    let plugin = text(&made, "id");
    portico.sandbox().sign_up(&plugin, "finish").await;
    let shop = tenant.settled(customer, plugin).await;
    let waba = owner.get(&format!("/api/v1/wabas/{}", shop.waba)).await.expect(200);
    findings.check(waba["plugin_id"] == *shop.plugin && waba["customer_id"] == *shop.customer, || format!("{waba}"));

    let number = format!("/api/v1/phone-numbers/{}", shop.phone);
    owner.patch(&number, json!({"is_active": false})).await.expect(200);
    portico.sandbox().clear().await;
    let refused = owner.post(&shop.messages(), message()).await;
    findings.check((400..500).contains(&refused.status), || format!("an inactive number sends: {refused}"));
    let sends = portico.sandbox().record().await.iter().filter(|request| request["path"] == *shop.messages()).count();
    findings.check(sends == 0, || "a refused send arrived at Chakra".to_owned());
    owner.patch(&number, json!({"is_active": true})).await.expect(200);
    eventually("the number sends again", || async {
        owner.post(&shop.messages(), message()).await.is_success().then_some(())
    })
    .await;

    // On the compatible path: the plugin's tokens stay with Portico, and a deletion is recorded.
    let compatible = format!("/plugin/{}", shop.plugin);
    let shown = owner.get(&compatible).await.expect_success();
    let auth = &shown["_data"]["auth"];
    findings.check(auth.to_string().contains(&shop.phone), || format!("the ids are gone: {auth}"));
    let tokens = auth.to_string().to_lowercase().contains("token");
    findings.check(!tokens, || format!("the plugin's auth shows more than ids: {auth}"));
    let deleted = owner.send(reqwest::Method::DELETE, &compatible, Body::None).await;
    findings.check(deleted.is_success(), || format!("{deleted}"));
    findings
        .note("the deleted plugin", owner.get(&format!("/api/v1/plugins/{}", shop.plugin)).await.not_a_problem(&[404]));
    findings.note("its number", owner.post(&shop.messages(), message()).await.not_an_envelope(&[404]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_connect_with_a_new_plugin_records_the_plugin_and_its_customer_at_once() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "New plugin").await;
    let body = json!({"newPluginName": "fresh", "clientReferenceId": "shop-77", "clientName": "Shop 77"});
    let answer = tenant.owner.post("/v1/ext/whatsapp-partner/create-connect-token", body).await.expect_success();
    assert!(!text(&answer["_data"], "connectToken").is_empty());
    let plugins = tenant.owner.list("/api/v1/plugins").await;
    assert_eq!(plugins.len(), 1, "{plugins:?}");
    let customer =
        tenant.owner.get(&format!("/api/v1/customers/{}", text(&plugins[0], "customer_id"))).await.expect(200);
    assert_eq!(customer["external_id"], "shop-77", "{customer}");
    let plugin = text(&plugins[0], "id");
    portico.sandbox().sign_up(&plugin, "finish").await;
    let shop = tenant.settled(text(&customer, "id"), plugin).await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    portico.stop().await;
}
