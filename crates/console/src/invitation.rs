//! Accepting an invitation. Its token stands in the address, which no page tells anybody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_identity::{Invited, SignInError};
use portico_web::page::Page;

use crate::frame;
use crate::provider::send_to_provider;
use crate::sign_in::STALE;
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `GET /console/invitations/{token}`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    match visit.app.sign_in().acceptance().invited(visit.segment("token")).await {
        Ok(invited) => page(&visit, &invited, None).answer(),
        Err(error) => SignInProblem::of(&error).answer(),
    }
}

/// `POST /console/invitations/{token}`.
pub(crate) async fn accept(visit: Visit<'_>, form: Form) -> HttpResponse {
    let invited = match visit.app.sign_in().acceptance().invited(visit.segment("token")).await {
        Ok(invited) => invited,
        Err(error) => return SignInProblem::of(&error).answer(),
    };
    if !visit.is_own_form(&form) {
        return page(&visit, &invited, Some(STALE)).status(StatusCode::FORBIDDEN).answer();
    }
    if form.field("password") != form.field("repeat") {
        let page = page(&visit, &invited, Some("The two passwords are not the same."));
        return page.status(StatusCode::UNPROCESSABLE_ENTITY).answer();
    }
    let token = visit.segment("token");
    match visit.app.sign_in().acceptance().with_password(token, form.secret("password"), &visit.origin()).await {
        Ok(session) => visit.start_session(session).await,
        Err(error @ (SignInError::Weak(_) | SignInError::Busy)) => {
            let problem = SignInProblem::of(&error);
            problem.on(page(&visit, &invited, Some(&problem.text))).answer()
        }
        Err(error) => SignInProblem::of(&error).answer(),
    }
}

/// `POST /console/invitations/{token}/provider`.
pub(crate) async fn accept_at_provider(visit: Visit<'_>, form: Form) -> HttpResponse {
    if !visit.is_own_form(&form) {
        return SignInProblem::of(&SignInError::Stale).answer();
    }
    send_to_provider(&visit, Some(visit.segment("token"))).await
}

fn page(visit: &Visit<'_>, invited: &Invited, wrong: Option<&str>) -> Page {
    let (form_token, cookie) = visit.form_token();
    let action = format!("/console/invitations/{}", visit.segment("token"));
    let provider = visit.app.provider_sign_in().is_set_up();
    let body = html! {
        p {
            "You are invited to " strong { (invited.tenant) } " with the role " strong { (invited.role) } "."
        }
        @if provider {
            form method="post" action={ (action) "/provider" } {
                (form_token)
                button type="submit" { "Use your identity provider" }
            }
            p.or { "or set a password" }
        }
        form method="post" action=(action) {
            (form_token)
            div.field {
                label for="email" { "E-mail address" }
                input id="email" type="email" autocomplete="username" readonly value=(invited.email);
            }
            div.field {
                label for="password" { "New password" }
                input id="password" name="password" type="password" autocomplete="new-password" minlength="12"
                    maxlength="128" required
                    aria-describedby=(if wrong.is_some() { "wrong hint" } else { "hint" })
                    aria-invalid=[wrong.map(|_| "true")];
                p.hint id="hint" { "At least 12 characters. Several words in a row make a good password." }
                @if let Some(wrong) = wrong {
                    p.wrong id="wrong" role="alert" { (wrong) }
                }
            }
            div.field {
                label for="repeat" { "The same password again" }
                input id="repeat" name="repeat" type="password" autocomplete="new-password" minlength="12"
                    maxlength="128" required;
            }
            button type="submit" class=[provider.then_some("second")] { "Accept the invitation" }
        }
    };
    frame::page("You are invited", body).cookies(cookie)
}
