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

    // The log of calls does not say which number was called, so that it tells such a key nothing.
    let reader = json!({"name": "one number's log", "role": "viewer", "phone_numbers": [mine.phone]});
    let log = tenant.key_with(reader).await.get("/api/v1/requests").await;
    assert_eq!((log.not_a_problem(&[403]), log.at("/code")), (None, &json!("key_limited")));
    tenant.limited_key("viewer", &[&mine.customer]).await.get("/api/v1/requests").await.expect(200);
    portico.stop().await;
}

#[tokio::test]
async fn what_belongs_to_the_whole_tenant_is_not_told_to_a_limited_key() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Whole").await;
    let mine = tenant.connect("mine").await;
    let body = json!({"email": "ada@example.com", "role": "viewer"});
    let invitation = text(&tenant.owner.post("/api/v1/invitations", body).await.expect(201), "id");
    let (member, _) = crate::members::join(&tenant.owner, "bob@example.com", "viewer").await;
    let others = text(&tenant.owner.get("/api/v1/session").await.expect(200), "id");
    let to_customers = json!({"name": "by customer", "role": "owner", "customers": [mine.customer]});
    let to_numbers = json!({"name": "by number", "role": "owner", "phone_numbers": [mine.phone]});
    let (by_customer, by_number) = (tenant.key_with(to_customers).await, tenant.key_with(to_numbers).await);
    let mut findings = Findings::new();
    for (path, unknown) in [
        (format!("/api/v1/api-keys/{others}"), "/api/v1/api-keys/key_01h455vb4pex5vsknk084sn02q"),
        (format!("/api/v1/members/{member}"), "/api/v1/members/mem_01h455vb4pex5vsknk084sn02q"),
        (format!("/api/v1/invitations/{invitation}"), "/api/v1/invitations/inv_01h455vb4pex5vsknk084sn02q"),
        (format!("/api/v1/chakra-keys/{}", tenant.chakra_key_id), "/api/v1/chakra-keys/chk_01h455vb4pex5vsknk084sn02q"),
    ] {
        tenant.owner.get(&path).await.expect(200);
        tenant.owner.get(unknown).await.expect(404);
        let list = path.rsplit_once('/').expect("has segments").0;
        for (who, caller) in [("a key of a customer", &by_customer), ("a key of a number", &by_number)] {
            for path in [list, path.as_str(), unknown] {
                let answer = caller.get(path).await;
                findings.check(answer.at("/code") == "key_limited", || format!("{who}, {path}: {answer}"));
                findings.note(who, answer.not_a_problem(&[403]));
            }
        }
    }
    let uses = format!("/api/v1/api-keys/{others}/old-secret-uses");
    for caller in [&by_customer, &by_number] {
        let answer = caller.get(&uses).await;
        findings.check(answer.at("/code") == "key_limited", || answer.to_string());
        // A key sees itself, and what roles there are.
        let own = text(&caller.get("/api/v1/session").await.expect(200), "id");
        caller.get(&format!("/api/v1/api-keys/{own}")).await.expect(200);
        caller.get("/api/v1/roles").await.expect(200);
    }
    findings.finish();
    portico.stop().await;
}
