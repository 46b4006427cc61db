//! Groups.

use actix_web::http::StatusCode;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::driver::{Answer, Connected, Driver};
use crate::receiver::Receiver;

/// The candidates of a path that names a number.
fn of_number(c: &Connected) -> [String; 3] {
    let (plugin, number) = (&c.plugin, &c.number);
    [
        format!("/v1/whatsapp/v24.0/{number}/groups"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{number}/groups"),
        format!("/v1/ext/plugin/whatsapp/api/v24.0/{number}/groups"),
    ]
}

/// The candidates of a path that names a group.
fn of_group(plugin: &str, group: &str, rest: &str) -> [String; 3] {
    [
        format!("/v1/whatsapp/v24.0/{group}{rest}"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{group}{rest}"),
        format!("/v1/ext/plugin/whatsapp/api/v24.0/{group}{rest}"),
    ]
}

fn group_path(group: &str, rest: &str) -> String {
    format!("/v1/whatsapp/v24.0/{group}{rest}")
}

/// The group that every number begins with.
async fn initial_group(driver: &Driver, c: &Connected) -> String {
    let listed = driver.get(&of_number(c)[0]).await.body;
    listed["data"]["groups"][0]["id"].as_str().expect("has an id").to_owned()
}

async fn start_receiver(driver: &Driver, c: &Connected) -> Receiver {
    let receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    receiver
}

/// The field of the next event and its group.
async fn next_group_event(receiver: &mut Receiver) -> (String, Value) {
    let body = receiver.next().await.body;
    let change = &body["entry"][0]["changes"][0];
    (change["field"].as_str().expect("has a field").to_owned(), change["value"]["groups"][0].clone())
}

/// Makes a group; its id, when it is there.
async fn create_group(driver: &Driver, c: &Connected, receiver: &mut Receiver, mode: &str) -> String {
    let body = json!({"messaging_product": "whatsapp", "subject": "Order 43", "join_approval_mode": mode});
    let answer = driver.post(&of_number(c)[0], body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let (field, group) = next_group_event(receiver).await;
    assert_eq!((field.as_str(), &group["type"]), ("group_lifecycle_update", &json!("group_create")));
    assert_eq!(group["request_id"], answer.body["request_id"]);
    group["group_id"].as_str().expect("has an id").to_owned()
}

#[tokio::test]
async fn a_group_is_there_a_moment_after_the_call() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = start_receiver(&driver, &c).await;
    let id = create_group(&driver, &c, &mut receiver, "auto_approve").await;
    for path in of_group(&c.plugin, &id, "") {
        let group = driver.get(&path).await.body;
        assert_eq!((&group["subject"], &group["suspended"]), (&json!("Order 43"), &json!(false)), "{path}");
        assert_eq!(group["participants"], json!([{"wa_id": "15550001111"}]), "{path}");
        assert_eq!(group["total_participant_count"], 1);
    }
    let narrow = driver.get(&group_path(&id, "?fields=subject")).await.body;
    assert_eq!(narrow, json!({"id": id, "subject": "Order 43"}));
    assert_eq!(driver.get(&group_path(&id, "?fields=secret")).await.status, 400);
    for path in of_number(&c) {
        let listed = driver.get(&path).await.body;
        let groups = listed["data"]["groups"].as_array().expect("is a list");
        assert_eq!((groups.len(), &groups[1]["id"]), (2, &json!(id)), "{path}");
        assert!(listed["paging"]["next"].is_null());
    }
    let first = driver.get(&format!("{}?limit=1", of_number(&c)[0])).await.body;
    let next = first["paging"]["next"].as_str().expect("leads on").trim_start_matches(driver.sandbox.url());
    assert_eq!(driver.get(next).await.body["data"]["groups"][0]["id"], id);
    receiver.stop().await;
}

#[tokio::test]
async fn settings_change_by_json_or_form() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let id = initial_group(&driver, &c).await;
    let mut receiver = start_receiver(&driver, &c).await;
    let body = json!({"messaging_product": "whatsapp", "subject": "Order 42, paid"});
    let request = driver.post(&of_group(&c.plugin, &id, "")[1], body).await.body["request_id"].clone();
    let (field, group) = next_group_event(&mut receiver).await;
    assert_eq!((field.as_str(), &group["request_id"]), ("group_settings_update", &request));
    assert_eq!(group["group_subject"], json!({"text": "Order 42, paid", "update_successful": true}));

    let picture = |bytes: Vec<u8>, kind: &str| Part::bytes(bytes).file_name("a.jpg").mime_str(kind).expect("is a type");
    let form = |part: Part| {
        let form = Form::new().text("messaging_product", "whatsapp").text("description", "All about it");
        driver.request(Method::POST, &group_path(&id, "")).multipart(form.part("profile_picture_file", part))
    };
    let answer = Answer::of(form(picture(vec![0xff, 0xd8], "image/jpeg"))).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let (_, group) = next_group_event(&mut receiver).await;
    assert_eq!(group["profile_picture"]["mime_type"], "image/jpeg");
    assert_eq!(group["profile_picture"]["sha256"].as_str().map(str::len), Some(64));
    let info = driver.get(&group_path(&id, "")).await.body;
    assert_eq!((&info["subject"], &info["description"]), (&json!("Order 42, paid"), &json!("All about it")));

    for bad in
        [picture(vec![1], "text/plain"), picture(Vec::new(), "image/jpeg"), picture(vec![0; 5_242_881], "image/jpeg")]
    {
        assert_eq!(Answer::of(form(bad)).await.status, 400);
    }
    let cut =
        driver.request(Method::POST, &group_path(&id, "")).header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(Answer::of(cut.body("--b\r\n")).await.error(), "Malformed multipart body");
    for bad in [json!({}), json!({"subject": "x".repeat(129)}), json!({"subject": 1})] {
        let mut body = json!({"messaging_product": "whatsapp"});
        body.as_object_mut().expect("is an object").extend(bad.as_object().expect("is an object").clone());
        assert_eq!(driver.post(&group_path(&id, ""), body).await.body["error"]["code"], 100, "{bad}");
    }
    receiver.stop().await;
}

#[tokio::test]
async fn a_deleted_group_is_gone() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let id = initial_group(&driver, &c).await;
    let mut receiver = start_receiver(&driver, &c).await;
    let answer = driver.delete(&group_path(&id, "")).await;
    let (field, group) = next_group_event(&mut receiver).await;
    assert_eq!((field.as_str(), &group["type"]), ("group_lifecycle_update", &json!("group_delete")));
    assert_eq!((&group["group_id"], &group["request_id"]), (&json!(id), &answer.body["request_id"]));
    assert_eq!(driver.delete(&group_path(&id, "")).await.error(), "Group not found");
    assert_eq!(driver.get(&group_path(&id, "")).await.status, 404);
    assert_eq!(driver.get(&of_number(&c)[0]).await.body["data"]["groups"], json!([]));
    receiver.stop().await;
}

#[tokio::test]
async fn a_reset_makes_another_link() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let id = initial_group(&driver, &c).await;
    let product = json!({"messaging_product": "whatsapp"});
    let mut before = driver.get(&group_path(&id, "/invite_link")).await.body["invite_link"].clone();
    for path in of_group(&c.plugin, &id, "/invite_link") {
        assert_eq!(driver.get(&path).await.body, json!({"messaging_product": "whatsapp", "invite_link": before}));
        let after = driver.post(&path, product.clone()).await.body["invite_link"].clone();
        assert!(after.as_str().is_some_and(|link| link.starts_with("https://chat.whatsapp.com/")), "{path}");
        assert_ne!(before, after, "{path}");
        before = after;
    }
}

#[tokio::test]
async fn join_requests_are_approved_rejected_or_fail() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = start_receiver(&driver, &c).await;
    let id = create_group(&driver, &c, &mut receiver, "approval_required").await;
    let path = &of_group(&c.plugin, &id, "/join_requests")[1];
    let listed = driver.get(path).await.body;
    let rows = listed["data"].as_array().expect("is a list").clone();
    assert_eq!((rows.len(), &driver.get(&group_path(&id, "")).await.body["participants"]), (2, &json!([])));
    let (one_id, two_id) = (&rows[0]["join_request_id"], &rows[1]["join_request_id"]);
    let order = |ids: Value| json!({"messaging_product": "whatsapp", "join_requests": ids});

    let approved = driver.post(path, order(json!([one_id, "jr_unknown"]))).await.body;
    assert_eq!(approved["approved_join_requests"], json!([one_id]));
    let failed = &approved["failed_join_requests"][0];
    assert_eq!((&failed["join_request_id"], &failed["errors"][0]["code"]), (&json!("jr_unknown"), &json!(100)));
    let (field, group) = next_group_event(&mut receiver).await;
    assert_eq!((field.as_str(), &group["type"]), ("group_participants_update", &json!("group_participants_add")));
    assert_eq!(group["added_participants"], json!([{"wa_id": rows[0]["wa_id"]}]));
    assert_eq!(driver.get(&group_path(&id, "")).await.body["participants"], group["added_participants"]);

    let key = &driver.team.chakra_key;
    let rejected = driver.call_as(key, Method::DELETE, path, order(json!([two_id]))).await.body;
    let expected =
        json!({"messaging_product": "whatsapp", "rejected_join_requests": [two_id], "failed_join_requests": []});
    assert_eq!(rejected, expected);
    assert_eq!(driver.get(path).await.body["data"], json!([]));
    let again = driver.call_as(key, Method::DELETE, path, order(json!([two_id]))).await.body;
    assert_eq!(again["failed_join_requests"][0]["join_request_id"], *two_id);
    for bad in [json!(null), json!([]), json!("jr"), json!([1])] {
        assert_eq!(driver.post(path, order(bad.clone())).await.body["error"]["code"], 100, "{bad}");
        assert_eq!(driver.call_as(key, Method::DELETE, path, order(bad)).await.status, 400);
    }
    receiver.stop().await;
}

#[tokio::test]
async fn participants_are_put_out_and_strangers_fail_in_the_event() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let id = initial_group(&driver, &c).await;
    let mut receiver = start_receiver(&driver, &c).await;
    let path = group_path(&id, "/participants");
    let key = &driver.team.chakra_key;
    let order = |users: Value| json!({"messaging_product": "whatsapp", "participants": users});
    let users = json!([{"user": "+1 555 000 1111"}, {"user": "15550009999"}]);
    let answer = driver.call_as(key, Method::DELETE, &path, order(users.clone())).await;
    let (field, group) = next_group_event(&mut receiver).await;
    assert_eq!((field.as_str(), &group["request_id"]), ("group_participants_update", &answer.body["request_id"]));
    assert_eq!(group["removed_participants"], json!([{"input": "+1 555 000 1111", "wa_id": "15550001111"}]));
    assert_eq!(group["failed_participants"][0]["wa_id"], "15550009999");
    assert_eq!(driver.get(&group_path(&id, "")).await.body["total_participant_count"], 0);

    driver.call_as(key, Method::DELETE, &path, order(users)).await;
    let (_, group) = next_group_event(&mut receiver).await;
    assert_eq!(
        (&group["removed_participants"], group["failed_participants"].as_array().map(Vec::len)),
        (&json!([]), Some(2))
    );
    let nine: Vec<_> = (0..9).map(|n| json!({"user": format!("1555000111{n}")})).collect();
    for bad in [json!(null), json!([]), json!([{}]), json!(["15550001111"]), json!(nine)] {
        let answer = driver.call_as(key, Method::DELETE, &path, order(bad.clone())).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{bad}");
    }
    receiver.stop().await;
}

#[tokio::test]
async fn groups_of_others_and_unknown_ones_are_missing_alike() {
    let driver = Driver::start().await;
    let (c, second) = (driver.connected().await, driver.connected().await);
    let other = driver.sandbox.add_team("Other").chakra_key;
    let id = initial_group(&driver, &c).await;
    let body = json!({"messaging_product": "whatsapp", "subject": "Mine", "join_requests": ["jr"],
        "participants": [{"user": "15550001111"}]});
    let calls = [
        (Method::GET, ""),
        (Method::POST, ""),
        (Method::DELETE, ""),
        (Method::GET, "/invite_link"),
        (Method::POST, "/invite_link"),
        (Method::GET, "/join_requests"),
        (Method::POST, "/join_requests"),
        (Method::DELETE, "/join_requests"),
        (Method::DELETE, "/participants"),
    ];
    for (method, rest) in calls {
        let foreign = driver.call_as(&other, method.clone(), &group_path(&id, rest), body.clone()).await;
        assert_eq!((foreign.status, foreign.error()), (404, "Group not found"), "{method} {rest}");
        let key = &driver.team.chakra_key;
        let unknown = group_path("Y2FwaV9ncm91cDoxNTU1MDAwMjIyMg==", rest);
        let unknown = driver.call_as(key, method.clone(), &unknown, body.clone()).await;
        assert_eq!(unknown.body, foreign.body, "{method} {rest}");
        let crossed = &of_group(&second.plugin, &id, rest)[1];
        assert_eq!(driver.call_as(key, method.clone(), crossed, body.clone()).await.status, 404, "{method} {rest}");
    }
    assert_eq!(driver.get(&group_path(&id, "")).await.body["subject"], "Order 42");
    for path in of_number(&c) {
        for method in [Method::GET, Method::POST] {
            assert_eq!(driver.call_as(&other, method, &path, body.clone()).await.status, 404, "{path}");
        }
    }
    assert_eq!(driver.get(&of_number(&second)[0]).await.body["data"]["groups"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_call_without_a_product_or_subject_makes_nothing() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let id = initial_group(&driver, &c).await;
    let key = &driver.team.chakra_key;
    for (method, path) in [
        (Method::POST, of_number(&c)[0].clone()),
        (Method::POST, group_path(&id, "")),
        (Method::POST, group_path(&id, "/invite_link")),
        (Method::POST, group_path(&id, "/join_requests")),
        (Method::DELETE, group_path(&id, "/join_requests")),
        (Method::DELETE, group_path(&id, "/participants")),
    ] {
        let body = json!({"subject": "x", "join_requests": ["jr"], "participants": [{"user": "1"}]});
        let answer = driver.call_as(key, method.clone(), &path, body).await;
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(answer.status == 400 && message.contains("'messaging_product'"), "{method} {path}: {:?}", answer.body);
    }
    for bad in [
        json!({}),
        json!({"subject": ""}),
        json!({"subject": "x".repeat(129)}),
        json!({"subject": "x", "description": "y".repeat(2_049)}),
        json!({"subject": "x", "join_approval_mode": "maybe"}),
    ] {
        let mut body = json!({"messaging_product": "whatsapp"});
        body.as_object_mut().expect("is an object").extend(bad.as_object().expect("is an object").clone());
        assert_eq!(driver.post(&of_number(&c)[0], body).await.body["error"]["code"], 100, "{bad}");
    }
    assert_eq!(driver.get(&of_number(&c)[0]).await.body["data"]["groups"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_group_of_an_event_can_be_asked_for_until_its_number_is_gone() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = start_receiver(&driver, &c).await;
    driver.post("/_sandbox/events", json!({"plugin_id": c.plugin, "kind": "group_lifecycle"})).await;
    let (_, group) = next_group_event(&mut receiver).await;
    let id = group["group_id"].as_str().expect("has an id");
    assert_eq!(driver.get(&group_path(id, "/invite_link")).await.body["invite_link"], group["invite_link"]);
    driver.delete(&format!("/plugin/{}", c.plugin)).await;
    let plugin = driver.plugin().await;
    let again = json!({"plugin_id": plugin, "outcome": "finish", "phone_number_id": c.number});
    assert_eq!(driver.post("/_sandbox/signups", again).await.status, 200);
    assert_eq!(driver.get(&group_path(id, "")).await.status, 404);
    receiver.stop().await;
}
