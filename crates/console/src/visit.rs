//! One request of a browser.

use std::collections::HashMap;

use crate::frame::redirect;
use actix_web::HttpRequest;
use maud::{Markup, html};
use portico_app::App;
use portico_auth::Origin;
use portico_identity::{Browser, NewBrowserSession, RequestCredentials};
use portico_web::browser;
use portico_web::client_address::client_address;
use portico_web::cookies::{Cookie, is_from_own_page, own_url};
use portico_web::request_id::RequestId;
use secrecy::SecretString;

/// The hidden field of every form.
const TOKEN: &str = "form_token";

/// A request, and who may have sent it.
pub(crate) struct Visit<'r> {
    pub(crate) app: &'r App,
    request: &'r HttpRequest,
    request_id: RequestId,
}

/// The fields of a form; none of them twice.
#[derive(Default)]
pub(crate) struct Form(HashMap<String, String>);

impl Form {
    /// What the body holds.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A field; empty where it is absent.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field that is a secret.
    pub(crate) fn secret(&self, name: &str) -> SecretString {
        SecretString::from(self.field(name))
    }
}

impl<'r> Visit<'r> {
    pub(crate) fn new(app: &'r App, request: &'r HttpRequest) -> Self {
        Self { app, request, request_id: RequestId::generate() }
    }

    /// Where it came from, as the audit log keeps it.
    pub(crate) fn origin(&self) -> Origin {
        self.presented().origin()
    }

    /// What it presents: a cookie alone, never a key.
    pub(crate) fn presented(&self) -> RequestCredentials<'_> {
        let session = self.cookie(Cookie::Session);
        let browser = |session| Browser { session, csrf: None, changes: false, same_origin: false };
        RequestCredentials {
            authorization: None,
            tenant: None,
            browser: session.map(browser),
            address: client_address(self.request, &self.app.core().trusted_proxies),
            request_id: self.request_id.as_str(),
        }
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, cookie: Cookie) -> Option<&str> {
        browser::cookie(self.app, self.request, cookie)
    }

    /// A parameter of the query; none where it is absent or empty.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.request.query_string().as_bytes());
        pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    }

    /// A parameter of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// Where the identity provider sends browsers back to.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/console/sign-in/provider/callback", own_url(self.app, browser::host(self.request)))
    }

    /// The hidden field of a form, and the cookie that it fits, to be set if it is a new one.
    pub(crate) fn form_token(&self) -> (Markup, Option<String>) {
        let known = self.cookie(Cookie::Form).and_then(|cookie| self.app.sessions().form_token(cookie));
        let (token, cookie) = known.map_or_else(
            || {
                let cookie = self.app.sessions().new_form_cookie();
                let token = self.app.sessions().form_token(&cookie).unwrap_or_default();
                (token, Some(Cookie::Form.set(self.app, &cookie)))
            },
            |token| (token, None),
        );
        (hidden(&token), cookie)
    }

    /// The same for a form of who is signed in; it fits the session's cookie.
    pub(crate) fn session_token(&self) -> Markup {
        let session = self.cookie(Cookie::Session).unwrap_or_default();
        hidden(&self.app.sessions().csrf_token(session).unwrap_or_default())
    }

    /// Whether a page of ours sent the form, to this browser.
    pub(crate) fn is_own_form(&self, form: &Form) -> bool {
        let cookie = self.cookie(Cookie::Form).unwrap_or_default();
        self.is_from_here() && self.app.sessions().is_form_token(cookie, form.field(TOKEN))
    }

    /// Whether a page of ours sent the form, in this session.
    pub(crate) fn is_form_of_session(&self, form: &Form) -> bool {
        let session = self.cookie(Cookie::Session).unwrap_or_default();
        self.is_from_here() && self.app.sessions().is_csrf_token_of(session, form.field(TOKEN))
    }

    /// What the browser itself says of the page, if it is new enough to say.
    fn is_from_here(&self) -> bool {
        match browser::header(self.request, "sec-fetch-site") {
            // A person who reloads the answer to a form.
            Some("none") | None => true,
            Some(site) => is_from_own_page(self.app, Some(site), None, browser::host(self.request)),
        }
    }

    /// Enters: the session's cookie is set, all others are over. A session that the browser had ends.
    pub(crate) async fn start_session(&self, session: NewBrowserSession) -> actix_web::HttpResponse {
        if let Some(old) = self.cookie(Cookie::Session) {
            // Most are over already.
            let _ = self.app.sessions().sign_out(old, &self.origin()).await;
        }
        let over = [Cookie::Form, Cookie::Attempt, Cookie::Choice].map(|cookie| cookie.clear(self.app));
        redirect("/console/", over.into_iter().chain([Cookie::Session.set(self.app, session.token.expose())]))
    }
}

fn hidden(token: &str) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(token); }
}
