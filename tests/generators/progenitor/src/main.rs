//! The partner's way with the client that progenitor makes: tenant, key, Chakra key, customer, plugin, numbers, a
//! message.

use std::env;
use std::error::Error;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

#[expect(unused_imports, reason = "progenitor wrote it")]
mod client {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use client::{Client, types};

/// A client whose calls carry that token.
fn bearing(token: &str) -> Result<Client, Box<dyn Error>> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    let http = reqwest::Client::builder().default_headers(headers).build()?;
    Ok(Client::new_with_client(&env::var("PORTICO_URL")?, http))
}

/// Finishes the sign-up that a person would do in a browser.
async fn sign_up(plugin: &str) -> Result<(), Box<dyn Error>> {
    let address = format!("{}/_sandbox/signups", env::var("SANDBOX_URL")?);
    let body = serde_json::json!({"plugin_id": plugin, "outcome": "finish"});
    reqwest::Client::new().post(address).json(&body).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let operator = bearing(&env::var("OPERATOR_TOKEN")?)?;
    let tenant = operator.create_tenant().body_map(|body| body.name("progenitor")).send().await?;
    let key = operator.create_api_key().portico_tenant(tenant.id.to_string());
    let key = key.body_map(|body| body.name("Owner").role("owner")).send().await?;
    let own = bearing(&key.secret)?;
    let chakra_key = env::var("CHAKRA_KEY")?;
    own.store_chakra_key().body_map(|body| body.name("Main").access_token(chakra_key)).send().await?;
    let customer = own.create_customer().body_map(|body| body.external_id("shop 1/ü").name("Shop")).send().await?;
    let plugin = own.make_plugin().body_map(|body| body.customer_id(customer.id.clone())).send().await?;
    sign_up(&plugin.id.to_string()).await?;
    own.sync_plugin().plugin_id(plugin.id.clone()).send().await?;
    let numbers = own.list_phone_numbers().plugin_id(plugin.id.clone()).send().await?;
    let hello = types::SendSessionMessageRequestText::builder().body("Hello");
    let text = types::SendSessionMessageRequest::builder()
        .messaging_product(types::SendSessionMessageRequestMessagingProduct::Whatsapp)
        .to("15550001111".to_owned())
        .type_("text".parse::<types::SendSessionMessageRequestType>()?)
        .text(types::SendSessionMessageRequestText::try_from(hello)?);
    let text = types::SendSessionMessageRequest::try_from(text)?;
    let message = own
        .whatsapp_messages()
        .plugin_id(plugin.id.to_string())
        .whatsapp_api_version("v24.0")
        .whatsapp_phone_number_id(numbers.data[0].id.to_string())
        .body(types::WhatsappMessagesRequest::from(text))
        .send()
        .await?;
    let id = message.data.whatsapp_message_id.as_deref().unwrap_or_default();
    assert!(id.starts_with("wamid."), "{message:?}");
    println!("done");
    Ok(())
}
