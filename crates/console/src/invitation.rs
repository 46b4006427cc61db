//! Accepting an invitation. Its token stands in the address, which no page tells anybody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use portico_app::{Invited, SignInError};
use portico_web::html::Html;
use portico_web::page::Page;

use crate::frame;
use crate::provider::leave;
use crate::sign_in::{STALE, Told};
use crate::visit::{Form, Visit};

/// `GET /console/invitations/{token}`.
pub(crate) async fn show(visit: Visit<'_>) -> HttpResponse {
    match visit.app.invited(visit.segment("token")).await {
        Ok(invited) => page(&visit, &invited, None).answer(),
        Err(error) => Told::of(&error).alone(),
    }
}

/// `POST /console/invitations/{token}`.
pub(crate) async fn accept(visit: Visit<'_>, form: Form) -> HttpResponse {
    let invited = match visit.app.invited(visit.segment("token")).await {
        Ok(invited) => invited,
        Err(error) => return Told::of(&error).alone(),
    };
    if !visit.is_ours(&form) {
        return page(&visit, &invited, Some(STALE)).status(StatusCode::FORBIDDEN).answer();
    }
    if form.field("password") != form.field("repeat") {
        let page = page(&visit, &invited, Some("The two passwords are not the same."));
        return page.status(StatusCode::UNPROCESSABLE_ENTITY).answer();
    }
    let token = visit.segment("token");
    match visit.app.accept_with_password(token, form.secret("password"), &visit.origin()).await {
        Ok(session) => visit.enter(session).await,
        Err(error @ (SignInError::Weak(_) | SignInError::Busy)) => {
            let told = Told::of(&error);
            told.on(page(&visit, &invited, Some(&told.text))).answer()
        }
        Err(error) => Told::of(&error).alone(),
    }
}

/// `POST /console/invitations/{token}/provider`.
pub(crate) async fn accept_at_provider(visit: Visit<'_>, form: Form) -> HttpResponse {
    if !visit.is_ours(&form) {
        return Told::of(&SignInError::Stale).alone();
    }
    leave(&visit, Some(visit.segment("token"))).await
}

fn page(visit: &Visit<'_>, invited: &Invited, wrong: Option<&str>) -> Page {
    let (form_token, cookie) = visit.form_token();
    let action = format!("/console/invitations/{}", visit.segment("token"));
    let mut body = Html::default()
        .raw("<p>You are invited to <strong>")
        .text(&invited.tenant)
        .raw("</strong> with the role <strong>")
        .text(&invited.role)
        .raw("</strong>.</p>\n");
    if visit.app.has_identity_provider() {
        body = body
            .raw("<form method=\"post\"")
            .attribute("action", &format!("{action}/provider"))
            .raw(">\n")
            .and(&form_token)
            .raw("<button type=\"submit\">Use your identity provider</button>\n</form>\n")
            .raw("<p class=\"or\">or set a password</p>\n");
    }
    let described = if wrong.is_some() {
        " aria-describedby=\"wrong hint\" aria-invalid=\"true\""
    } else {
        " aria-describedby=\"hint\""
    };
    body = body
        .raw("<form method=\"post\"")
        .attribute("action", &action)
        .raw(">\n")
        .and(&form_token)
        .raw("<div class=\"field\"><label for=\"email\">E-mail address</label>\n")
        .raw("<input id=\"email\" type=\"email\" autocomplete=\"username\" readonly")
        .attribute("value", &invited.email)
        .raw("></div>\n<div class=\"field\"><label for=\"password\">New password</label>\n")
        .raw("<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"new-password\" minlength=\"12\" maxlength=\"128\" required")
        .raw(described)
        .raw(">\n<p class=\"hint\" id=\"hint\">At least 12 characters. Several words in a row make a good password.</p>\n");
    if let Some(wrong) = wrong {
        body = body.raw("<p class=\"wrong\" id=\"wrong\" role=\"alert\">").text(wrong).raw("</p>\n");
    }
    let second = if visit.app.has_identity_provider() { " class=\"second\"" } else { "" };
    body = body
        .raw("</div>\n<div class=\"field\"><label for=\"repeat\">The same password again</label>\n")
        .raw("<input id=\"repeat\" name=\"repeat\" type=\"password\" autocomplete=\"new-password\" minlength=\"12\" maxlength=\"128\" required")
        .raw("></div>\n<button type=\"submit\"")
        .raw(second)
        .raw(">Accept the invitation</button>\n</form>");
    let page = frame::page("You are invited", body);
    match cookie {
        Some(cookie) => page.cookie(cookie),
        None => page,
    }
}
