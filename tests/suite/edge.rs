//! Connections that hold on, heads that are none, and what HTTP asks of a server.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::raw::{raw, request};
use crate::harness::tenant::message;
use crate::harness::{Body, Findings, Portico, Serve, Tenant, eventually};

/// A connection from an address of this machine that no other test uses.
async fn connect_from(address: [u8; 4], to: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there is IPv4");
    socket.bind((address, 0).into()).expect("the loopback network is this machine's");
    let to = to.strip_prefix("http://").expect("plain HTTP").parse().expect("an address with a port");
    socket.connect(to).await.expect("the instance accepts connections")
}

#[tokio::test]
async fn connections_that_hold_on_keep_no_other_address_out_and_end_by_themselves() {
    let portico = Portico::start().await;
    let settings = [("PORTICO_CONNECTIONS_PER_ADDRESS", "8"), ("PORTICO_DRAIN_DELAY_SECONDS", "0")];
    let serve = Serve::start_with(&portico, portico.told("sandbox_url"), &settings).await;
    let bad = [127, 0, 0, 66];
    // A second head that never ends, after a first that did.
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect_from(bad, serve.url()).await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it stands");
        let mut told = [0; 1024];
        let length = stream.read(&mut told).await.expect("it is answered");
        assert!(told[..length].ends_with(b"}"), "the first is answered whole");
        stream.write_all(b"GET /hea").await.expect("it stands");
        held.push(stream);
    }
    // A body that never ends, of a call that needs no credential.
    for _ in 0..4 {
        let mut stream = connect_from(bad, serve.url()).await;
        let begun = "POST /api/v1/api-keys/revoke-leaked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                    Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
        stream.write_all(begun.as_bytes()).await.expect("it stands");
        held.push(stream);
    }
    let mut ninth = connect_from(bad, serve.url()).await;
    let _ = ninth.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let told = ninth.read(&mut [0; 100]).await.unwrap_or(0);
    assert_eq!(told, 0, "an address has as many connections as it may");
    serve.anonymous().get("/healthz").await.expect(200);

    let mut findings = Findings::new();
    for (number, mut stream) in held.into_iter().enumerate() {
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        let told = String::from_utf8_lossy(&told).into_owned();
        let late = told.contains("HTTP/1.1 408 ") && told.contains("request_too_slow");
        findings.check(late, || format!("connection {number} ended with {told:?}"));
        findings.check(told.contains("x-request-id: "), || format!("connection {number} has no request id: {told:?}"));
    }
    eventually("the address is let in again", || async {
        let mut stream = connect_from(bad, serve.url()).await;
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        (stream.read(&mut [0; 100]).await.unwrap_or(0) > 0).then_some(())
    })
    .await;
    findings.finish();
    drop(serve);
    portico.stop().await;
}

#[tokio::test]
async fn the_edge_keeps_to_http() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Edge").await;
    let shop = tenant.connect("shop").await;
    let base = portico.told("gateway_url");
    let mut findings = Findings::new();

    for (what, head, status, code) in [
        ("no HTTP", "nonsense\r\n\r\n".to_owned(), 400, "request_malformed"),
        (
            "two lengths",
            "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na".into(),
            400,
            "request_malformed",
        ),
        (
            "a long head",
            format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(100_000)),
            431,
            "head_too_large",
        ),
    ] {
        let answer = raw(base, what, head.as_bytes()).await;
        findings.note(what, answer.not_a_problem(&[status]));
        findings.check(answer.at("/code") == code, || format!("{what}: {answer}"));
    }

    let owner = format!("Bearer {}", tenant.owner.token());
    let upload = shop.below("upload-public-media");
    let expect = |authorization: &str, length: &str| {
        let line = format!("POST {upload}");
        let multipart = ("Content-Type", "multipart/form-data; boundary=B");
        let headers =
            [("Authorization", authorization), multipart, ("Content-Length", length), ("Expect", "100-continue")];
        request(&line, &headers, "")
    };
    for (what, authorization, length, status) in
        [("an unknown key", "Bearer x", "90000000", 401), ("a body that is too long", &owner, "200000000", 413)]
    {
        let answer = raw(base, what, &expect(authorization, length)).await;
        findings.check(answer.status == status, || format!("{what} is told {answer}"));
    }

    for upgrade in [("Connection", "upgrade"), ("Upgrade", "h2c"), ("Upgrade", "websocket")] {
        let line = format!("POST {}", shop.messages());
        let headers = [("Authorization", owner.as_str()), ("Content-Type", "application/json"), upgrade];
        let answer = raw(base, "an upgrade", &request(&line, &headers, &message().to_string())).await;
        findings.check(answer.status == 200, || format!("{upgrade:?}: {answer}"));
    }

    let plugin = format!("/plugin/{}", shop.plugin);
    for path in [
        "/v1/health",
        "/v1/ext/users",
        &plugin,
        "/api/v1/session",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/console/sign-in",
        "/api/v1/nothing",
    ] {
        let (get, head) =
            (tenant.owner.get(path).await, tenant.owner.send(reqwest::Method::HEAD, path, Body::None).await);
        findings.check(head.status == get.status && head.text.is_empty(), || format!("HEAD {path} is {head}"));
        let (of_get, of_head) = (get.header("content-type"), head.header("content-type"));
        findings.check(of_get == of_head, || format!("HEAD {path} has the type {of_head}, GET {of_get}"));
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn slow_bodies_and_a_stalled_chakra_lock_nobody_out_of_management() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Locked").await;
    let shop = tenant.connect("shop").await;
    let (viewer, operator) = (tenant.key("viewer").await, tenant.operator.clone());
    let keys = tenant.owner.list("/api/v1/api-keys").await;
    let address = portico.told("gateway_url").strip_prefix("http://").expect("plain HTTP");
    let mut findings = Findings::new();

    let mut slow = Vec::new();
    for _ in 0..8 {
        let line = "POST /api/v1/tokens";
        let authorization = format!("Bearer {}", viewer.token());
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        let whole = request(line, &headers, "{\"permissions\":[\"customers:read\"]}");
        let mut stream = TcpStream::connect(address).await.expect("the instance accepts connections");
        stream.write_all(&whole[..whole.len() - 1]).await.expect("it stands");
        slow.push(stream);
    }
    // Only when the instance works on them can they be in somebody's way.
    let metrics = portico.told("metrics_url").strip_suffix("/metrics").expect("it ends so").to_owned();
    let metrics = portico.anonymous().at(&metrics);
    eventually("the slow calls are worked on", || async {
        let told = metrics.get("/metrics").await.text;
        let line = "portico_requests_in_flight{surface=\"management\"} ";
        let number = told.lines().find_map(|known| known.strip_prefix(line))?.parse::<usize>().ok()?;
        (number >= 8).then_some(())
    })
    .await;
    let is_last = |key: &&serde_json::Value| viewer.token().starts_with(key["prefix"].as_str().unwrap_or("?"));
    let key = keys.iter().find(is_last).expect("the viewer's key is listed")["id"].as_str().expect("it has an id");
    for (who, caller) in [("the owner", &tenant.owner), ("the operator", &operator)] {
        for path in ["/api/v1/api-keys", "/api/v1/customers"] {
            let answer = caller.get(path).await;
            findings.check(answer.status == 200, || format!("{who} beside slow bodies: {answer}"));
        }
    }
    let answer = tenant.owner.delete(&format!("/api/v1/api-keys/{key}")).await;
    findings.check(answer.is_success(), || format!("the revocation beside slow bodies: {answer}"));
    for mut stream in slow {
        let _ = stream.write_all(b"}").await;
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        let told = String::from_utf8_lossy(&told).into_owned();
        findings.check(told.starts_with("HTTP/1.1 401 "), || format!("a revoked key's body was taken: {told}"));
    }

    portico.sandbox().fault(json!({"path_prefix": format!("/v1/ext/plugin"), "kind": "stall"})).await;
    portico.sandbox().fault(json!({"path_prefix": "/plugin", "kind": "stall"})).await;
    portico.sandbox().clear().await;
    let mut syncing = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (owner, path) = (tenant.owner.clone(), format!("/api/v1/plugins/{}/sync", shop.plugin));
        syncing.spawn(async move { owner.try_send(reqwest::Method::POST, &path, Body::None).await.map(|_| ()) });
    }
    eventually("Chakra is asked by all four", || async { (portico.sandbox().record().await.len() >= 4).then_some(()) })
        .await;
    for path in ["/api/v1/api-keys", "/api/v1/customers"] {
        let answer = tenant.owner.get(path).await;
        findings.check(answer.status == 200, || format!("beside a stalled Chakra: {answer}"));
    }
    syncing.abort_all();
    portico.sandbox().clear_faults().await;
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_replica_that_stops_says_so_first_and_lets_calls_end() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Draining").await;
    let shop = tenant.connect("shop").await;
    let settings = [("PORTICO_DRAIN_DELAY_SECONDS", "2")];
    let serve = Serve::start_with(&portico, portico.told("sandbox_url"), &settings).await;
    // Longer than calls had once.
    portico
        .sandbox()
        .fault(json!({"path_prefix": "/v1/ext/plugin", "kind": "latency", "ms": 13_000, "times": 1}))
        .await;
    portico.sandbox().clear().await;
    let (caller, path) = (tenant.owner.at(serve.url()), shop.messages());
    let sending = tokio::spawn(async move { caller.post(&path, message()).await });
    eventually("Chakra is asked", || async { (!portico.sandbox().record().await.is_empty()).then_some(()) }).await;
    serve.terminate();
    eventually("it says that it is not ready", || async {
        let answer = serve.anonymous().try_send(reqwest::Method::GET, "/readyz", Body::None).await.ok()?;
        (answer.status == 503 && answer.at("/draining") == true).then_some(())
    })
    .await;
    let answer = sending.await.expect("the call does not panic");
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("connection"), "close", "{answer}");
    drop(serve);
    portico.stop().await;
}
