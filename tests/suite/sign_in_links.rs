//! Links by which a member signs in once: for who lost the password.

use serde_json::json;

use crate::harness::hunt::{self, Secret};
use crate::harness::tenant::text;
use crate::harness::{Browser, Caller, Findings, Portico, Tenant};
use crate::members::{PASSWORD, join, sign_in};

const ADA: &str = "ada@example.com";
const OTHER_PASSWORD: &str = "quite another password";

/// The path of a new link for the member.
async fn link(owner: &Caller, member: &str) -> String {
    let made = owner.post(&format!("/api/v1/members/{member}/sign-in-link"), json!({})).await.expect(201);
    let url = text(&made, "url");
    url.strip_prefix(owner.base()).unwrap_or_else(|| panic!("{url} is not at {}", owner.base())).to_owned()
}

#[tokio::test]
async fn an_owner_helps_a_member_who_lost_the_password() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Lost").await;
    let (member, before) = join(&owner, ADA, "developer").await;
    hunt::plant(Secret::Portico, OTHER_PASSWORD);
    let mut findings = Findings::new();
    let (path, unused) = (link(&owner, &member).await, link(&owner, &member).await);

    // To look at it uses nothing up; a form from elsewhere, passwords that differ and weak ones do not either.
    let mut browser = Browser::of(&portico.anonymous());
    let page = browser.open(&path).await;
    findings.check(page.text.contains(ADA) && page.header("referrer-policy") == "no-referrer", || page.to_string());
    findings.check(browser.post(&path, &[]).await.status == 403, || "a form without its token".to_owned());
    for (password, repeat) in [(OTHER_PASSWORD, "x"), ("short", "short")] {
        let page = browser.submit(&page, &path, &[("password", password), ("repeat", repeat)]).await;
        findings.check(page.status == 422, || page.to_string());
    }
    let home = browser.submit(&page, &path, &[("password", OTHER_PASSWORD), ("repeat", OTHER_PASSWORD)]).await;
    assert_eq!((home.status, browser.at.as_str()), (200, "/console/"), "{home}");
    assert_eq!(browser.who().await["member"]["email"], ADA);

    // The old password and the old session are over, and so are both links.
    findings.check(before.who().await["member"].is_null(), || "the old session goes on".to_owned());
    let mut later = Browser::of(&portico.anonymous());
    findings.check(sign_in(&mut later, ADA, PASSWORD).await.status == 403, || "the old password opens".to_owned());
    findings.check(sign_in(&mut later, ADA, OTHER_PASSWORD).await.status == 200, || "the new one does not".to_owned());
    for path in [&path, &unused] {
        let page = Browser::of(&portico.anonymous()).open(path).await;
        findings.check(page.status == 404, || format!("a link is still good: {page}"));
    }

    // Without a new password it signs in once, and changes nothing.
    let path = link(&owner, &member).await;
    let mut first = Browser::of(&portico.anonymous());
    let page = first.open(&path).await;
    let mut second = first.clone();
    findings.check(first.submit(&page, &path, &[]).await.status == 200, || "it does not sign in".to_owned());
    findings.check(second.submit(&page, &path, &[]).await.status == 404, || "it signs in twice".to_owned());
    let mut again = Browser::of(&portico.anonymous());
    findings.check(sign_in(&mut again, ADA, OTHER_PASSWORD).await.status == 200, || "it changed something".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn only_who_may_do_everything_makes_a_link_and_only_for_their_own_members() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Links").await;
    let (_, _, stranger) = Tenant::bare(&portico, "Strangers").await;
    let (member, _) = join(&owner, ADA, "viewer").await;
    let path = format!("/api/v1/members/{member}/sign-in-link");
    let mut findings = Findings::new();
    for role in ["admin", "viewer"] {
        let made = owner.post("/api/v1/api-keys", json!({"name": role, "role": role})).await.expect(201);
        let answer = owner.bearing(&text(&made, "secret")).post(&path, json!({})).await;
        findings.note(role, answer.not_a_problem(&[403]));
    }
    let unknown = "mem_01h455vb4pex5vsknk084sn02q";
    let missing = stranger.post(&format!("/api/v1/members/{unknown}/sign-in-link"), json!({})).await;
    let foreign = stranger.post(&path, json!({})).await;
    findings.note("another tenant's", foreign.not_a_problem(&[404]));
    findings.check(foreign.shape(&[&member]) == missing.shape(&[unknown]), || format!("{foreign} {missing}"));
    for seconds in [0, 59, 3_601] {
        let answer = owner.post(&path, json!({"expires_in": seconds})).await;
        findings.note("a lifetime", answer.names_no_field(&[422], "/expires_in"));
    }
    for forged in ["x", "eyJ1bnRpbCI6MX0.c2ln"] {
        let page = Browser::of(&portico.anonymous()).open(&format!("/console/sign-in/link/{forged}")).await;
        findings.check(page.status == 404, || page.to_string());
    }
    findings.finish();
    portico.stop().await;
}
