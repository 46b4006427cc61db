//! Whole pages, and what every answer of the console has.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

use crate::html::Html;

/// Nothing but our own style sheet, icon and forms. Nobody may frame a page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = include_str!("style.css");

/// An arch: a portico.
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><path fill=\"#0b6b50\" d=\"M2 11 16 2l14 9v3H2zm3 5h4v10H5zm9 0h4v10h-4zm9 0h4v10h-4zM2 28h28v3H2z\"/></svg>";

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    status: StatusCode,
    title: &'static str,
    body: Html,
    onward: Option<String>,
    cookies: Vec<String>,
    retry_after: Option<u64>,
}

impl Page {
    /// A page with that title, which is its heading too.
    pub(crate) const fn new(title: &'static str, body: Html) -> Self {
        Self { status: StatusCode::OK, title, body, onward: None, cookies: Vec::new(), retry_after: None }
    }

    /// The same with another status.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same, from which browsers go on by themselves.
    pub(crate) fn onward(self, address: &str) -> Self {
        Self { onward: Some(address.to_owned()), ..self }
    }

    /// The same with a cookie: the value of `Set-Cookie`.
    pub(crate) fn cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The same, which may be asked for again after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The answer.
    pub(crate) fn answer(self) -> HttpResponse {
        let refresh = self.onward.map_or_else(Html::default, |address| {
            Html::default()
                .raw("<meta http-equiv=\"refresh\"")
                .attribute("content", &format!("0; url={address}"))
                .raw(">\n")
        });
        let text = Html::default()
            .raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
            .raw(self.title)
            .raw(" · Portico</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
            .and(&refresh)
            .raw("<link rel=\"icon\" href=\"/console/icon.svg\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"/console/style.css\">\n")
            .raw("</head>\n<body>\n<main>\n<p class=\"brand\">Portico</p>\n<h1>")
            .raw(self.title)
            .raw("</h1>\n")
            .and(&self.body)
            .raw("\n</main>\n</body>\n</html>\n");
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        for cookie in self.cookies {
            answer.append_header((header::SET_COOKIE, cookie));
        }
        finished(answer.body(text.into_string()))
    }
}

/// Sends the browser on, with cookies.
pub(crate) fn go(to: &'static str, cookies: impl IntoIterator<Item = String>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, to));
    for cookie in cookies {
        answer.append_header((header::SET_COOKIE, cookie));
    }
    finished(answer.finish())
}

/// The style sheet.
pub(crate) fn style() -> HttpResponse {
    file("text/css; charset=utf-8", STYLE)
}

/// The icon.
pub(crate) fn icon() -> HttpResponse {
    file("image/svg+xml", ICON)
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, content_type));
    let mut answer = finished(answer.body(text));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    answer
}

fn finished(mut answer: HttpResponse) -> HttpResponse {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // An invitation's link must not be told to anybody.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
