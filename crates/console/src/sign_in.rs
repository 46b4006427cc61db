//! Signing in with an address and a password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_identity::{SignInError, SignedIn};
use portico_web::cookies::Cookie;
use portico_web::page::Page;

use crate::frame::{self, go};
use crate::visit::{Form, Visit};

/// `GET /console/sign-in`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    page(&visit, "", None).answer()
}

/// `POST /console/sign-in`.
pub(crate) async fn with_password(visit: Visit<'_>, form: Form) -> HttpResponse {
    let email = form.field("email");
    if !visit.is_ours(&form) {
        return page(&visit, email, Some(STALE)).status(StatusCode::FORBIDDEN).answer();
    }
    match visit.app.sign_in().with_password(email, form.secret("password"), &visit.origin()).await {
        Ok(signed_in) => entered(&visit, signed_in).await,
        Err(error) => {
            let told = Told::of(&error);
            told.on(page(&visit, email, Some(&told.text))).answer()
        }
    }
}

/// What is said of a form that does not fit the browser.
pub(crate) const STALE: &str = "This page was open for too long. Please try again.";

/// Goes on after somebody proved who they are.
pub(crate) async fn entered(visit: &Visit<'_>, signed_in: SignedIn) -> HttpResponse {
    match signed_in {
        SignedIn::Session(session) => visit.enter(session).await,
        SignedIn::Choose(ticket) => go("/console/sign-in/tenant", [Cookie::Choice.set(visit.app, &ticket)]),
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
            "No account yet, or the password is lost? Ask an owner of your company's tenant, or whoever runs this "
            "Portico, for an invitation."
        }
    };
    frame::page("Sign in", body).cookies(cookie)
}

/// A failure in words for people.
#[derive(Debug)]
pub(crate) struct Told {
    status: StatusCode,
    pub(crate) text: String,
    retry_after: Option<u64>,
}

impl Told {
    /// What is told of it.
    pub(crate) fn of(error: &SignInError) -> Self {
        let told = |status, text: &str| Self { status, text: text.to_owned(), retry_after: None };
        match error {
            SignInError::Refused => told(StatusCode::FORBIDDEN, "The e-mail address or the password is wrong."),
            SignInError::Throttled { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..told(
                    StatusCode::TOO_MANY_REQUESTS,
                    &format!("There were too many attempts. Try again in {}.", duration(*retry_after)),
                )
            },
            SignInError::Busy => Self {
                retry_after: Some(5),
                ..told(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many people are signing in at this moment. Try again in a few seconds.",
                )
            },
            SignInError::Stale => told(
                StatusCode::FORBIDDEN,
                "This sign-in was begun too long ago, or in another browser. Please begin again.",
            ),
            SignInError::NoInvitation => told(
                StatusCode::NOT_FOUND,
                "This invitation is not valid any more: it was accepted, taken back, or came too late. Ask for a new one.",
            ),
            SignInError::AlreadyMember => told(
                StatusCode::CONFLICT,
                "Somebody with this address is a member already. Sign in, or ask whoever runs this Portico for a new invitation.",
            ),
            SignInError::Weak(weak) => told(StatusCode::UNPROCESSABLE_ENTITY, &format!("The password {weak}.")),
            SignInError::NotInvited { email, verified } => {
                told(StatusCode::FORBIDDEN, &not_invited(email.as_deref(), *verified))
            }
            SignInError::OtherAddress { invited } => told(
                StatusCode::FORBIDDEN,
                &format!(
                    "The invitation is for {invited}, and your account at the identity provider has another address. Sign in there with the invited address, or set a password."
                ),
            ),
            SignInError::OtherAccount => told(
                StatusCode::FORBIDDEN,
                "Your account at the identity provider belongs to another member of this tenant already.",
            ),
            SignInError::ProviderRefused => {
                told(StatusCode::FORBIDDEN, "The identity provider did not let you in. Please try again.")
            }
            SignInError::ProviderAnswer => told(
                StatusCode::BAD_GATEWAY,
                "The identity provider's answer cannot be trusted. Try again; if that does not help, whoever runs this Portico finds the reason in its log.",
            ),
            SignInError::ProviderDown => Self {
                retry_after: Some(30),
                ..told(StatusCode::BAD_GATEWAY, "The identity provider does not answer. Try again in a moment.")
            },
            SignInError::NoProvider => {
                told(StatusCode::NOT_FOUND, "No identity provider is set up here. Sign in with a password.")
            }
            SignInError::App(error) => {
                tracing::error!(%error, "a sign-in failed");
                Self {
                    retry_after: Some(1),
                    ..told(StatusCode::SERVICE_UNAVAILABLE, "Portico cannot do this at the moment. Please try again.")
                }
            }
        }
    }

    /// On that page, with its status.
    pub(crate) fn on(&self, page: Page) -> Page {
        let page = page.status(self.status);
        match self.retry_after {
            Some(seconds) => page.retry_after(seconds),
            None => page,
        }
    }

    /// On a page of its own, from which one can begin again.
    pub(crate) fn alone(&self) -> HttpResponse {
        let body = html! {
            p role="alert" { (self.text) }
            p { a.button href="/console/sign-in" { "Go to the sign-in page" } }
        };
        self.on(frame::page("That did not work", body)).answer()
    }
}

fn not_invited(email: Option<&str>, verified: bool) -> String {
    let what = match (email, verified) {
        (Some(email), true) => format!("Nobody invited {email} yet."),
        (Some(email), false) => format!("Your identity provider has not verified that {email} is yours."),
        (None, _) => "Your identity provider does not tell your e-mail address.".to_owned(),
    };
    format!("{what} Ask an owner of your company's tenant for an invitation, and open its link.")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=99 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_in_round_numbers() {
        assert_eq!(duration(1), "a second");
        assert_eq!(duration(30), "30 seconds");
        assert_eq!(duration(121), "3 minutes");
    }
}
