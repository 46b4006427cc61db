//! Choosing the tenant to act in, for who can act in several or is invited.

use actix_web::HttpResponse;
use portico_app::{Cookie, SignInError};
use portico_web::html::Html;

use crate::frame;
use crate::sign_in::Told;
use crate::visit::{Form, Visit};

/// `GET /console/sign-in/tenant`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    let ticket = visit.cookie(Cookie::Choice).unwrap_or_default();
    let choices = match visit.app.choices(ticket).await {
        Ok(choices) => choices,
        Err(error) => return Told::of(&error).alone(),
    };
    let (token, cookie) = visit.form_token();
    let mut body = Html::default()
        .raw("<p>A session is for one tenant. To act in another, sign out and in again.</p>\n")
        .raw("<form method=\"post\" action=\"/console/sign-in/tenant\">\n")
        .and(&token);
    for choice in &choices {
        body = body
            .raw("<div class=\"field\"><button class=\"choice\" type=\"submit\" name=\"tenant\"")
            .attribute("value", &choice.tenant.to_string())
            .raw(">");
        body = match &choice.joins_as {
            None if choice.binds => body
                .text(&choice.name)
                .raw("<small>Your account at the identity provider becomes the only way in: the password is forgotten, sessions end</small>"),
            None => body.text(&choice.name),
            Some(role) => body
                .raw("Join ")
                .text(&choice.name)
                .raw("<small>You are invited, with the role ")
                .text(role)
                .raw("</small>"),
        };
        body = body.raw("</button></div>\n");
    }
    let page = frame::page("Choose a tenant", body.raw("</form>"));
    match cookie {
        Some(cookie) => page.cookie(cookie).answer(),
        None => page.answer(),
    }
}

/// `POST /console/sign-in/tenant`.
pub(crate) async fn choose(visit: Visit<'_>, form: Form) -> HttpResponse {
    if !visit.is_ours(&form) {
        return Told::of(&SignInError::Stale).alone();
    }
    let ticket = visit.cookie(Cookie::Choice).unwrap_or_default();
    match visit.app.choose(ticket, form.field("tenant"), &visit.origin()).await {
        Ok(session) => visit.enter(session).await,
        Err(error) => Told::of(&error).alone(),
    }
}
