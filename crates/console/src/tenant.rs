//! Choosing the tenant to act in, for who can act in several or is invited.

use actix_web::HttpResponse;
use maud::{Markup, html};
use portico_identity::{Choice, SignInError};
use portico_web::cookies::Cookie;

use crate::frame;
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `GET /console/sign-in/tenant`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    let ticket = visit.cookie(Cookie::Choice).unwrap_or_default();
    let choices = match visit.app.sign_in().choices(ticket).await {
        Ok(choices) => choices,
        Err(error) => return SignInProblem::of(&error).answer(),
    };
    let (token, cookie) = visit.form_token();
    let body = html! {
        p { "A session is for one tenant. To act in another, sign out and in again." }
        form method="post" action="/console/sign-in/tenant" {
            (token)
            @for choice in &choices {
                div.field {
                    button.choice type="submit" name="tenant" value=(choice.tenant) { (label(choice)) }
                }
            }
        }
    };
    frame::page("Choose a tenant", body).cookies(cookie).answer()
}

/// What the button of a choice says: its tenant, and what else the choice brings about.
fn label(choice: &Choice) -> Markup {
    html! {
        @if let Some(role) = &choice.joins_as {
            "Join " (choice.name)
            small { "You are invited, with the role " (role) }
        } @else {
            (choice.name)
            @if choice.binds {
                small {
                    "Your account at the identity provider becomes the only way in: the password is forgotten, "
                    "sessions end"
                }
            }
        }
    }
}

/// `POST /console/sign-in/tenant`.
pub(crate) async fn choose(visit: Visit<'_>, form: Form) -> HttpResponse {
    if !visit.is_own_form(&form) {
        return SignInProblem::of(&SignInError::Stale).answer();
    }
    let ticket = visit.cookie(Cookie::Choice).unwrap_or_default();
    match visit.app.sign_in().choose(ticket, form.field("tenant"), &visit.origin()).await {
        Ok(session) => visit.start_session(session).await,
        Err(error) => SignInProblem::of(&error).answer(),
    }
}
