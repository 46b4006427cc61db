//! What who is signed in sees, and the way out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_core::Error;
use portico_identity::SignInError;
use portico_web::cookies::Cookie;

use crate::frame::{self, go};
use crate::sign_in::Told;
use crate::visit::{Form, Visit};

/// `GET /console/`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    if visit.cookie(Cookie::Session).is_none() {
        return go("/console/sign-in", []);
    }
    let principal = match visit.app.authenticator().authenticate(visit.presented()).await {
        Ok(principal) => principal,
        Err(refused) => return not_in(&visit, refused.error),
    };
    let who = match visit.app.sessions().who_am_i(&principal).await {
        Ok(who) => who,
        Err(error) => return Told::of(&SignInError::App(error)).alone(),
    };
    let tenant = who.tenant.map(|tenant| tenant.name).unwrap_or_default();
    let body = html! {
        dl {
            dt { "Tenant" }
            dd { (tenant) }
            @if let Some(member) = &who.member {
                @if let Some(name) = &member.name {
                    dt { "Name" }
                    dd { (name.as_str()) }
                }
                dt { "E-mail" }
                dd { (member.email.as_str()) }
                dt { "Role" }
                dd { (member.role.as_str()) }
            }
        }
        p {
            "Your session works for the management API at " code { "/api/v1" } " from this browser; "
            a href="/docs" { "the documentation" } " describes it."
        }
        form method="post" action="/console/sign-out" {
            (visit.session_token())
            button.second type="submit" { "Sign out" }
        }
    };
    frame::page("You are signed in", body).answer()
}

fn not_in(visit: &Visit<'_>, error: Error) -> HttpResponse {
    match error {
        Error::Refused(refused) => {
            let body = html! { p role="alert" { "You cannot act here: " (refused.to_string()) "." } };
            frame::page("Not now", body).status(StatusCode::FORBIDDEN).answer()
        }
        Error::Database(_) => Told::of(&SignInError::App(error)).alone(),
        _ => go("/console/sign-in", [Cookie::Session.clear(visit.app)]),
    }
}

/// `POST /console/sign-out`.
pub(crate) async fn sign_out(visit: Visit<'_>, form: Form) -> HttpResponse {
    let Some(session) = visit.cookie(Cookie::Session) else { return go("/console/sign-in", []) };
    if !visit.is_of_session(&form) {
        return Told::of(&SignInError::Stale).alone();
    }
    match visit.app.sessions().sign_out(session, &visit.origin()).await {
        Ok(()) | Err(Error::Missing(_)) => go("/console/sign-in", [Cookie::Session.clear(visit.app)]),
        Err(error) => Told::of(&SignInError::App(error)).alone(),
    }
}
