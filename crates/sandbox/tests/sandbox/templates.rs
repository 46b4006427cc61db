//! Message templates.

use actix_web::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

use portico_sandbox::Settings;

use crate::driver::{Answer, Connected, Driver};
use crate::receiver::Receiver;

fn path(connected: &Connected) -> String {
    format!("/v1/ext/plugin/whatsapp/api/v24.0/{}/message_templates", connected.waba)
}

fn template_path(id: &Value) -> String {
    format!("/v1/ext/plugin/whatsapp/api/v24.0/{}", id.as_str().expect("is an id"))
}

fn new(name: &str) -> Value {
    json!({"name": name, "category": "UTILITY", "language": "en_US", "components": [
        {"type": "BODY", "text": "Hello {{1}}", "example": {"body_text": [["Ada"]]}},
    ]})
}

fn names(answer: &Answer) -> Vec<&str> {
    let rows = answer.body["data"].as_array().expect("is a list");
    rows.iter().map(|row| row["name"].as_str().expect("has a name")).collect()
}

fn message(answer: &Answer) -> &str {
    answer.body["error"]["message"].as_str().unwrap_or_else(|| panic!("is Meta's error: {:?}", answer.body))
}

#[tokio::test]
async fn a_new_template_is_reviewed_and_then_can_be_sent() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    let made = driver.post(&path(&c), new("greeting")).await;
    let id = made.body["id"].clone();
    assert_eq!(
        (made.status, &made.body["status"], &made.body["category"]),
        (200, &json!("PENDING"), &json!("UTILITY"))
    );
    let send = json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "template",
        "template": {"name": "greeting", "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}]}});

    let told = receiver.next().await.body["entry"][0].clone();
    assert_eq!((&told["id"], &told["changes"][0]["field"]), (&json!(c.waba), &json!("message_template_status_update")));
    let number: u64 = id.as_str().expect("is a text").parse().expect("is a number");
    let expected = json!({"event": "APPROVED", "reason": "NONE", "message_template_id": number,
        "message_template_name": "greeting", "message_template_language": "en_US"});
    assert_eq!(told["changes"][0]["value"], expected);
    let listed = driver.get(&format!("{}?name=greeting", path(&c))).await;
    assert_eq!((names(&listed), &listed.body["data"][0]["status"]), (vec!["greeting"], &json!("APPROVED")));
    assert_eq!(driver.post(&c.messages(), send).await.status, 200);
    receiver.stop().await;
}

#[tokio::test]
async fn a_name_with_reject_in_it_is_rejected() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    driver.post(&path(&c), new("please_reject")).await;
    let told = receiver.next().await.body["entry"][0]["changes"][0]["value"].clone();
    assert_eq!((&told["event"], &told["reason"]), (&json!("REJECTED"), &json!("INVALID_FORMAT")));
    let fields = driver.get(&format!("{}?name=please_reject&fields=status,rejected_reason", path(&c))).await;
    let id = fields.body["data"][0]["id"].clone();
    assert_eq!(fields.body["data"], json!([{"id": id, "status": "REJECTED", "rejected_reason": "INVALID_FORMAT"}]));

    driver.post(&path(&c), new("stays_pending")).await;
    assert!(receiver.is_quiet().await, "a template with pending in its name is never reviewed");
    let pending = driver.get(&format!("{}?status=pending", path(&c))).await;
    assert_eq!(names(&pending), ["stays_pending"]);
    receiver.stop().await;
}

#[tokio::test]
async fn what_meta_would_not_take_is_refused_in_its_shape() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let taken = driver.post(&path(&c), new("order_ready")).await;
    assert_eq!((taken.status, &taken.body["error"]["error_subcode"]), (400, &json!(2_388_024)), "{:?}", taken.body);
    for (field, value, text) in [
        ("name", Value::Null, "name is required"),
        ("name", json!("Order Ready"), "lowercase"),
        ("category", Value::Null, "category is required"),
        ("category", json!("NEWS"), "MARKETING"),
        ("language", Value::Null, "language is required"),
        ("language", json!("english"), "en_US"),
        ("components", Value::Null, "components is required"),
        ("components", json!([]), "non-empty"),
        ("components", json!("BODY"), "non-empty"),
        ("components", json!([{"type": "BODY", "text": "Hello {{1}}"}]), "Invalid parameter"),
        ("parameter_format", json!("LOOSE"), "NAMED"),
    ] {
        let mut body = new("greeting");
        body[field] = value;
        let answer = driver.post(&path(&c), body.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{body}");
        assert!(message(&answer).contains(text), "{body}: {:?}", answer.body);
    }
    let mut other = new("order_ready");
    other["language"] = json!("de");
    assert_eq!(driver.post(&path(&c), other).await.status, 200, "another language of a name is a template of its own");
}

#[tokio::test]
async fn pages_lead_on_by_cursor_and_by_url() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let all = driver.get(&path(&c)).await;
    let all_names: Vec<String> = names(&all).into_iter().map(str::to_owned).collect();
    assert_eq!(all_names.len(), 5);
    assert!(all.body["paging"]["next"].is_null() && all.body["paging"]["previous"].is_null());
    assert!(all.body["paging"]["cursors"]["after"].is_string());

    let mut seen = Vec::new();
    let mut at = format!("{}?limit=2&fields=name", path(&c));
    let mut pages = Vec::new();
    loop {
        let page = driver.get(&at).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let next = page.body["paging"]["next"].as_str().map(str::to_owned);
        pages.push(page);
        let Some(next) = next else { break };
        let begin = format!("{}{}?limit=2&fields=name&after=", driver.sandbox.url(), path(&c));
        assert!(next.starts_with(&begin), "{next}");
        at = next.trim_start_matches(driver.sandbox.url()).to_owned();
    }
    assert_eq!((&seen, pages.len()), (&all_names, 3));
    let before = pages[1].body["paging"]["cursors"]["before"].as_str().expect("is a cursor");
    let back = driver.get(&format!("{}?limit=2&before={before}", path(&c))).await;
    assert_eq!(names(&back), all_names[..2]);
    assert!(back.body["paging"]["next"].is_string() && back.body["paging"]["previous"].is_null());
    let last = pages[2].body["paging"]["cursors"]["after"].as_str().expect("is a cursor");
    let beyond = driver.get(&format!("{}?after={last}", path(&c))).await;
    assert_eq!((names(&beyond).len(), &beyond.body["paging"]["cursors"]["after"]), (0, &json!(last)));
}

#[tokio::test]
async fn filters_and_fields_narrow_a_list() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    for (query, expected) in [
        ("name=order_ready", vec!["order_ready", "order_ready"]),
        ("name=order_ready&language=es", vec!["order_ready"]),
        ("category=MARKETING&status=REJECTED", vec!["rejected_offer"]),
        ("name=order", vec![]),
    ] {
        let mut found = names(&driver.get(&format!("{}?{query}", path(&c))).await)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        found.sort();
        assert_eq!(found, expected, "{query}");
    }
    let asked = driver.get(&format!("{}?fields=name,message_send_ttl_seconds,previous_category", path(&c))).await;
    assert_eq!(asked.status, 200, "{:?}", asked.body);
    assert_eq!(asked.body["data"][0].get("previous_category"), None, "what is empty is left out");
    for bad in ["limit=0", "limit=x", "after=%25", "fields=name,secret"] {
        let answer = driver.get(&format!("{}?{bad}", path(&c))).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(message(&answer).starts_with("(#100)"), "{bad}");
    }
}

#[tokio::test]
async fn an_edit_is_reviewed_anew() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    let filter = format!("{}?name=order_ready&language=en_US", path(&c));
    let id = driver.get(&filter).await.body["data"][0]["id"].clone();
    let components = json!([{"type": "BODY", "text": "Ready"}]);
    let done = driver.post(&template_path(&id), json!({"components": components})).await;
    assert_eq!((done.status, done.body), (200, json!({"success": true})));
    let told = receiver.next().await.body["entry"][0]["changes"][0]["value"].clone();
    assert_eq!((&told["event"], &told["message_template_name"]), (&json!("APPROVED"), &json!("order_ready")));
    let row = driver.get(&filter).await.body["data"][0].clone();
    assert_eq!((&row["status"], &row["components"]), (&json!("APPROVED"), &components));
    receiver.stop().await;

    let unreviewed = driver.post(&path(&c), new("stays_pending")).await.body["id"].clone();
    let early = driver.post(&template_path(&unreviewed), json!({"components": components})).await;
    assert!(message(&early).contains("review"));
    let moved = driver.post(&template_path(&id), json!({"category": "MARKETING"})).await;
    assert!(message(&moved).contains("category"));
    for bad in
        [json!({}), json!({"components": []}), json!({"category": "NEWS"}), json!({"components": [{"type": "X"}]})]
    {
        let answer = driver.post(&template_path(&id), bad.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{bad}");
    }
    let unknown = driver.post(&template_path(&json!("400500600700800")), json!({"components": components})).await;
    assert_eq!((unknown.status, unknown.error()), (404, "WhatsApp message template not found"));
}

#[tokio::test]
async fn a_name_is_deleted_in_all_languages_and_an_id_in_one() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let listed = format!("{}?name=order_ready", path(&c));
    let spanish = driver.get(&format!("{listed}&language=es")).await.body["data"][0]["id"].clone();
    let by_id = format!("{listed}&hsm_id={}", spanish.as_str().expect("is an id"));
    assert_eq!(driver.delete(&by_id).await.body, json!({"success": true}));
    assert_eq!(names(&driver.get(&listed).await), ["order_ready"]);
    let again = driver.delete(&by_id).await;
    assert_eq!((again.status, &again.body["error"]["error_subcode"]), (404, &json!(2_593_002)));
    driver
        .post(
            &path(&c),
            json!({"name": "order_ready", "category": "UTILITY", "language": "de",
        "components": [{"type": "BODY", "text": "Fertig"}]}),
        )
        .await;
    assert_eq!(driver.delete(&listed).await.status, 200);
    assert!(names(&driver.get(&listed).await).is_empty());
    assert_eq!(driver.delete(&listed).await.status, 404);
    assert!(message(&driver.delete(&path(&c)).await).contains("name is required"));
}

#[tokio::test]
async fn another_teams_templates_are_not_there() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let other = driver.sandbox.add_team("Other").chakra_key;
    let id = driver.get(&path(&c)).await.body["data"][0]["id"].clone();
    let listed = format!("{}?name=order_ready", path(&c));
    for (method, path, body) in [
        (Method::GET, path(&c), json!({})),
        (Method::POST, path(&c), new("greeting")),
        (Method::DELETE, listed.clone(), json!({})),
        (Method::POST, template_path(&id), json!({"components": [{"type": "BODY", "text": "Mine"}]})),
    ] {
        let answer = driver.call_as(&other, method.clone(), &path, body).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(answer.error().ends_with("not found"));
    }
    assert_eq!(names(&driver.get(&listed).await).len(), 2);
    let unknown = driver.get("/v1/ext/plugin/whatsapp/api/v24.0/1/message_templates").await;
    assert_eq!((unknown.status, unknown.error()), (404, "WhatsApp business account not found"));
}

#[tokio::test]
async fn templates_survive_a_restart_and_are_reviewed_meanwhile() {
    let file = std::env::temp_dir().join(format!("portico-sandbox-{}-templates.json", std::process::id()));
    drop(std::fs::remove_file(&file));
    let settings = Settings { state_file: Some(file.clone()), ..Settings::default() };
    let driver = Driver::with(settings.clone()).await;
    let c = driver.connected().await;
    driver.post(&path(&c), new("greeting")).await;
    let key = driver.team.chakra_key.clone();
    driver.sandbox.stop().await;
    let mut driver = Driver::with(settings).await;
    driver.team.chakra_key = key;
    let listed = format!("{}?name=greeting", path(&c));
    let found = driver.get_until(&listed, |answer| answer.body["data"][0]["status"] == "APPROVED").await;
    assert_eq!(names(&found), ["greeting"]);
    driver.sandbox.stop().await;
    drop(std::fs::remove_file(&file));
}
