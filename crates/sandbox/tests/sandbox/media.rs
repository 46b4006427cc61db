//! Uploads.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::driver::{Answer, Driver, hex};

fn file(bytes: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(bytes).file_name("a.PNG").mime_str("image/png").expect("is a type"))
}

#[tokio::test]
async fn an_uploaded_file_is_served_with_its_type() {
    let driver = Driver::start().await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", driver.plugin().await);
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let answer = Answer::of(driver.request(Method::POST, &path).multipart(file(content.clone()))).await;
    let url = answer.body["_data"]["publicMediaUrl"].as_str().expect("has a URL").to_owned();
    let begin = format!("{}/_sandbox/media/{}/20", driver.sandbox.url(), driver.team.team_id);
    assert!(url.starts_with(&begin), "{url}");
    assert_eq!(url.rsplit_once('.').map(|(_, extension)| extension), Some("png"));
    let served = driver.client.get(&url).send().await.expect("answers");
    assert_eq!(served.headers()["content-type"], "image/png");
    assert_eq!(served.bytes().await.expect("has a body"), content);

    let record = driver.get("/_sandbox/requests").await.body;
    let seen = record["data"].as_array().expect("is a list").last().expect("is there");
    let part = json!({"name": "file", "filename": "a.PNG", "content_type": "image/png", "bytes": content.len()});
    assert_eq!(seen["body"]["parts"], json!([part]));
    assert_eq!(seen["body"]["sha256"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn the_record_hashes_the_body_as_it_came() {
    let driver = Driver::start().await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", driver.plugin().await);
    let body = "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n";
    let request =
        driver.request(Method::POST, &path).header("content-type", "multipart/form-data; boundary=b").body(body);
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.error()), (400, "file is required"));
    let seen = driver.get("/_sandbox/requests").await.body["data"][1].clone();
    let hash = hex(&Sha256::digest(body));
    assert_eq!((&seen["body"]["bytes"], &seen["body"]["sha256"]), (&json!(body.len()), &json!(hash)));
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let driver = Driver::start().await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", driver.plugin().await);
    assert_eq!(driver.post(&path, json!({"file": "x"})).await.status, 400);
    let cut =
        driver.request(Method::POST, &path).header("content-type", "multipart/form-data; boundary=b").body("--b\r\n");
    assert_eq!(Answer::of(cut).await.error(), "Malformed multipart body");
    let unknown = "/v1/ext/plugin/whatsapp/11111111-2222-4333-8444-555555555555/upload-public-media";
    let answer = Answer::of(driver.request(Method::POST, unknown).multipart(file(vec![1]))).await;
    assert_eq!((answer.status, answer.error()), (404, "Plugin not found"));
}

#[tokio::test]
async fn a_file_above_100_mib_is_too_large_and_one_below_is_only_hashed() {
    let driver = Driver::start().await;
    let path = format!("/v1/ext/plugin/whatsapp/{}/upload-public-media", driver.plugin().await);
    let size = 100 * 1024 * 1024;
    let answer = Answer::of(driver.request(Method::POST, &path).multipart(file(vec![b'\r'; size + 1]))).await;
    assert_eq!(answer.status, 413);
    let answer = Answer::of(driver.request(Method::POST, &path).multipart(file(vec![0; size]))).await;
    let url = answer.body["_data"]["publicMediaUrl"].as_str().expect("has a URL");
    assert_eq!(driver.client.get(url).send().await.expect("answers").status(), 404);
}
