//! Media that people sent.

use actix_web::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use portico_sandbox::Settings;

use crate::driver::{Driver, hex};
use crate::receiver::Receiver;

/// Has an event sent; the message in it.
async fn received(driver: &Driver, plugin: &str, kind: &str, overrides: Value) -> Value {
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    let order = json!({"plugin_id": plugin, "kind": kind, "overrides": overrides});
    assert_eq!(driver.post("/_sandbox/events", order).await.status, 200);
    let message = receiver.next().await.body["entry"][0]["changes"][0]["value"]["messages"][0].clone();
    receiver.stop().await;
    message
}

fn show(version: u8, id: &Value) -> String {
    format!("/v{version}/whatsapp/v24.0/media/{}/show", id.as_str().expect("is an id"))
}

#[tokio::test]
async fn the_picture_of_an_event_is_shown_on_every_path() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let image = received(&driver, &c.plugin, "message_image", json!({})).await["image"].clone();
    let id = &image["id"];
    let known = driver.get(&format!("/v1/whatsapp/v24.0/media/{}", id.as_str().expect("is an id"))).await.body;
    assert_eq!((&known["mime_type"], &known["id"]), (&json!("image/jpeg"), id));
    assert_eq!(known["url"], format!("{}{}", driver.sandbox.url(), show(2, id)));
    let url = image["url"].as_str().expect("has a URL");
    let (_, mid) = url.split_once("mid=").expect("has a mid");
    let mid = mid.split('&').next().expect("is there");
    let attachment = format!("/v2/whatsapp/v24.0/media/whatsapp_business/attachments?mid={mid}&ext=1&hash=x");
    for path in [show(1, id), show(2, id), attachment] {
        let shown = driver.request(Method::GET, &path).send().await.expect("answers");
        assert_eq!(shown.headers()["content-type"], "image/jpeg", "{path}");
        assert_eq!(shown.headers()["content-length"], known["file_size"].to_string().as_str(), "{path}");
        let bytes = shown.bytes().await.expect("has a body");
        assert!(bytes.starts_with(&[0xff, 0xd8]) && bytes.ends_with(&[0xff, 0xd9]), "{path}");
        assert_eq!(known["sha256"], hex(&Sha256::digest(&bytes)), "{path}");
    }
}

#[tokio::test]
async fn types_keep_their_parameters_and_overrides_name_other_media() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let voice = received(&driver, &c.plugin, "message_audio", json!({})).await["audio"].clone();
    let shown = driver.request(Method::GET, &show(2, &voice["id"])).send().await.expect("answers");
    assert_eq!(shown.headers()["content-type"], "audio/ogg; codecs=opus");
    assert!(shown.bytes().await.expect("has a body").starts_with(b"OggS"));

    let overrides = json!({"image": {"id": "300400500600700", "mime_type": "image/png",
        "url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=77&ext=1"}});
    received(&driver, &c.plugin, "message_image", overrides).await;
    for id in ["300400500600700", "77"] {
        let shown = driver.request(Method::GET, &show(2, &json!(id))).send().await.expect("answers");
        assert_eq!(
            (shown.status().as_u16(), &shown.headers()["content-type"]),
            (200, &"image/png".parse().expect("is a header"))
        );
    }
    let text = received(&driver, &c.plugin, "message", json!({})).await;
    assert_eq!(text["text"], json!({"body": "Hello"}));
}

#[tokio::test]
async fn parts_are_served_as_ranges_ask() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let path = show(2, &json!(format!("{}01", c.number)));
    let whole = driver.request(Method::GET, &path).send().await.expect("answers");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let whole = whole.bytes().await.expect("has a body");
    let length = whole.len();
    for (range, status, content_range, part) in [
        ("bytes=0-9", 206, format!("bytes 0-9/{length}"), &whole[..10]),
        ("bytes=100-", 206, format!("bytes 100-{}/{length}", length - 1), &whole[100..]),
        ("bytes=-5", 206, format!("bytes {}-{}/{length}", length - 5, length - 1), &whole[length - 5..]),
        ("bytes=0-999999", 206, format!("bytes 0-{}/{length}", length - 1), &whole[..]),
    ] {
        let answer = driver.request(Method::GET, &path).header("range", range).send().await.expect("answers");
        assert_eq!(answer.status().as_u16(), status, "{range}");
        assert_eq!(answer.headers()["content-range"], content_range.as_str(), "{range}");
        assert_eq!(answer.headers()["content-type"], "image/jpeg", "{range}");
        assert_eq!(answer.headers()["content-length"], part.len().to_string().as_str(), "{range}");
        assert_eq!(answer.bytes().await.expect("has a body"), part, "{range}");
    }
    let beyond = driver.request(Method::GET, &path).header("range", format!("bytes={length}-")).send().await;
    let beyond = beyond.expect("answers");
    assert_eq!(beyond.status().as_u16(), 416);
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{length}").as_str());
    let odd = driver.request(Method::GET, &path).header("range", "lines=1-2").send().await.expect("answers");
    assert_eq!((odd.status().as_u16(), odd.bytes().await.expect("has a body")), (200, whole));
}

#[tokio::test]
async fn unknown_media_and_those_of_others_are_missing_alike() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let other = driver.sandbox.add_team("Other").chakra_key;
    let (own, unknown) = (format!("{}01", c.number), "1".to_owned());
    let paths = |id: &str| {
        [
            show(1, &json!(id)),
            show(2, &json!(id)),
            format!("/v1/whatsapp/v24.0/media/{id}"),
            format!("/v2/whatsapp/v24.0/media/whatsapp_business/attachments?mid={id}"),
        ]
    };
    for (own, unknown) in paths(&own).iter().zip(paths(&unknown)) {
        assert_eq!(driver.get(own).await.status, 200, "{own}");
        let foreign = driver.get_as(&other, own).await;
        let missing = driver.get(&unknown).await;
        assert_eq!((foreign.status, foreign.error()), (404, "Media not found"), "{own}");
        assert_eq!(foreign.body, missing.body, "{own}");
    }
    let without = driver.get("/v2/whatsapp/v24.0/media/whatsapp_business/attachments").await;
    assert_eq!((without.status, without.error()), (400, "mid is required"));
}

#[tokio::test]
async fn a_sign_up_names_its_medium_and_a_restart_keeps_it() {
    let file = std::env::temp_dir().join(format!("portico-sandbox-{}-received.json", std::process::id()));
    drop(std::fs::remove_file(&file));
    let settings = Settings { state_file: Some(file.clone()), ..Settings::default() };
    let driver = Driver::with(settings.clone()).await;
    let plugin = driver.plugin().await;
    let signed_up = driver.post("/_sandbox/signups", json!({"plugin_id": plugin, "outcome": "finish"})).await.body;
    let path = format!("/v1/whatsapp/v24.0/media/{}", signed_up["media_ids"][0].as_str().expect("has one"));
    let before = driver.get(&path).await.body["sha256"].clone();
    let key = driver.team.chakra_key.clone();
    driver.sandbox.stop().await;
    let mut driver = Driver::with(settings).await;
    driver.team.chakra_key = key;
    assert_eq!(driver.get(&path).await.body["sha256"], before);
    assert!(before.is_string());
    driver.sandbox.stop().await;
    drop(std::fs::remove_file(&file));
}
