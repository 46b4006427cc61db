//! What is known of a call whose caller went away while Chakra worked on it.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::raw::request;
use crate::harness::tenant::message;
use crate::harness::{Caller, Findings, Portico, Tenant, eventually};

/// Sends a message, and leaves when Chakra has it: with a reset, as a timeout or a network that changes does it, or
/// orderly.
async fn leave(portico: &Portico, caller: &Caller, path: &str, id: &str, by_reset: bool) {
    let authorization = format!("Bearer {}", caller.token());
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json"), ("X-Request-Id", id)];
    let bytes = request(&format!("POST {path}"), &headers, &message().to_string());
    let address = caller.base().strip_prefix("http://").expect("the instance speaks plain HTTP");
    let mut stream = TcpStream::connect(address).await.expect("the instance accepts connections");
    stream.write_all(&bytes).await.expect("the connection stands");
    let sandbox = portico.sandbox();
    eventually("the message is at Chakra", || async {
        sandbox.record().await.iter().any(|arrived| arrived["path"] == *path).then_some(())
    })
    .await;
    if by_reset {
        stream.set_zero_linger().expect("the connection stands");
    }
}

#[tokio::test]
async fn a_message_whose_caller_left_is_in_the_log_with_its_outcome_and_can_be_quoted() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Leaving").await;
    let shop = tenant.connect("shop").await;
    let limited = tenant.limited_key("messaging", &[&shop.customer]).await;
    let (sandbox, mut findings) = (portico.sandbox(), Findings::new());
    for (id, by_reset) in [("left-by-reset", true), ("left-by-closing", false)] {
        sandbox.clear().await;
        let slow =
            json!({"path_prefix": shop.messages(), "method": "POST", "kind": "latency", "ms": 1_500, "times": 1});
        sandbox.fault(slow).await;
        leave(&portico, &limited, &shop.messages(), id, by_reset).await;
        let row = eventually(&format!("{id} is in the log"), || async {
            let rows = tenant.owner.list("/api/v1/requests").await;
            rows.into_iter().find(|row| row["request_id"] == id)
        })
        .await;
        let outcome = json!([row["status"], row["upstream_status"]]);
        // Whoever closes orderly may have been answered before it was seen.
        let closed = !by_reset && outcome == json!([200, 200]);
        findings.check(closed || outcome == json!([499, 200]), || format!("{id}: {row}"));
    }
    sandbox.clear_faults().await;
    let list = "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number";
    let chakra = Caller::anonymous(sandbox.url()).bearing(&tenant.chakra_key);
    let asked = json!({"customerPhoneNumber": message()["to"]});
    let made = chakra.post(list, asked).await.expect_success();
    let made: Vec<&Value> = made["_data"].as_array().expect("is a list").iter().collect();
    findings.check(made.len() == 2, || format!("not two messages: {made:?}"));
    for message_id in made.iter().map(|row| &row["externalId"]) {
        let mut quoting = message();
        quoting["context"] = json!({"message_id": message_id});
        let answer = limited.post(&shop.messages(), quoting).await;
        findings.check(answer.is_success(), || format!("{message_id} cannot be quoted: {answer}"));
    }
    findings.finish();
    portico.stop().await;
}
