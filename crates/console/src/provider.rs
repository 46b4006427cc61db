//! Signing in at the identity provider.

use actix_web::HttpResponse;
use maud::html;
use portico_identity::{Returned, SignInError};
use portico_web::cookies::Cookie;

use crate::frame;
use crate::sign_in::entered;
use crate::sign_in_problem::SignInProblem;
use crate::visit::{Form, Visit};

/// `POST /console/sign-in/provider`.
pub(crate) async fn begin(visit: Visit<'_>, form: Form) -> HttpResponse {
    if !visit.is_own_form(&form) {
        return SignInProblem::of(&SignInError::Stale).answer();
    }
    send_to_provider(&visit, None).await
}

/// A page from which the browser goes to the provider by itself. Not a redirect: browsers hold one that
/// follows a form to the page's policy, and where the provider leads on to is not known.
pub(crate) async fn send_to_provider(visit: &Visit<'_>, invitation: Option<&str>) -> HttpResponse {
    match visit.app.provider_sign_in().begin(&visit.redirect_uri(), invitation).await {
        Ok((address, attempt)) => {
            let body = html! {
                p { "You are being sent to your identity provider." }
                p { a.button href=(address) { "Continue" } }
            };
            let page = frame::page("Signing in", body).refresh_to(&address);
            page.cookies([Cookie::Attempt.set(visit.app, &attempt)]).answer()
        }
        Err(error) => SignInProblem::of(&error).answer(),
    }
}

/// `GET /console/sign-in/provider/callback`: the browser is back.
pub(crate) async fn callback(visit: Visit<'_>) -> HttpResponse {
    let (state, code, issuer) = (visit.query("state"), visit.query("code"), visit.query("iss"));
    let returned = Returned {
        attempt: visit.cookie(Cookie::Attempt).unwrap_or_default(),
        state: state.as_deref().unwrap_or_default(),
        code: code.as_deref(),
        issuer: issuer.as_deref(),
    };
    match visit.app.provider_sign_in().finish(returned, &visit.redirect_uri(), &visit.origin()).await {
        Ok(signed_in) => entered(&visit, signed_in).await,
        Err(error) => SignInProblem::of(&error).answer(),
    }
}
