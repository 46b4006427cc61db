//! Leads, processes, jobs, people, photos and campaigns.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::driver::{Answer, Driver};

const LEADS: &str = "/v1/ext/procedure/lead/process";

async fn lead(driver: &Driver, data: Value) -> String {
    let made = driver.post(LEADS, json!({"data": data})).await;
    made.body["_data"]["id"].as_str().unwrap_or_else(|| panic!("{:?}", made.body)).to_owned()
}

#[tokio::test]
async fn a_lead_is_made_read_changed_found_and_deleted() {
    let driver = Driver::start().await;
    let id = lead(&driver, json!({"name": "Ada", "phone_number": "15550001111", "lead_id": "L-1"})).await;
    let one = format!("{LEADS}/{id}");
    assert_eq!(driver.get(&one).await.body["_data"]["data"]["name"], "Ada");
    let change = json!({"data": {"name": "Ben"}, "status": "COMPLETED"});
    for path in [
        one.clone(),
        format!("{LEADS}/lead_id/L-1"),
        format!("{LEADS}/phone_number/15550001111"),
        format!("{LEADS}/phoneNumber/15550001111"),
    ] {
        let changed = driver.put(&path, change.clone()).await;
        assert_eq!(changed.body["_data"]["status"], "COMPLETED", "{path}: {:?}", changed.body);
        assert_eq!(changed.body["_data"]["data"]["phone_number"], "15550001111", "what is not given stays");
    }
    let again = driver.post(LEADS, json!({"data": {"lead_id": "L-1"}})).await;
    assert!(again.error().contains("exists already"));
    let task = driver.post("/v1/ext/p/lead/L-1/task/call_customer", json!({})).await;
    assert_eq!(task.body["_data"]["process"], json!(id), "{:?}", task.body);
    assert_eq!(driver.delete(&one).await.body["_data"]["id"], json!(id));
    assert_eq!(driver.delete(&format!("{LEADS}/lead_id/L-1")).await.error(), "Process not found");
    assert_eq!(driver.get("/v1/ext/procedure/nothing/process/1").await.error(), "Procedure not found");
    assert_eq!(driver.put(&format!("{LEADS}/name/Ada"), json!({})).await.status, 400);
    assert_eq!(driver.post(LEADS, json!({})).await.error(), "data is required");
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let driver = Driver::start().await;
    for n in 0..12 {
        lead(&driver, json!({"name": "Ada", "amount": n})).await;
    }
    let list = format!("{LEADS}/list");
    let first = driver.post(&list, json!({})).await.body;
    assert_eq!((first["_data"].as_array().map(Vec::len), &first["_meta"]["hasMore"]), (Some(10), &json!(true)));
    let rest = driver.post(&list, json!({"skip": 10, "limit": 100})).await.body;
    assert_eq!((rest["_data"].as_array().map(Vec::len), &rest["_meta"]["hasMore"]), (Some(2), &json!(false)));
    let some = driver.post(&list, json!({"where": {"amount": {">=": 10}, "status": "OPEN"}})).await.body;
    assert_eq!(some["_data"].as_array().map(Vec::len), Some(2), "{some}");
    for body in [json!({"limit": 101}), json!({"where": {"a": {"~": 1}}}), json!({"where": []})] {
        assert_eq!(driver.post(&list, body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn bulk_work_answers_a_job_that_ends() {
    let driver = Driver::start().await;
    let rows = json!([{"lead_id": "L-1", "data": {"name": "Ada"}}, {"lead_id": "L-1"}, {"data": {}}]);
    let job = driver.post(&format!("{LEADS}/bulk-create"), rows).await.body["_data"].clone();
    assert_eq!(job["completionStatus"], "IN_PROGRESS", "{job}");
    let path = format!("/v1/ext/background-job/{}", job["id"].as_str().expect("has an id"));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let done = loop {
        let seen = driver.get(&path).await.body;
        if seen["_data"]["completionStatus"] == "COMPLETED" {
            break seen;
        }
        assert!(std::time::Instant::now() < end, "the job does not end: {seen}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(done["_meta"]["bjEntryCompletionStatusVsCount"]["SUCCESS"], 2, "{done}");
    assert_eq!(done["_meta"]["bjEntryCompletionStatusVsCount"]["ERROR"], 1);
    let page = driver.get(&format!("{path}/entries?limit=2")).await.body;
    assert_eq!((page["_data"].as_array().map(Vec::len), &page["_meta"]["total"]), (Some(2), &json!(3)));
    let last = driver.get(page["_meta"]["next"].as_str().expect("there is more")).await.body;
    assert_eq!((last["_data"].as_array().map(Vec::len), last["_meta"].get("next")), (Some(1), None));

    let update = json!({"processes": [{"lead_id": "L-1", "update": {"status": "CANCELLED"}}]});
    let request = driver.request(Method::PATCH, LEADS).json(&update);
    assert_eq!(Answer::of(request).await.body["_data"]["type"], "BULK_UPDATE");
    assert_eq!(driver.put(&format!("{LEADS}/lead_id/L-1"), json!({})).await.body["_data"]["status"], "CANCELLED");
    assert_eq!(driver.get("/v1/ext/background-job/1").await.error(), "Background job not found");
    assert_eq!(driver.post(&format!("{LEADS}/bulk-create"), json!({})).await.status, 400);
}

#[tokio::test]
async fn people_are_listed_and_changed() {
    let driver = Driver::start().await;
    let users = driver.get("/v1/ext/users").await.body["_data"].clone();
    assert_eq!(users.as_array().map(Vec::len), Some(2));
    let humanised = driver.get("/v2/ext/users").await.body["_data"].clone();
    assert!(humanised[0]["roles"].is_array(), "{humanised}");
    let one = format!("/v1/ext/user/{}", users[0]["id"].as_str().expect("has an id"));
    let changed =
        driver.put(&one, json!({"firstName": "Eve", "username": "x", "other": 1})).await.body["_data"].clone();
    assert_eq!((&changed["firstName"], &changed["username"]), (&json!("Eve"), &users[0]["username"]), "{changed}");
    assert_eq!(driver.get(&one.replace("/v1/", "/v2/")).await.body["_data"]["firstName"], "Eve");
    assert_eq!(driver.put(&one, json!({"firstName": 7})).await.status, 400);
    assert_eq!(driver.get("/v1/ext/user/1").await.error(), "User not found");
}

#[tokio::test]
async fn photos_are_kept_and_given_back() {
    let driver = Driver::start().await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x20rest".to_vec();
    let form = || {
        let part = Part::bytes(png.clone()).file_name("a.png").mime_str("image/png").expect("is a type");
        Form::new().part("photo", part)
    };
    let made = Answer::of(driver.request(Method::POST, "/v1/ext/photo").multipart(form())).await.body["_data"].clone();
    assert_eq!((&made["width"], &made["height"]), (&json!(64), &json!(32)), "{made}");
    let path = format!("/v1/ext/photo/{}", made["id"].as_str().expect("has an id"));
    let given = driver.request(Method::GET, &path).send().await.expect("answers");
    assert_eq!(given.headers()["content-type"], "image/png");
    assert_eq!(given.bytes().await.expect("has a body"), png);
    assert_eq!(Answer::of(driver.request(Method::POST, &path).multipart(form())).await.status, 200);
    let other = driver.sandbox.add_team("Other");
    assert_eq!(driver.get_as(&other.chakra_key, &path).await.error(), "Photo not found");
    let bad = Answer::of(driver.request(Method::POST, "/v1/ext/photo/1").multipart(form())).await;
    assert_eq!(bad.error(), "photoId must be a uuid");
}

#[tokio::test]
async fn numbers_join_and_leave_a_campaign() {
    let driver = Driver::start().await;
    let config = driver.get("/v1/ext/config").await.body;
    let id = config["_data"]["campaigns"][0]["id"].as_str().expect("there is one").to_owned();
    let path = format!("/v1/ext/campaign/{id}/phone-number");
    let body = json!({"phoneNumber": "15550001111"});
    assert_eq!(driver.post(&path, body.clone()).await.body["_data"]["phoneNumbers"], json!(["15550001111"]));
    let left = Answer::of(driver.request(Method::DELETE, &path).json(&body)).await;
    assert_eq!(left.body["_data"]["phoneNumbers"], json!([]));
    assert_eq!(driver.post(&path, json!({})).await.error(), "phoneNumber is required");
    assert_eq!(driver.post("/v1/ext/campaign/1/phone-number", body).await.error(), "Campaign not found");
}
