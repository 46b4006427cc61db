//! Failed sign-ins in words for people.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;
use portico_identity::SignInError;
use portico_web::page::Page;

use crate::frame;

/// A failed sign-in as the person reads it.
#[derive(Debug)]
pub(crate) struct SignInProblem {
    status: StatusCode,
    /// The sentence to show.
    pub(crate) text: String,
    retry_after: Option<u64>,
}

impl SignInProblem {
    /// What the person reads of the error.
    pub(crate) fn of(error: &SignInError) -> Self {
        let plain = |status, text: &str| Self { status, text: text.to_owned(), retry_after: None };
        match error {
            SignInError::Refused => plain(StatusCode::FORBIDDEN, "The e-mail address or the password is wrong."),
            SignInError::Throttled { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..plain(
                    StatusCode::TOO_MANY_REQUESTS,
                    &format!("There were too many attempts. Try again in {}.", duration(*retry_after)),
                )
            },
            SignInError::Busy => Self {
                retry_after: Some(5),
                ..plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many people are signing in at this moment. Try again in a few seconds.",
                )
            },
            SignInError::Stale => plain(
                StatusCode::FORBIDDEN,
                "This sign-in was begun too long ago, or in another browser. Please begin again.",
            ),
            SignInError::NoInvitation => plain(
                StatusCode::NOT_FOUND,
                "This invitation is not valid any more: it was accepted, taken back, or came too late. Ask for a new one.",
            ),
            SignInError::NoLink => plain(
                StatusCode::NOT_FOUND,
                "This link is not valid any more: it was used, came too late, or your password was changed since. Ask an owner for a new one.",
            ),
            SignInError::AlreadyMember => plain(
                StatusCode::CONFLICT,
                "Somebody with this address is a member already. Sign in; if the password is lost, ask an owner for a sign-in link.",
            ),
            SignInError::Weak(weak) => plain(StatusCode::UNPROCESSABLE_ENTITY, &format!("The password {weak}.")),
            SignInError::NotInvited { email, verified } => {
                plain(StatusCode::FORBIDDEN, &not_invited(email.as_deref(), *verified))
            }
            SignInError::OtherAddress { invited } => plain(
                StatusCode::FORBIDDEN,
                &format!(
                    "The invitation is for {invited}, and your account at the identity provider has another address. Sign in there with the invited address, or set a password."
                ),
            ),
            SignInError::OtherAccount => plain(
                StatusCode::FORBIDDEN,
                "Your account at the identity provider belongs to another member of this tenant already.",
            ),
            SignInError::ProviderRefused => {
                plain(StatusCode::FORBIDDEN, "The identity provider did not let you in. Please try again.")
            }
            SignInError::ProviderAnswer => plain(
                StatusCode::BAD_GATEWAY,
                "The identity provider's answer cannot be trusted. Try again; if that does not help, whoever runs this Portico finds the reason in its log.",
            ),
            SignInError::ProviderDown => Self {
                retry_after: Some(30),
                ..plain(StatusCode::BAD_GATEWAY, "The identity provider does not answer. Try again in a moment.")
            },
            SignInError::NoProvider => {
                plain(StatusCode::NOT_FOUND, "No identity provider is set up here. Sign in with a password.")
            }
            SignInError::App(error) => {
                tracing::error!(%error, "a sign-in failed");
                Self {
                    retry_after: Some(1),
                    ..plain(StatusCode::SERVICE_UNAVAILABLE, "Portico cannot do this at the moment. Please try again.")
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
    pub(crate) fn answer(&self) -> HttpResponse {
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
