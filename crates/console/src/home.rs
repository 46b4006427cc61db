//! What who is signed in sees, and the way out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_core::Error as CoreError;
use portico_identity::{Error, SignInError};
use portico_web::cookies::Cookie;

use crate::frame::{self, redirect};
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `GET /console/`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    if visit.cookie(Cookie::Session).is_none() {
        return redirect("/console/sign-in", []);
    }
    let principal = match visit.app.authenticator().authenticate(visit.presented()).await {
        Ok(principal) => principal,
        Err(refused) => return refusal(&visit, refused.error),
    };
    let who = match visit.app.sessions().who_am_i(&principal).await {
        Ok(who) => who,
        Err(error) => return SignInProblem::of(&SignInError::App(error)).answer(),
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

fn refusal(visit: &Visit<'_>, error: Error) -> HttpResponse {
    match error {
        Error::Refused(refused) => {
            let body = html! { p role="alert" { "You cannot act here: " (refused.to_string()) "." } };
            frame::page("Not now", body).status(StatusCode::FORBIDDEN).answer()
        }
        Error::Core(CoreError::Database(_)) => SignInProblem::of(&SignInError::App(error)).answer(),
        _ => redirect("/console/sign-in", [Cookie::Session.clear(visit.app)]),
    }
}

/// `POST /console/sign-out`.
pub(crate) async fn sign_out(visit: Visit<'_>, form: Form) -> HttpResponse {
    let Some(session) = visit.cookie(Cookie::Session) else { return redirect("/console/sign-in", []) };
    if !visit.is_form_of_session(&form) {
        return SignInProblem::of(&SignInError::Stale).answer();
    }
    match visit.app.sessions().sign_out(session, &visit.origin()).await {
        Ok(()) | Err(Error::Core(CoreError::Missing(_))) => {
            redirect("/console/sign-in", [Cookie::Session.clear(visit.app)])
        }
        Err(error) => SignInProblem::of(&SignInError::App(error)).answer(),
    }
}
