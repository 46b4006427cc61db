//! What Chakra posts to hooks: taken when it is signed, stored once and durably, given to whom it belongs.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Answer, Body, Caller, Connected, Portico, Serve, Tenant, eventually, random_digits};

const SIGNATURE: &str = "X-Chakra-Signature-256";
const SECRET: &str = "the-secret-of-a-team-at-chakra";

fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let digits = b"0123456789abcdef";
    let bytes = hmac::sign(&key, body);
    bytes
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(digits[usize::from(half)]))
        .collect()
}

/// A message in Meta's format.
fn received(waba: &str, phone: &str, wamid: &str) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": waba, "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550002222", "phone_number_id": phone},
        "contacts": [{"profile": {"name": "Ada Example"}, "wa_id": "15550001111", "user_id": "US.1000000000000001"}],
        "messages": [{"from": "15550001111", "id": wamid, "timestamp": "1790000000", "type": "text",
            "text": {"body": "Hello"}}],
    }}]}]})
}

fn wamid() -> String {
    format!("wamid.{}", random_digits())
}

/// A hook of a connected customer.
struct Inlet {
    owner: Caller,
    shop: Connected,
    /// The path of the hook.
    path: String,
}

impl Inlet {
    async fn of(tenant: &Tenant, shop: &Connected) -> Self {
        let hook = tenant.owner.post_empty(&format!("/api/v1/plugins/{}/hook", shop.plugin)).await.expect(201);
        let path = path_of(&text(&hook, "url"));
        Self { owner: tenant.owner.clone(), shop: shop.clone(), path }
    }

    fn event(&self, wamid: &str) -> Vec<u8> {
        received(&self.shop.waba, &self.shop.phone, wamid).to_string().into_bytes()
    }

    /// Posts what is signed with that secret.
    async fn post(&self, secret: &str, body: Vec<u8>) -> Answer {
        post(&self.owner, &self.path, Some(&sign(secret, &body)), body).await
    }

    /// What became of a message.
    async fn events(&self, wamid: &str) -> Vec<Value> {
        self.owner.list(&format!("/api/v1/events?message_id={wamid}")).await
    }
}

fn path_of(url: &str) -> String {
    let at = url.find("/hooks/").expect("the address is one of a hook");
    url[at..].to_owned()
}

async fn post(at: &Caller, path: &str, signature: Option<&str>, body: Vec<u8>) -> Answer {
    let caller = at.without_token();
    let caller = signature.map_or_else(|| caller.clone(), |signature| caller.with(SIGNATURE, signature));
    caller.send(Method::POST, path, Body::Bytes("application/json", body)).await
}

/// Posts an event to a hook as Chakra would, signed with that secret.
pub(crate) async fn post_signed(at: &Caller, url: &str, secret: &str, event: &Value) {
    let body = event.to_string().into_bytes();
    post(at, &path_of(url), Some(&sign(secret, &body)), body).await.expect(200);
}

async fn set_secret(tenant: &Tenant, secret: &str, overlap: u32) -> Value {
    tenant.owner.put("/api/v1/webhook-secret", json!({"secret": secret, "overlap_seconds": overlap})).await.expect(200)
}

#[tokio::test]
async fn a_signed_event_is_kept_once_on_whichever_replica_and_given_to_whom_it_belongs() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Hooks").await;
    let (shop, other_shop) = (tenant.connect("shop").await, tenant.connect("other").await);
    let stranger = Tenant::new(&portico, "Stranger").await;
    let theirs = stranger.connect("theirs").await;
    let inlet = Inlet::of(&tenant, &shop).await;

    signatures(&tenant, &inlet).await;
    copies(&portico, &inlet).await;
    quarantine(&tenant, &inlet, &other_shop, &theirs).await;
    odd_bodies(&inlet).await;
    rotation(&tenant, &inlet).await;
    suspended(&portico, &tenant, &inlet).await;
    portico.stop().await;
}

async fn signatures(tenant: &Tenant, inlet: &Inlet) {
    let id = wamid();
    let body = inlet.event(&id);
    let refused = inlet.post(SECRET, body.clone()).await;
    assert_eq!(refused.expect(401)["code"], "signature_invalid", "the tenant has set no secret");
    let signing = set_secret(tenant, SECRET, 0).await;
    assert_eq!(signing["secrets"].as_array().map(Vec::len), Some(1));
    assert!(!signing.to_string().contains(SECRET), "{signing}");
    assert_eq!(inlet.post(SECRET, body.clone()).await.expect(200), json!({"stored": 1, "copies": 0}));

    let events = inlet.events(&id).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let event = inlet.owner.get(&format!("/api/v1/events/{}", text(&events[0], "id"))).await.expect(200);
    for (name, expected) in [
        ("type", json!("message.received")),
        ("state", json!("routed")),
        ("tenant_id", json!(tenant.id)),
        ("customer_id", json!(inlet.shop.customer)),
        ("plugin_id", json!(inlet.shop.plugin)),
        ("waba_id", json!(inlet.shop.waba)),
        ("phone_number_id", json!(inlet.shop.phone)),
        ("conversation", json!("user:US.1000000000000001")),
        ("occurred_at", json!("2026-09-21T14:13:20Z")),
        ("signature", json!("valid")),
        ("raw", received(&inlet.shop.waba, &inlet.shop.phone, &id)),
        ("copies", json!(0)),
    ] {
        assert_eq!(event[name], expected, "{name}");
    }
    assert_eq!(event["data"]["text"]["body"], "Hello");

    let late = inlet.event(&wamid());
    let wrong = [
        post(&inlet.owner, &inlet.path, None, late.clone()).await,
        inlet.post("another-secret-of-a-team", late.clone()).await,
        post(&inlet.owner, &inlet.path, Some(&sign(SECRET, b"another body")), late.clone()).await,
        post(&inlet.owner, &format!("/hooks/chakra/{}", "A".repeat(43)), Some(&sign(SECRET, &late)), late.clone())
            .await,
        post(&inlet.owner, "/hooks/chakra/x", Some(&sign(SECRET, &late)), late.clone()).await,
    ];
    let shapes: BTreeSet<_> = wrong.iter().map(|answer| answer.shape(&[])).collect();
    assert_eq!(shapes.len(), 1, "nobody learns whether there is such a hook: {shapes:?}");
    assert!(wrong.iter().all(|answer| answer.status == 401), "{wrong:?}");

    let until = json!({"until": soon(3_600)});
    inlet.owner.put("/api/v1/webhook-secret/log-only", until).await.expect(200);
    let id = wamid();
    assert_eq!(post(&inlet.owner, &inlet.path, None, inlet.event(&id)).await.status, 200);
    assert_eq!(inlet.events(&id).await[0]["signature"], "absent");
    inlet.owner.delete("/api/v1/webhook-secret/log-only").await.expect(200);
    assert_eq!(post(&inlet.owner, &inlet.path, None, late.clone()).await.status, 401);
    let far = json!({"until": soon(2 * 86_400)});
    inlet.owner.put("/api/v1/webhook-secret/log-only", far).await.expect(422);

    let anybody = inlet.owner.without_token();
    let challenge = anybody.get(&format!("{}?hub.mode=subscribe&hub.challenge=1158201444", inlet.path)).await;
    assert_eq!((challenge.status, &*challenge.text), (200, "1158201444"));
    assert!(challenge.header("content-type").starts_with("text/plain"));
    assert_eq!(anybody.get("/hooks/chakra/x?hub.challenge=1").await.status, 401);
}

fn soon(seconds: i64) -> String {
    let at = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    at.format(&time::format_description::well_known::Rfc3339).expect("is a date")
}

async fn copies(portico: &Portico, inlet: &Inlet) {
    let serve = Serve::start(portico, portico.told("sandbox_url")).await;
    let there = inlet.owner.at(serve.url());
    let (id, mut posts) = (wamid(), tokio::task::JoinSet::new());
    for copy in 0..8 {
        let (at, path, body) =
            (if copy % 2 == 0 { inlet.owner.clone() } else { there.clone() }, inlet.path.clone(), inlet.event(&id));
        posts.spawn(async move { post(&at, &path, Some(&sign(SECRET, &body)), body).await.expect(200) });
    }
    let answers = posts.join_all().await;
    let sum = |name: &str| answers.iter().filter_map(|answer| answer[name].as_u64()).sum::<u64>();
    assert_eq!((sum("stored"), sum("copies")), (1, 7), "{answers:?}");
    let events = inlet.events(&id).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let event = inlet.owner.get(&format!("/api/v1/events/{}", text(&events[0], "id"))).await.expect(200);
    assert_eq!((&event["copies"], event["first_copies"].as_array().map(Vec::len)), (&json!(7), Some(7)));

    // In Chakra's own format it is the same message.
    let chakra = json!({"event": "message", "payload": {"wabaId": inlet.shop.waba, "externalId": id,
        "message": {"id": id, "from": "15550001111", "type": "text", "text": {"body": "Hello"}}}});
    assert_eq!(inlet.post(SECRET, chakra.to_string().into_bytes()).await.expect(200)["copies"], 1);
}

async fn quarantine(tenant: &Tenant, inlet: &Inlet, other: &Connected, theirs: &Connected) {
    let Inlet { owner, shop, .. } = inlet;
    let new_number = random_digits();
    let cases = [
        (other.waba.as_str(), other.phone.as_str(), "other_plugin"),
        (shop.waba.as_str(), other.phone.as_str(), "other_plugin"),
        (theirs.waba.as_str(), theirs.phone.as_str(), "unknown_owner"),
        (shop.waba.as_str(), new_number.as_str(), "unknown_owner"),
    ];
    let mut ids = Vec::new();
    for (waba, phone, reason) in cases {
        let id = wamid();
        let body = received(waba, phone, &id).to_string().into_bytes();
        inlet.post(SECRET, body).await.expect(200);
        let event = inlet.events(&id).await.remove(0);
        assert_eq!((&event["state"], &event["customer_id"]), (&json!("quarantined"), &Value::Null), "{event}");
        assert_eq!(event["quarantine"], reason, "{event}");
        ids.push(text(&event, "id"));
    }
    let listed = owner.list("/api/v1/quarantined-events?reason=other_plugin").await;
    assert_eq!(listed.iter().map(|event| text(event, "id")).collect::<Vec<_>>(), ids[..2]);

    // Nobody who is limited to a customer sees what may be another's.
    for customer in [&shop.customer, &other.customer] {
        let limited = tenant.limited_key("developer", &[customer]).await;
        limited.get("/api/v1/quarantined-events").await.expect(403);
        for id in &ids {
            limited.get(&format!("/api/v1/events/{id}")).await.expect(404);
        }
        let seen = limited.list("/api/v1/events").await;
        assert!(seen.iter().all(|event| event["customer_id"] == **customer), "{seen:?}");
    }

    let route = |id: &str| format!("/api/v1/quarantined-events/{id}/route");
    let to = |plugin: &str| json!({"plugin_id": plugin});
    let refused = owner.post(&route(&ids[0]), to(&shop.plugin)).await.expect(409);
    assert_eq!(refused["code"], "event_of_another_plugin");
    owner.post(&route(&ids[0]), to(&theirs.plugin)).await.expect(422);
    let routed = owner.post(&route(&ids[0]), to(&other.plugin)).await.expect(200);
    assert_eq!((&routed["state"], &routed["customer_id"]), (&json!("routed"), &json!(other.customer)));
    let again = owner.post(&route(&ids[0]), to(&other.plugin)).await.expect(409);
    assert_eq!(again["code"], "event_not_quarantined");
    let limited = tenant.limited_key("developer", &[&other.customer]).await;
    limited.get(&format!("/api/v1/events/{}", ids[0])).await.expect(200);
}

/// Each is answered clearly, and the next one is taken.
async fn odd_bodies(inlet: &Inlet) {
    let million = format!(r#"{{"object":"x","entry":[{}]}}"#, vec!["{}"; 1_000_000].join(","));
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let id = wamid();
    let awkward = received(&inlet.shop.waba, &inlet.shop.phone, &id).to_string().replace("Hello", r"cut \ud83d \u0000");
    let longest = format!("{{\"x\":\"{}\"}}", "x".repeat(3 * 1024 * 1024 - 8));
    let marked = format!("\u{feff}{}", received(&inlet.shop.waba, &inlet.shop.phone, &wamid()));
    for (body, status) in [
        (million.into_bytes(), 200),
        (deep.into_bytes(), 200),
        (awkward.into_bytes(), 200),
        (marked.into_bytes(), 200),
        (longest.clone().into_bytes(), 200),
        (format!("{longest} ").into_bytes(), 413),
        (b"{\"a\":".to_vec(), 400),
        (b"{\"a\":\"\xff\"}".to_vec(), 400),
        (Vec::new(), 400),
        (b"{\"event\":\"of a kind yet to come\",\"payload\":{}}".to_vec(), 200),
        (br#"{"entry":[],"entry":[]}"#.to_vec(), 200),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let answer = inlet.post(SECRET, body).await;
        assert_eq!(answer.status, status, "{shown}: {answer:?}");
    }
    let event = inlet.events(&id).await.remove(0);
    let whole = inlet.owner.get(&format!("/api/v1/events/{}", text(&event, "id"))).await;
    assert!(whole.text.contains(r"cut \ud83d \u0000"), "what was half a character comes out as it came in");
    assert!(!inlet.owner.list("/api/v1/quarantined-events?reason=too_many").await.is_empty());
    assert!(!inlet.owner.list("/api/v1/quarantined-events?reason=ambiguous").await.is_empty());
    inlet.post(SECRET, inlet.event(&wamid())).await.expect(200);
}

async fn rotation(tenant: &Tenant, inlet: &Inlet) {
    let status = async |secret: &str| inlet.post(secret, inlet.event(&wamid())).await.status;
    let (second, third) = ("the-second-secret", "the-third-secret");
    set_secret(tenant, second, 3_600).await;
    assert_eq!((status(SECRET).await, status(second).await), (200, 200), "two at once during a change");
    let signing = set_secret(tenant, third, 3_600).await;
    assert_eq!(signing["secrets"].as_array().map(Vec::len), Some(2));
    assert_eq!((status(SECRET).await, status(second).await, status(third).await), (401, 200, 200));
    set_secret(tenant, SECRET, 0).await;
    assert_eq!((status(third).await, status(SECRET).await), (401, 200));

    let hook = format!("/api/v1/plugins/{}/hook", inlet.shop.plugin);
    let same = inlet.owner.post_empty(&hook).await.expect(200);
    assert_eq!(path_of(&text(&same, "url")), inlet.path, "it has one already");
    assert!(same["hooks"][0]["first_event_at"].is_string(), "{same}");
    let rotated = inlet.owner.post(&format!("{hook}/rotate"), json!({"overlap_seconds": 3_600})).await.expect(201);
    let new = path_of(&text(&rotated, "url"));
    assert!(new != inlet.path && rotated["hooks"].as_array().map(Vec::len) == Some(2), "{rotated}");
    let at = async |path: &str| {
        let body = inlet.event(&wamid());
        post(&inlet.owner, path, Some(&sign(SECRET, &body)), body).await.status
    };
    assert_eq!((at(&inlet.path).await, at(&new).await), (200, 200));
    let last = inlet.owner.post(&format!("{hook}/rotate"), json!({"overlap_seconds": 0})).await.expect(201);
    let last = path_of(&text(&last, "url"));
    assert_eq!((at(&inlet.path).await, at(&new).await, at(&last).await), (401, 401, 200));
}

async fn suspended(portico: &Portico, tenant: &Tenant, inlet: &Inlet) {
    let hook = inlet.owner.get(&format!("/api/v1/plugins/{}/hook", inlet.shop.plugin)).await.expect(200);
    let tenants = format!("/api/v1/tenants/{}", tenant.id);
    portico.operator().patch(&tenants, json!({"status": "suspended"})).await.expect(200);
    let id = wamid();
    let body = inlet.event(&id);
    post(&inlet.owner, &path_of(&text(&hook, "url")), Some(&sign(SECRET, &body)), body).await.expect(200);
    portico.operator().patch(&tenants, json!({"status": "active"})).await.expect(200);
    eventually("the key serves again", || async { inlet.owner.get("/api/v1/events").await.is_success().then_some(()) })
        .await;
    assert_eq!(inlet.events(&id).await.len(), 1, "what came meanwhile is there");
}

#[tokio::test]
async fn what_chakra_sends_to_the_hook_arrives_with_the_statuses_of_what_was_sent() {
    let portico = Portico::start().await;
    let sandbox = Caller::anonymous(portico.told("sandbox_url"));
    let team = sandbox.post("/_sandbox/teams", json!({})).await.expect_success();
    let tenant = Tenant::on_team(&portico, "Arrivals", &text(&team, "chakra_key")).await;
    let shop = tenant.connect("shop").await;
    set_secret(&tenant, &text(&team, "webhook_secret"), 0).await;
    let hook = tenant.owner.post_empty(&format!("/api/v1/plugins/{}/hook", shop.plugin)).await.expect(201);
    let url = text(&hook, "url");
    assert!(url.starts_with(tenant.owner.base()), "without a setting, at the host that the call named: {url}");
    let settings = json!({"passThroughWebhookUrl": url, "chakraWebhookUrl": url, "enableChakraWebhook": true});
    tenant.owner.post(&shop.below("update-config"), settings).await.expect_success();

    let event = json!({"plugin_id": shop.plugin, "kind": "message_image", "count": 5});
    let sent = sandbox.post("/_sandbox/events", event).await.expect_success();
    let events = eventually("all five arrive", || async {
        let events = tenant.owner.list("/api/v1/events?type=message.received").await;
        (events.len() == 5).then_some(events)
    })
    .await;
    let ids: BTreeSet<_> = events.iter().map(|event| text(event, "message_id")).collect();
    assert_eq!(
        ids,
        sent["ids"].as_array().expect("ids").iter().map(|id| id.as_str().expect("a text").to_owned()).collect()
    );
    assert!(events.iter().all(|event| event["signature"] == "valid" && event["customer_id"] == *shop.customer));
    eventually("the same came in Chakra's format too", || async {
        let event = tenant.owner.get(&format!("/api/v1/events/{}", text(&events[0], "id"))).await.expect(200);
        (event["copies"] == 1).then_some(())
    })
    .await;

    // A key that is limited to the customer may fetch the medium that it was sent.
    let whole = tenant.owner.get(&format!("/api/v1/events/{}", text(&events[0], "id"))).await.expect(200);
    let medium = text(&whole["data"]["image"], "id");
    let limited = tenant.limited_key("developer", &[&shop.customer]).await;
    let download = format!("/v2/whatsapp/v24.0/media/{medium}/show");
    limited.get(&download).await.expect(200);
    let other = tenant.customer("other").await;
    tenant.limited_key("developer", &[&other]).await.get(&download).await.expect(404);

    let answer = tenant.owner.post(&shop.messages(), message()).await.expect_success();
    let wamid = answer.pointer("/messages/0/id").or_else(|| answer.pointer("/_data/whatsappMessageId"));
    let wamid = wamid.or_else(|| answer.pointer("/_data/messages/0/id")).and_then(Value::as_str);
    let wamid = wamid.unwrap_or_else(|| panic!("{answer}")).to_owned();
    eventually("every status of the message arrives", || async {
        let events = tenant.owner.list(&format!("/api/v1/events?type=message.status&message_id={wamid}")).await;
        let seen: BTreeSet<_> = events.iter().map(|event| text(event, "status")).collect();
        (seen == BTreeSet::from(["sent", "delivered", "read"].map(str::to_owned))).then_some(())
    })
    .await;
    portico.stop().await;
}

/// Posts events until nobody answers; the messages that were acknowledged.
async fn post_until_gone(inlet: Inlet) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    let at = inlet.owner.without_token();
    loop {
        let id = wamid();
        let body = inlet.event(&id);
        let caller = at.with(SIGNATURE, &sign(SECRET, &body));
        let posted = caller.try_send(Method::POST, &inlet.path, Body::Bytes("application/json", body)).await;
        match posted {
            Ok(answer) if answer.status == 200 => acknowledged.insert(id),
            Ok(answer) => panic!("{answer:?}"),
            Err(_) => return acknowledged,
        };
    }
}

#[tokio::test]
async fn an_event_that_was_acknowledged_survives_kill_9_of_everything() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Survivor").await;
    let shop = tenant.connect("shop").await;
    set_secret(&tenant, SECRET, 0).await;
    let inlet = Inlet::of(&tenant, &shop).await;
    let posting = tokio::spawn(post_until_gone(Inlet {
        shop: shop.clone(),
        path: inlet.path.clone(),
        owner: inlet.owner.clone(),
    }));
    eventually("events come in", || async { (inlet.owner.list("/api/v1/events").await.len() >= 20).then_some(()) })
        .await;
    let data = portico.kill_all().await;
    let acknowledged = posting.await.expect("ends by itself");
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());

    let portico = Portico::start_on(data).await;
    let owner = portico.anonymous().bearing(tenant.owner.token());
    let kept: BTreeSet<_> = owner
        .list("/api/v1/events?type=message.received")
        .await
        .iter()
        .map(|event| text(event, "message_id"))
        .collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged events are lost", lost.len(), acknowledged.len());
    portico.stop().await;
}
