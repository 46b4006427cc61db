//! The cookies of Portico's pages: their names and attributes, and which addresses are our own.

use portico_app::App;

/// A cookie of Portico's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The token of a member's session.
    Session,
    /// What a form's hidden field must fit, before there is a session.
    Form,
    /// What is kept of a sign-in at the identity provider until the browser comes back.
    Attempt,
    /// Who somebody was proved to be, until they choose the tenant.
    Choice,
}

impl Cookie {
    /// Its name: with a prefix that binds it to this very host where Portico is reached by https.
    #[must_use]
    pub fn name(self, app: &App) -> &'static str {
        self.name_for(is_on_https(app))
    }

    /// The value of `Set-Cookie` that sets it. `Lax`, so that it comes along when an identity provider sends the
    /// browser back; nothing changes by a GET.
    #[must_use]
    pub fn set(self, app: &App, value: &str) -> String {
        self.text(app, value, self.max_age())
    }

    /// The value of `Set-Cookie` that makes browsers forget it.
    #[must_use]
    pub fn clear(self, app: &App) -> String {
        self.text(app, "", 0)
    }

    fn text(self, app: &App, value: &str, max_age: i64) -> String {
        let secure = is_on_https(app);
        let name = self.name_for(secure);
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The prefix binds the cookie to this very host and to https; on plain http browsers refuse it.
    const fn name_for(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, true) => "__Host-portico_session",
            (Self::Session, false) => "portico_session",
            (Self::Form, true) => "__Host-portico_form",
            (Self::Form, false) => "portico_form",
            (Self::Attempt, true) => "__Host-portico_attempt",
            (Self::Attempt, false) => "portico_attempt",
            (Self::Choice, true) => "__Host-portico_choice",
            (Self::Choice, false) => "portico_choice",
        }
    }

    /// How long browsers keep it, in seconds.
    const fn max_age(self) -> i64 {
        match self {
            Self::Session => portico_auth::SESSION_LONGEST.whole_seconds(),
            Self::Form => 86_400,
            Self::Attempt | Self::Choice => portico_identity::TICKET_LIFETIME.whole_seconds(),
        }
    }
}

/// The value of a cookie in one `Cookie` header.
#[must_use]
pub fn cookie_in<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    header
        .split(';')
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn is_on_https(app: &App) -> bool {
    app.public_url().is_some_and(|url| url.starts_with("https:"))
}

/// Where the outside reaches Portico, without a slash at the end; `host` is the request's.
#[must_use]
pub fn own_url(app: &App, host: &str) -> String {
    app.public_url().map_or_else(|| format!("http://{host}"), str::to_owned)
}

/// Whether a page of Portico's own sent a request, as its browser says in `Sec-Fetch-Site` or, where it is too
/// old for that, in `Origin`; `host` is the request's.
#[must_use]
pub fn is_from_own_page(app: &App, fetch_site: Option<&str>, origin: Option<&str>, host: &str) -> bool {
    match (fetch_site, origin) {
        // A form on a page without referrers comes with the origin "null".
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_own_origin(app, origin, host),
        (None, None) => false,
    }
}

fn is_own_origin(app: &App, origin: &str, host: &str) -> bool {
    let same_host = || origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    app.public_url().map_or_else(same_host, |url| url.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = "a=1; xportico_session=2;portico_session=3; portico_session=4";
        assert_eq!(cookie_in(header, "portico_session"), Some("3"));
        assert_eq!(cookie_in(header, "portico"), None);
        assert_eq!(cookie_in("", "a"), None);
    }

    #[test]
    fn on_https_cookies_belong_to_the_very_host() {
        for cookie in [Cookie::Session, Cookie::Form, Cookie::Attempt, Cookie::Choice] {
            assert_eq!(cookie.name_for(true).strip_prefix("__Host-"), Some(cookie.name_for(false)));
        }
    }
}
