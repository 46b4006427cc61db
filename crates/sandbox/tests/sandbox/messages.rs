//! Sends and read receipts.

use serde_json::{Value, json};

use crate::driver::{Driver, text_message};

fn mapping(values: &[&str]) -> Value {
    let pair =
        |(at, value): (usize, &&str)| json!({"schemaPropertyName": (at + 1).to_string(), "schemaPropertyValue": value});
    values.iter().enumerate().map(pair).collect()
}

#[tokio::test]
async fn a_text_gets_a_message_id() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let first = driver.post(&c.messages(), text_message()).await;
    assert_eq!(first.status, 200, "{:?}", first.body);
    let second = driver.post(&c.messages(), text_message()).await;
    assert!(first.body["_data"]["whatsappMessageId"].as_str().is_some_and(|id| id.starts_with("wamid.")));
    assert_ne!(first.body["_data"], second.body["_data"]);
    assert_eq!(first.body["_errors"], json!([]));
}

#[tokio::test]
async fn metas_rejections_come_as_400_in_the_envelope() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut without = text_message();
    without.as_object_mut().expect("is an object").remove("messaging_product");
    let answer = driver.post(&c.messages(), without).await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("violated JSON schema constraint 'required'"));
    assert!(answer.error().ends_with("missing : 'messaging_product'"));
    assert!(answer.body.get("_meta").is_none(), "as captured");

    let button = |n: usize| json!({"type": "reply", "reply": {"id": n.to_string(), "title": "Yes"}});
    let buttons: Vec<Value> = (0..4).map(button).collect();
    let four = json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "interactive",
        "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}}});
    let header = json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "interactive",
        "interactive": {"type": "button", "header": {"type": "image", "image": {}}, "body": {"text": "?"},
            "action": {"buttons": [button(0)]}}});
    for body in [four, header] {
        let answer = driver.post(&c.messages(), body).await;
        assert_eq!((answer.status, answer.error()), (400, "(#131009) Parameter value is not valid"));
    }
    for body in [json!({"to": null}), json!({"type": "poem"}), json!({"text": {}}), json!({"to": "Ada"})] {
        let mut message = text_message();
        message.as_object_mut().expect("is an object").extend(body.as_object().expect("is an object").clone());
        let answer = driver.post(&c.messages(), message).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.error().starts_with("(#"));
    }
}

#[tokio::test]
async fn every_type_of_message_is_taken() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let link = json!({"link": "https://example.com/a"});
    for (kind, content) in [
        ("image", link.clone()),
        ("audio", link.clone()),
        ("video", link.clone()),
        ("document", link.clone()),
        ("sticker", json!({"id": "300400500600700"})),
        ("location", json!({"latitude": 1.5, "longitude": 2})),
        ("contacts", json!([{"name": {"formatted_name": "Ada"}}])),
        ("reaction", json!({"message_id": "wamid.x", "emoji": ""})),
        ("interactive", json!({"type": "cta_url", "body": {"text": "a"}})),
    ] {
        let body = json!({"messaging_product": "whatsapp", "to": "15550001111", "type": kind, kind: content});
        assert_eq!(driver.post(&c.messages(), body).await.status, 200, "{kind}");
    }
    let group =
        json!({"messaging_product": "whatsapp", "recipient_type": "group", "to": "Y2FwaQ==", "text": {"body": "a"}});
    assert_eq!(driver.post(&c.messages(), group).await.status, 200);
    let scoped = json!({"messaging_product": "whatsapp", "recipient": "US.1", "text": {"body": "a"}});
    assert_eq!(driver.post(&c.messages(), scoped).await.status, 200);
}

#[tokio::test]
async fn a_number_of_another_plugin_is_not_found() {
    let driver = Driver::start().await;
    let (one, two) = (driver.connected().await, driver.connected().await);
    let path = one.messages().replace(&one.number, &two.number);
    let answer = driver.post(&path, text_message()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.error(), "WhatsApp phone number not found");
    let body = json!({"whatsappPhoneNumberId": two.number, "templateName": "hello_world"});
    let path = format!("/v1/ext/plugin/whatsapp/{}/phoneNumber/15550001111/send-template-message", one.plugin);
    assert_eq!(driver.post(&path, body).await.status, 404);
}

#[tokio::test]
async fn a_message_is_marked_as_read() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x", "typing_indicator": {"type": "text"}});
    let answer = driver.post(&c.messages(), read).await;
    assert_eq!((answer.status, &answer.body["_data"]), (200, &json!({})));
    let without = json!({"messaging_product": "whatsapp", "status": "read"});
    assert_eq!(driver.post(&c.messages(), without).await.status, 400);
}

#[tokio::test]
async fn a_template_in_metas_format_is_checked_against_the_waba() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let template = |name: &str, language: &str, values: &[&str]| {
        let parameters: Vec<Value> = values.iter().map(|text| json!({"type": "text", "text": text})).collect();
        json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "template", "template": {
            "name": name, "language": {"code": language, "policy": "deterministic"},
            "components": [{"type": "body", "parameters": parameters}]}})
    };
    let sent = driver.post(&c.messages(), template("order_ready", "en_US", &["Ada", "42"])).await;
    assert!(sent.body["_data"]["whatsappMessageId"].is_string(), "{:?}", sent.body);
    for (body, code) in [
        (template("order_ready", "en_US", &["Ada"]), "(#132000) "),
        (template("order_ready", "de", &["Ada", "42"]), "(#132001) "),
        (template("nothing", "en_US", &[]), "(#132001) "),
    ] {
        let answer = driver.post(&c.messages(), body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.error().starts_with(code), "{}", answer.error());
    }
}

#[tokio::test]
async fn a_template_in_chakras_format_answers_with_the_chat_message() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/phoneNumber/15550001111/send-template-message", c.plugin);
    // The n8n node sends empty texts and zeros for what is not set.
    let body = json!({"whatsappPhoneNumberId": c.number, "templateName": "order_ready", "language": "",
        "imageUrl": "", "locationLatitude": 0, "mapping": mapping(&["Ada", "42"])});
    let sent = driver.post(&path, body).await;
    let data = &sent.body["_data"];
    assert_eq!(sent.status, 200, "{:?}", sent.body);
    assert_eq!(data["text"], "Hello Ada, your order 42 is ready");
    assert_eq!(data["deliveryStatus"], "PENDING");
    assert_eq!(data["context"], json!({"contactIdentifier": "15550001111", "messageTemplateId": "order_ready"}));
    assert_eq!((&data["plugin"], &data["team"]), (&json!(c.plugin), &json!(driver.team.team_id)));
    assert!(data["externalId"].as_str().is_some_and(|id| id.starts_with("wamid.")));
    for (body, what) in [
        (json!({"templateName": "order_ready"}), "whatsappPhoneNumberId is required"),
        (json!({"whatsappPhoneNumberId": c.number}), "templateName is required"),
        (json!({"whatsappPhoneNumberId": c.number, "templateName": "order_ready"}), "(#132000)"),
        (json!({"whatsappPhoneNumberId": c.number, "templateName": "order_ready", "mapping": "x"}), "mapping must be"),
        (json!({"whatsappPhoneNumberId": c.number, "templateName": "x"}), "(#132001)"),
    ] {
        let answer = driver.post(&path, body).await;
        assert_eq!(answer.status, 400, "{what}");
        assert!(answer.error().contains(what), "{}", answer.error());
    }
    let bad = path.replace("15550001111", "US.1");
    assert_eq!(driver.post(&bad, json!({})).await.status, 400);
}

#[tokio::test]
async fn a_template_for_a_process_finds_its_person() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let body = json!({"whatsappPhoneNumberId": c.number, "templateName": "hello_world"});
    let lead = json!({"data": {"phone_number": "15550004444", "lead_id": "L-7"}});
    let lead = driver.post("/v1/ext/procedure/lead/process", lead).await.body["_data"]["id"].clone();
    let by_id = format!("process/{}", lead.as_str().expect("has an id"));
    for (path, to) in [
        ("process/lead/15550003333", "15550003333"),
        (by_id.as_str(), "15550004444"),
        ("process/lead/L-7", "15550004444"),
    ] {
        let path = format!("/v1/ext/plugin/whatsapp/{}/{path}/send-template-message", c.plugin);
        let sent = driver.post(&path, body.clone()).await;
        assert_eq!(sent.body["_data"]["context"]["contactIdentifier"], to, "{:?}", sent.body);
    }
    let path = format!("/v1/ext/plugin/whatsapp/{}/process/lead/nobody/send-template-message", c.plugin);
    assert_eq!(driver.post(&path, body).await.error(), "Process not found");
}
