//! What who is signed in sees, and the way out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use portico_app::{Cookie, Error, SignInError};
use portico_web::html::Html;

use crate::frame::{self, go};
use crate::sign_in::Told;
use crate::visit::{Form, Visit};

/// `GET /console/`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    if visit.cookie(Cookie::Session).is_none() {
        return go("/console/sign-in", []);
    }
    let principal = match visit.app.authenticate(visit.presented()).await {
        Ok(principal) => principal,
        Err(refused) => return not_in(&visit, refused.error),
    };
    let who = match visit.app.who_am_i(&principal).await {
        Ok(who) => who,
        Err(error) => return Told::of(&SignInError::App(error)).alone(),
    };
    let (tenant, member) = (who.tenant.map(|tenant| tenant.name).unwrap_or_default(), who.member);
    let mut body = Html::default().raw("<dl>\n<dt>Tenant</dt><dd>").text(&tenant).raw("</dd>\n");
    if let Some(member) = member {
        if let Some(name) = &member.name {
            body = body.raw("<dt>Name</dt><dd>").text(name.as_str()).raw("</dd>\n");
        }
        body = body
            .raw("<dt>E-mail</dt><dd>")
            .text(member.email.as_str())
            .raw("</dd>\n<dt>Role</dt><dd>")
            .text(member.role.as_str())
            .raw("</dd>\n");
    }
    body = body
        .raw("</dl>\n<p>Your session works for the management API at <code>/api/v1</code> from this browser; <a href=\"/docs\">the documentation</a> describes it.</p>\n")
        .raw("<form method=\"post\" action=\"/console/sign-out\">\n")
        .and(&visit.session_token())
        .raw("<button class=\"second\" type=\"submit\">Sign out</button>\n</form>");
    frame::page("You are signed in", body).answer()
}

fn not_in(visit: &Visit<'_>, error: Error) -> HttpResponse {
    match error {
        Error::Refused(refused) => {
            let body =
                Html::default().raw("<p role=\"alert\">You cannot act here: ").text(&refused.to_string()).raw(".</p>");
            frame::page("Not now", body).status(StatusCode::FORBIDDEN).answer()
        }
        Error::Database(_) => Told::of(&SignInError::App(error)).alone(),
        _ => go("/console/sign-in", [visit.app.clear_cookie(Cookie::Session)]),
    }
}

/// `POST /console/sign-out`.
pub(crate) async fn sign_out(visit: Visit<'_>, form: Form) -> HttpResponse {
    let Some(session) = visit.cookie(Cookie::Session) else { return go("/console/sign-in", []) };
    if !visit.is_of_session(&form) {
        return Told::of(&SignInError::Stale).alone();
    }
    match visit.app.sign_out(session, &visit.origin()).await {
        Ok(()) | Err(Error::Missing(_)) => go("/console/sign-in", [visit.app.clear_cookie(Cookie::Session)]),
        Err(error) => Told::of(&SignInError::App(error)).alone(),
    }
}
