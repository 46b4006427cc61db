//! People: invitations, passwords, sessions, roles, and what a browser may be tricked into.

use reqwest::Method;
use serde_json::json;

use crate::harness::hunt::{self, Secret};
use crate::harness::tenant::text;
use crate::harness::{Answer, Body, Browser, Caller, Findings, Portico, Serve, Tenant, eventually};

pub(crate) const PASSWORD: &str = "a good long password";

/// A new invitation: its id, and the path of its link.
pub(crate) async fn invite(owner: &Caller, email: &str, role: &str) -> (String, String) {
    let made = owner.post("/api/v1/invitations", json!({"email": email, "role": role})).await.expect(201);
    let url = text(&made, "accept_url");
    let path = url.strip_prefix(owner.base()).unwrap_or_else(|| panic!("{url} is not at {}", owner.base()));
    (text(&made, "id"), path.to_owned())
}

/// Somebody who accepted an invitation with a password: the member's id and browser.
pub(crate) async fn join(owner: &Caller, email: &str, role: &str) -> (String, Browser) {
    let (_, link) = invite(owner, email, role).await;
    hunt::plant(Secret::Portico, PASSWORD);
    let mut browser = Browser::of(&owner.with("Accept", "text/html").without_token());
    let page = browser.open(&link).await;
    let home = browser.submit(&page, &link, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    assert_eq!((home.status, browser.at.as_str()), (200, "/console/"), "{home}");
    let who = browser.who().await;
    assert_eq!(who["member"]["email"], email, "{who}");
    // Until here the form had to name it.
    hunt::plant(Secret::Portico, link.rsplit('/').next().unwrap_or_default());
    (text(&who, "id"), browser)
}

pub(crate) async fn sign_in(browser: &mut Browser, email: &str, password: &str) -> Answer {
    let page = browser.open("/console/sign-in").await;
    browser.submit(&page, "/console/sign-in", &[("email", email), ("password", password)]).await
}

/// The link is shown once, and works once; its pages are what they must be.
async fn accept_a_link(portico: &Portico, owner: &Caller, findings: &mut Findings) -> Browser {
    let (id, link) = invite(owner, "Ada@Example.com", "admin").await;
    let read = owner.get(&format!("/api/v1/invitations/{id}")).await;
    findings.check(!read.text.contains("accept_url") && read.at("/status") == "open", || read.to_string());
    findings.check(read.at("/email") == "ada@example.com", || read.to_string());
    let mut browser = Browser::of(&portico.anonymous());
    let page = browser.open(&link).await;
    findings.check(page.text.contains("People &amp; &lt;Sons&gt;"), || format!("the name is not escaped: {page}"));
    for (name, holds) in [
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        findings.check(page.header(name).contains(holds), || format!("the page lacks {name}: {holds}"));
    }
    let refused = browser.post(&link, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    findings.check(refused.status == 403, || format!("a form without its token: {refused}"));
    for (password, repeat) in [("short", "short"), (PASSWORD, "another one"), ("ada@example.com", "ada@example.com")] {
        let refused = browser.submit(&page, &link, &[("password", password), ("repeat", repeat)]).await;
        findings.check(refused.status == 422 && refused.text.contains("role=\"alert\""), || refused.to_string());
    }
    let home = browser.submit(&page, &link, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    findings.check(home.status == 200 && home.text.contains("ada@example.com"), || home.to_string());
    let again = Browser::of(&portico.anonymous()).open(&link).await;
    findings.check(again.status == 404, || format!("an accepted invitation: {again}"));
    let accepted = owner.delete(&format!("/api/v1/invitations/{id}")).await;
    findings.check(accepted.status == 409 && accepted.at("/code") == "invitation_accepted", || accepted.to_string());
    let twice = owner.post("/api/v1/invitations", json!({"email": "ada@example.com", "role": "viewer"})).await;
    findings.check(twice.status == 409 && twice.at("/code") == "member_exists", || twice.to_string());
    browser
}

#[tokio::test]
async fn people_come_by_invitation_and_act_by_session() {
    let portico = Portico::start().await;
    assert_eq!(portico.told("console_url"), format!("{}/console/", portico.told("gateway_url")));
    let (_, operator, owner) = Tenant::bare(&portico, "People & <Sons>").await;
    let mut findings = Findings::new();

    let mut browser = accept_a_link(&portico, &owner, &mut findings).await;

    // The session works on the management API, and changes only with the token and from a page of ours.
    let ada = browser.api().await;
    let bare = portico.anonymous().with("Cookie", &browser.cookies());
    findings.check(bare.get("/api/v1/customers").await.status == 200, || "a session reads".to_owned());
    let customer = json!({"external_id": "x", "name": "X"});
    let token = text(&browser.who().await, "csrf_token");
    for (what, caller) in [
        ("no token", bare.with("Origin", bare.base())),
        ("a wrong token", bare.with("Origin", bare.base()).with("X-CSRF-Token", &"A".repeat(43))),
        ("another site's page", bare.with("X-CSRF-Token", &token).with("Origin", "https://evil.example")),
        ("a sibling site's page", bare.with("X-CSRF-Token", &token).with("Sec-Fetch-Site", "same-site")),
        ("nobody's page", bare.with("X-CSRF-Token", &token)),
    ] {
        let refused = caller.post("/api/v1/customers", customer.clone()).await;
        let fine = refused.status == 403 && refused.at("/code") == "csrf_failed";
        findings.check(fine, || format!("{what}: {refused}"));
    }
    findings.check(ada.post("/api/v1/customers", customer).await.status == 201, || "Ada writes".to_owned());
    let send = ada.post("/v1/ext/plugin/whatsapp/x/api/v24.0/1/messages", json!({})).await;
    findings.check(send.status == 401, || format!("a cookie sends messages: {send}"));

    // Nobody grants what they do not have, nor takes it away; the last owner stays.
    let more = ada.post("/api/v1/invitations", json!({"email": "eve@example.com", "role": "owner"})).await;
    findings.check(more.status == 403 && more.at("/code") == "more_than_own_permissions", || more.to_string());
    let (bob, bobs) = join(&owner, "bob@example.com", "owner").await;
    let path = format!("/api/v1/members/{bob}");
    findings
        .check(ada.patch(&path, json!({"role": "viewer"})).await.status == 403, || "an admin demotes an owner".into());
    findings.check(ada.delete(&path).await.status == 403, || "an admin removes an owner".to_owned());
    let keys = owner.list("/api/v1/api-keys").await;
    let bobs_api = bobs.api().await;
    for key in &keys {
        bobs_api.delete(&format!("/api/v1/api-keys/{}", text(key, "id"))).await;
    }
    let last = bobs_api.patch(&path, json!({"role": "admin"})).await;
    findings.check(last.status == 409 && last.at("/code") == "last_owner", || last.to_string());
    findings.check(bobs_api.delete("/api/v1/members/me").await.at("/code") == "last_owner", || "he leaves".to_owned());

    // A role in use stays; a changed role and a removal hold at once; anybody may leave.
    let role = json!({"name": "reader", "permissions": ["customers:read"]});
    let role = text(&bobs_api.post("/api/v1/roles", role).await.expect(201), "id");
    let (carol, carols) = join_by(&bobs_api, &portico, "carol@example.com", "reader").await;
    let in_use = bobs_api.delete(&format!("/api/v1/roles/{role}")).await;
    findings.check(in_use.status == 409 && in_use.at("/code") == "role_in_use", || in_use.to_string());
    let carols_api = carols.api().await;
    findings.check(carols_api.get("/api/v1/customers").await.status == 200, || "Carol reads".to_owned());
    bobs_api.patch(&format!("/api/v1/roles/{role}"), json!({"permissions": ["wabas:read"]})).await.expect(200);
    findings.check(carols_api.get("/api/v1/customers").await.status == 403, || "Carol's role changed".to_owned());
    findings.check(carols_api.get("/api/v1/members").await.status == 403, || "Carol lists members".to_owned());
    bobs_api.patch(&format!("/api/v1/members/{carol}"), json!({"role": "viewer", "name": "Carol"})).await.expect(200);
    findings.check(carols_api.get("/api/v1/members").await.status == 200, || "Carol views".to_owned());
    findings.check(bobs_api.delete(&format!("/api/v1/roles/{role}")).await.status == 204, || "it is free".to_owned());
    findings.check(carols_api.delete("/api/v1/members/me").await.status == 204, || "Carol leaves".to_owned());
    findings.check(carols_api.get("/api/v1/members").await.status == 401, || "Carol is gone".to_owned());
    let ada_id = text(&browser.who().await, "id");
    findings.check(bobs_api.delete(&format!("/api/v1/members/{ada_id}")).await.status == 204, || "Ada is out".into());
    findings.check(ada.get("/api/v1/customers").await.status == 401, || "Ada's session lives".to_owned());
    let shown = browser.open("/console/").await;
    findings.check(browser.at == "/console/sign-in", || format!("a dead session at home: {shown}"));

    // The operator finds a way back for who lost the password; nobody else could take a member's place.
    let (_, link) = invite(&operator, "bob@example.com", "owner").await;
    let mut anew = Browser::of(&portico.anonymous());
    let page = anew.open(&link).await;
    let home =
        anew.submit(&page, &link, &[("password", "another good password"), ("repeat", "another good password")]).await;
    findings.check(home.status == 200 && text(&anew.who().await, "id") == bob, || home.to_string());
    findings.check(bobs_api.get("/api/v1/members").await.status == 401, || "the old session lives".to_owned());

    // Signing out ends the session, not only the cookie.
    let stolen = portico.anonymous().with("Cookie", &anew.cookies());
    findings.check(stolen.get("/api/v1/session").await.status == 200, || "it lives".to_owned());
    let home = anew.open("/console/").await;
    let out = anew.submit(&home, "/console/sign-out", &[]).await;
    findings.check(anew.at == "/console/sign-in", || out.to_string());
    findings.check(stolen.get("/api/v1/session").await.status == 401, || "a signed-out session lives".to_owned());

    // Suspension holds for sessions too, and for signing in.
    let mut bob_again = Browser::of(&portico.anonymous());
    findings
        .check(sign_in(&mut bob_again, "bob@example.com", "another good password").await.status == 200, || "in".into());
    let api = bob_again.api().await;
    let tenant = format!("/api/v1/tenants/{}", text(&api.get("/api/v1/tenant").await.expect(200), "id"));
    portico.operator().patch(&tenant, json!({"status": "suspended"})).await.expect(200);
    findings.check(api.get("/api/v1/members").await.at("/code") == "tenant_suspended", || "suspended".to_owned());
    let refused = sign_in(&mut Browser::of(&portico.anonymous()), "bob@example.com", "another good password").await;
    findings.check(refused.status == 403, || refused.to_string());
    portico.operator().patch(&tenant, json!({"status": "active"})).await.expect(200);
    findings.check(api.get("/api/v1/members").await.status == 200, || "resumed".to_owned());
    findings.finish();
    portico.stop().await;
}

/// As [`join`], invited by a session.
async fn join_by(api: &Caller, portico: &Portico, email: &str, role: &str) -> (String, Browser) {
    let made = api.post("/api/v1/invitations", json!({"email": email, "role": role})).await.expect(201);
    let link = text(&made, "accept_url").replace(api.base(), "");
    let mut browser = Browser::of(&portico.anonymous());
    let page = browser.open(&link).await;
    browser.submit(&page, &link, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    (text(&browser.who().await, "id"), browser)
}

#[tokio::test]
async fn guessing_is_slowed_down_and_tells_nothing() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Guessed").await;
    join(&owner, "ada@example.com", "viewer").await;
    join(&owner, "bob@example.com", "viewer").await;
    let mut findings = Findings::new();
    let mut browser = Browser::of(&portico.anonymous());
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "a wrong password"),
        ("nobody@example.com", "a wrong password"),
        ("ada@example.com", &*"long".repeat(60)),
        ("no address", "a wrong password"),
    ] {
        let answer = sign_in(&mut browser, email, password).await;
        findings.check(answer.status == 403, || answer.to_string());
        let token = crate::harness::browser::hidden_token(&answer);
        answers.push(answer.shape(&[email, &token]));
    }
    findings.check(answers.iter().all(|answer| *answer == answers[0]), || format!("they differ: {answers:#?}"));
    let page = browser.open("/console/sign-in").await;
    findings.check(!page.text.contains("alert"), || page.to_string());

    // Attempts at the same moment count too: of many, five are looked at.
    let page = browser.open("/console/sign-in").await;
    let tries = (0..12).map(|number| {
        let (mut browser, page) = (browser.clone(), page.clone());
        tokio::spawn(async move {
            let password = format!("guess number {number}");
            browser
                .submit(&page, "/console/sign-in", &[("email", "bob@example.com"), ("password", &password)])
                .await
                .status
        })
    });
    let mut looked_at = 0;
    for attempt in tries.collect::<Vec<_>>() {
        let status = attempt.await.expect("does not panic");
        findings.check([403, 429].contains(&status), || format!("answered {status}"));
        looked_at += usize::from(status == 403);
    }
    findings.check(looked_at == 5, || format!("{looked_at} guesses were looked at"));
    let right = sign_in(&mut browser, "bob@example.com", PASSWORD).await;
    findings.check(right.status == 429, || format!("the right password, too soon: {right}"));
    let wait = right.header("retry-after").parse::<u64>().unwrap_or_default();
    findings.check((1..=31).contains(&wait), || format!("Retry-After: {wait}"));
    // Every replica counts the same, and others are not shut out.
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let mut there = Browser::of(&serve.anonymous());
    findings.check(sign_in(&mut there, "bob@example.com", PASSWORD).await.status == 429, || "another replica".into());
    let ada = sign_in(&mut there, "ada@example.com", PASSWORD).await;
    findings.check(ada.status == 200 && there.at == "/console/", || ada.to_string());
    drop(serve);
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn one_person_in_two_tenants_chooses_and_neither_tenant_sees_the_other() {
    let portico = Portico::start().await;
    let (near_id, _, near) = Tenant::bare(&portico, "Near").await;
    let (far_id, _, far) = Tenant::bare(&portico, "Far").await;
    let (near_member, near_browser) = join(&near, "ada@example.com", "viewer").await;
    let (far_member, _) = join(&far, "ada@example.com", "admin").await;
    let (third, _) = invite(&far, "third@example.com", "viewer").await;
    let mut findings = Findings::new();
    let mut browser = Browser::of(&portico.anonymous());
    let page = sign_in(&mut browser, "ada@example.com", PASSWORD).await;
    findings.check(browser.at == "/console/sign-in/tenant", || page.to_string());
    findings.check(browser.who().await["id"].is_null(), || "signed in before the choice".to_owned());
    let other =
        browser.clone().submit(&page, "/console/sign-in/tenant", &[("tenant", "ten_01h455vb4pex5vsknk084sn02q")]).await;
    findings.check(other.status == 403, || format!("a tenant that was not offered: {other}"));
    let home = browser.submit(&page, "/console/sign-in/tenant", &[("tenant", &far_id)]).await;
    findings.check(home.text.contains("<dd>Far</dd>"), || home.to_string());
    findings.check(browser.who().await["tenant"]["id"] == far_id.as_str(), || "in Far".to_owned());
    findings.check(near_browser.who().await["tenant"]["id"] == near_id.as_str(), || "in Near".to_owned());

    // Another tenant's ids are like ids of nobody.
    let random = ("mem_01h455vb4pex5vsknk084sn02q", "inv_01h455vb4pex5vsknk084sn02q");
    for (method, path, theirs, nobodys, body) in [
        (Method::GET, "members", &far_member, random.0, Body::None),
        (Method::PATCH, "members", &far_member, random.0, Body::Json(json!({"role": "viewer"}))),
        (Method::DELETE, "members", &far_member, random.0, Body::None),
        (Method::GET, "invitations", &third, random.1, Body::None),
        (Method::DELETE, "invitations", &third, random.1, Body::None),
    ] {
        let ask = async |id: &str| near.send(method.clone(), &format!("/api/v1/{path}/{id}"), body.clone()).await;
        let (one, other) = (ask(theirs).await, ask(nobodys).await);
        findings.check(one.status == 404, || one.to_string());
        let (one, other) = (one.shape(&[theirs]), other.shape(&[nobodys]));
        findings.check(one == other, || format!("{one}\n{other}"));
    }
    let listed = near.list("/api/v1/members").await;
    findings.check(listed.len() == 1 && listed[0]["id"] == near_member.as_str(), || format!("{listed:?}"));

    // What is malformed is told with the field.
    for (body, pointer) in [
        (json!({"email": "no address", "role": "viewer"}), "/email"),
        (json!({"email": "a@example.com", "role": "nobody"}), "/role"),
        (json!({"email": "a@example.com"}), "/role"),
        (json!({"email": "a@example.com", "role": "viewer", "expires_in": 59}), "/expires_in"),
        (json!({"email": "a@example.com", "role": "viewer", "more": 1}), "/more"),
    ] {
        let wrong = near.post("/api/v1/invitations", body).await.names_no_field(&[422], pointer);
        findings.check(wrong.is_none(), || wrong.unwrap_or_default());
    }
    let open = near.post("/api/v1/invitations", json!({"email": "new@example.com", "role": "viewer"})).await;
    findings.check(open.status == 201, || open.to_string());
    let again = near.post("/api/v1/invitations", json!({"email": "NEW@example.com", "role": "viewer"})).await;
    findings.check(again.at("/code") == "invitation_open", || again.to_string());
    let id = text(&open.json, "id");
    for _ in 0..2 {
        let gone = near.delete(&format!("/api/v1/invitations/{id}")).await;
        findings.check(gone.status == 204, || gone.to_string());
    }
    let link = text(&open.json, "accept_url").replace(near.base(), "");
    let gone = Browser::of(&portico.anonymous()).open(&link).await;
    findings.check(gone.status == 404, || format!("a revoked invitation: {gone}"));
    for path in
        ["/console/invitations/x", "/console/nothing", "/console/sign-in/tenant", "/console/sign-in/provider/callback"]
    {
        let answer = Browser::of(&portico.anonymous()).open(path).await;
        findings.check((400..500).contains(&answer.status) && answer.text.contains("<h1>"), || answer.to_string());
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_removed_member_is_out_on_every_replica() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Replicas").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let (member, browser) = join(&owner, "ada@example.com", "viewer").await;
    let there = serve.anonymous().with("Cookie", &browser.cookies());
    there.get("/api/v1/customers").await.expect(200);
    owner.patch(&format!("/api/v1/members/{member}"), json!({"role": "messaging"})).await.expect(200);
    eventually("the other replica knows the role", || async {
        (there.get("/api/v1/customers").await.status == 403).then_some(())
    })
    .await;
    assert!(owner.delete(&format!("/api/v1/members/{member}")).await.is_success());
    eventually("the other replica knows that the session ended", || async {
        (there.get("/api/v1/session").await.status == 401).then_some(())
    })
    .await;
    drop(serve);
    portico.stop().await;
}

#[tokio::test]
async fn a_limited_key_makes_nobody_a_member_without_its_limits() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Hired").await;
    let (member, _) = join(&owner, "ada@example.com", "viewer").await;
    let path = format!("/api/v1/members/{member}");
    let mut findings = Findings::new();
    for (name, limit) in [
        ("expires_at", json!("2099-01-01T00:00:00Z")),
        ("allowed_ips", json!(["127.0.0.0/8"])),
        ("rate_limit", json!(1000)),
    ] {
        let made = json!({"name": name, "role": "owner", name: limit});
        let made = owner.post("/api/v1/api-keys", made).await.expect(201);
        let limited = owner.bearing(&text(&made, "secret"));
        let invitation = json!({"email": "eve@example.com", "role": "viewer"});
        findings.note(
            "a limited key invites",
            limited.post("/api/v1/invitations", invitation).await.names_no_field(&[403], "/role"),
        );
        let role = limited.patch(&path, json!({"role": "admin"})).await;
        findings.note("a limited key gives a role", role.names_no_field(&[403], "/role"));
        findings.check(owner.get(&path).await.at("/role") == "viewer", || format!("{name}: the role is given"));
        limited.patch(&path, json!({"name": "Ada"})).await.expect(200);
    }
    let invitations = owner.list("/api/v1/invitations").await;
    findings.check(invitations.len() == 1, || format!("{invitations:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_token_of_a_member_neither_leaves_nor_signs_out() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Lent").await;
    let (member, browser) = join(&owner, "ada@example.com", "admin").await;
    let api = browser.api().await;
    let minted = api.post("/api/v1/tokens", json!({"permissions": ["customers:read"]})).await.expect(201);
    let token = portico.anonymous().bearing(&text(&minted, "token"));
    let mut findings = Findings::new();
    // The token is what counts, also where the browser sends its cookie along.
    for caller in [&token, &token.with("Cookie", &browser.cookies())] {
        findings.check(caller.get("/api/v1/session").await.at("/id") == member.as_str(), || "it acts".to_owned());
        for path in ["/api/v1/members/me", "/api/v1/session"] {
            let answer = caller.delete(path).await;
            findings.check(answer.at("/code") == "permission_denied", || answer.to_string());
            findings.note(path, answer.not_a_problem(&[403]));
        }
    }
    owner.get(&format!("/api/v1/members/{member}")).await.expect(200);
    api.get("/api/v1/session").await.expect(200);
    findings.check(api.delete("/api/v1/members/me").await.status == 204, || "a session leaves".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn tokens_end_when_the_member_signs_out() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Signed out").await;
    let (_, mut browser) = join(&owner, "ada@example.com", "admin").await;
    let api = browser.api().await;
    let minted = api.post("/api/v1/tokens", json!({"permissions": ["customers:read"]})).await.expect(201);
    let before = portico.anonymous().bearing(&text(&minted, "token"));
    before.get("/api/v1/customers").await.expect(200);
    api.delete("/api/v1/session").await.expect(204);
    assert_eq!(before.get("/api/v1/customers").await.not_a_problem(&[401]), None);

    // What is minted after the next sign-in is taken, also within the same second.
    assert_eq!(sign_in(&mut browser, "ada@example.com", PASSWORD).await.status, 200);
    let minted = browser.api().await;
    let minted = minted.post("/api/v1/tokens", json!({"permissions": ["customers:read"]})).await.expect(201);
    let after = portico.anonymous().bearing(&text(&minted, "token"));
    after.get("/api/v1/customers").await.expect(200);
    assert_eq!(before.get("/api/v1/customers").await.status, 401);
    portico.stop().await;
}

#[tokio::test]
async fn nobody_takes_back_an_invitation_that_they_could_not_make() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Taken back").await;
    let made = owner.post("/api/v1/api-keys", json!({"name": "admin", "role": "admin"})).await.expect(201);
    let admin = owner.bearing(&text(&made, "secret"));
    let (id, _) = invite(&owner, "eve@example.com", "owner").await;
    let path = format!("/api/v1/invitations/{id}");
    let refused = admin.delete(&path).await;
    assert_eq!(refused.names_no_field(&[403], "/role"), None, "{refused}");
    assert_eq!(owner.get(&path).await.at("/status"), "open");
    let (id, _) = invite(&owner, "ada@example.com", "admin").await;
    admin.delete(&format!("/api/v1/invitations/{id}")).await.expect(204);

    // One that was taken back stays so, even when its role is gone.
    let role = json!({"name": "reader", "permissions": ["customers:read"]});
    let role = text(&owner.post("/api/v1/roles", role).await.expect(201), "id");
    let (id, _) = invite(&owner, "bob@example.com", "reader").await;
    let path = format!("/api/v1/invitations/{id}");
    owner.delete(&path).await.expect(204);
    owner.delete(&format!("/api/v1/roles/{role}")).await.expect(204);
    owner.delete(&path).await.expect(204);
    portico.stop().await;
}
