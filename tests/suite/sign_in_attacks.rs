//! What somebody tries who has a membership of their own, an old ticket, or much time.

use crate::harness::hunt::{self, Secret};
use crate::harness::raw::{raw, request};
use crate::harness::{Browser, Caller, Findings, Portico, Tenant};
use crate::members::{PASSWORD, invite, join, sign_in};

const CHOICE: &str = "/console/sign-in/tenant";

/// Accepts a link with this password.
async fn accept(portico: &Portico, link: &str, password: &str) -> Browser {
    hunt::plant(Secret::Portico, password);
    let mut browser = Browser::of(&portico.anonymous());
    let page = browser.open(link).await;
    let home = browser.submit(&page, link, &[("password", password), ("repeat", password)]).await;
    assert_eq!((home.status, browser.at.as_str()), (200, "/console/"), "{home}");
    browser
}

async fn join_with(portico: &Portico, owner: &Caller, email: &str, password: &str) -> Browser {
    let (_, link) = invite(owner, email, "viewer").await;
    accept(portico, &link, password).await
}

#[tokio::test]
async fn a_choice_is_made_once_and_not_after_a_new_beginning() {
    let portico = Portico::start().await;
    let (near_id, _, near) = Tenant::bare(&portico, "Near").await;
    let (far_id, operator, far) = Tenant::bare(&portico, "Far").await;
    join(&near, "ada@example.com", "viewer").await;
    join(&far, "ada@example.com", "owner").await;
    let mut findings = Findings::new();

    let mut browser = Browser::of(&portico.anonymous());
    let page = sign_in(&mut browser, "ada@example.com", PASSWORD).await;
    let mut kept = browser.clone();
    let home = browser.submit(&page, CHOICE, &[("tenant", &near_id)]).await;
    findings.check(home.status == 200 && browser.at == "/console/", || home.to_string());
    for tenant in [&near_id, &far_id] {
        let again = kept.submit(&page, CHOICE, &[("tenant", tenant)]).await;
        findings.check(again.status == 403, || format!("a ticket was used twice: {again}"));
    }

    let mut stolen = Browser::of(&portico.anonymous());
    let page = sign_in(&mut stolen, "ada@example.com", PASSWORD).await;
    findings.check(stolen.at == CHOICE, || page.to_string());
    let (_, link) = invite(&operator, "ada@example.com", "owner").await;
    accept(&portico, &link, "the password after the reset").await;
    let late = stolen.submit(&page, CHOICE, &[("tenant", &far_id)]).await;
    findings.check(late.status == 403, || format!("a ticket outlives the password that it came from: {late}"));
    findings.check(stolen.who().await["id"].is_null(), || "signed in with the old password".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn an_own_membership_of_the_address_forgives_no_guesses() {
    let portico = Portico::start().await;
    let (_, _, victims) = Tenant::bare(&portico, "Victim's").await;
    let (_, _, attackers) = Tenant::bare(&portico, "Attacker's").await;
    let (own, email) = ("a password of the attacker's", "ada@example.com");
    join(&victims, email, "owner").await;
    join_with(&portico, &attackers, email, own).await;
    let mut findings = Findings::new();
    let mut attacker = Browser::of(&portico.anonymous());
    for number in 0..6 {
        let guess = sign_in(&mut attacker, email, &format!("guess number {number}")).await;
        findings.check(guess.status == 403, || format!("tells of the other tenant: {guess}"));
        let mut inside = Browser::of(&portico.anonymous());
        let home = sign_in(&mut inside, email, own).await;
        findings.check(inside.at == "/console/", || format!("is shut out of the own tenant: {home}"));
    }
    let right = sign_in(&mut attacker, email, PASSWORD).await;
    findings.check(right.status == 403, || format!("guesses go on: {right}"));
    findings.check(attacker.who().await["id"].is_null(), || "signed in with the seventh guess".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_form_that_does_not_arrive_is_not_waited_for() {
    let portico = Portico::start().await;
    let whole = request(
        "POST /console/sign-in",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "email=ada@example.com&password=never+sent",
    );
    let part = &whole[..whole.len() - 10];
    let answer = raw(portico.anonymous().base(), "a form that stops in the middle", part).await;
    assert_eq!(answer.status, 408, "{answer}");
    let long = "x".repeat(20_000);
    let answer = raw(portico.anonymous().base(), "a long form", &request("POST /console/sign-in", &[], &long)).await;
    assert_eq!(answer.status, 413, "{answer}");
    portico.stop().await;
}
