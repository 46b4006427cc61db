//! The partner's way with the client that openapi-generator makes for Rust: tenant, key, Chakra key, customer, plugin,
//! numbers, a message.

use std::env;
use std::error::Error;

use openapi::apis::configuration::Configuration;
use openapi::apis::{
    api_keys_api, chakra_keys_api, chakra_send_session_messages_api, customers_api, phone_numbers_api, plugins_api,
    tenants_api,
};
use openapi::models::send_session_message_request::MessagingProduct;
use openapi::models::{
    CreateApiKeyBody, CreateChakraKey, CreateCustomer, CreatePluginBody, CreateTenant, SendSessionMessageRequest,
    SendSessionMessageRequestText, WhatsappMessagesRequest,
};

/// What sends calls with that token.
fn bearing(token: String) -> Result<Configuration, Box<dyn Error>> {
    let base_path = env::var("PORTICO_URL")?;
    Ok(Configuration { base_path, bearer_access_token: Some(token), ..Configuration::new() })
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
    let operator = bearing(env::var("OPERATOR_TOKEN")?)?;
    let tenant = tenants_api::create_tenant(&operator, CreateTenant::new("rust".into()), None, None).await?;
    let owner = CreateApiKeyBody::new("Owner".into(), "owner".into());
    let key = api_keys_api::create_api_key(&operator, owner, Some(&tenant.id), None).await?;
    let own = bearing(key.secret)?;
    let chakra_key = CreateChakraKey::new("Main".into(), env::var("CHAKRA_KEY")?);
    chakra_keys_api::store_chakra_key(&own, chakra_key, None, None).await?;
    let shop = CreateCustomer::new("shop 1/ü".into(), "Shop".into());
    let customer = customers_api::create_customer(&own, shop, None, None).await?;
    let plugin = plugins_api::make_plugin(&own, CreatePluginBody::new(customer.id), None, None).await?;
    let plugin = plugin.id.to_string();
    sign_up(&plugin).await?;
    plugins_api::sync_plugin(&own, &plugin, None, None).await?;
    let numbers = phone_numbers_api::list_phone_numbers(&own, None, None, None, Some(&plugin), None, None).await?;
    let mut text = SendSessionMessageRequest::new(MessagingProduct::Whatsapp);
    text.to = Some("15550001111".into());
    text.r#type = Some("text".into());
    text.text = Some(SendSessionMessageRequestText::new("Hello".into()));
    let body = WhatsappMessagesRequest::SendSessionMessageRequest(text);
    let number = &numbers.data[0].id;
    let message =
        chakra_send_session_messages_api::whatsapp_messages(&own, &plugin, "v24.0", number, body, None).await?;
    let id = message._data.whatsapp_message_id.as_deref().unwrap_or_default();
    assert!(id.starts_with("wamid."), "{message:?}");
    println!("done");
    Ok(())
}
