//! A key limited to some customers is fenced inside its tenant as a tenant is from others.

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Findings, Portico, Tenant, random_digits, random_uuid};

#[tokio::test]
async fn a_limited_key_sees_and_uses_only_its_customers() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Fenced").await;
    let (mine, other) = (tenant.connect("mine").await, tenant.connect("other").await);
    let limited = tenant.limited_key("owner", &[&mine.customer]).await;
    let mut findings = Findings::new();

    for (resource, id) in [
        ("customers", &mine.customer),
        ("plugins", &mine.plugin),
        ("wabas", &mine.waba),
        ("phone-numbers", &mine.phone),
    ] {
        let ids: Vec<_> =
            limited.list(&format!("/api/v1/{resource}")).await.iter().map(|row| text(row, "id")).collect();
        findings.check(ids == [id.clone()], || format!("{resource} lists {ids:?}, not just {id}"));
        limited.get(&format!("/api/v1/{resource}/{id}")).await.expect(200);
    }
    for (path, id) in
        [("/v1/ext/whatsapp-phone-number", &mine.phone), ("/v1/ext/whatsapp-business-account", &mine.waba)]
    {
        let listed = limited.get(path).await.expect_success();
        let ids: Vec<_> = listed["_data"].as_array().into_iter().flatten().map(|row| text(row, "id")).collect();
        findings.check(ids == [id.clone()], || format!("{path} lists {ids:?}, not just {id}"));
    }

    for (path, foreign, unknown) in [
        ("/api/v1/customers/{}", &other.customer, "cus_01h455vb4pex5vsknk084sn02q".to_owned()),
        ("/api/v1/customers/{}/connection", &other.customer, "cus_01h455vb4pex5vsknk084sn02q".to_owned()),
        ("/api/v1/plugins/{}", &other.plugin, random_uuid()),
        ("/api/v1/plugins/{}/configuration", &other.plugin, random_uuid()),
        ("/api/v1/wabas/{}", &other.waba, random_digits()),
        ("/api/v1/phone-numbers/{}", &other.phone, random_digits()),
    ] {
        let refused = limited.get(&path.replace("{}", foreign)).await;
        let expected = limited.get(&path.replace("{}", &unknown)).await.shape(&[&unknown]);
        findings.note("another customer's id", refused.not_a_problem(&[404]));
        let seen = refused.shape(&[foreign]);
        findings.check(seen == expected, || format!("{path} tells apart:\n      {seen}\n      {expected}"));
    }

    // Nobody widens a limit with a key that has it.
    for wider in
        [json!({"name": "x", "role": "owner"}), json!({"name": "x", "role": "owner", "customers": [other.customer]})]
    {
        let answer = limited.post("/api/v1/api-keys", wider).await;
        findings.check((400..500).contains(&answer.status), || format!("a limited key made a wider one: {answer}"));
    }
    let answer = limited.put("/api/v1/customers/by-external-id/other", json!({"name": "Renamed"})).await;
    findings.check((400..500).contains(&answer.status), || format!("a limited key reached another customer: {answer}"));
    let answer = limited.get("/v1/ext/config").await;
    findings.note("a team-wide call", answer.not_an_envelope(&[403]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_limited_key_may_not_quote_messages_that_are_not_known_as_its_customers() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Quoting").await;
    let (mine, other) = (tenant.connect("mine").await, tenant.connect("other").await);
    let limited = tenant.limited_key("messaging", &[&mine.customer]).await;
    let theirs = tenant.owner.post(&other.messages(), message()).await.expect_success();
    let theirs = text(&theirs["_data"], "whatsappMessageId");

    let quoting = |id: &str| {
        let mut body = message();
        body["context"] = json!({"message_id": id});
        body
    };
    let mut findings = Findings::new();
    portico.sandbox().clear().await;
    for (what, id) in [("another customer's message", theirs.as_str()), ("an unknown message", "wamid.UNKNOWN")] {
        findings.note(what, limited.post(&mine.messages(), quoting(id)).await.not_an_envelope(&[404]));
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused sends arrived at Chakra: {record:?}"));
    // A key of the whole tenant, whose Chakra team is nobody else's, may: Chakra knows what is the team's.
    let answer = tenant.owner.post(&mine.messages(), quoting("wamid.UNKNOWN")).await;
    findings.check(answer.is_success(), || format!("a key of the whole tenant: {answer}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_key_limited_to_a_phone_number_sends_from_no_other() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "One number").await;
    let (mine, other) = (tenant.connect("mine").await, tenant.connect("other").await);
    let key = json!({"name": "one number", "role": "messaging", "phone_numbers": [mine.phone]});
    let key = tenant.key_with(key).await;
    key.post(&mine.messages(), message()).await.expect_success();
    portico.sandbox().clear().await;
    assert_eq!(key.post(&other.messages(), message()).await.not_an_envelope(&[404]), None);
    assert_eq!(portico.sandbox().record().await, Vec::<serde_json::Value>::new());
    portico.stop().await;
}
