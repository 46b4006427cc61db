//! Whatever Chakra answers, the caller gets something that Chakra's clients can read, and nothing in it
//! leads away or shows what is not theirs.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::things::templates;
use crate::harness::{Answer, Body, Connected, Findings, Portico, Sandbox, Tenant, random_digits};

struct Odd {
    sandbox: Sandbox,
    tenant: Tenant,
    shop: Connected,
}

const NUMBERS: &str = "/v1/ext/whatsapp-phone-number";

impl Odd {
    async fn on(portico: &Portico) -> Self {
        let tenant = Tenant::new(portico, "Odd").await;
        Self { sandbox: portico.sandbox(), shop: tenant.connect("shop").await, tenant }
    }

    /// The answer to a read when Chakra answers so.
    async fn get(&self, path: &str, status: u16, body: Value, headers: Value) -> Answer {
        let prefix = path.split('?').next().expect("a path");
        let fault = json!({"path_prefix": prefix, "kind": "status", "status": status, "body": body, "headers": headers, "times": 1});
        self.sandbox.fault(fault).await;
        self.tenant.owner.get(path).await
    }
}

#[tokio::test]
async fn what_no_client_can_read_becomes_an_envelope_with_chakras_status() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let html = json!({"content-type": "text/html"});
    let mut findings = Findings::new();
    for (status, body, words) in [
        (502, "<html>Bad gateway</html>", ""),
        (404, "Not Found", "Not Found"),
        (503, "", ""),
        (500, "[]", ""),
        (400, "{\"broken", ""),
    ] {
        let answer = odd.get(NUMBERS, status, json!(body), html.clone()).await;
        let about = format!("{status} with {body:?}");
        findings.note(&about, answer.not_an_envelope(&[status]));
        findings.check(answer.at("/_meta/code") == "upstream_wordless", || format!("{about}: another code: {answer}"));
        let told = answer.at("/_errors/0").as_str().unwrap_or_default().to_owned();
        findings.check(told.contains(words) && !told.contains('<'), || format!("{about}: {told}"));
    }
    let busy = odd.get(NUMBERS, 429, json!("slow down"), json!({"retry-after": "7"})).await;
    findings.check(busy.status == 429 && busy.header("retry-after") == "7", || format!("a plain 429: {busy}"));
    let own = json!({"message": "retry after 27000 ms"});
    let answer = odd.get(NUMBERS, 429, own.clone(), json!({"retry-after": "27"})).await;
    findings.check(answer.status == 429 && answer.json == own, || format!("Chakra's own words changed: {answer}"));
    let meta = json!({"error": {"message": "(#100) Invalid parameter", "code": 100}});
    let answer = odd.get(&templates(&odd.shop), 400, meta.clone(), json!({})).await;
    findings.check(answer.status == 400 && answer.json == meta, || format!("Meta's error changed: {answer}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_filtered_list_is_filtered_whatever_its_form() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let foreign = random_digits();
    let rows = format!(r#"[{{"id":"{foreign}","n":1.0}},{{"id":"{}","n":1.50}}]"#, odd.shop.phone);
    let mut findings = Findings::new();
    for (what, body) in [
        ("a byte order mark in front", format!("\u{feff}{{\"_data\":{rows},\"_errors\":[]}}")),
        ("errors beside the rows", format!(r#"{{"_errors":["half of it"],"_data":{rows}}}"#)),
        ("errors first", format!(r#"{{"_errors":[],"_meta":{{"total":2}},"_data":{rows}}}"#)),
        ("an escaped name", format!(r#"{{"_d\u0061ta":{rows}}}"#)),
        ("the list twice", format!(r#"{{"_data":{rows},"_data":{rows}}}"#)),
        ("white space", format!("{{ \"_data\" : {} }}\n", rows.replace("},{", "} ,\n {"))),
    ] {
        let answer = odd.get(NUMBERS, 200, json!(body), json!({"content-type": "application/json"})).await;
        let fine = answer.status == 200 && answer.json.is_object() && !answer.text.contains(&foreign);
        findings.check(fine && answer.text.contains(&odd.shop.phone), || format!("{what}: {answer}"));
        findings.check(answer.text.contains("1.50"), || format!("{what}: a number was written anew: {answer}"));
        let length = answer.header("content-length").parse() == Ok(answer.text.len());
        findings.check(length, || format!("{what}: Content-Length is {:?}", answer.header("content-length")));
    }
    for body in
        [format!(r#"{{"_data":{{"rows":{rows}}}}}"#), format!(r#"{{"_data":{rows}"#), rows.clone(), "<html>".to_owned()]
    {
        let answer = odd.get(NUMBERS, 200, json!(body), json!({"content-type": "application/json"})).await;
        findings.note(&body, answer.not_an_envelope(&[502]));
        findings.check(!answer.text.contains(&foreign), || format!("{body}: {answer}"));
    }
    let failed = json!({"_data": [], "_errors": ["it did not work"]});
    let answer = odd.get(NUMBERS, 200, failed.clone(), json!({})).await;
    findings.check(answer.status == 200 && answer.json == failed, || format!("a 200 with _errors: {answer}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_list_too_long_to_be_held_is_filtered_while_it_passes() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let foreign: Vec<String> =
        (0..3_000).map(|_| format!(r#"{{"id":"{}","x":"{}"}}"#, random_digits(), "y".repeat(50))).collect();
    let mine = format!(r#"{{"id":"{}"}}"#, odd.shop.phone);
    let body = format!(
        r#"{{"_data":[{},{mine},{}],"_meta":{{"total":6001,"page":1}}}}"#,
        foreign.join(","),
        foreign.join(",")
    );
    let headers = json!({"content-type": "application/json"});
    let answer = odd.get(NUMBERS, 200, json!(body), headers.clone()).await;
    assert_eq!(answer.json["_data"].as_array().map(Vec::len), Some(1), "{} bytes", answer.text.len());
    assert_eq!(answer.json["_data"][0]["id"], *odd.shop.phone);

    // One that breaks off cannot be told by the status any more, but is no whole answer either.
    let prefix = json!({"path_prefix": NUMBERS, "kind": "status", "status": 200, "body": &body[..body.len() - 40], "headers": headers, "times": 1});
    odd.sandbox.fault(prefix).await;
    let broken = odd.tenant.owner.try_send(Method::GET, NUMBERS, Body::None).await;
    assert!(broken.is_err(), "half a list passed for a whole one: {broken:?}");
    portico.stop().await;
}

#[tokio::test]
async fn links_of_any_host_come_back_through_portico_without_a_token() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let gateway = portico.told("gateway_url").to_owned();
    let list = templates(&odd.shop);
    let body = r#"{"data":[],"paging":{"cursors":{"after":"QVFJ"},"next":"https:\/\/graph.facebook.com\/v24.0\/1\/message_templates?access_token=EAAGsecret&limit=2&after=QVFJ&evil=1"}}"#;
    let page = odd.get(&format!("{list}?limit=2"), 200, json!(body), json!({})).await;
    assert_eq!(page.json["paging"]["next"], format!("{gateway}{list}?limit=2&after=QVFJ"), "{page}");
    assert_eq!(page.json["paging"]["cursors"]["after"], "QVFJ");

    let media = format!("/v1/whatsapp/v24.0/media/{}", random_digits());
    let body = json!({"url": "https://lookaside.fbsbx.com/x?mid=1", "mime_type": "image/jpeg"});
    let told = odd.get(&media, 200, body, json!({})).await;
    let expected = format!("{gateway}{}/show", media.replace("/v1/", "/v2/"));
    assert_eq!(told.json["url"], expected, "{told}");

    for fields in ["id,owner{name}", "id,x.limit(1)"] {
        let answer = odd.tenant.owner.get(&format!("{list}?fields={fields}")).await;
        assert_eq!(answer.status, 400, "{answer}");
    }
    portico.stop().await;
}

#[tokio::test]
async fn a_redirect_is_handed_on_for_media_and_refused_elsewhere() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let gateway = portico.told("gateway_url").to_owned();
    let show = format!("/v2/whatsapp/v24.0/media/{}/show", random_digits());
    let redirect = |to: &str| json!({"location": to});
    let cdn = "https://cdn.example.com/file?sig=1";
    let answer = odd.get(&show, 302, json!(""), redirect(cdn)).await;
    assert_eq!((answer.status, answer.header("location")), (302, cdn), "{answer}");

    let own = format!("{}/v1/whatsapp/v24.0/media/7/show", odd.sandbox.url());
    let answer = odd.get(&show, 307, json!(""), redirect(&own)).await;
    assert_eq!(answer.header("location"), format!("{gateway}/v1/whatsapp/v24.0/media/7/show"), "{answer}");

    let admin = format!("{}/_sandbox/requests", odd.sandbox.url());
    for location in [admin.as_str(), "ftp://example.com/x", "https://user@example.com/", "javascript:1"] {
        let answer = odd.get(&show, 302, json!(""), redirect(location)).await;
        assert_eq!(answer.status, 502, "{location}: {answer}");
    }
    let answer = odd.get(NUMBERS, 302, json!(""), redirect(cdn)).await;
    assert_eq!(answer.status, 502, "{answer}");
    assert!(!answer.text.contains("cdn.example.com"), "{answer}");
    portico.stop().await;
}

#[tokio::test]
async fn what_chakra_does_not_offer_names_the_substitute() {
    let portico = Portico::start().await;
    let odd = Odd::on(&portico).await;
    let (plugin, phone) = (&odd.shop.plugin, &odd.shop.phone);
    odd.sandbox.clear().await;
    for path in [
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/media"),
        format!("/v1/whatsapp/v24.0/{phone}/media"),
    ] {
        let answer = odd.tenant.owner.send(Method::POST, &path, Body::File("file")).await;
        assert_eq!(answer.status, 404, "{answer}");
        assert!(answer.text.contains("upload-public-media"), "{answer}");
    }
    assert!(odd.sandbox.record().await.is_empty());
    portico.stop().await;
}
