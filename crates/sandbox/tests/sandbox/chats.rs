//! Chats, which arise from sends.

use serde_json::json;

use crate::driver::{Driver, text_message};

#[tokio::test]
async fn a_send_begins_a_chat_whose_messages_are_listed_until_it_is_deleted() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let sent = driver.post(&c.messages(), text_message()).await.body["_data"]["whatsappMessageId"].clone();
    driver.post(&c.messages(), text_message()).await;
    let chats = driver.post("/v1/ext/chat", json!({"search": "5550001"})).await.body;
    assert_eq!((chats["_data"].as_array().map(Vec::len), &chats["_meta"]["total"]), (Some(1), &json!(1)), "{chats}");
    assert_eq!(chats["_data"][0]["providerHandleId"], json!(c.number));
    assert_eq!(chats["_data"][0]["latestMessage"]["text"], "Hello");

    let chat = format!("/v1/ext/chat/{}", chats["_data"][0]["id"].as_str().expect("has an id"));
    let page = driver.post(&format!("{chat}/message"), json!({"limit": 1, "page": 2})).await.body;
    assert_eq!(page["_data"][0]["externalId"], sent, "{page}");
    assert_eq!(page["_data"][0]["plugin"], json!(c.plugin));
    let with = "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number";
    let all = driver.post(with, json!({"customerPhoneNumber": "15550001111"})).await.body;
    assert_eq!(all["_data"].as_array().map(Vec::len), Some(2), "{all}");

    assert_eq!(driver.delete(&chat).await.status, 200);
    assert_eq!(driver.delete(&chat).await.error(), "Chat not found");
    assert_eq!(driver.post(&format!("{chat}/message"), json!({})).await.status, 404);
}

#[tokio::test]
async fn odd_pages_orders_and_numbers_are_refused_and_other_teams_see_nothing() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    driver.post(&c.messages(), text_message()).await;
    for body in [
        json!({"limit": 101}),
        json!({"page": -1}),
        json!({"orderField": "x"}),
        json!({"orderDirection": "up"}),
        json!({"limit": "x"}),
    ] {
        assert_eq!(driver.post("/v1/ext/chat", body.clone()).await.status, 400, "{body}");
    }
    let with = "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number";
    for body in [json!({}), json!({"customerPhoneNumber": "Ada"})] {
        assert_eq!(driver.post(with, body.clone()).await.status, 400, "{body}");
    }
    let other = driver.sandbox.add_team("Other");
    let request = driver.client.post(format!("{}/v1/ext/chat", driver.sandbox.url())).bearer_auth(&other.chakra_key);
    let seen = crate::driver::Answer::of(request.json(&json!({}))).await;
    assert_eq!(seen.body["_data"], json!([]));
}
