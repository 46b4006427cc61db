//! Signing in with an address and a password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_identity::SignedIn;
use portico_web::cookies::Cookie;
use portico_web::page::Page;

use crate::frame::{self, redirect};
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `GET /console/sign-in`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    page(&visit, "", None).answer()
}

/// `POST /console/sign-in`.
pub(crate) async fn with_password(visit: Visit<'_>, form: Form) -> HttpResponse {
    let email = form.field("email");
    if !visit.is_own_form(&form) {
        return page(&visit, email, Some(STALE)).status(StatusCode::FORBIDDEN).answer();
    }
    match visit.app.sign_in().with_password(email, form.secret("password"), &visit.origin()).await {
        Ok(signed_in) => entered(&visit, signed_in).await,
        Err(error) => {
            let problem = SignInProblem::of(&error);
            problem.on(page(&visit, email, Some(&problem.text))).answer()
        }
    }
}

/// What is said of a form that does not fit the browser.
pub(crate) const STALE: &str = "This page was open for too long. Please try again.";

/// Goes on after somebody proved who they are.
pub(crate) async fn entered(visit: &Visit<'_>, signed_in: SignedIn) -> HttpResponse {
    match signed_in {
        SignedIn::Session(session) => visit.start_session(session).await,
        SignedIn::Choose(ticket) => redirect("/console/sign-in/tenant", [Cookie::Choice.set(visit.app, &ticket)]),
    }
}

fn page(visit: &Visit<'_>, email: &str, wrong: Option<&str>) -> Page {
    let (token, cookie) = visit.form_token();
    let provider = visit.app.provider_sign_in().is_set_up();
    let (described, invalid) = (wrong.map(|_| "wrong"), wrong.map(|_| "true"));
    let body = html! {
        @if provider {
            form method="post" action="/console/sign-in/provider" {
                (token)
                button type="submit" { "Use your identity provider" }
            }
            p.or { "or with a password" }
        }
        @if let Some(wrong) = wrong {
            p.alert id="wrong" role="alert" { (wrong) }
        }
        form method="post" action="/console/sign-in" {
            (token)
            div.field {
                label for="email" { "E-mail address" }
                input id="email" name="email" type="email" autocomplete="username" maxlength="254" required
                    aria-describedby=[described] aria-invalid=[invalid] value=(email);
            }
            div.field {
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="current-password" maxlength="128"
                    required aria-describedby=[described] aria-invalid=[invalid];
            }
            button type="submit" class=[provider.then_some("second")] { "Sign in" }
        }
        p.hint {
            "No account yet? Ask an owner of your company's tenant for an invitation. The password is lost? Ask an "
            "owner, or whoever runs this Portico, for a link that signs you in once."
        }
    };
    frame::page("Sign in", body).cookies(cookie)
}
