//! The link by which a member signs in once. Its ticket stands in the address, which no page tells anybody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_identity::{LinkedMember, SignInError};
use portico_web::page::Page;

use crate::frame;
use crate::sign_in::STALE;
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `GET /console/sign-in/link/{ticket}`. Uses nothing up: programs that look at links in messages open them too.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    match visit.app.sign_in().links().linked(visit.segment("ticket")).await {
        Ok(linked) => page(&visit, &linked, None).answer(),
        Err(error) => SignInProblem::of(&error).answer(),
    }
}

/// `POST /console/sign-in/link/{ticket}`.
pub(crate) async fn redeem(visit: Visit<'_>, form: Form) -> HttpResponse {
    let ticket = visit.segment("ticket");
    let linked = match visit.app.sign_in().links().linked(ticket).await {
        Ok(linked) => linked,
        Err(error) => return SignInProblem::of(&error).answer(),
    };
    if !visit.is_own_form(&form) {
        return page(&visit, &linked, Some(STALE)).status(StatusCode::FORBIDDEN).answer();
    }
    if form.field("password") != form.field("repeat") {
        let page = page(&visit, &linked, Some("The two passwords are not the same."));
        return page.status(StatusCode::UNPROCESSABLE_ENTITY).answer();
    }
    let password = (!form.field("password").is_empty()).then(|| form.secret("password"));
    match visit.app.sign_in().links().redeem(ticket, password, &visit.origin()).await {
        Ok(session) => visit.start_session(session).await,
        Err(error @ (SignInError::Weak(_) | SignInError::Busy)) => {
            let problem = SignInProblem::of(&error);
            problem.on(page(&visit, &linked, Some(&problem.text))).answer()
        }
        Err(error) => SignInProblem::of(&error).answer(),
    }
}

fn page(visit: &Visit<'_>, linked: &LinkedMember, wrong: Option<&str>) -> Page {
    let (form_token, cookie) = visit.form_token();
    let action = format!("/console/sign-in/link/{}", visit.segment("ticket"));
    let body = html! {
        p {
            "This link signs you in to " strong { (linked.tenant) } ", once. Set another password, or leave both "
            "fields empty to keep the present one."
        }
        form method="post" action=(action) {
            (form_token)
            div.field {
                label for="email" { "E-mail address" }
                input id="email" type="email" autocomplete="username" readonly value=(linked.email);
            }
            div.field {
                label for="password" { "New password" }
                input id="password" name="password" type="password" autocomplete="new-password" minlength="12"
                    maxlength="128"
                    aria-describedby=(if wrong.is_some() { "wrong hint" } else { "hint" })
                    aria-invalid=[wrong.map(|_| "true")];
                p.hint id="hint" { "At least 12 characters. It ends every other session." }
                @if let Some(wrong) = wrong {
                    p.wrong id="wrong" role="alert" { (wrong) }
                }
            }
            div.field {
                label for="repeat" { "The same password again" }
                input id="repeat" name="repeat" type="password" autocomplete="new-password" minlength="12"
                    maxlength="128";
            }
            button type="submit" { "Sign in" }
        }
    };
    frame::page("Sign in once", body).cookies(cookie)
}
